/**
 * What we ask of peers: one stream for each request, and always an answer. Requests to a peer that
 * is not verified yet wait for that (64), and so do those beyond 50 at once. Reference: peer 2, 4.
 */
import { PEER_METADATA_BYTES_MAX, PEER_RESPONSE_BYTES_MAX } from '../engine/generated/limits.ts';
import type { PeerCodec } from './codec.ts';
import type { GateAnswer, PeerGate } from './gate.ts';
import type { PeerResponse, WireVersion } from './messages.ts';
import { EXCHANGE_MS, type PeerErrorCode } from './peer-answers.ts';
import { Deadline, DeadlineError, type PeerClock } from './peer-clock.ts';
import type { PeerEvents } from './peer-events.ts';
import type { LinkedPeer, PeerLinks } from './peer-links.ts';
import { DocumentTooLongError, exchange } from './peer-streams.ts';
import type { PeerWires } from './peer-wires.ts';

/** What became of a request. */
export type PeerAnswer =
  /** `protocol`: of the peer's answer, if it names one. */
  | { kind: 'success'; protocol?: string; data: Uint8Array | null }
  | { kind: 'protocol'; data: Uint8Array }
  /** `isLocal`: of this node, which could not ask, or got no answer. A peer may send any code. */
  | { kind: 'error'; code: PeerErrorCode | number; message: string; isLocal: boolean };

export interface SendOptions {
  /** At most 64 KiB. */
  metadata?: Uint8Array | null;
  /** Milliseconds since the epoch; at most, and without it, 30 s from now. */
  deadline?: number;
  /** 0 to 65535 [0]. */
  roundId?: number;
}

export interface RequestServices {
  gate: PeerGate;
  codec: PeerCodec;
  clock: PeerClock;
  events: PeerEvents;
  wires: PeerWires;
  /** 38 bytes. */
  ownId: Uint8Array;
  nextMessageId(): bigint;
}

interface Outgoing {
  peer: LinkedPeer;
  protocol: string;
  messageId: bigint;
  document: Uint8Array;
  deadline: Deadline;
}

/** Requests to one peer at once, and those that wait behind them. */
const RUNNING_MAX = 50;
const WAITING_MAX = 512;

export class PeerRequests {
  private readonly services: RequestServices;
  private readonly links: PeerLinks;
  private readonly lanes = new WeakMap<LinkedPeer, Lane>();

  constructor(services: RequestServices, links: PeerLinks) {
    this.services = services;
    this.links = links;
  }

  /** Throws RangeError or TypeError for what is no message: its text, bytes, round, deadline. */
  async send(
    peerId: string,
    protocol: string,
    payload: Uint8Array,
    options: SendOptions = {},
  ): Promise<PeerAnswer> {
    const peer = this.links.peer(peerId);
    if (!peer) return failure(403, 'there is no connection to this peer');
    const { clock } = this.services;
    const latest = clock.nowMs() + EXCHANGE_MS;
    const messageId = this.services.nextMessageId();
    if (Number.isNaN(options.deadline)) throw new RangeError('a deadline is a number');
    const document = this.documentOf({ peer, protocol, payload, messageId }, options);
    if (!document) return failure(413, 'the request is too long');
    const deadline = new Deadline(clock, Math.min(options.deadline ?? latest, latest));
    try {
      return await this.run({ peer, protocol, messageId, document, deadline });
    } catch (error) {
      return failureOf(error);
    } finally {
      deadline.end();
    }
  }

  private documentOf(
    message: { peer: LinkedPeer; protocol: string; payload: Uint8Array; messageId: bigint },
    { metadata = null, roundId = 0 }: SendOptions,
  ): Uint8Array | undefined {
    const { codec, ownId } = this.services;
    const { peer, protocol, payload, messageId } = message;
    if (metadata && metadata.length > PEER_METADATA_BYTES_MAX) return undefined;
    try {
      const inner = { protocol, messageId, roundId, sender: ownId, recipient: peer.id, payload };
      const encoded = codec.encodeMessage(inner, 'direct');
      return codec.encodeRequest({ type: 'protocol', protocol, payload: encoded, metadata });
    } catch (error) {
      const isTooLong =
        error instanceof RangeError && /TOO_LARGE|wanted at most/.test(error.message);
      if (isTooLong) return undefined;
      throw error;
    }
  }

  private async run(request: Outgoing): Promise<PeerAnswer> {
    const { peer, deadline } = request;
    const lane = this.laneOf(peer);
    if (lane.isFull()) return failure(429, 'too many requests to this peer wait');
    this.flow(request, 'request-pending');
    await lane.enter(deadline);
    try {
      const refused = await this.verified(peer, deadline);
      return refused ?? (await this.ask(request));
    } finally {
      lane.leave();
      if (peer.proved) this.flow(request, 'handshaked');
    }
  }

  /** Waits until the peer is verified, for as long as the gate gives it. */
  private async verified(peer: LinkedPeer, deadline: Deadline): Promise<PeerAnswer | undefined> {
    const { gate, clock } = this.services;
    const [link] = peer.links;
    const answer: GateAnswer = link ? gate.send(link.handle, clock.nowMs()) : 'UNKNOWN_CONNECTION';
    if (answer === 'QUEUE_FULL') return failure(429, 'too many requests to this peer wait');
    if (answer === 'QUEUED' && !peer.proved) await until(peer.waiting, deadline);
    return peer.proved && peer.links.size > 0 ? undefined : failure(403, 'it is not verified');
  }

  private async ask({ peer, document, deadline }: Outgoing): Promise<PeerAnswer> {
    const { wires, codec } = this.services;
    const link = this.links.openLink(peer);
    const wire = peer.proved?.wire;
    if (!link || !wire) return failure(403, 'there is no connection to this peer');
    const { answer } = await exchange(link.connection, {
      protocols: [wires.protocolOf(wire)],
      document,
      bytesMax: PEER_RESPONSE_BYTES_MAX,
      deadline,
    });
    return answerIn(codec, answer, wire);
  }

  private flow(
    { peer, protocol, messageId }: Outgoing,
    state: 'request-pending' | 'handshaked',
  ): void {
    const { events } = this.services;
    events.emit('flow', { peerId: peer.text, state, direction: 'out', protocol, messageId });
  }

  private laneOf(peer: LinkedPeer): Lane {
    const lane = this.lanes.get(peer) ?? new Lane();
    this.lanes.set(peer, lane);
    return lane;
  }
}

/** So many at once, the others in the order in which they came. */
class Lane {
  private running = 0;
  private readonly waiting = new Set<() => void>();

  isFull(): boolean {
    return this.waiting.size >= WAITING_MAX;
  }

  async enter(deadline: Deadline): Promise<void> {
    while (this.running >= RUNNING_MAX) await until(this.waiting, deadline);
    this.running++;
  }

  leave(): void {
    this.running--;
    const [next] = this.waiting;
    if (!next) return;
    this.waiting.delete(next);
    next();
  }
}

/** Until one of those who wake calls; rejects with DeadlineError. */
async function until(wakers: Set<() => void>, deadline: Deadline): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const wake = () => {
      cancel();
      resolve();
    };
    wakers.add(wake);
    const cancel = deadline.whenOver(() => {
      wakers.delete(wake);
      reject(new DeadlineError());
    });
  });
}

function answerIn(codec: PeerCodec, bytes: Uint8Array, wire: WireVersion): PeerAnswer {
  const opened = codec.openResponse(bytes, wire);
  if (!opened.ok) return failure(400, 'the answer is none');
  const response: PeerResponse = opened.response;
  switch (response.type) {
    case 'success': {
      const { protocol, data } = response;
      return protocol === undefined
        ? { kind: 'success', data }
        : { kind: 'success', protocol, data };
    }
    case 'protocol':
      return { kind: 'protocol', data: response.data };
    case 'error': {
      const { code, message } = response;
      return { kind: 'error', code, message, isLocal: false };
    }
    default:
      return failure(400, 'the answer is a handshake');
  }
}

function failure(code: PeerErrorCode, message: string): PeerAnswer {
  return { kind: 'error', code, message, isLocal: true };
}

function failureOf(error: unknown): PeerAnswer {
  if (error instanceof DeadlineError) return failure(408, 'no answer in time');
  if (error instanceof DocumentTooLongError) return failure(413, 'the answer is too long');
  return failure(500, 'the connection broke');
}
