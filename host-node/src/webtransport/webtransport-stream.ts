/** Streams of a session: QUIC's, with codes of the application (u32) in place of HTTP/3's. */
import { Http3Code, toApplicationCode, toHttp3Code } from './http3-error.ts';
import { type QuicReceiveStream, type QuicSendStream, QuicStreamError } from './quic-stream.ts';

/** A stream was ended by force. */
export class WebTransportStreamError extends Error {
  readonly code = 'ANDVARI_WEBTRANSPORT_STREAM';
  /**
   * `reset`: the peer sends no more; `stopped`: the peer reads no more; `given up`: we did so;
   * `session`: the session or the connection has ended.
   */
  readonly kind: 'reset' | 'stopped' | 'given up' | 'session';
  /**
   * The application's code; 0 when none came. That of `stopped` may get lost in quiche 0.18, when
   * the peer acknowledges bytes of the stream along with it.
   */
  readonly applicationCode: number;

  constructor(kind: WebTransportStreamError['kind'], applicationCode: number, cause: unknown) {
    super(`the stream has ended: ${kind}, code ${applicationCode}`, { cause });
    this.name = 'WebTransportStreamError';
    this.kind = kind;
    this.applicationCode = applicationCode;
  }
}

function translate(error: unknown): WebTransportStreamError {
  if (!(error instanceof QuicStreamError)) return new WebTransportStreamError('session', 0, error);
  const gone = error.http3Code === Http3Code.WEBTRANSPORT_SESSION_GONE;
  const code = toApplicationCode(error.http3Code) ?? 0;
  return new WebTransportStreamError(gone ? 'session' : error.kind, code, error);
}

export class IncomingStream {
  readonly #quic: QuicReceiveStream;
  #head: Uint8Array | undefined;

  /** @param head bytes that were read along with the stream's prefix */
  constructor(quic: QuicReceiveStream, head: Uint8Array = new Uint8Array(0)) {
    this.#quic = quic;
    this.#head = head.length > 0 ? head : undefined;
  }

  /**
   * The next bytes, as many as are there; undefined behind the last. One read at a time. What is
   * not read stays with the sender, beyond 512 KiB.
   * Rejects with WebTransportStreamError.
   */
  async read(): Promise<Uint8Array | undefined> {
    const head = this.#head;
    this.#head = undefined;
    if (head) return head;
    try {
      return await this.#quic.read();
    } catch (error) {
      throw translate(error);
    }
  }

  /** STOP_SENDING: the rest is not wanted. */
  stop(applicationCode: number): void {
    this.#head = undefined;
    this.#quic.stop(toHttp3Code(applicationCode));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for (let bytes = await this.read(); bytes; bytes = await this.read()) yield bytes;
  }
}

export class OutgoingStream {
  readonly #quic: QuicSendStream;

  constructor(quic: QuicSendStream) {
    this.#quic = quic;
  }

  /** `stopped` is called once, when the peer reads no more, also while nothing is written. */
  set onStopped(stopped: () => void) {
    this.#quic.onStopped = stopped;
  }

  /** Bytes that were written and not yet taken by QUIC. */
  get bufferedBytes(): number {
    return this.#quic.bufferedBytes;
  }

  /** After the end of both halves: the peer has all bytes, or will never have them. */
  get acknowledged(): boolean {
    return this.#quic.acknowledged;
  }

  /**
   * Resolves when QUIC took the bytes, which must stay as they are until then. Rejects with
   * WebTransportStreamError, or QuicBufferFullError when more than 8 MiB would wait.
   */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#quic.write(bytes).catch(rethrow);
  }

  /** End the stream, behind these last bytes. Resolves and rejects like write. */
  async end(bytes?: Uint8Array): Promise<void> {
    await this.#quic.end(bytes).catch(rethrow);
  }

  /** RESET_STREAM: what was not sent is given up. */
  reset(applicationCode: number): void {
    this.#quic.reset(toHttp3Code(applicationCode));
  }
}

function rethrow(error: unknown): never {
  if ((error as { code?: string }).code === 'ANDVARI_QUIC_BUFFER_FULL') throw error;
  throw translate(error);
}

export interface BidirectionalStream {
  readonly readable: IncomingStream;
  readonly writable: OutgoingStream;
}
