/** One WebTransport session: streams and datagrams of one CONNECT request. */

import type { ConnectRequest } from './connect-request.ts';
import { Http3Code } from './http3-error.ts';
import { emitCloseSession, emitDrainSession, FrameType, UniStreamType } from './http3-frames.ts';
import { CLOSE_REASON_BYTES_MAX, RELEASE_TIMEOUT_MS } from './limits.ts';
import type { QuicConnection } from './quic-connection.ts';
import type { QuicReceiveStream, QuicSendStream } from './quic-stream.ts';
import { concatBytes, emitVarint } from './varint.ts';
import { type BidirectionalStream, IncomingStream, OutgoingStream } from './webtransport-stream.ts';

/** How a session ended. */
export interface SessionEnd {
  /** `lost`: the connection went, nobody said anything. */
  by: 'peer' | 'us' | 'lost';
  code: number;
  reason: string;
}

/** What an application does with a session. All of it is called from the event loop. */
export interface SessionHandler {
  /** A stream that nobody reads stops its sender; one that is not wanted must be stopped. */
  bidirectional(stream: BidirectionalStream): void;
  unidirectional(stream: IncomingStream): void;
  /** The bytes are the application's. */
  datagram(bytes: Uint8Array): void;
  /** The peer would like the session to end soon. */
  draining?(): void;
  /** The last call. */
  closed(end: SessionEnd): void;
}

/** The peer allows no further stream now, or the session has ended. */
export class NoStreamError extends Error {
  readonly code = 'ANDVARI_WEBTRANSPORT_NO_STREAM';

  constructor(ended: boolean) {
    super(ended ? 'the session has ended' : 'the peer allows no further stream now');
    this.name = 'NoStreamError';
  }
}

export class WebTransportSession {
  readonly request: ConnectRequest;
  /** The peer's address, without port. */
  readonly remoteAddress: string;
  readonly #id: number;
  readonly #quic: QuicConnection;
  readonly #connect: QuicSendStream;
  readonly #onEnd: () => void;
  #handler: SessionHandler | undefined;
  /** Halves that end with the session. */
  readonly #receiving = new Set<QuicReceiveStream>();
  readonly #sending = new Set<QuicSendStream>();
  #ended = false;
  #release: NodeJS.Timeout | undefined;

  /** @param parts `connect` is the sending half of the request's stream */
  constructor(
    request: ConnectRequest,
    parts: { quic: QuicConnection; connect: QuicSendStream; onEnd: () => void },
  ) {
    this.request = request;
    this.#quic = parts.quic;
    this.#connect = parts.connect;
    this.#onEnd = parts.onEnd;
    this.#id = parts.connect.id;
    this.remoteAddress = parts.quic.remote.host;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** @throws NoStreamError */
  openBidirectional(): BidirectionalStream {
    const stream = this.#ended ? undefined : this.#quic.openBidirectional();
    if (!stream) throw new NoStreamError(this.#ended);
    this.#start(stream.send, FrameType.WEBTRANSPORT_STREAM);
    this.#receiving.add(stream.receive);
    return {
      readable: new IncomingStream(stream.receive),
      writable: new OutgoingStream(stream.send),
    };
  }

  /** @throws NoStreamError */
  openUnidirectional(): OutgoingStream {
    const send = this.#ended ? undefined : this.#quic.openUnidirectional();
    if (!send) throw new NoStreamError(this.#ended);
    this.#start(send, UniStreamType.WEBTRANSPORT);
    return new OutgoingStream(send);
  }

  /** False: it was dropped, because it is too long or QUIC has too many. */
  sendDatagram(bytes: Uint8Array): boolean {
    if (this.#ended) return false;
    return this.#quic.sendDatagram(concatBytes(emitVarint(this.#id / 4), bytes));
  }

  /** Bytes of the longest datagram now. */
  get datagramBytesMax(): number {
    return Math.max(0, this.#quic.datagramBytesMax - emitVarint(this.#id / 4).length);
  }

  /** The application knows who is there: the connection is no stranger's any more. */
  known(): void {
    this.#quic.known();
  }

  /** Ask the peer to end the session soon. */
  drain(): void {
    if (!this.#ended) this.#connect.write(emitDrainSession()).catch(ignore);
  }

  /**
   * End the session: the peer gets `code` (u32) and `reason` (cut at 1024 bytes of UTF-8); streams
   * are reset when it has answered, or after a second.
   */
  close(code = 0, reason = ''): void {
    if (this.#ended) return;
    this.#connect.end(emitCloseSession(code, utf8(reason))).catch(ignore);
    this.end({ by: 'us', code, reason });
  }

  /** For the connection: who gets what comes. */
  begin(handler: SessionHandler): void {
    this.#handler = handler;
  }

  /** For the connection: a stream of the peer's, `head` read along with its prefix. */
  incoming(receive: QuicReceiveStream, send: QuicSendStream | undefined, head: Uint8Array): void {
    forget(this.#receiving, this.#sending);
    this.#receiving.add(receive);
    const readable = new IncomingStream(receive, head);
    if (!send) {
      this.#handler?.unidirectional(readable);
      return;
    }
    this.#sending.add(send);
    this.#handler?.bidirectional({ readable, writable: new OutgoingStream(send) });
  }

  /** For the connection: the datagram without its prefix. */
  datagram(bytes: Uint8Array): void {
    this.#handler?.datagram(bytes);
  }

  /** For the connection. */
  peerDrains(): void {
    this.#handler?.draining?.();
  }

  /** For the connection: the session is over, however that came. */
  end(end: SessionEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    // A peer that sees its streams reset along with the capsule may take it for a lost connection
    // (Chromium 156, one time in seven), so they wait until it has answered.
    if (end.by === 'us') this.#release = setTimeout(() => this.release(), RELEASE_TIMEOUT_MS);
    else this.release();
    this.#onEnd();
    this.#handler?.closed(end);
  }

  /** For the connection: nothing of the session is needed any more. */
  release(): void {
    clearTimeout(this.#release);
    for (const stream of this.#sending) stream.reset(Http3Code.WEBTRANSPORT_SESSION_GONE);
    for (const stream of this.#receiving) stream.stop(Http3Code.WEBTRANSPORT_SESSION_GONE);
    this.#sending.clear();
    this.#receiving.clear();
  }

  /** What says that the stream is a session's, and of which one. */
  #start(send: QuicSendStream, type: number): void {
    forget(this.#receiving, this.#sending);
    this.#sending.add(send);
    send.write(concatBytes(emitVarint(type), emitVarint(this.#id))).catch(ignore);
  }
}

/** Whoever waits for the stream gets the error; the prefix is nobody's. */
function ignore(): void {}

/** Ended halves go whenever a stream comes: so there are no more than QUIC has open, and one. */
function forget(receiving: Set<QuicReceiveStream>, sending: Set<QuicSendStream>): void {
  for (const stream of receiving) if (!stream.open) receiving.delete(stream);
  for (const stream of sending) if (!stream.open) sending.delete(stream);
}

/** UTF-8 of at most 1024 bytes, cut between characters. */
function utf8(reason: string): Uint8Array {
  const out = new Uint8Array(CLOSE_REASON_BYTES_MAX);
  return out.subarray(0, new TextEncoder().encodeInto(reason, out).written);
}
