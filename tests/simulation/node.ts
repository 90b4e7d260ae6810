/**
 * A node of the simulation: an endpoint, the handshake machines of TransferEndpoint and its
 * sessions, joined as TransferEndpoint joins them, but without promises: what happens depends on
 * the seed, and not on when a host runs microtasks.
 */
import {
  ClosedBy,
  CloseError,
  TransferEventKind,
} from '../../host-common/src/engine/generated/transfer.ts';
import { equalBytes, nameOf } from '../../host-common/src/transfer/byte-strings.ts';
import {
  closeOneOfTwo,
  type Held,
  standIn,
  unanswered,
} from '../../host-common/src/transfer/crossed-calls.ts';
import type { Datagram } from '../../host-common/src/transfer/datagram-transport.ts';
import { RekeyKeys } from '../../host-common/src/transfer/endpoint-rekey.ts';
import type { TransferEventOf } from '../../host-common/src/transfer/engine-transfer.ts';
import { Ephemerals } from '../../host-common/src/transfer/ephemerals.ts';
import type { Agreed, Moment } from '../../host-common/src/transfer/handshake-outcome.ts';
import { type Call, Handshakes } from '../../host-common/src/transfer/handshakes.ts';
import type { Identity } from '../../host-common/src/transfer/identity.ts';
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

type HeldSession = Held<NodeSession>;

export class SimulatedNode implements Listener {
  readonly endpoint: Endpoint;
  readonly identity: Identity;
  readonly plan: NodePlan;
  readonly sessions = new Map<number, HeldSession>();
  readonly calls = new Set<Calling>();
  /** What the calendar is off by. */
  wallOffUs = 0;
  private readonly startUs: number;
  private readonly handshakes: Handshakes;
  private readonly rekeys: RekeyKeys;
  private readonly random: (count: number) => Uint8Array;
  private readonly outbox: Datagram[] = [];
  /** Engine handle by the CID of the handshake, for repeats of message 3. */
  private readonly byCid = new Map<string, number>();

  constructor(parts: NodeParts) {
    const { plan, identity, x25519, random } = parts;
    this.endpoint = new Endpoint(parts);
    this.plan = plan;
    this.identity = identity;
    this.startUs = this.endpoint.nowUs;
    this.random = (count) => Uint8Array.from({ length: count }, () => random(256));
    const ephemerals = new Ephemerals(this.random);
    this.rekeys = new RekeyKeys(this.endpoint.transfer, ephemerals, x25519);
    const { windowKib: windowKiB, headerProtection, stealth, retryAbove } = plan;
    const params = { maxStreams: MAX_STREAMS, windowKiB, headerProtection };
    const options = { identity, params, x25519, ephemerals, retryAbove, stealth };
    this.handshakes = new Handshakes(
      { ...options, random: this.random },
      {
        send: (datagram) => void this.outbox.push(datagram),
        answered: (call, agreed) => this.answered(call, agreed),
        failed: (call, { code }) => this.failed(call, code),
        agreed: (agreed, farEnd, cid) => this.letIn(agreed, farEnd, cid),
        again: (cid) => void this.endpoint.transfer.ping(this.byCid.get(nameOf(cid)) ?? 0),
      },
      this.now,
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
    const call = this.handshakes.call(peer.identity.peerId, farEnd, this.now);
    const calling: Calling = { peer, call, session: undefined, failure: undefined };
    this.calls.add(calling);
    return calling;
  }

  /** Is a call to this peer still under way? */
  isCalling(peer: SimulatedNode): boolean {
    return [...this.calls].some((calling) => calling.peer === peer && calling.call);
  }

  /** Sessions with a peer that have not ended. */
  sessionsWith(peer: SimulatedNode): NodeSession[] {
    const key = peer.identity.noise.publicKey;
    const all = [...this.sessions.values()].map(({ session }) => session);
    return all.filter((session) => session.isOpen && equalBytes(session.peerKey, key));
  }

  receiveBefore(datagram: Datagram): boolean {
    return this.handshakes.receiveBefore(datagram, this.now);
  }

  receiveAfter(datagram: Datagram): void {
    this.handshakes.receiveAfter(datagram, this.now);
  }

  nextDatagram(): Datagram | undefined {
    return this.outbox.shift();
  }

  get wakeUs(): number {
    return this.handshakes.wakeUs;
  }

  wake(): void {
    this.handshakes.wake(this.now);
  }

  private take(event: TransferEventOf): void {
    if (this.rekeys.take(event)) return;
    const held = this.sessions.get(event.session);
    if (!held) throw new Error('an event of an unknown session');
    if (event.kind === TransferEventKind.CONFIRMED) this.confirmed(held);
    held.session.user?.(event);
    if (event.kind === TransferEventKind.CLOSED) this.closed(held, event);
    if (event.kind !== TransferEventKind.SESSION_GONE) return;
    held.session.isGone = true;
    this.sessions.delete(event.session);
    this.rekeys.forget(event.session);
  }

  private begin(agreed: Agreed, farEnd: Uint8Array): HeldSession | undefined {
    const { k1, k2, h: handshakeHash } = agreed.keys;
    const { rekeyPackets, rekeySeconds, windowKib } = this.plan;
    const handle = this.endpoint.transfer.open({
      k1,
      k2,
      handshakeHash,
      initiator: agreed.initiator,
      peerMaxStreams: agreed.theirParams.maxStreams,
      peerWindowKib: agreed.theirParams.windowKiB,
      maxStreams: MAX_STREAMS,
      windowKib,
      headerProtection: agreed.headerProtection,
      mtuMax: DATAGRAM_BYTES,
      rekeyPackets,
      rekeySeconds,
      secret: this.random(32),
      path: farEnd,
      ...(agreed.rttUs === undefined ? {} : { roundTripUs: agreed.rttUs }),
    });
    if (handle === undefined) return undefined;
    this.endpoint.transfer.keepalive(handle, this.plan.keepalive);
    const session = new NodeSession(this, handle, agreed);
    const held: HeldSession = { session, handle, beganUs: agreed.beganUs, call: undefined };
    this.sessions.set(handle, held);
    return held;
  }

  private answered(call: Call, agreed: Agreed): void {
    const held = this.begin(agreed, call.farEnd);
    if (!held) {
      this.handshakes.cancel(call);
      this.settle(call, 'FULL');
      return;
    }
    held.call = call;
    this.endpoint.transfer.ping(held.handle);
  }

  private confirmed(held: HeldSession): void {
    const { call } = held;
    if (!call) return;
    held.call = undefined;
    this.handshakes.confirm(call);
    this.settle(call, this.oneOfTwo(held));
  }

  private closed(held: HeldSession, { code, number, bytes }: TransferEventOf): void {
    const reason = new TextDecoder().decode(bytes ?? new Uint8Array(0));
    held.session.end = { error: code, by: number, reason };
    const { call } = held;
    if (!call) return;
    held.call = undefined;
    this.handshakes.confirm(call);
    this.settle(call, this.standIn(call) ?? `CLOSED ${code}`);
  }

  private letIn(agreed: Agreed, farEnd: Uint8Array, cid: Uint8Array): void {
    const held = this.begin(agreed, farEnd);
    if (!held) return;
    this.byCid.set(nameOf(cid), held.handle);
    this.endpoint.transfer.ping(held.handle);
    const calls = [...this.calls].flatMap(({ call }) => call ?? []);
    const call = unanswered(agreed.peerKey, calls);
    if (call) {
      this.handshakes.cancel(call);
      this.settle(call, held.session);
    } else this.oneOfTwo(held);
  }

  private standIn({ initiator }: Call): NodeSession | undefined {
    return standIn(initiator.peerKey, initiator.startUs, this.sessions.values());
  }

  private oneOfTwo(held: HeldSession): NodeSession {
    return closeOneOfTwo(held, this.sessions.values(), this.identity.noise.publicKey);
  }

  private failed(call: Call, code: string): void {
    this.settle(call, this.standIn(call) ?? code);
    for (const { call: other, session } of this.sessions.values()) {
      if (other === call) session.close(CloseError.TIMEOUT, '');
    }
  }

  private settle(call: Call, outcome: NodeSession | string): void {
    for (const calling of this.calls) {
      if (calling.call !== call) continue;
      calling.call = undefined;
      if (outcome instanceof NodeSession) calling.session = outcome;
      else calling.failure = outcome;
    }
  }
}
