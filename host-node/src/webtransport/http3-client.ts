/**
 * HTTP/3 over one QUIC connection for a client of one WebTransport session: SETTINGS both ways, one
 * extended CONNECT, and the end of the session, after which the connection is closed.
 */
import { parseAnswerStatus } from './connect-answer.ts';
import type { ConnectRequest } from './connect-request.ts';
import { ControlReader } from './control-reader.ts';
import {
  Http3Code,
  Http3ConnectionError,
  Http3RequestError,
  Http3StreamError,
} from './http3-error.ts';
import { emitHeaders, Setting } from './http3-frames.ts';
import { INTERIM_ANSWERS_MAX, KEEP_ALIVE_MS, RELEASE_TIMEOUT_MS } from './limits.ts';
import { PeerStreams, refuse, startOwnStreams } from './peer-streams.ts';
import type { Field } from './qpack.ts';
import type { QuicClosedError } from './quic-closed-error.ts';
import type { QuicConnection, QuicEvents } from './quic-connection.ts';
import type { QuicReceiveStream, QuicSendStream } from './quic-stream.ts';
import { RequestReader } from './request-reader.ts';
import { type SessionEnd, WebTransportSession } from './session.ts';

/** The server gives no session. */
export class SessionRefusedError extends Error {
  readonly code = 'ANDVARI_WEBTRANSPORT_REFUSED';
  /** HTTP's; undefined: it did not come that far. */
  readonly status: number | undefined;

  constructor(why: string, { status, cause }: { status?: number; cause?: unknown } = {}) {
    super(`the server gives no WebTransport session: ${why}`, { cause });
    this.name = 'SessionRefusedError';
    this.status = status;
  }
}

/** Whose session it is. */
export interface Http3ClientOwner {
  /** The handshake is done, nothing has been sent. Throws: close, the error is the failure. */
  check(quic: QuicConnection): void;
  open(session: WebTransportSession): void;
  /** No new session on this connection; the one that is open may end soon. */
  draining(): void;
  /** The session that was open is over. */
  ended(end: SessionEnd): void;
  /** There will be no session. */
  failed(error: Error): void;
}

export class Http3Client implements QuicEvents {
  readonly #quic: QuicConnection;
  readonly #request: ConnectRequest;
  readonly #owner: Http3ClientOwner;
  readonly #streams: PeerStreams;
  #connect: { receive: QuicReceiveStream; send: QuicSendStream } | undefined;
  #session: WebTransportSession | undefined;
  #interimCount = 0;
  /** Why there is no session; undefined: nothing says so yet. */
  #failure: Error | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  #leave: NodeJS.Timeout | undefined;

  constructor(quic: QuicConnection, request: ConnectRequest, owner: Http3ClientOwner) {
    this.#quic = quic;
    this.#request = request;
    this.#owner = owner;
    this.#streams = new PeerStreams(quic, {
      control: () =>
        new ControlReader(
          (settings) => this.#settings(settings),
          (id) => this.#goaway(id),
        ),
      // We allow none: every push has a number that is too high (RFC 9114 section 4.6).
      push: new Http3ConnectionError(Http3Code.ID_ERROR, 'a push that was not allowed'),
      request: () => {
        const why = 'a server opens no requests';
        throw new Http3ConnectionError(Http3Code.STREAM_CREATION_ERROR, why);
      },
      // Whoever speaks over the client's own stream has no use for others.
      session: (_id, stream) => refuse(stream, Http3Code.WEBTRANSPORT_BUFFERED_STREAM_REJECTED),
    });
  }

  /** Give up: close the connection, whatever its state. `error` is what the owner is told. */
  fail(error: Error, http3Code: number = Http3Code.NO_ERROR): void {
    this.#failure ??= error;
    this.#quic.close(http3Code);
    this.#quic.drop();
  }

  established(): void {
    try {
      this.#owner.check(this.#quic);
    } catch (error) {
      // The end of the handshake leaves first: before it the server could not read that we close.
      this.#failure = error as Error;
      setImmediate(() => this.fail(error as Error));
      return;
    }
    startOwnStreams(this.#quic);
  }

  stream(receive: QuicReceiveStream, send: QuicSendStream | undefined): void {
    if (!this.#failure) this.#streams.take({ receive, send });
  }

  /** They may get lost anyway, and nobody here has asked for one. */
  datagram(): void {}

  closed(error: QuicClosedError): void {
    clearInterval(this.#keepAlive);
    clearTimeout(this.#leave);
    if (!this.#session) {
      this.#owner.failed(this.#failure ?? error);
      return;
    }
    this.#session.end({ by: 'lost', code: 0, reason: error.message });
    this.#session.release();
  }

  #settings(settings: ReadonlyMap<number, number>): void {
    const isOn = (id: number) => (settings.get(id) ?? 0) > 0;
    const offers =
      isOn(Setting.ENABLE_CONNECT_PROTOCOL) &&
      isOn(Setting.H3_DATAGRAM) &&
      (isOn(Setting.ENABLE_WEBTRANSPORT) || isOn(Setting.WEBTRANSPORT_MAX_SESSIONS));
    if (!offers) {
      this.fail(new SessionRefusedError('its SETTINGS do not offer WebTransport'));
      return;
    }
    this.#sendConnect();
  }

  #sendConnect(): void {
    const stream = this.#quic.openBidirectional();
    if (!stream) {
      this.fail(new SessionRefusedError('it allows no stream'));
      return;
    }
    this.#connect = stream;
    const { receive, send } = stream;
    const reader = new RequestReader({
      headers: (fields) => this.#answer(fields),
      isInterim: (fields) => this.#isInterim(fields),
      close: (code, reason) => this.#session?.end({ by: 'peer', code, reason }),
      drain: () => this.#owner.draining(),
    });
    receive.onReadable = () => this.#streams.guard(() => this.#readAnswer(reader));
    send.write(emitHeaders(fieldsOf(this.#request))).catch(ignore);
  }

  #goaway(id: number): void {
    const isRefused = !this.#session && id <= (this.#connect?.send.id ?? 0);
    if (isRefused) this.fail(new SessionRefusedError('it is going away'));
    else this.#owner.draining();
  }

  #readAnswer(reader: RequestReader): void {
    const { receive, send } = this.#connect!;
    try {
      let found = receive.tryRead();
      for (; found instanceof Uint8Array; found = receive.tryRead()) {
        reader.feed(found);
        if (this.#quic.lost) return;
      }
      if (found === 'wait') return;
      reader.end();
      // Without a close capsule the end of the stream says: code 0, no reason.
      this.#session?.end({ by: 'peer', code: 0, reason: '' });
      send.end().catch(ignore);
      this.#quit(new SessionRefusedError('it has ended the request'));
    } catch (error) {
      if (error instanceof Http3ConnectionError) {
        this.#failure ??= new SessionRefusedError(error.message, { cause: error });
        throw error;
      }
      const { message } = error as Error;
      const http3Code = streamCodeOf(error);
      send.reset(http3Code);
      receive.stop(http3Code);
      this.#session?.end({ by: 'lost', code: 0, reason: message });
      this.#quit(new SessionRefusedError(message, { cause: error }));
    }
  }

  /** Whether another answer follows this one. */
  #isInterim(fields: readonly Field[]): boolean {
    if (parseAnswerStatus(fields) >= 200) return false;
    this.#interimCount++;
    if (this.#interimCount <= INTERIM_ANSWERS_MAX) return true;
    const why = `more than ${INTERIM_ANSWERS_MAX} interim answers`;
    throw new Http3StreamError(Http3Code.EXCESSIVE_LOAD, why);
  }

  #answer(fields: readonly Field[]): void {
    const status = parseAnswerStatus(fields);
    if (status >= 300) {
      this.fail(new SessionRefusedError(`it answers ${status}`, { status }));
      return;
    }
    const { send } = this.#connect!;
    const session = new WebTransportSession(this.#request, {
      ...{ quic: this.#quic, connect: send },
      // The peer gets time to end its side, and with it to read what the capsule says.
      onEnd: () => {
        clearInterval(this.#keepAlive);
        this.#leave = setTimeout(() => this.#quit(), RELEASE_TIMEOUT_MS);
      },
    });
    this.#session = session;
    session.begin({
      bidirectional: ignore,
      unidirectional: ignore,
      datagram: ignore,
      closed: (end) => this.#owner.ended(end),
    });
    this.#keepAlive = setInterval(() => this.#quic.ping(), KEEP_ALIVE_MS);
    this.#owner.open(session);
  }

  /** The session is over on both sides: so is the connection. */
  #quit(error?: Error): void {
    clearTimeout(this.#leave);
    if (error) this.#failure ??= error;
    // In a turn of its own, so that the end of our side leaves before.
    setImmediate(() => {
      this.#quic.close(Http3Code.NO_ERROR);
      this.#quic.drop();
    });
  }
}

function ignore(): void {}

/** What the request's stream is given up with, for what its reader has thrown. */
function streamCodeOf(error: unknown): number {
  if (error instanceof Http3StreamError) return error.http3Code;
  // Headers of too many bytes, or none.
  if (error instanceof Http3RequestError) return Http3Code.MESSAGE_ERROR;
  return Http3Code.REQUEST_CANCELLED;
}

/** Pseudo-header fields first (RFC 9114 section 4.3); a program has no Origin. */
function fieldsOf({ authority, path, query }: ConnectRequest): Field[] {
  return [
    [':method', 'CONNECT'],
    [':protocol', 'webtransport'],
    [':scheme', 'https'],
    [':authority', authority],
    [':path', path + query],
    // draft-ietf-webtrans-http3-02, as browsers send it.
    ['sec-webtransport-http3-draft02', '1'],
  ];
}
