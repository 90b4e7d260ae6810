import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RatatoskrAddress } from '@andvari/host-common/ratatoskr/address';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { SocketAddress } from '../io/packet-io.ts';
import type { Logger } from '../log/logger.ts';
import type { RequestSink } from '../raida/origin.ts';
import { AllowList } from './allow-list.ts';
import {
  type Answer,
  HttpListener,
  type Route,
  send,
  sendJson,
  sendText,
} from './http-listener.ts';
import { processRegistry } from './process-metrics.ts';
import { ownHosts } from './socket-address.ts';
import { RAIDA_PATH, WebSocketEndpoint } from './websocket-endpoint.ts';

/** Whether a node can serve now, and if not, why, in a sentence without secrets. */
export interface Readiness {
  ready: boolean;
  reason?: string;
}

export interface HttpServerOptions {
  listen: SocketAddress;
  /** Without it there is no /raida. */
  raida?: RequestSink;
  readiness: () => Readiness;
  registry: Registry;
  logger: Logger;
  /** Host values besides those of the listening address, as `name:port`. */
  hosts?: readonly string[];
  /** Pages that may open /raida (`http://name:port`), and `none` for programs (AllowList). */
  origins: readonly string[];
  /** Without it there is no /ratatoskr.json. */
  ratatoskr?: RatatoskrPage;
  nowMs?: () => number;
}

/** What pages and programs may know of the node's Ratatoskr endpoint. */
export interface RatatoskrPage {
  /** Pages of other origins that may ask. */
  origins: readonly string[];
  /** As of now, for somebody who asks by this host; undefined: it is not open yet. */
  describe: (host: string | undefined) => RatatoskrAddress | undefined;
}

/**
 * One node's HTTP listener: /healthz, /readyz, /metrics, /ratatoskr.json and the WebSocket at
 * /raida. The pages hold no secrets and are open to any monitor that names us by address.
 */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #listener: HttpListener;
  readonly #endpoint: WebSocketEndpoint | undefined;
  readonly #routes: Map<string, Route>;
  #allowed = new AllowList({ hosts: [], origins: [] });

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const endpoint =
      options.raida &&
      new WebSocketEndpoint({
        sink: options.raida,
        ...(options.nowMs ? { nowMs: options.nowMs } : {}),
      });
    this.#endpoint = endpoint;
    this.#routes = new Map<string, Route>([
      ['/healthz', { GET: (_request, response) => sendText(response, 200, 'alive') }],
      ['/readyz', { GET: (_request, response) => this.#readyz(response) }],
      ['/metrics', { GET: (_request, response) => this.#metrics(response) }],
    ]);
    if (endpoint) {
      const GET: Answer = (_request, response) => upgradeRequired(response);
      this.#routes.set(RAIDA_PATH, { GET });
      registerWebSockets(options.registry, endpoint);
    }
    const { ratatoskr } = options;
    if (ratatoskr) {
      const allowed = new AllowList({ hosts: [], origins: ratatoskr.origins });
      this.#routes.set('/ratatoskr.json', {
        GET: (request, response) => describeRatatoskr(ratatoskr, allowed, request, response),
      });
    }
    this.#register(options.registry);
    this.#listener = new HttpListener({
      admits: (request) => this.#allowed.acceptsHostOrAddress(request.headers.host),
      route: (path) => this.#routes.get(path),
      ...(endpoint && {
        upgrade: (request, socket, head) => endpoint.upgrade(request, socket, head, this.#allowed),
      }),
      failed: (error) => options.logger.error({ err: error }, 'http request failed'),
    });
  }

  /**
   * Bind and serve.
   * @returns the address with the port that was given
   * @throws PortInUseError, AddressError
   */
  async open(): Promise<SocketAddress> {
    const { listen, hosts = [], origins } = this.#options;
    const address = await this.#listener.open(listen);
    this.#allowed = new AllowList({ hosts: [...ownHosts(address), ...hosts], origins });
    return address;
  }

  /** Take no more requests from WebSockets; what the server has is still answered. */
  stop(): void {
    this.#endpoint?.stop();
  }

  async close(): Promise<void> {
    await this.#endpoint?.close();
    await this.#listener.close();
  }

  #readyz(response: ServerResponse): void {
    const { ready, reason } = this.#options.readiness();
    sendJson(response, ready ? 200 : 503, {
      ready,
      ...(ready ? {} : { reason: reason ?? 'starting' }),
    });
  }

  async #metrics(response: ServerResponse): Promise<void> {
    const { registry } = this.#options;
    const text = `${await registry.metrics()}\n${await processRegistry().metrics()}`;
    send(response, 200, registry.contentType, text);
  }

  #register(registry: Registry): void {
    const { readiness } = this.#options;
    new Gauge({
      name: 'andvari_ready',
      help: '1 when the node serves, 0 when /readyz answers 503.',
      registers: [registry],
      collect() {
        this.set(readiness().ready ? 1 : 0);
      },
    });
  }
}

function registerWebSockets(registry: Registry, endpoint: WebSocketEndpoint): void {
  const registers = [registry];
  new Gauge({
    name: 'andvari_websocket_connections',
    help: 'WebSocket clients connected now.',
    registers,
    collect() {
      this.set(endpoint.connections);
    },
  });
  new Counter({
    name: 'andvari_websocket_refused_total',
    help: 'Upgrades refused: wrong path, Host or Origin, or too many clients.',
    registers,
    collect() {
      this.reset();
      this.inc(endpoint.refused);
    },
  });
}

function upgradeRequired(response: ServerResponse): void {
  response.setHeader('Upgrade', 'websocket');
  sendText(response, 426, 'this is a WebSocket');
}

/** Public facts, for programs, for our own page, and for pages whose origin is listed. */
function describeRatatoskr(
  { describe }: RatatoskrPage,
  allowed: AllowList,
  { headers }: IncomingMessage,
  response: ServerResponse,
): void {
  const { origin, host } = headers;
  response.setHeader('Vary', 'Origin');
  if (origin !== undefined) {
    if (!allowed.acceptsOrigin(origin)) {
      sendText(response, 403, 'not for this page');
      return;
    }
    response.setHeader('Access-Control-Allow-Origin', origin);
  }
  const ratatoskr = describe(host?.replace(/:\d+$/, ''));
  if (ratatoskr) sendJson(response, 200, { ratatoskr });
  else sendText(response, 503, 'starting');
}
