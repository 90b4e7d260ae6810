/**
 * A WebTransport server on a UDP port (draft-ietf-webtrans-http3 over RFC 9114 and RFC 9000). It
 * knows paths, not what is spoken on them.
 */
import type { SocketAddress } from '../io/packet-io.ts';
import type { Certificate, CertificateSource } from './certificates.ts';
import type { ConnectRequest } from './connect-request.ts';
import { Http3Connection } from './http3-connection.ts';
import { Http3Code, Http3RequestError } from './http3-error.ts';
import {
  CLOSE_LINGER_MS,
  CONNECTIONS_MAX,
  KEEP_ALIVE_MS,
  SESSIONLESS_CHECKS_MAX,
  SESSIONLESS_PART,
} from './limits.ts';
import { loadQuicBinding, type QuicBinding, type QuicConfig } from './quic-binding.ts';
import { configure } from './quic-config.ts';
import type { QuicConnection } from './quic-connection.ts';
import { QuicListener, type QuicListenerCounts } from './quic-listener.ts';
import type { SessionHandler, WebTransportSession } from './session.ts';
import type { ThreadShares } from './thread-shares.ts';

export interface WebTransportServerOptions {
  certificates: CertificateSource;
  /** By path, compared exactly. Returns undefined when there are too many sessions (429). */
  paths: Readonly<Record<string, (session: WebTransportSession) => SessionHandler | undefined>>;
  /** The page's origin; undefined: the client is no browser. False: 403. */
  admitsOrigin: (origin: string | undefined) => boolean;
  /** `name:port` that the client connected to. False: 421. */
  admitsAuthority: (authority: string) => boolean;
  connectionsMax?: number;
  /** Time for the QUIC handshake, behind Retry [10 s]. */
  handshakeTimeoutMs?: number;
  /** [each connection as much of the thread as it takes] */
  shares?: ThreadShares;
  /** As `linux-x64`; another one for tests. */
  platform?: string;
}

interface Served {
  http3: Http3Connection;
  /** Checks in a row that found no session. */
  idleChecks: number;
}

export class WebTransportServer {
  readonly #options: WebTransportServerOptions;
  readonly #binding: QuicBinding;
  readonly #listener: QuicListener;
  readonly #served = new Map<QuicConnection, Served>();
  #configured: { certificate: Certificate; config: QuicConfig } | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  #closing = false;

  /** @throws WebTransportUnavailableError */
  constructor(options: WebTransportServerOptions) {
    this.#options = options;
    this.#binding = loadQuicBinding(options.platform);
    const { connectionsMax, handshakeTimeoutMs, shares } = options;
    this.#listener = new QuicListener({
      binding: this.#binding,
      config: () => this.#config(),
      accept: (connection) => this.#accept(connection),
      makeRoom: () => this.#dropSpent(),
      ...{ connectionsMax, handshakeTimeoutMs, shares },
    });
  }

  get counts(): Readonly<QuicListenerCounts> {
    return this.#listener.counts;
  }
  get connectionCount(): number {
    return this.#listener.connectionCount;
  }
  get connections(): Iterable<QuicConnection> {
    return this.#listener.connections;
  }
  get sessionCount(): number {
    return [...this.#served.values()].reduce((sum, { http3 }) => sum + http3.sessionCount, 0);
  }

  /** Rejects with PortInUseError or AddressError. */
  async open(address: SocketAddress): Promise<SocketAddress> {
    const bound = await this.#listener.open(address);
    this.#keepAlive = setInterval(() => this.#check(), KEEP_ALIVE_MS);
    return bound;
  }

  /** No new sessions on the connections that are open; the peers are asked to end theirs. */
  drain(): void {
    for (const { http3 } of this.#served.values()) http3.drain();
  }

  /**
   * End all sessions with this code, and all connections. Takes no new ones from now on, and 100 ms
   * if there are connections.
   */
  async close(code = 0, reason = ''): Promise<void> {
    this.#closing = true;
    clearInterval(this.#keepAlive);
    this.drain();
    for (const { http3 } of [...this.#served.values()]) http3.endSessions(code, reason);
    // With the end of its connection a browser forgets what it has not read yet, so the capsules
    // get a few round trips, those of sessions that somebody has just ended too.
    if (this.#served.size > 0) await new Promise((resolve) => setTimeout(resolve, CLOSE_LINGER_MS));
    await this.#listener.close(Http3Code.NO_ERROR);
  }

  #config(): QuicConfig {
    const certificate = this.#options.certificates.current(Date.now());
    if (this.#configured?.certificate !== certificate) {
      const { cert, key } = certificate;
      const { Config } = this.#binding;
      const [keys, certs] = [[Buffer.from(key)], [Buffer.from(cert)]];
      const config = configure(Config.withBoringSslCtx(false, false, null, keys, certs));
      this.#configured = { certificate, config };
    }
    return this.#configured.config;
  }

  #accept(connection: QuicConnection): void {
    const http3 = new Http3Connection(connection, {
      accept: (request, session) => this.#session(request, session),
    });
    this.#makeRoom();
    connection.events = http3;
    this.#served.set(connection, { http3, idleChecks: 0 });
    http3.onClosed = () => this.#served.delete(connection);
  }

  #session(request: ConnectRequest, session: WebTransportSession): SessionHandler | undefined {
    const { admitsAuthority, admitsOrigin, paths } = this.#options;
    if (this.#closing) throw new Http3RequestError(503, 'the server stops');
    if (!admitsAuthority(request.authority)) {
      throw new Http3RequestError(421, `authority ${request.authority}`);
    }
    const open = Object.hasOwn(paths, request.path) ? paths[request.path] : undefined;
    if (!open) throw new Http3RequestError(404, `path ${request.path}`);
    if (!admitsOrigin(request.origin)) {
      throw new Http3RequestError(403, `origin ${request.origin}`);
    }
    return open(session);
  }

  /** Connections that open no session leave room for others, the oldest first. */
  #makeRoom(): void {
    const { connectionsMax = CONNECTIONS_MAX } = this.#options;
    const waiting = [...this.#served].filter(([, { http3 }]) => http3.sessionCount === 0);
    const [oldest] = waiting;
    if (!oldest || waiting.length < Math.max(1, connectionsMax * SESSIONLESS_PART)) return;
    leave(oldest[0], Http3Code.EXCESSIVE_LOAD);
  }

  /**
   * The oldest whose sessions have ended and that its client has not closed yet. It may miss why
   * they did, if the packet that says so is lost; who comes would have to wait a second and more.
   */
  #dropSpent(): void {
    for (const [connection, { http3 }] of this.#served) {
      if (!http3.isSpent) continue;
      leave(connection, Http3Code.NO_ERROR);
      return;
    }
  }

  /** Keep quiet connections with sessions; those without one for long make room for others. */
  #check(): void {
    for (const [connection, served] of this.#served) {
      served.idleChecks = served.http3.sessionCount > 0 ? 0 : served.idleChecks + 1;
      if (served.idleChecks > SESSIONLESS_CHECKS_MAX) {
        connection.close(Http3Code.NO_ERROR, 'no session');
      } else if (served.idleChecks === 0) connection.ping();
    }
  }
}

/** Its closing period would hold the place. */
function leave(connection: QuicConnection, http3Code: number): void {
  connection.close(http3Code);
  connection.drop();
}
