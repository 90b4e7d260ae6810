/**
 * A node of the simulation: an endpoint, the handshake machines of TransferEndpoint and its
 * sessions, joined as TransferEndpoint joins them, but without promises: what happens depends on
 * the seed, and not on when a host runs microtasks.
 */
import { ClosedBy, TransferEventKind } from '../../host-common/src/engine/generated/transfer.ts';
import { equalBytes, nameOf } from '../../host-common/src/transfer/byte-strings.ts';
import type { Held } from '../../host-common/src/transfer/crossed-calls.ts';
import type { Datagram } from '../../host-common/src/transfer/datagram-transport.ts';
import { RekeyKeys } from '../../host-common/src/transfer/endpoint-rekey.ts';
import type { TransferEventOf } from '../../host-common/src/transfer/engine-transfer.ts';
import { Ephemerals } from '../../host-common/src/transfer/ephemerals.ts';
import {
  type Agreed,
  compressionOf,
  type Moment,
} from '../../host-common/src/transfer/handshake-outcome.ts';
import type { Call } from '../../host-common/src/transfer/handshakes.ts';
import type { Identity } from '../../host-common/src/transfer/identity.ts';
import { SessionSetup } from '../../host-common/src/transfer/session-setup.ts';
import type { X25519Provider } from '../../host-common/src/transfer/x25519.ts';
import { Endpoint, type EndpointParts, type Listener } from './endpoint.ts';
import type { NodePlan } from './scenario.ts';

/** The calendar at the start of a run: 2026. */
const WALL_US = 1_790_000_000_000_000;
const MAX_STREAMS = 64;
/** Largest UDP payload over Ethernet and IPv4. */
const DATAGRAM_BYTES = 1472;

/** How a session came to its end, as one side was told. */
export interface SessionEnd {
  error: number;
  /** A ClosedBy. */
  by: number;
  reason: string;
}

/** A session as a node has it. */
export class NodeSession {
  readonly handle: number;
  readonly initiator: boolean;
  readonly peerKey: Uint8Array;
  /** The handshake hash: both ends have the same. */
  readonly name: string;
  readonly startUs: number;
  end: SessionEnd | undefined;
  isGone = false;
  /** Whoever uses it; nobody does before both ends have settled for it. */
  user: ((event: TransferEventOf) => void) | undefined;
  private readonly node: SimulatedNode;

  constructor(node: SimulatedNode, handle: number, agreed: Agreed) {
    this.node = node;
    this.handle = handle;
    this.initiator = agreed.initiator;
    this.peerKey = agreed.peerKey;
    this.name = nameOf(agreed.keys.h);
    this.startUs = node.endpoint.nowUs;
  }

  get isOpen(): boolean {
    return this.end === undefined;
  }

  close(error: number, reason: string): void {
    this.node.endpoint.transfer.close(this.handle, error, reason);
    this.end ??= { error, by: ClosedBy.US, reason };
  }
}

/** A call of the application. */
export interface Calling {
  peer: SimulatedNode;
  call: Call | undefined;
  session: NodeSession | undefined;
  failure: string | undefined;
}

export interface NodeParts extends Omit<EndpointParts, 'address'> {
  plan: NodePlan;
  identity: Identity;
  x25519: X25519Provider;
  random: (below: number) => number;
  address: Uint8Array<ArrayBuffer>;
}

export class SimulatedNode implements Listener {
  readonly endpoint: Endpoint;
  readonly identity: Identity;
  readonly plan: NodePlan;
  readonly calls = new Set<Calling>();
  /** What the calendar is off by. */
  wallOffUs = 0;
  private readonly startUs: number;
  private readonly setup: SessionSetup<NodeSession>;
  private readonly rekeys: RekeyKeys;
  private readonly random: (count: number) => Uint8Array;
  private readonly outbox: Datagram[] = [];

  constructor(parts: NodeParts) {
    const { plan, identity, x25519, random } = parts;
    this.endpoint = new Endpoint(parts);
    this.plan = plan;
    this.identity = identity;
    this.startUs = this.endpoint.nowUs;
    this.random = (count) => Uint8Array.from({ length: count }, () => random(256));
    const ephemerals = new Ephemerals(this.random);
    this.rekeys = new RekeyKeys(this.endpoint.transfer, ephemerals, x25519);
    const { windowKiB, headerProtection, stealth, retryAbove } = plan;
    const params = { maxStreams: MAX_STREAMS, windowKiB, headerProtection };
    const options = { identity, params, x25519, ephemerals, retryAbove, stealth };
    const { transfer } = this.endpoint;
    this.setup = new SessionSetup<NodeSession>(
      { ...options, random: this.random },
      {
        now: () => this.now,
        send: (datagram) => void this.outbox.push(datagram),
        open: (agreed, farEnd) => this.open(agreed, farEnd),
        ping: (handle) => void transfer.ping(handle),
        trusts: () => true,
        hasRoom: () => true,
        show: () => {},
        tell: (session, event) => this.tell(session, event),
        calls: () => [...this.calls].flatMap(({ call }) => call ?? []),
        settle: (call, outcome) => this.settle(call, outcome),
      },
    );
    this.endpoint.listener = this;
    this.endpoint.onEvent = (event) => this.take(event);
  }

  get now(): Moment {
    const us = this.endpoint.nowUs;
    return { us, wallUs: WALL_US + us - this.startUs + this.wallOffUs };
  }

  /** Begins a call, to where the peer is or is said to be; pump() sends it. */
  call(peer: SimulatedNode, farEnd: Uint8Array = peer.endpoint.address): Calling {
    const call = this.setup.handshakes.call(peer.identity.peerId, farEnd, this.now);
    const calling: Calling = { peer, call, session: undefined, failure: undefined };
    this.calls.add(calling);
    return calling;
  }

  /** Sessions that have not gone. */
  get sessions(): Held<NodeSession>[] {
    return [...this.setup.all()];
  }

  /** Is a call to this peer still under way? */
  isCalling(peer: SimulatedNode): boolean {
    return [...this.calls].some((calling) => calling.peer === peer && calling.call);
  }

  /** Sessions with a peer that have not ended. */
  sessionsWith(peer: SimulatedNode): NodeSession[] {
    const key = peer.identity.noise.publicKey;
    const all = this.sessions.map(({ session }) => session);
    return all.filter((session) => session.isOpen && equalBytes(session.peerKey, key));
  }

  receiveBefore(datagram: Datagram): boolean {
    return this.setup.handshakes.receiveBefore(datagram, this.now);
  }

  receiveAfter(datagram: Datagram): void {
    this.setup.handshakes.receiveAfter(datagram, this.now);
  }

  nextDatagram(): Datagram | undefined {
    return this.outbox.shift();
  }

  get wakeUs(): number {
    return this.setup.handshakes.wakeUs;
  }

  wake(): void {
    this.setup.handshakes.wake(this.now);
  }

  private take(event: TransferEventOf): void {
    if (!this.rekeys.take(event)) this.setup.take(event);
  }

  private tell(session: NodeSession, event: TransferEventOf): void {
    const { kind, code, number, bytes } = event;
    session.user?.(event);
    if (kind === TransferEventKind.CLOSED) {
      const reason = new TextDecoder().decode(bytes ?? new Uint8Array(0));
      session.end = { error: code, by: number, reason };
    }
    if (kind !== TransferEventKind.SESSION_GONE) return;
    session.isGone = true;
    this.rekeys.forget(session.handle);
  }

  private open(agreed: Agreed, farEnd: Uint8Array) {
    const { k1, k2, h: handshakeHash } = agreed.keys;
    const { rekeyPackets, rekeySeconds, windowKiB } = this.plan;
    const handle = this.endpoint.transfer.open({
      k1,
      k2,
      handshakeHash,
      initiator: agreed.initiator,
      peerMaxStreams: agreed.theirParams.maxStreams,
      peerWindowKiB: agreed.theirParams.windowKiB,
      maxStreams: MAX_STREAMS,
      windowKiB,
      headerProtection: agreed.headerProtection,
      compression: compressionOf(agreed, this.plan),
      mtuMax: DATAGRAM_BYTES,
      rekeyPackets,
      rekeySeconds,
      secret: this.random(32),
      path: farEnd,
      roundTripUs: agreed.rttUs,
    });
    if (handle === undefined) return undefined;
    this.endpoint.transfer.keepalive(handle, this.plan.keepalive);
    return { session: new NodeSession(this, handle, agreed), handle };
  }

  private settle(call: Call, outcome: NodeSession | { code: string }): void {
    for (const calling of this.calls) {
      if (calling.call !== call) continue;
      calling.call = undefined;
      if (outcome instanceof NodeSession) calling.session = outcome;
      else calling.failure = outcome.code;
    }
  }
}
