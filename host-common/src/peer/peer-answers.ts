/**
 * What peers ask of us: each stream gets an answer, Success, Protocol or Error, and one that is
 * not verified gets nothing else than a handshake. Reference: peer sections 2, 4, 5.7 and 5.8.
 */
import { PEER_REQUEST_BYTES_MAX } from '../engine/generated/limits.ts';
import { utf8Within } from '../transfer/byte-strings.ts';
import type { PeerCodec } from './codec.ts';
import type { GateAnswer, PeerGate } from './gate.ts';
import type { Libp2pConnection, Libp2pStream } from './libp2p.ts';
import type { PeerRequest, PeerResponse, ProtocolMessage, WireVersion } from './messages.ts';
import { Deadline, DeadlineError, type PeerClock } from './peer-clock.ts';
import type { FlowState, PeerEvents, PeerMessage } from './peer-events.ts';
import { type PeerHandshakes, UNVERIFIED_BYTES_MAX } from './peer-handshakes.ts';
import type { PeerLink, PeerLinks } from './peer-links.ts';
import { DocumentTooLongError, readDocument, writeDocument } from './peer-streams.ts';
import type { PeerWires } from './peer-wires.ts';

export type PeerErrorCode = 400 | 403 | 408 | 413 | 429 | 500;

/** A handler throws it: the peer gets this Error, of whose text 512 bytes are sent. */
export class PeerRefusalError extends Error {
  override readonly name = 'PeerRefusalError';
  readonly code = 'ANDVARI_PEER_REFUSAL';
  readonly errorCode: PeerErrorCode;

  constructor(errorCode: PeerErrorCode, message: string) {
    super(message);
    this.errorCode = errorCode;
  }
}

/**
 * What a handler answers. Bytes and nothing are Success; `protocol` reaches peers of wires 1 and
 * 3 as Protocol, and those of wire 2, which know none, as Success.
 */
export type HandlerAnswer =
  | Uint8Array
  | { kind: 'success'; data: Uint8Array | null }
  | { kind: 'protocol'; data: Uint8Array }
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler may return nothing
  | void;

/** `signal` aborts when the peer waits no longer. */
export type PeerHandler = (
  message: PeerMessage,
  signal: AbortSignal,
) => HandlerAnswer | Promise<HandlerAnswer>;

type DirectRequest = Extract<PeerRequest, { type: 'protocol' }>;

/** Both sides wait as long: 30 s. */
export const EXCHANGE_MS = 30_000;
/** What a handler has of it: its peer is to hear that there is no answer. */
const HANDLER_MS = 28_000;
/** Of one connection at once; libp2p lets a few more in, so that they get an answer too. */
const STREAMS_MAX = 50;
/** A request that was overtaken: whoever verified us first may send before we know him. */
const OVERTAKEN_MS = 1000;
const ERROR_TEXT_BYTES_MAX = 512;
const decoder = new TextDecoder();
const HANDLERS_MAX = 1024;

export interface AnswerServices {
  gate: PeerGate;
  codec: PeerCodec;
  clock: PeerClock;
  events: PeerEvents;
  wires: PeerWires;
}

export class PeerAnswers {
  private readonly services: AnswerServices;
  private readonly links: PeerLinks;
  private readonly handshakes: PeerHandshakes;
  private readonly handlers = new Map<string, PeerHandler>();

  constructor(services: AnswerServices, links: PeerLinks, handshakes: PeerHandshakes) {
    this.services = services;
    this.links = links;
    this.handshakes = handshakes;
  }

  handle(protocol: string, handler: PeerHandler): () => void {
    if (this.handlers.has(protocol) || this.handlers.size >= HANDLERS_MAX) {
      throw new RangeError(`peer node: ${protocol} has a handler, or there are too many`);
    }
    this.handlers.set(protocol, handler);
    return () => {
      if (this.handlers.get(protocol) === handler) this.handlers.delete(protocol);
    };
  }

  /** A peer has opened a stream. */
  async accept(stream: Libp2pStream, connection: Libp2pConnection): Promise<void> {
    const link = this.links.linkOf(connection);
    if (!link?.peer) {
      stream.abort(new Error('no such connection is known'));
      return;
    }
    const { clock, wires, codec } = this.services;
    const sinceMs = clock.nowMs();
    const deadline = new Deadline(clock, sinceMs + EXCHANGE_MS);
    const wire = wires.of(stream.protocol);
    link.streams++;
    try {
      const response = await this.responseTo(stream, { link, wire, deadline, sinceMs });
      if (!response) stream.abort(new Error('there is no answer'));
      else await writeDocument(stream, encoded(codec, response, wire), deadline);
    } catch (error) {
      stream.abort(error as Error);
    } finally {
      link.streams--;
      deadline.end();
    }
  }

  private async responseTo(
    stream: Libp2pStream,
    { link, wire, deadline, sinceMs }: Incoming,
  ): Promise<PeerResponse | undefined> {
    if (link.streams > STREAMS_MAX) return error(429, 'too many requests at once');
    const bytesMax = () => (link.peer?.proved ? PEER_REQUEST_BYTES_MAX : UNVERIFIED_BYTES_MAX);
    let document: Uint8Array;
    try {
      document = await readDocument(stream, bytesMax, deadline);
    } catch (cause) {
      if (cause instanceof DocumentTooLongError) return this.counted(link) ?? tooLong(link);
      throw cause;
    }
    const opened = this.services.codec.openRequest(document, wire);
    if (!opened.ok) return this.counted(link) ?? error(400, 'not a request');
    const { request } = opened;
    if (request.type !== 'protocol') return this.handshakes.answer(link, request, wire);
    return this.direct(request, { link, wire, deadline, sinceMs });
  }

  /** An Error that the peer has earned, whatever it sent; the gate counts it. */
  private counted(link: PeerLink): PeerResponse | undefined {
    const { gate, clock } = this.services;
    return this.refusal(gate.receive(link.handle, clock.nowMs()));
  }

  private refusal(answer: GateAnswer): PeerResponse | undefined {
    if (answer === 'OK') return undefined;
    this.links.settle();
    if (answer === 'RATE_LIMITED' || answer === 'BANNED') return error(429, 'too many requests');
    return error(403, 'not verified');
  }

  private async direct(
    request: DirectRequest,
    { link, wire, sinceMs }: Incoming,
  ): Promise<PeerResponse> {
    await this.overtaken(link);
    const refused = this.counted(link);
    if (refused) return refused;
    const { codec, gate, clock } = this.services;
    const opened = codec.openMessage(request.payload, 'direct');
    if (!opened.ok) return error(400, 'not a message');
    const { message } = opened;
    const routed = gate.receiveDirect(link.handle, message, clock.nowMs());
    if (routed === 'RECIPIENT') return error(400, 'for somebody else');
    if (routed !== 'OK') return error(403, 'not from its sender');
    const peerId = link.peer?.text ?? '';
    const flow = (state: FlowState) => this.flow(peerId, message, state);
    flow('processing');
    const response = await this.handled(messageOf(peerId, request, message), sinceMs);
    // BLU's form has no Protocol answer, and the document's Success has no protocol.
    const sent = answerFor(response, request.protocol, wire);
    flow(sent.type === 'error' ? 'error-sent' : 'response-sent');
    flow('handshaked');
    return sent;
  }

  /** Our handshake is under way: a peer that it has verified may send before its answer is here. */
  private async overtaken(link: PeerLink): Promise<void> {
    if (!link.peer || link.peer.proved || !link.handshake) return;
    const { clock } = this.services;
    const { waiting } = link.peer;
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.add(resolve);
    const cancel = clock.after(OVERTAKEN_MS, resolve);
    await Promise.race([promise, link.handshake]);
    cancel();
    waiting.delete(resolve);
  }

  private async handled(message: PeerMessage, sinceMs: number): Promise<PeerResponse> {
    const handler = this.handlers.get(message.protocol);
    this.services.events.emit('message', message);
    if (!handler) return error(400, 'no such protocol');
    const deadline = new Deadline(this.services.clock, sinceMs + HANDLER_MS);
    try {
      const answer = await untilOver(deadline, async () => handler(message, deadline.signal));
      return answerOf(answer);
    } catch (cause) {
      if (cause instanceof PeerRefusalError) return error(cause.errorCode, cause.message);
      if (cause instanceof DeadlineError) return error(408, 'no answer in time');
      return error(500, 'internal error');
    } finally {
      deadline.end();
    }
  }

  private flow(peerId: string, message: ProtocolMessage, state: FlowState): void {
    const { protocol, messageId } = message;
    this.services.events.emit('flow', { peerId, state, direction: 'in', protocol, messageId });
  }
}

interface Incoming {
  link: PeerLink;
  wire: WireVersion;
  deadline: Deadline;
  /** When the stream came. */
  sinceMs: number;
}

export function error(code: PeerErrorCode, message: string): PeerResponse {
  return { type: 'error', code, message };
}

function tooLong(link: PeerLink): PeerResponse {
  return link.peer?.proved ? error(413, 'the request is too long') : error(403, 'not verified');
}

function messageOf(
  peerId: string,
  { protocol, metadata }: DirectRequest,
  { messageId, roundId, payload }: ProtocolMessage,
): PeerMessage {
  return { peerId, kind: 'direct', protocol, messageId, roundId, payload, metadata };
}

/** Throws TypeError for what no handler may answer. */
function answerOf(answer: HandlerAnswer): PeerResponse {
  if (answer === undefined) return { type: 'success', data: null };
  if (answer instanceof Uint8Array) return { type: 'success', data: answer };
  const { kind, data } = answer;
  if (data instanceof Uint8Array) {
    return kind === 'protocol' ? { type: 'protocol', data } : { type: 'success', data };
  }
  if (kind === 'success' && data === null) return { type: 'success', data };
  throw new TypeError('peer node: the handler gave no answer');
}

function answerFor(response: PeerResponse, protocol: string, wire: WireVersion): PeerResponse {
  if (response.type !== 'success' && (response.type !== 'protocol' || wire !== 2)) return response;
  const { data } = response;
  return wire === 1 ? { type: 'success', data } : { type: 'success', protocol, data };
}

/** Whatever a handler answered or threw that does not fit is an Error. */
function encoded(codec: PeerCodec, response: PeerResponse, wire: WireVersion): Uint8Array {
  try {
    if (response.type !== 'error') return codec.encodeResponse(response, wire);
    const message = decoder.decode(utf8Within(response.message, ERROR_TEXT_BYTES_MAX));
    return codec.encodeResponse({ ...response, message }, wire);
  } catch {
    return codec.encodeResponse(error(500, 'the answer is none that can be sent'), wire);
  }
}

async function untilOver<T>(deadline: Deadline, work: () => Promise<T>): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    deadline.whenOver(() => reject(new DeadlineError()));
    work().then(resolve, reject);
  });
}
