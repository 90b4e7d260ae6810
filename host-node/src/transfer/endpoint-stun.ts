/**
 * STUN over the socket of an endpoint: what a server sees is what a NAT has made of the port that
 * sessions go by. Reference: transfer, section 8.
 */

import { isIPv6 } from 'node:net';
import type { Datagram, DatagramTransport } from '@andvari/host-common/transfer/datagram-transport';
import { hasHandle } from '@andvari/host-common/transfer/far-end';
import type { Candidate } from '@andvari/host-common/transfer/upgrade/candidates';
import type { SocketAddress } from '../io/packet-io.ts';
import { StunClient } from '../stun/stun-client.ts';
import { resolvePlace } from './call-peer.ts';
import { ownAddresses } from './own-addresses.ts';
import { farEndOf, socketAddressOf } from './socket-address.ts';

/** A session does not wait longer for a server; what is known by then is told. */
const PATIENCE_MS = 1_500;
/** So long an answer holds: NATs forget after 30 s at the earliest. */
const FRESH_MS = 10_000;
/** Addresses of interfaces that peers are told. */
const HOSTS_MAX = 4;

export class EndpointStun {
  readonly #client: StunClient;
  readonly #servers: readonly SocketAddress[];
  readonly #bound: () => SocketAddress;
  #known: { candidates: Promise<Candidate[]>; untilMs: number } | undefined;

  /**
   * @param udp what carries the endpoint's datagrams
   * @param bound where it is bound, once it is open
   */
  constructor(
    udp: Pick<DatagramTransport, 'send'>,
    servers: readonly SocketAddress[],
    bound: () => SocketAddress,
  ) {
    this.#client = new StunClient((bytes, to) => udp.send([{ bytes, farEnd: farEndOf(to) }]));
    this.#servers = servers;
    this.#bound = bound;
  }

  /** Answers that came, and what was none (stun-client.ts). */
  get counts(): StunClient['counts'] {
    return this.#client.counts;
  }

  /** The endpoint's: was a datagram that no session took of a STUN server? */
  receive({ bytes, farEnd }: Datagram): boolean {
    return !hasHandle(farEnd) && this.#client.receive(bytes, socketAddressOf(farEnd, false));
  }

  /** Where peers may reach this endpoint, as far as is known in 1.5 s. Who asks soon shares it. */
  gather(): Promise<Candidate[]> {
    const nowMs = performance.now();
    if (!this.#known || nowMs >= this.#known.untilMs) {
      this.#known = { candidates: this.#gather(), untilMs: nowMs + FRESH_MS };
    }
    return this.#known.candidates;
  }

  /** The network is another one: what is known holds no more. */
  forget(): void {
    this.#known = undefined;
  }

  /** Nobody waits for a server any more. */
  close(): void {
    this.#client.close();
  }

  async #gather(): Promise<Candidate[]> {
    const own = ownAddresses(this.#bound()).slice(0, HOSTS_MAX);
    const late = AbortSignal.timeout(PATIENCE_MS);
    const asked = this.#servers.map((server) => this.#mapped(server, late));
    const seen = (await Promise.all(asked)).flat();
    const all = new Map<string, Candidate>();
    const add = (kind: Candidate['kind'], place: SocketAddress) => {
      const farEnd = farEndOf(place);
      const name = farEnd.join();
      if (!all.has(name)) all.set(name, { kind, farEnd });
    };
    for (const place of own) add('host', place);
    for (const place of seen) add('reflexive', place);
    return [...all.values()];
  }

  /** By IPv4 and by IPv6; none: the server says nothing of use in time, or is not there. */
  async #mapped(named: SocketAddress, late: AbortSignal): Promise<SocketAddress[]> {
    const { host } = this.#bound();
    const families =
      host === '::' ? ([4, 6] as const) : [isIPv6(host) ? (6 as const) : (4 as const)];
    const asked = families.map(async (family) => {
      try {
        const server = await resolvePlace(named, late, family);
        // An address is its own, whatever is asked for.
        if (isIPv6(server.host) !== (family === 6)) return [];
        return [(await this.#client.ask(server, { signal: late })).mapped];
      } catch {
        return [];
      }
    });
    return (await Promise.all(asked)).flat();
  }
}
