/** Endpoints behind NATs, with a relay between them, in virtual time. */

import type { Datagram, DatagramTransport } from '@andvari/host-common/transfer/datagram-transport';
import type { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import type { EndpointOptions } from '@andvari/host-common/transfer/endpoint-options';
import { readFarEnd, writeFarEnd } from '@andvari/host-common/transfer/far-end';
import { DirectAndRelayed } from '@andvari/host-common/transfer/relay/direct-and-relayed';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { CANDIDATES_FRAME, type Candidate } from '@andvari/host-common/transfer/upgrade/candidates';
import { expect } from 'vitest';
import { next } from '../endpoint-world.ts';
import { VirtualWorld } from '../virtual-world.ts';

export const SECOND = 1_000_000;

export type VirtualNat =
  | 'none'
  | 'full cone'
  | 'address-restricted'
  | 'port-restricted'
  | 'symmetric';

const DIRECT_US = 10_000;
const RELAYED_US = 20_000;
const DATAGRAM_BYTES = 1472;
const STUN = place([203, 0, 113, 1], 3478);

export function place(ipv4: readonly number[], port: number, handle = 0) {
  const address = new Uint8Array(16);
  address.fill(0xff, 10, 12);
  address.set(ipv4, 12);
  return writeFarEnd({ address, port, handle });
}

type Sink = (datagrams: readonly Datagram[]) => void;

/** One host and the NAT before it. */
class Host {
  readonly inner: Uint8Array;
  sink: Sink = () => {};
  relaySink: Sink = () => {};
  kind: VirtualNat;
  private readonly number: number;
  private readonly ports = new Map<string, number>();
  private readonly met = new Set<string>();

  constructor(number: number, kind: VirtualNat) {
    this.number = number;
    this.kind = kind;
    this.inner = kind === 'none' ? this.outer(8420) : place([10, 0, 0, number], 8420);
  }

  outer(port: number) {
    return place([198, 51, 100, this.number], port);
  }

  /** Goes behind another NAT, which knows nothing of what has been. */
  move(kind: VirtualNat): void {
    this.kind = kind;
    this.ports.clear();
    this.met.clear();
  }

  /** From where a packet to that place is seen to come. */
  goesOut(to: Uint8Array): Uint8Array {
    if (this.kind === 'none') return this.inner;
    const key = this.kind === 'symmetric' ? String(to) : '';
    const port = this.ports.get(key) ?? 40_000 + this.ports.size;
    this.ports.set(key, port);
    this.met.add(this.filtered(to));
    return this.outer(port);
  }

  letsIn(from: Uint8Array, to: Uint8Array): boolean {
    if (this.kind === 'none') return String(to) === String(this.inner);
    const { port } = readFarEnd(to);
    const [key] = [...this.ports].find(([, one]) => one === port) ?? [];
    if (key === undefined || String(to) !== String(this.outer(port))) return false;
    if (this.kind === 'symmetric') return key === String(from);
    return this.kind === 'full cone' || this.met.has(this.filtered(from));
  }

  private filtered(place: Uint8Array): string {
    const { address, port } = readFarEnd(place);
    return this.kind === 'address-restricted' ? String(address) : `${address} ${port}`;
  }
}

export class NatWorld {
  readonly world: VirtualWorld;
  /** Datagrams that went directly, and where to. */
  readonly direct: { bytes: Uint8Array; to: Uint8Array }[] = [];
  /** True: this one is lost, though a NAT would let it in. */
  cuts: (to: Uint8Array, bytes: Uint8Array) => boolean = () => false;
  relayCuts = false;
  readonly endpoints = new Map<number, TransferEndpoint>();
  private readonly hosts = new Map<number, Host>();

  constructor(seed: number) {
    this.world = new VirtualWorld(seed);
  }

  /** `candidates`: what it says instead of its addresses. */
  async endpoint(
    number: number,
    kind: VirtualNat,
    { candidates, ...more }: Partial<EndpointOptions> & { candidates?: Candidate[] } = {},
  ): Promise<TransferEndpoint> {
    const host = new Host(number, kind);
    this.hosts.set(number, host);
    const own = async () => {
      const reflexive: Candidate = { kind: 'reflexive', farEnd: host.goesOut(STUN) };
      const all: Candidate[] = [{ kind: 'host', farEnd: host.inner }];
      return candidates ?? (kind === 'none' ? all : [...all, reflexive]);
    };
    const transport = new DirectAndRelayed(this.directOf(host), this.relayedOf(host, number));
    const upgrade = { gather: own };
    const endpoint = await this.world.endpoint(number, { transport, upgrade, ...more });
    this.endpoints.set(number, endpoint);
    return endpoint;
  }

  /** A host goes behind another NAT. */
  move(number: number, kind: VirtualNat): void {
    this.hosts.get(number)?.move(kind);
  }

  relayed(number: number) {
    return place([0, 0, 0, number], 0, 1);
  }

  private directOf(host: Host): DatagramTransport {
    return {
      maxDatagramBytes: DATAGRAM_BYTES,
      open: (sink) => {
        host.sink = sink;
      },
      send: (datagrams) => {
        for (const { bytes, farEnd } of datagrams) this.carry(host, bytes.slice(), farEnd.slice());
      },
      close: () => {},
    };
  }

  private carry(host: Host, bytes: Uint8Array, to: Uint8Array): void {
    this.direct.push({ bytes, to });
    const from = host.goesOut(to);
    this.after(DIRECT_US, () => {
      if (this.cuts(to, bytes)) return;
      for (const other of this.hosts.values()) {
        if (other.letsIn(from, to)) other.sink([{ bytes, farEnd: from }]);
      }
    });
  }

  private relayedOf(host: Host, number: number): DatagramTransport {
    return {
      maxDatagramBytes: DATAGRAM_BYTES,
      open: (sink) => {
        host.relaySink = sink;
      },
      send: (datagrams) => {
        for (const { bytes, farEnd } of datagrams) {
          const copy = bytes.slice();
          const to = this.hosts.get(readFarEnd(farEnd).address[15] ?? 0);
          const farEndThere = this.relayed(number);
          this.after(RELAYED_US, () => {
            if (!this.relayCuts) to?.relaySink([{ bytes: copy, farEnd: farEndThere }]);
          });
        }
      },
      close: () => {},
    };
  }

  private after(us: number, run: () => void): void {
    this.world.clock.at(this.world.clock.nowUs + us, run);
  }
}

/** A session of 1 with 2 through the relay, seen from both. */
export async function met(nat: NatWorld, kinds: [VirtualNat, VirtualNat], more: object[] = []) {
  const { world } = nat;
  const caller = await nat.endpoint(1, kinds[0], more[0]);
  const called = await nat.endpoint(2, kinds[1], more[1]);
  const calling = caller.connect(world.identity(2).peerId, nat.relayed(2));
  const both = Promise.all([calling, next(called.incoming)]);
  expect(await world.run(SECOND, both)).toBe(true);
  return both;
}

/** Says a frame of the endpoint's own, as a peer may that is made otherwise. */
export function says(session: TransferSession, bytes: Uint8Array): void {
  const { transfer, handle } = session as unknown as {
    transfer: { extension(handle: number, type: number, bytes: Uint8Array): number };
    handle: number;
  };
  expect(transfer.extension(handle, CANDIDATES_FRAME, bytes)).toBe(0);
  session.keepalive(true); // kicks
}
