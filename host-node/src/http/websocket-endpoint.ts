import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket, WebSocketServer } from 'ws';
import { isLoopback, type RequestSink } from '../raida/origin.ts';
import type { AllowList } from './allow-list.ts';
import { pathOf, refuseSocket } from './http-listener.ts';
import { CloseCode, WebSocketConnection } from './websocket-connection.ts';
import { OpenConnections, webSocketServer } from './websockets.ts';

export const RAIDA_PATH = '/raida';
/** The longest request: a 48-byte header and the largest body that 16 bits can name. */
const MESSAGE_BYTES_MAX = 48 + 65535;
/** Browsers on one node at a time; more get 503. */
export const WEBSOCKETS_MAX = 1024;
/** Silence after which a client is pinged, and after which it is gone. */
const PING_AFTER_MS = 30_000;
const IDLE_TIMEOUT_MS = 60_000;
const SWEEP_MS = 5_000;

export interface EndpointOptions {
  sink: RequestSink;
  /** The clock, in milliseconds; only differences matter. */
  nowMs?: () => number;
}

/** The WebSocket side of a node: /raida, binary messages, one request and one reply each. */
export class WebSocketEndpoint {
  readonly #sink: RequestSink;
  readonly #nowMs: () => number;
  readonly #connections = new OpenConnections<WebSocketConnection>();
  readonly #server: WebSocketServer;
  readonly #sweep: NodeJS.Timeout;
  #refused = 0;
  #closing = false;

  constructor(options: EndpointOptions) {
    this.#sink = options.sink;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#server = webSocketServer({ messageBytesMax: MESSAGE_BYTES_MAX });
    this.#sweep = setInterval(() => this.#sweepIdle(), SWEEP_MS);
    this.#sweep.unref();
  }

  /** Clients connected now. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Upgrades that were refused since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Answer an upgrade: 404 off the path, 403 for a stranger's Host or Origin, 503 when full. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer, allowed: AllowList): void {
    const status = this.#refusal(request, allowed);
    if (status !== 0) {
      this.#refused++;
      refuseSocket(socket, status);
      return;
    }
    const address = socket.remoteAddress ?? '';
    // A page in a browser here is not this machine's operator: it speaks for its author.
    const local = isLoopback(address) && request.headers.origin === undefined;
    socket.setNoDelay(true);
    this.#server.handleUpgrade(request, socket, head, (ws) => this.#adopt(ws, address, local));
  }

  /** Read no more requests. Those that a server has are still answered. */
  stop(): void {
    this.#closing = true;
    clearInterval(this.#sweep);
    for (const connection of this.#connections) connection.stop();
  }

  /** Say goodbye to everybody, and cut who does not answer within a second. */
  async close(): Promise<void> {
    this.stop();
    await this.#connections.closeAll(CloseCode.GOING_AWAY, 'the node stops');
  }

  /** The HTTP status of a refused upgrade, or 0. */
  #refusal(request: IncomingMessage, allowed: AllowList): number {
    const { host, origin } = request.headers;
    if (pathOf(request) !== RAIDA_PATH) return 404;
    if (!allowed.acceptsHost(host) || !allowed.acceptsOrigin(origin)) return 403;
    return this.#closing || this.#connections.size >= WEBSOCKETS_MAX ? 503 : 0;
  }

  #adopt(ws: WebSocket, address: string, local: boolean): void {
    const options = { address, local, nowMs: this.#nowMs };
    const connection = new WebSocketConnection(ws, this.#sink, options);
    this.#connections.add(connection);
    ws.on('close', () => this.#connections.delete(connection));
  }

  #sweepIdle(): void {
    const nowMs = this.#nowMs();
    for (const connection of this.#connections) {
      const silentMs = nowMs - connection.heardMs;
      if (silentMs >= IDLE_TIMEOUT_MS) connection.terminate();
      else if (silentMs >= PING_AFTER_MS) connection.ping();
    }
  }
}
