/**
 * RAIDA requests over WebSocket: one binary message in is one request, one out is its reply.
 * Needs the global WebSocket alone, so it runs in browsers and in Node 22 or newer.
 *
 * One connection per server, opened by the first request, and one request at a time on it: a reply
 * belongs to the request before it. A request that is given up while under way closes its
 * connection, so a late reply can never be taken for another's.
 */
import { BACKOFF_MAX_MS, BACKOFF_MIN_MS, QUEUE_REQUESTS_MAX, REPLY_BYTES_MAX } from './limits.ts';
import type { RaidaServerAddress } from './network.ts';
import { type ExchangeOptions, type RaidaTransport, TransportError } from './transport.ts';

export interface WebSocketTransportOptions {
  /** Requests that may wait for one server; more are refused at once. */
  queueMax?: number;
  /** Waiting time after a failed connection, doubled by each further one up to the maximum. */
  backoffMinMs?: number;
  backoffMaxMs?: number;
}

interface Waiting {
  request: Uint8Array<ArrayBuffer>;
  resolve(reply: Uint8Array): void;
  reject(error: TransportError): void;
}

type Settings = Required<WebSocketTransportOptions>;

/** The connection to one server and the requests that wait for it. */
class Lane {
  private readonly server: RaidaServerAddress;
  private readonly settings: Settings;
  private readonly queue: Waiting[] = [];
  private current: Waiting | undefined;
  private socket: WebSocket | undefined;
  private failures = 0;
  private notBeforeMs = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(server: RaidaServerAddress, settings: Settings) {
    this.server = server;
    this.settings = settings;
  }

  exchange(request: Uint8Array, { timeoutMs, signal }: ExchangeOptions): Promise<Uint8Array> {
    if (this.closed) return Promise.reject(this.error('ANDVARI_CLOSED', 'the transport is closed'));
    if (signal?.aborted) return Promise.reject(this.aborted(signal));
    if (this.queue.length >= this.settings.queueMax) {
      const problem = `${this.settings.queueMax} requests wait already`;
      return Promise.reject(this.error('ANDVARI_UNREACHABLE', problem));
    }
    const waitMs = Math.ceil(this.notBeforeMs - performance.now());
    if (!this.socket && waitMs > timeoutMs) {
      const problem = `${this.server.url} did not answer; the next attempt is in ${waitMs} ms`;
      return Promise.reject(this.error('ANDVARI_UNREACHABLE', problem));
    }
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        settle();
      };
      const waiting: Waiting = {
        request: new Uint8Array(request),
        resolve: (reply) => finish(() => resolve(reply)),
        reject: (error) => finish(() => reject(error)),
      };
      const onAbort = (): void => this.giveUp(waiting, this.aborted(signal));
      const timer = setTimeout(() => {
        this.giveUp(waiting, this.error('ANDVARI_TIMEOUT', `no reply within ${timeoutMs} ms`));
      }, timeoutMs);
      signal?.addEventListener('abort', onAbort);
      this.queue.push(waiting);
      this.advance();
    });
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.retry);
    this.drop();
    this.rejectAll(this.error('ANDVARI_CLOSED', 'the transport is closed'));
  }

  private error(code: TransportError['code'], problem: string, cause?: unknown): TransportError {
    return new TransportError(code, this.server.raidaId, problem, { cause });
  }

  private aborted(signal: AbortSignal | undefined): TransportError {
    return this.error('ANDVARI_CLOSED', 'the request was cancelled', signal?.reason);
  }

  /** Sends the next request, or sees to it that there is a connection to send it on. */
  private advance(): void {
    if (this.closed || this.current || this.queue.length === 0) return;
    const { socket } = this;
    if (!socket) {
      this.connect();
      return;
    }
    if (socket.readyState !== WebSocket.OPEN) return;
    const next = this.queue.shift() as Waiting;
    this.current = next;
    socket.send(next.request);
  }

  private connect(): void {
    const delayMs = this.notBeforeMs - performance.now();
    if (delayMs > 0) {
      this.retry ??= setTimeout(() => {
        this.retry = undefined;
        this.advance();
      }, delayMs);
      return;
    }
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.server.url);
    } catch (cause) {
      // A browser forbids ws: from a page that came by https, and ports of its own list.
      this.failed(cause instanceof Error ? cause.message : 'no connection', cause);
      return;
    }
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    socket.onopen = () => {
      this.failures = 0;
      this.advance();
      socket.onclose = () => this.ended();
    };
    socket.onmessage = ({ data }) => this.received(data);
    // Every error is followed by close, so nothing listens for errors.
    socket.onclose = () => this.failed('no connection');
  }

  private received(data: unknown): void {
    const { current } = this;
    if (!current || !(data instanceof ArrayBuffer) || data.byteLength > REPLY_BYTES_MAX) {
      // The order of requests and replies on this connection is lost.
      this.failed('an answer that belongs to no request');
      return;
    }
    this.current = undefined;
    current.resolve(new Uint8Array(data));
    this.advance();
  }

  /** The server closed a connection that worked: only the request under way is lost. */
  private ended(): void {
    this.drop();
    const { current } = this;
    this.current = undefined;
    current?.reject(this.error('ANDVARI_UNREACHABLE', 'the server closed the connection'));
    this.advance();
  }

  /** There is no connection, or none to be trusted: whoever waits learns it. */
  private failed(problem: string, cause?: unknown): void {
    this.drop();
    const { backoffMinMs, backoffMaxMs } = this.settings;
    this.notBeforeMs =
      performance.now() + Math.min(backoffMaxMs, backoffMinMs * 2 ** this.failures);
    this.failures++;
    this.rejectAll(this.error('ANDVARI_UNREACHABLE', `${this.server.url}: ${problem}`, cause));
  }

  private rejectAll(error: TransportError): void {
    const waiting = this.current ? [this.current, ...this.queue] : [...this.queue];
    this.current = undefined;
    this.queue.length = 0;
    for (const { reject } of waiting) reject(error);
  }

  /** Forgets the connection without waiting for its closing handshake. */
  private drop(): void {
    const { socket } = this;
    if (!socket) return;
    this.socket = undefined;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  private giveUp(waiting: Waiting, error: TransportError): void {
    const index = this.queue.indexOf(waiting);
    if (index >= 0) this.queue.splice(index, 1);
    if (this.current === waiting) {
      this.current = undefined;
      this.drop();
    } else if (this.queue.length === 0 && this.socket?.readyState === WebSocket.CONNECTING) {
      // Nobody waits any more: an attempt that hangs must not hold up the next request.
      this.drop();
    }
    waiting.reject(error);
    this.advance();
  }
}

/** Servers with ws: or wss: addresses; asking another one rejects with ANDVARI_UNREACHABLE. */
export class WebSocketTransport implements RaidaTransport {
  private readonly lanes = new Map<number, Lane>();

  constructor(
    servers: readonly RaidaServerAddress[],
    {
      queueMax = QUEUE_REQUESTS_MAX,
      backoffMinMs = BACKOFF_MIN_MS,
      backoffMaxMs = BACKOFF_MAX_MS,
    }: WebSocketTransportOptions = {},
  ) {
    for (const server of servers) {
      if (!/^wss?:/i.test(server.url)) continue;
      this.lanes.set(server.raidaId, new Lane(server, { queueMax, backoffMinMs, backoffMaxMs }));
    }
  }

  exchange(raidaId: number, request: Uint8Array, options: ExchangeOptions): Promise<Uint8Array> {
    const lane = this.lanes.get(raidaId);
    if (lane) return lane.exchange(request, options);
    const problem = 'the network description has no WebSocket address for it';
    return Promise.reject(new TransportError('ANDVARI_UNREACHABLE', raidaId, problem));
  }

  close(): Promise<void> {
    for (const lane of this.lanes.values()) lane.close();
    return Promise.resolve();
  }
}
