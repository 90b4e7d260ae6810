/**
 * The platform's WebTransport, for Node: as much of https://www.w3.org/TR/webtransport/ as a client
 * needs that speaks over streams of its own. Streams and datagrams of the server's are refused.
 */
import { isIP } from 'node:net';
import { Http3Client } from './http3-client.ts';
import { HANDSHAKE_TIMEOUT_MS } from './limits.ts';
import { loadQuicBinding, type QuicBinding, type QuicConfig } from './quic-binding.ts';
import { QuicClosedError } from './quic-closed-error.ts';
import type { QuicConnection } from './quic-connection.ts';
import { dialQuic } from './quic-dial.ts';
import { addressesOf, startInTurn } from './racing-dial.ts';
import {
  certificateAlert,
  checkCertificate,
  clientConfig,
  type ServerTrust,
} from './server-trust.ts';
import { NoStreamError, type SessionEnd, type WebTransportSession } from './session.ts';
import type { BidirectionalStream } from './webtransport-stream.ts';

export interface NodeWebTransportOptions {
  /** One of them must be the server's certificate, and nothing else is asked of its authority. */
  serverCertificateHashes?: readonly { algorithm: string; value: Uint8Array }[];
  /** Authorities in the place of the system's, PEM; only without hashes. */
  ca?: string | undefined;
  /** Time until the session is open [10 s]. */
  timeoutMs?: number;
  /** Silence after which the session is lost [12 s], unless the server wants less. */
  idleTimeoutMs?: number;
  /** As `linux-x64`; another one for tests. */
  platform?: string;
  /** Asked for each packet, both ways: true, and it is lost. For tests. */
  isLost?: () => boolean;
}

/** There is no session: nobody answers, or it was closed before it was open. */
export class WebTransportConnectError extends Error {
  readonly code = 'ANDVARI_WEBTRANSPORT_CONNECT';

  constructor(why: string, cause?: unknown) {
    super(why, { cause });
    this.name = 'WebTransportConnectError';
  }
}

/** The session was open and has been cut. */
export class SessionLostError extends Error {
  readonly code = 'ANDVARI_WEBTRANSPORT_LOST';

  constructor(why: string) {
    super(`the WebTransport session was lost: ${why}`);
    this.name = 'SessionLostError';
  }
}

export interface CloseInfo {
  /** u32. */
  closeCode?: number;
  /** Cut at 1024 bytes of UTF-8. */
  reason?: string;
}

export class NodeWebTransport {
  /**
   * Resolves when the server is proven and has given a session. Rejects with
   * CertificateRefusedError, SessionRefusedError, WebTransportConnectError or
   * WebTransportUnavailableError (no QUIC on this platform).
   */
  readonly ready: Promise<void>;
  /** How the session has ended. Rejects as `ready`, or with SessionLostError. */
  readonly closed: Promise<Required<CloseInfo>>;
  /** The server would like the session to end soon. */
  readonly draining: Promise<void>;
  readonly #url: URL;
  readonly #options: NodeWebTransportOptions;
  readonly #trust: ServerTrust;
  readonly #ready = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<Required<CloseInfo>>();
  readonly #draining = Promise.withResolvers<void>();
  readonly #attempts = new Set<Http3Client>();
  /** Why an address was given up. */
  #fault: Error | undefined;
  #allBegun = false;
  /** The one that has proven itself first. */
  #chosen: QuicConnection | undefined;
  #session: WebTransportSession | undefined;
  #over = false;
  readonly #limit: NodeJS.Timeout;

  /** @throws SyntaxError: no https: address, or one with a fragment; hashes that are none */
  constructor(url: string, options: NodeWebTransportOptions = {}) {
    this.#url = checkedUrl(url);
    this.#options = options;
    const { serverCertificateHashes = [], ca } = options;
    this.#trust = { hashes: serverCertificateHashes.map(checkedHash), ca };
    this.ready = this.#ready.promise;
    this.closed = this.#closed.promise;
    this.draining = this.#draining.promise;
    // Who wants to know listens to one of them; the others are no unhandled rejections.
    this.ready.catch(ignore);
    this.closed.catch(ignore);
    const { timeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
    this.#limit = setTimeout(() => this.#giveUp(noAnswer(`${timeoutMs} ms`)), timeoutMs);
    this.#dial().catch((error) => this.#giveUp(error));
  }

  /** Rejects with NoStreamError: the server allows none now, or the session has ended. */
  async createBidirectionalStream(): Promise<{
    readable: ReadableStream<Uint8Array<ArrayBuffer>>;
    writable: WritableStream<Uint8Array>;
  }> {
    await this.ready;
    if (!this.#session) throw new NoStreamError(true);
    return webStreams(this.#session.openBidirectional());
  }

  /** End the session, or what is to become one. Nothing if it has ended. */
  close({ closeCode = 0, reason = '' }: CloseInfo = {}): void {
    if (this.#over) return;
    if (this.#session) this.#session.close(closeCode, reason);
    else this.#giveUp(new WebTransportConnectError('closed before it was open'));
  }

  async #dial(): Promise<void> {
    const binding = loadQuicBinding(this.#options.platform);
    const addresses = await addressesOf(this.#host).catch((error: Error) => {
      throw new WebTransportConnectError(`no address of ${this.#host}: ${error.message}`, error);
    });
    const isOpen = () => !this.#over && this.#chosen === undefined;
    const start = (address: string) => ({ done: this.#attempt(address, binding) });
    await startInTurn(addresses, start, isOpen);
    this.#allBegun = true;
    // All may have failed meanwhile, the last one before this line.
    if (this.#attempts.size === 0 && isOpen()) this.#giveUp(this.#fault ?? noAnswer('its time'));
  }

  /** IPv6 without its brackets. */
  get #host(): string {
    return this.#url.hostname.replace(/^\[|\]$/g, '');
  }

  #config(binding: QuicBinding): QuicConfig {
    const config = clientConfig(binding, this.#trust);
    const { idleTimeoutMs } = this.#options;
    if (idleTimeoutMs !== undefined) config.setMaxIdleTimeout(idleTimeoutMs);
    return config;
  }

  /** Resolves when it has failed, or this address has been chosen. Never rejects. */
  async #attempt(address: string, binding: QuicBinding): Promise<void> {
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const remote = { host: address, port: Number(this.#url.port || 443) };
    let unreachable: Error | undefined;
    let client: Http3Client | undefined;
    const failed = (error: Error): void => {
      if (client) this.#attempts.delete(client);
      this.#failed(faultOf(error, unreachable));
      resolve();
    };
    try {
      await dialQuic(remote, {
        ...{ binding, config: this.#config(binding) },
        serverName: isIP(this.#host) ? null : this.#host,
        ...(this.#options.isLost && { isLost: this.#options.isLost }),
        unreachable: (error) => {
          unreachable = error;
        },
        events: (quic) => {
          client = this.#client(quic, failed, resolve);
          return client;
        },
      });
      if (this.#over) client?.fail(new WebTransportConnectError('closed before it was open'));
    } catch (error) {
      failed(new WebTransportConnectError((error as Error).message, error));
    }
    return done;
  }

  #client(quic: QuicConnection, failed: (error: Error) => void, chosen: () => void): Http3Client {
    const { host: authority, pathname: path, search: query } = this.#url;
    const request = { authority, path, query, origin: undefined };
    const client: Http3Client = new Http3Client(quic, request, {
      check: () => {
        if (this.#chosen) throw new WebTransportConnectError('another address was faster');
        checkCertificate(quic.native.peerCertChain(), this.#host, this.#trust);
        this.#chosen = quic;
        chosen();
        for (const other of [...this.#attempts]) {
          if (other !== client) other.fail(new WebTransportConnectError('not the fastest'));
        }
      },
      open: (session) => this.#opened(session),
      draining: () => this.#draining.resolve(),
      ended: (end) => this.#ended(end),
      failed: (error) => {
        if (this.#chosen === quic) this.#giveUp(error);
        else failed(error);
      },
    });
    this.#attempts.add(client);
    return client;
  }

  #failed(error: Error): void {
    // What a server is refused for says more than that another address is silent.
    if (!(this.#fault && error instanceof WebTransportConnectError)) this.#fault = error;
    if (this.#allBegun && this.#attempts.size === 0 && !this.#chosen) this.#giveUp(this.#fault);
  }

  #opened(session: WebTransportSession): void {
    clearTimeout(this.#limit);
    this.#session = session;
    this.#ready.resolve();
  }

  #ended({ by, code, reason }: SessionEnd): void {
    this.#over = true;
    if (by === 'lost') this.#closed.reject(new SessionLostError(reason));
    else this.#closed.resolve({ closeCode: code, reason });
  }

  #giveUp(error: Error): void {
    if (this.#over || this.#session) return;
    this.#over = true;
    clearTimeout(this.#limit);
    const told = faultOf(error);
    for (const client of [...this.#attempts]) client.fail(told);
    this.#attempts.clear();
    this.#ready.reject(told);
    this.#closed.reject(told);
  }
}

function ignore(): void {}

function noAnswer(time: string): WebTransportConnectError {
  return new WebTransportConnectError(`nobody answers by QUIC within ${time}`);
}

/** What the end of a connection that was none says to people. */
function faultOf(error: Error, unreachable?: Error): Error {
  if (unreachable) {
    const refused = (unreachable as NodeJS.ErrnoException).code === 'ECONNREFUSED';
    const why = refused ? 'nobody listens on that UDP port' : unreachable.message;
    return new WebTransportConnectError(why, unreachable);
  }
  if (!(error instanceof QuicClosedError)) return error;
  const { by, application, errorCode, message } = error;
  if (by === 'time-out') return noAnswer('its time');
  const alert = by === 'us' && !application ? certificateAlert(errorCode) : undefined;
  return alert ?? new WebTransportConnectError(message, error);
}

function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' && !text.includes('#')) return url;
  throw new SyntaxError(`${text}: wanted an https:// address without a fragment`);
}

function checkedHash({ algorithm, value }: { algorithm: string; value: Uint8Array }): Uint8Array {
  if (algorithm === 'sha-256' && value.length === 32) return value;
  throw new SyntaxError('wanted SHA-256 of a certificate: 32 bytes');
}

/** Nothing is read ahead and one write waits at a time, so each side is stopped by the other. */
function webStreams({ readable, writable }: BidirectionalStream) {
  return {
    readable: new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        async pull(controller) {
          const bytes = await readable.read();
          if (bytes) controller.enqueue(bytes as Uint8Array<ArrayBuffer>);
          else controller.close();
        },
        cancel: () => readable.stop(0),
      },
      { highWaterMark: 0 },
    ),
    writable: new WritableStream<Uint8Array>({
      start(controller) {
        writable.onStopped = () => controller.error(new NoStreamError(true));
      },
      write: (bytes) => writable.write(bytes),
      close: () => writable.end(),
      abort: () => writable.reset(0),
    }),
  };
}
