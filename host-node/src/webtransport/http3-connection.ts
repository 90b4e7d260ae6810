/**
 * HTTP/3 (RFC 9114) over one QUIC connection, as far as a server of WebTransport sessions needs it:
 * control and QPACK streams, extended CONNECT requests, and which stream and datagram belongs to
 * which session.
 */
import { type ConnectRequest, parseConnectRequest } from './connect-request.ts';
import { ControlReader } from './control-reader.ts';
import { EarlyArrivals } from './early-arrivals.ts';
import {
  Http3Code,
  Http3ConnectionError,
  Http3RequestError,
  Http3StreamError,
} from './http3-error.ts';
import { emitGoaway, emitHeaders, Setting } from './http3-frames.ts';
import { ENDED_SESSIONS_MAX, SESSIONS_PER_CONNECTION_MAX } from './limits.ts';
import { type PeerStream, PeerStreams, refuse, startOwnStreams } from './peer-streams.ts';
import type { Field } from './qpack.ts';
import type { QuicConnection, QuicEvents } from './quic-connection.ts';
import type { QuicReceiveStream, QuicSendStream } from './quic-stream.ts';
import { RequestReader } from './request-reader.ts';
import { type SessionHandler, WebTransportSession } from './session.ts';
import { parseVarint } from './varint.ts';

/** What the server decides. */
export interface Http3Host {
  /**
   * Who gets the session; undefined: none more now (429).
   * @throws Http3RequestError
   */
  accept(request: ConnectRequest, session: WebTransportSession): SessionHandler | undefined;
}

/** Highest quarter stream id (RFC 9297 section 2.1). */
const QUARTER_ID_MAX = 2 ** 60 - 1;

export class Http3Connection implements QuicEvents {
  /** Called once, when the connection is over. */
  onClosed: (() => void) | undefined;
  readonly #quic: QuicConnection;
  readonly #host: Http3Host;
  readonly #sessions = new Map<number, WebTransportSession>();
  /** Requests that were refused or whose session has ended, newest last. */
  readonly #endedIds = new Set<number>();
  readonly #early = new EarlyArrivals();
  readonly #streams: PeerStreams;
  /** Requests that came before the peer's SETTINGS; QUIC limits how many. */
  #beforeSettings: (() => void)[] | undefined = [];
  #datagramsOffered = false;
  #control: QuicSendStream | undefined;
  /** No request with this id or a higher one is taken. */
  #goawayId = Number.POSITIVE_INFINITY;
  #nextRequestId = 0;

  constructor(quic: QuicConnection, host: Http3Host) {
    this.#quic = quic;
    this.#host = host;
    this.#streams = new PeerStreams(quic, {
      control: () => new ControlReader((settings) => this.#settings(settings)),
      push: new Http3ConnectionError(Http3Code.STREAM_CREATION_ERROR, 'a push by a client'),
      request: ({ receive, send }, head) => this.#request(receive, send, head),
      session: (id, stream, head) => this.#sessionStream(id, stream, head),
    });
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** It has had what it asked for: all of its sessions have ended, or were refused. */
  get isSpent(): boolean {
    return this.#sessions.size === 0 && this.#endedIds.size > 0;
  }

  established(): void {
    this.#control = startOwnStreams(this.#quic);
  }

  stream(receive: QuicReceiveStream, send: QuicSendStream | undefined): void {
    if (send) this.#nextRequestId = Math.max(this.#nextRequestId, receive.id + 4);
    this.#streams.take({ receive, send });
  }

  datagram(bytes: Uint8Array): void {
    this.#streams.guard(() => {
      const quarter = parseVarint(bytes);
      if (!quarter || quarter.value > QUARTER_ID_MAX) {
        throw new Http3ConnectionError(Http3Code.DATAGRAM_ERROR, 'a datagram of no stream');
      }
      const id = quarter.value * 4;
      const session = this.#sessions.get(id);
      const payload = bytes.subarray(quarter.end);
      if (session) session.datagram(payload);
      else if (!this.#endedIds.has(id)) this.#early.addDatagram(id, payload);
    });
  }

  closed(): void {
    for (const session of [...this.#sessions.values()]) {
      session.end({ by: 'lost', code: 0, reason: '' });
    }
    this.onClosed?.();
  }

  /** GOAWAY and a drain capsule for each session: nothing new, and what there is may end. */
  drain(): void {
    if (this.#goawayId !== Number.POSITIVE_INFINITY || !this.#control) return;
    this.#goawayId = this.#nextRequestId;
    this.#control.write(emitGoaway(this.#goawayId)).catch(ignore);
    for (const session of this.#sessions.values()) session.drain();
  }

  /** End every session with this code, and the connection when the peer knows of it. */
  endSessions(code: number, reason: string): void {
    for (const session of [...this.#sessions.values()]) session.close(code, reason);
  }

  #settings(settings: ReadonlyMap<number, number>): void {
    this.#datagramsOffered = settings.get(Setting.H3_DATAGRAM) === 1;
    const waiting = this.#beforeSettings ?? [];
    this.#beforeSettings = undefined;
    for (const start of waiting) start();
  }

  #request(receive: QuicReceiveStream, send: QuicSendStream, head: Uint8Array): void {
    if (this.#beforeSettings) {
      receive.onReadable = undefined;
      this.#beforeSettings.push(() => this.#request(receive, send, head));
      return;
    }
    if (receive.id >= this.#goawayId) {
      send.reset(Http3Code.REQUEST_REJECTED);
      receive.onReadable = undefined;
      receive.stop(Http3Code.REQUEST_REJECTED);
      this.#ended(receive.id);
      return;
    }
    const request: RequestStream = { receive, send, session: undefined };
    const reader = new RequestReader({
      headers: (fields) => this.#connect(fields, request),
      close: (code, reason) => request.session?.end({ by: 'peer', code, reason }),
      drain: () => request.session?.peerDrains(),
    });
    receive.onReadable = () => this.#streams.guard(() => this.#readRequest(request, reader));
    this.#guardRequest(request, () => reader.feed(head));
    receive.onReadable?.();
  }

  #readRequest(request: RequestStream, reader: RequestReader): void {
    const { receive, send } = request;
    this.#guardRequest(request, () => {
      let found = receive.tryRead();
      for (; found instanceof Uint8Array; found = receive.tryRead()) {
        reader.feed(found);
        // The headers were refused, or the session broke a rule.
        if (!receive.onReadable) return;
      }
      if (found === 'wait') return;
      reader.end();
      // Without a close capsule the end of the stream says: code 0, no reason.
      request.session?.end({ by: 'peer', code: 0, reason: '' });
      request.session?.release();
      send.end().catch(ignore);
    });
  }

  /** Refuse the request, or end the session, for what `act` throws. */
  #guardRequest(request: RequestStream, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (error instanceof Http3ConnectionError) throw error;
      const { receive, send, session } = request;
      receive.onReadable = undefined;
      if (error instanceof Http3RequestError) {
        send.end(emitHeaders([[':status', String(error.status)]])).catch(ignore);
        receive.stop(error.http3Code);
        this.#ended(send.id);
        return;
      }
      const stream = error instanceof Http3StreamError;
      // A reset by the peer, or a lost connection, which `closed` tells the sessions.
      if (!stream && receive.open) throw error;
      const code = stream ? error.http3Code : Http3Code.REQUEST_CANCELLED;
      send.reset(code);
      receive.stop(code);
      session?.end({ by: 'lost', code: 0, reason: '' });
      session?.release();
      this.#ended(send.id);
    }
  }

  #connect(fields: readonly Field[], stream: RequestStream): void {
    const { send } = stream;
    const request = parseConnectRequest(fields);
    if (!this.#datagramsOffered) throw new Http3RequestError(400, 'no datagrams in SETTINGS');
    if (this.#sessions.size >= SESSIONS_PER_CONNECTION_MAX) {
      throw new Http3RequestError(429, 'too many sessions on the connection');
    }
    const session = new WebTransportSession(request, {
      quic: this.#quic,
      connect: send,
      onEnd: () => this.#ended(send.id),
    });
    const handler = this.#host.accept(request, session);
    if (!handler) throw new Http3RequestError(429, 'too many sessions');
    stream.session = session;
    this.#sessions.set(send.id, session);
    send.write(emitHeaders([[':status', '200']])).catch(ignore);
    session.begin(handler);
    const { streams, datagrams } = this.#early.take(send.id);
    for (const { receive, send: back, head } of streams) session.incoming(receive, back, head);
    for (const bytes of datagrams) session.datagram(bytes);
  }

  #sessionStream(id: number, stream: PeerStream, head: Uint8Array): void {
    const session = this.#sessions.get(id);
    if (session) session.incoming(stream.receive, stream.send, head);
    else if (this.#endedIds.has(id)) {
      refuse(stream, Http3Code.WEBTRANSPORT_SESSION_GONE);
    } else if (!this.#early.addStream(id, { ...stream, head: head.slice() })) {
      refuse(stream, Http3Code.WEBTRANSPORT_BUFFERED_STREAM_REJECTED);
    }
  }

  /** A request is over: what still comes for it is refused. */
  #ended(id: number): void {
    this.#sessions.delete(id);
    this.#endedIds.add(id);
    const [oldest] = this.#endedIds;
    if (this.#endedIds.size > ENDED_SESSIONS_MAX) this.#endedIds.delete(oldest!);
    for (const stream of this.#early.take(id).streams) {
      refuse(stream, Http3Code.WEBTRANSPORT_SESSION_GONE);
    }
  }
}

interface RequestStream {
  receive: QuicReceiveStream;
  send: QuicSendStream;
  /** Since it was accepted, also when it has ended. */
  session: WebTransportSession | undefined;
}

/** Whoever closes or resets the stream is told elsewhere. */
function ignore(): void {}
