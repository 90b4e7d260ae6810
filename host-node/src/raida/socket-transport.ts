/**
 * RAIDA requests over UDP and TCP (reference: RAIDA section 5): the way of programs and of other
 * servers, where a browser uses a WebSocket.
 *
 * A request goes as one datagram; one of more than 1400 bytes, or to a `tcp://` address, as one TCP
 * connection. Nothing is ever sent twice: a pown whose reply was lost has happened all the same,
 * and only the wallet knows how to ask (find, 2/60).
 */
import {
  QUEUE_REQUESTS_MAX,
  REPLY_BYTES_MAX,
  REQUEST_BYTES_DEFAULT,
} from '@andvari/host-common/raida/limits';
import type { RaidaServerAddress } from '@andvari/host-common/raida/network';
import {
  type ExchangeOptions,
  type RaidaTransport,
  TransportError,
} from '@andvari/host-common/raida/transport';
import { exchangeOverTcp } from './tcp-exchange.ts';
import { UdpSocket } from './udp-socket.ts';

/** Requests to one server at a time: what its sockets buffer without loss. */
const IN_FLIGHT_MAX = 64;
/** TCP connections to one server at a time; each is a file descriptor here and there. */
const CONNECTIONS_MAX = 8;

interface Exchange {
  request: Uint8Array;
  /** By which a datagram finds its request (echoKey); -1: goes by TCP. */
  echo: number;
  resolve(reply: Uint8Array): void;
  reject(error: TransportError): void;
  /** Ends the TCP connection of this exchange. */
  abort: AbortController;
}

/** The exchanges with one server: those under way and those that wait for their turn. */
class Lane {
  readonly #server: RaidaServerAddress;
  readonly #host: string;
  readonly #port: number;
  readonly #tcpOnly: boolean;
  readonly #waiting: Exchange[] = [];
  readonly #active = new Set<Exchange>();
  readonly #byEcho = new Map<number, Exchange>();
  #connections = 0;
  #udp: UdpSocket | undefined;
  #closed = false;

  constructor(server: RaidaServerAddress) {
    const url = new URL(server.url);
    if ((url.protocol !== 'udp:' && url.protocol !== 'tcp:') || !url.hostname || !url.port) {
      throw new TypeError(`wanted udp://host:port or tcp://host:port, got ${server.url}`);
    }
    this.#server = server;
    this.#host = url.hostname.replace(/^\[|\]$/g, '');
    this.#port = Number(url.port);
    this.#tcpOnly = url.protocol === 'tcp:';
  }

  exchange(request: Uint8Array, { timeoutMs, signal }: ExchangeOptions): Promise<Uint8Array> {
    if (this.#closed)
      return Promise.reject(this.#error('ANDVARI_CLOSED', 'the transport is closed'));
    if (signal?.aborted) return Promise.reject(this.#cancelled(signal));
    if (this.#waiting.length >= QUEUE_REQUESTS_MAX) {
      const problem = `${QUEUE_REQUESTS_MAX} requests wait already`;
      return Promise.reject(this.#error('ANDVARI_UNREACHABLE', problem));
    }
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const tcp = this.#tcpOnly || request.length > REQUEST_BYTES_DEFAULT;
      const exchange: Exchange = {
        request: new Uint8Array(request),
        echo: tcp ? -1 : echoKey(request, isLong(request) ? 46 : 30, isLong(request)),
        resolve: (reply) => {
          settle();
          resolve(reply);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
        abort: new AbortController(),
      };
      const onAbort = () => this.#fail(exchange, this.#cancelled(signal));
      const timer = setTimeout(() => {
        this.#fail(exchange, this.#error('ANDVARI_TIMEOUT', `no reply within ${timeoutMs} ms`));
      }, timeoutMs);
      signal?.addEventListener('abort', onAbort);
      this.#waiting.push(exchange);
      this.#advance();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#failAll(this.#error('ANDVARI_CLOSED', 'the transport is closed'));
    await this.#udp?.close();
  }

  #error(code: TransportError['code'], problem: string, cause?: unknown): TransportError {
    return new TransportError(code, this.#server.raidaId, problem, { cause });
  }

  #cancelled(signal: AbortSignal | undefined): TransportError {
    return this.#error('ANDVARI_CLOSED', 'the request was cancelled', signal?.reason);
  }

  /** Start what may start: two requests with equal echo bytes never share the socket. */
  #advance(): void {
    for (let index = 0; index < this.#waiting.length && this.#active.size < IN_FLIGHT_MAX; ) {
      const exchange = this.#waiting[index] as Exchange;
      const blocked =
        exchange.echo < 0 ? this.#connections >= CONNECTIONS_MAX : this.#byEcho.has(exchange.echo);
      if (blocked) {
        index++;
        continue;
      }
      this.#waiting.splice(index, 1);
      this.#active.add(exchange);
      if (exchange.echo < 0) void this.#overTcp(exchange);
      else this.#overUdp(exchange);
    }
  }

  #overUdp(exchange: Exchange): void {
    this.#byEcho.set(exchange.echo, exchange);
    this.#udp ??= new UdpSocket(this.#host, this.#port, {
      message: (bytes) => this.#received(bytes),
      error: (error) => this.#unreachable(error),
    });
    this.#udp.send(exchange.request, (error) => {
      this.#fail(exchange, this.#error('ANDVARI_UNREACHABLE', reasonOf(error), error));
    });
  }

  async #overTcp(exchange: Exchange): Promise<void> {
    this.#connections++;
    const { request, abort } = exchange;
    try {
      const reply = await exchangeOverTcp(request, {
        host: this.#host,
        port: this.#port,
        replyBytesMax: REPLY_BYTES_MAX,
        signal: abort.signal,
      });
      this.#finish(exchange, () => exchange.resolve(reply));
    } catch (error) {
      const { connected } = error as { connected?: boolean };
      const code = connected ? 'ANDVARI_CLOSED' : 'ANDVARI_UNREACHABLE';
      this.#fail(exchange, this.#error(code, reasonOf(error), error));
    } finally {
      this.#connections--;
      this.#advance();
    }
  }

  #received(bytes: Uint8Array): void {
    if (bytes.length < 32) return;
    const short = this.#byEcho.get(echoKey(bytes, 6, false));
    const long = bytes.length < 48 ? undefined : this.#byEcho.get(echoKey(bytes, 46, true));
    // Bytes 6-7 of a long header are part of its time: when both match, the size decides.
    const bodyBytes = ((bytes[9] ?? 0) << 16) | ((bytes[10] ?? 0) << 8) | (bytes[11] ?? 0);
    const exchange = long && bytes.length === 48 + bodyBytes ? long : (short ?? long);
    // Without one it is the reply of a request that was given up, or a stray datagram.
    if (exchange) this.#finish(exchange, () => exchange.resolve(bytes));
  }

  /** The socket cannot work, or the server's machine says that nobody listens. */
  #unreachable(error: Error): void {
    for (const exchange of [...this.#byEcho.values()]) {
      this.#fail(exchange, this.#error('ANDVARI_UNREACHABLE', reasonOf(error), error));
    }
  }

  #fail(exchange: Exchange, error: TransportError): void {
    this.#finish(exchange, () => exchange.reject(error));
  }

  #failAll(error: TransportError): void {
    for (const exchange of [...this.#waiting, ...this.#active]) this.#fail(exchange, error);
  }

  /** Every exchange ends here, whichever of its ends comes first. */
  #finish(exchange: Exchange, settle: () => void): void {
    const at = this.#waiting.indexOf(exchange);
    if (at >= 0) this.#waiting.splice(at, 1);
    else if (!this.#active.delete(exchange)) return;
    if (this.#byEcho.get(exchange.echo) === exchange) this.#byEcho.delete(exchange.echo);
    settle();
    exchange.abort.abort();
    if (!this.#closed) this.#advance();
  }
}

/** Whether a request has the header of 48 bytes: encryption types other than 0, 1 and 2. */
function isLong(request: Uint8Array): boolean {
  return (request[16] ?? 0) > 2;
}

/**
 * The echo bytes as a number, apart for the two headers. They stand last in a request's header
 * (30-31 or 46-47) and in the reply at 6-7 or 46-47 (reference: RAIDA sections 1 and 4).
 */
function echoKey(message: Uint8Array, at: number, long: boolean): number {
  return (long ? 65536 : 0) + (((message[at] ?? 0) << 8) | (message[at + 1] ?? 0));
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  const code = (error as NodeJS.ErrnoException).code;
  const refused =
    code === 'ECONNREFUSED' || (cause as NodeJS.ErrnoException)?.code === 'ECONNREFUSED';
  return refused ? 'nobody listens there (connection refused)' : message;
}

/** UDP and TCP to every server of a network, by its RAIDA id. */
export class SocketTransport implements RaidaTransport {
  readonly #lanes = new Map<number, Lane>();

  /** @throws TypeError for an address that is not udp://host:port or tcp://host:port */
  constructor(servers: readonly RaidaServerAddress[]) {
    for (const server of servers) this.#lanes.set(server.raidaId, new Lane(server));
  }

  exchange(raidaId: number, request: Uint8Array, options: ExchangeOptions): Promise<Uint8Array> {
    const lane = this.#lanes.get(raidaId);
    if (lane) return lane.exchange(request, options);
    const problem = 'the network has no such server';
    return Promise.reject(new TransportError('ANDVARI_UNREACHABLE', raidaId, problem));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.close()));
  }
}
