/**
 * A WebTransport session as a MessageChannel: one bidirectional stream that the client opens, each
 * message its length (u32 BE) and its bytes, in both directions. Other streams and datagrams have
 * no place here and are refused.
 */
import type { SessionHandler, WebTransportSession } from '../webtransport/session.ts';
import type { BidirectionalStream, IncomingStream } from '../webtransport/webtransport-stream.ts';
import type { AcceptChannel, ChannelHandler, MessageChannel } from './channel.ts';
import { MESSAGE_BYTES_MAX, UNSENT_CLOSE_BYTES } from './limits.ts';

const LENGTH_BYTES = 4;
/** As WebSocket's close codes (RFC 6455 section 7.4.1), which the other transport uses. */
const CloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  PROTOCOL_ERROR: 1002,
  TOO_LARGE: 1009,
  OVERLOADED: 1013,
} as const;
/** Code of the application for streams that are refused. */
const REFUSED = 1;
/**
 * The end of a session overtakes what its streams still carry, and a browser throws away what the
 * page has not read. So our half ends first, and the session when the peer has acknowledged all and
 * had this time to read it. It may end it itself meanwhile.
 */
const READ_MS = 100;
/** One that has asked for no more, and has all its answers: it is the one to end the session. */
const LEAVE_MS = 5_000;
/** But no longer than this for a peer that takes nothing, */
const CLOSE_TIMEOUT_MS = 3_000;
/** when the server stops, */
const STOP_TIMEOUT_MS = 1_000;
/** and when it only has to read its answers. */
const ANSWERS_TIMEOUT_MS = 60_000;
const LOOK_MS = 20;

/**
 * Offer a session to the server.
 * @param left called when the session is over
 * @returns undefined: too many connections
 */
export function acceptSession(
  session: WebTransportSession,
  accept: AcceptChannel,
  left: (channel: WebTransportChannel) => void,
): WebTransportChannel | undefined {
  const channel = new WebTransportChannel(session, left);
  const handler = accept(channel);
  if (!handler) return undefined;
  channel.begin(handler);
  return channel;
}

export class WebTransportChannel implements MessageChannel, SessionHandler {
  readonly transport = 'webtransport';
  readonly remoteAddress: string;
  /** Called when the server says goodbye; the peer has some time to read what was said last. */
  onLeaving: () => void = () => {};
  readonly #session: WebTransportSession;
  readonly #left: (channel: WebTransportChannel) => void;
  #handler!: ChannelHandler;
  #stream: BidirectionalStream | undefined;
  /** Messages that were sent before the client opened its stream. */
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #closing = false;
  /** When the session ends at the latest. */
  #endMs = Number.POSITIVE_INFINITY;
  #over = false;
  #cut: () => void = () => {};
  /** Reading waits for this; undefined: it goes on. */
  #paused: { promise: Promise<void>; resolve: () => void } | undefined;
  readonly #head = new Uint8Array(LENGTH_BYTES);
  #headBytes = 0;
  #body: Uint8Array | undefined;
  #bodyBytes = 0;

  constructor(session: WebTransportSession, left: (channel: WebTransportChannel) => void) {
    this.#session = session;
    this.#left = left;
    this.remoteAddress = session.remoteAddress;
  }

  begin(handler: ChannelHandler): void {
    this.#handler = handler;
  }

  get bufferedBytes(): number {
    return this.#earlyBytes + (this.#stream?.writable.bufferedBytes ?? 0);
  }

  send(message: Uint8Array): void {
    if (this.#closing) return;
    const framed = new Uint8Array(LENGTH_BYTES + message.length);
    new DataView(framed.buffer).setUint32(0, message.length);
    framed.set(message, LENGTH_BYTES);
    if (this.#stream) {
      this.#write(framed);
      return;
    }
    this.#early.push(framed);
    this.#earlyBytes += framed.length;
    if (this.#earlyBytes > UNSENT_CLOSE_BYTES) this.close(CloseCode.OVERLOADED, 'no stream');
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers<void>();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  known(): void {
    this.#session.known();
  }

  close(code: number, reason: string): void {
    this.#endWithin(timeoutOf(code));
    if (this.#closing) return;
    this.#closing = true;
    this.#cut = () => this.#session.close(code, reason);
    this.onLeaving();
    this.resume();
    const stream = this.#stream;
    stream?.readable.stop(REFUSED);
    stream?.writable.end().catch(() => {});
    const look = () => {
      if (this.#over) return;
      if (stream?.writable.acknowledged) {
        this.#endWithin(code === CloseCode.NORMAL ? LEAVE_MS : READ_MS);
      }
      if (!stream || performance.now() >= this.#endMs) this.cut();
      else setTimeout(look, LOOK_MS);
    };
    look();
  }

  /** Of one that was told to go: now. */
  cut(): void {
    this.#cut();
  }

  #endWithin(ms: number): void {
    this.#endMs = Math.min(this.#endMs, performance.now() + ms);
  }

  /** For the session: the client's stream, and any other. */
  bidirectional(stream: BidirectionalStream): void {
    if (this.#stream) {
      stream.readable.stop(REFUSED);
      stream.writable.reset(REFUSED);
      return;
    }
    this.#stream = stream;
    stream.writable.onStopped = () => this.#unread();
    for (const framed of this.#early) this.#write(framed);
    this.#early = [];
    this.#earlyBytes = 0;
    void this.#read(stream.readable);
  }

  unidirectional(stream: IncomingStream): void {
    stream.stop(REFUSED);
  }

  datagram(): void {}

  closed(): void {
    this.#closing = true;
    this.#over = true;
    this.resume();
    this.#left(this);
    // Not inside the server's own call of close().
    queueMicrotask(() => this.#handler.closed());
  }

  #write(framed: Uint8Array): void {
    this.#stream!.writable.write(framed).catch((error: { code?: string }) => {
      const isFull = error.code === 'ANDVARI_QUIC_BUFFER_FULL';
      if (isFull) this.close(CloseCode.OVERLOADED, 'too slow a reader');
      // Stopped before it was ours; if the session has ended, closing it does nothing.
      else this.#unread();
    });
  }

  /** Nothing would be answered any more, so nothing more is asked. */
  #unread(): void {
    this.close(CloseCode.PROTOCOL_ERROR, 'answers are not read');
  }

  async #read(readable: IncomingStream): Promise<void> {
    for (;;) {
      let bytes: Uint8Array | undefined;
      try {
        bytes = await readable.read();
      } catch {
        // Reset by the client; if the session has ended, closing it does nothing.
        this.close(CloseCode.PROTOCOL_ERROR, 'the stream was reset');
        return;
      }
      if (!bytes) break;
      this.#feed(bytes);
      if (this.#closing) return;
      await this.#paused?.promise;
    }
    const cut = this.#headBytes > 0 || this.#body !== undefined;
    if (cut) this.close(CloseCode.PROTOCOL_ERROR, 'the stream ends inside a message');
    else this.#handler.ended();
  }

  #feed(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length && !this.#closing; ) {
      offset = this.#body ? this.#feedBody(bytes, offset) : this.#feedHead(bytes, offset);
    }
  }

  #feedHead(bytes: Uint8Array, offset: number): number {
    this.#head[this.#headBytes++] = bytes[offset]!;
    if (this.#headBytes < LENGTH_BYTES) return offset + 1;
    this.#headBytes = 0;
    const length = new DataView(this.#head.buffer).getUint32(0);
    if (length > MESSAGE_BYTES_MAX) {
      this.close(CloseCode.TOO_LARGE, `a message of ${length} bytes`);
      return bytes.length;
    }
    this.#body = new Uint8Array(length);
    this.#bodyBytes = 0;
    if (length === 0) this.#message();
    return offset + 1;
  }

  #feedBody(bytes: Uint8Array, offset: number): number {
    const body = this.#body!;
    const part = bytes.subarray(offset, offset + body.length - this.#bodyBytes);
    body.set(part, this.#bodyBytes);
    this.#bodyBytes += part.length;
    if (this.#bodyBytes === body.length) this.#message();
    return offset + part.length;
  }

  #message(): void {
    const body = this.#body!;
    this.#body = undefined;
    this.#handler.message(body);
  }
}

function timeoutOf(code: number): number {
  if (code === CloseCode.NORMAL) return ANSWERS_TIMEOUT_MS;
  return code === CloseCode.GOING_AWAY ? STOP_TIMEOUT_MS : CLOSE_TIMEOUT_MS;
}
