/**
 * Streams that the peer opens on an HTTP/3 connection, of either side: each says by its first bytes
 * what it is. Also the three that each side opens itself.
 */
import { type CriticalReader, QpackStreamReader } from './control-reader.ts';
import { Http3Code, Http3ConnectionError } from './http3-error.ts';
import { emitControlStart, FrameType, UniStreamType } from './http3-frames.ts';
import type { QuicConnection } from './quic-connection.ts';
import type { QuicReceiveStream, QuicSendStream } from './quic-stream.ts';
import { concatBytes, emitVarint, parseVarint } from './varint.ts';

export interface PeerStream {
  receive: QuicReceiveStream;
  /** Undefined for a unidirectional one. */
  send: QuicSendStream | undefined;
}

/** What differs between server and client. All may throw Http3ConnectionError. */
export interface PeerStreamRoles {
  control: () => CriticalReader;
  /** What a push stream is answered with. */
  push: Http3ConnectionError;
  /** A bidirectional stream that is no session's; `head` was read from it. */
  request: (stream: PeerStream & { send: QuicSendStream }, head: Uint8Array) => void;
  /** A stream of session `id`. */
  session: (id: number, stream: PeerStream, head: Uint8Array) => void;
}

/** Stream type and session id: two varints. */
const PREFIX_BYTES_MAX = 16;

/** Control stream with SETTINGS, and QPACK's two. Gives the first; undefined: none was allowed. */
export function startOwnStreams(quic: QuicConnection): QuicSendStream | undefined {
  const start = (bytes: Uint8Array) => {
    const stream = quic.openUnidirectional();
    // Whoever closes or resets the stream is told elsewhere.
    stream?.write(bytes).catch(() => {});
    return stream;
  };
  const control = start(emitControlStart());
  start(emitVarint(UniStreamType.QPACK_ENCODER));
  // RFC 9114 section 6.2: a peer allows at least these three.
  const last = start(emitVarint(UniStreamType.QPACK_DECODER));
  if (!last) quic.close(Http3Code.GENERAL_PROTOCOL_ERROR, 'three streams must be allowed');
  return control;
}

export class PeerStreams {
  readonly #quic: QuicConnection;
  readonly #roles: PeerStreamRoles;
  /** Stream types of the peer's that there may be one of. */
  readonly #critical = new Set<number>();

  constructor(quic: QuicConnection, roles: PeerStreamRoles) {
    this.#quic = quic;
    this.#roles = roles;
  }

  /** Errors that concern the connection close it, all others are defects of ours. */
  guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof Http3ConnectionError)) throw error;
      this.#quic.close(error.http3Code, error.message);
    }
  }

  /** A stream that the peer has just opened. */
  take({ receive, send }: PeerStream): void {
    let prefix: Uint8Array = new Uint8Array(0);
    receive.onReadable = () =>
      this.guard(() => {
        for (;;) {
          const found = readOrEnd(receive, PREFIX_BYTES_MAX - prefix.length);
          if (found === 'wait') return;
          if (found instanceof Uint8Array) prefix = concatBytes(prefix, found);
          // What ends before it says what it is, is nothing.
          else if (prefix.length === 0 || !send) return void send?.reset(Http3Code.NO_ERROR);
          if (this.#dispatch({ receive, send }, prefix)) return;
          if (found === 'end') return void send?.reset(Http3Code.REQUEST_INCOMPLETE);
        }
      });
    receive.onReadable();
  }

  /** What a stream of the peer's is; false: its prefix is not complete. */
  #dispatch({ receive, send }: PeerStream, prefix: Uint8Array): boolean {
    const type = parseVarint(prefix);
    if (!type) return false;
    const wanted = send ? FrameType.WEBTRANSPORT_STREAM : UniStreamType.WEBTRANSPORT;
    if (type.value !== wanted) {
      if (send) this.#roles.request({ receive, send }, prefix);
      else this.#ownStream(type.value, receive, prefix.subarray(type.end));
      return true;
    }
    const id = parseVarint(prefix, type.end);
    if (!id) return false;
    receive.onReadable = undefined;
    // Sessions are named by their request: a client's bidirectional stream.
    if (id.value % 4 !== 0) {
      throw new Http3ConnectionError(Http3Code.ID_ERROR, `${id.value} cannot be a session`);
    }
    this.#roles.session(id.value, { receive, send }, prefix.subarray(id.end));
    return true;
  }

  /** A stream of HTTP/3's own: control, QPACK, or a kind that we do not know. */
  #ownStream(type: number, receive: QuicReceiveStream, head: Uint8Array): void {
    const reader = this.#readerOf(type);
    if (!reader) {
      receive.onReadable = undefined;
      receive.stop(Http3Code.STREAM_CREATION_ERROR);
      return;
    }
    if (this.#critical.has(type)) {
      throw new Http3ConnectionError(
        Http3Code.STREAM_CREATION_ERROR,
        `two streams of type ${type}`,
      );
    }
    this.#critical.add(type);
    receive.onReadable = () =>
      this.guard(() => {
        let found = readOrEnd(receive);
        for (; found instanceof Uint8Array; found = readOrEnd(receive)) reader.feed(found);
        // With the connection all its streams end; that is told elsewhere.
        if (found === 'wait' || this.#quic.lost) return;
        const why = `stream of type ${type} has ended`;
        throw new Http3ConnectionError(Http3Code.CLOSED_CRITICAL_STREAM, why);
      });
    reader.feed(head);
    receive.onReadable();
  }

  #readerOf(type: number): CriticalReader | undefined {
    switch (type) {
      case UniStreamType.CONTROL:
        return this.#roles.control();
      case UniStreamType.QPACK_ENCODER:
        return new QpackStreamReader('encoder');
      case UniStreamType.QPACK_DECODER:
        return new QpackStreamReader('decoder');
      case UniStreamType.PUSH:
        throw this.#roles.push;
      default:
        return undefined;
    }
  }
}

/** A stream that nobody here wants. */
export function refuse({ receive, send }: PeerStream, http3Code: number): void {
  receive.stop(http3Code);
  send?.reset(http3Code);
}

/** A stream that the peer has reset has ended, too. */
function readOrEnd(stream: QuicReceiveStream, bytesMax?: number): Uint8Array | 'end' | 'wait' {
  try {
    return stream.tryRead(bytesMax);
  } catch {
    return 'end';
  }
}
