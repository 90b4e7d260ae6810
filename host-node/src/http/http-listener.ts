import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { bindError, type SocketAddress } from '../io/packet-io.ts';

/** Connections of one listener, WebSockets included; more are refused by the kernel's accept. */
const CONNECTIONS_MAX = 1280;
/**
 * Connections that wait in the kernel to be accepted; one that finds no room there tries again a
 * second later. Node's own 511 is less than what comes back at once when a listener starts.
 */
const BACKLOG = 4096;
/** Request line and headers; ours and a browser's are far below it. */
const HEADER_BYTES_MAX = 8192;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_TIMEOUT_MS = 5_000;
/** How often Node looks for connections past their time-out. */
const CONNECTION_CHECK_MS = 1_000;
/** A body is never read; a request that announces a larger one is refused at once. */
const BODY_BYTES_MAX = 1024;
/** Requests of one connection before it is closed, so that none lives for ever. */
const REQUESTS_PER_CONNECTION_MAX = 1000;

const LIMITS = {
  maxHeaderSize: HEADER_BYTES_MAX,
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  connectionsCheckingInterval: CONNECTION_CHECK_MS,
  // The allow-list answers a request without Host; Node would close without security headers.
  requireHostHeader: false,
} as const;

/** Sent with every answer; a handler may add to them. */
const SECURITY_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Frame-Options': 'DENY',
} as const;
/** For answers that are no page: nothing in them may run or load. */
const TEXT_POLICY = "default-src 'none'; frame-ancestors 'none'";

export type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;
/** Methods of one exact path. HEAD is answered by GET. */
export interface Route {
  GET?: Answer;
  POST?: Answer;
}

export interface HttpListenerOptions {
  /** Asked before any route; false: 403. */
  admits: (request: IncomingMessage) => boolean;
  /** The routes of an exact path, or undefined: 404. */
  route: (path: string) => Route | undefined;
  upgrade?: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
  /** Told of each socket of the kernel's, before TLS and before anything is read of it. */
  arrived?: (socket: Socket) => void;
  /** An answer failed: a defect of ours, which the client sees as 500 without a reason. */
  failed: (error: unknown) => void;
  /** Connections at once [1280]. */
  connectionsMax?: number;
  /** Requests of one connection before it is closed [1000]. */
  requestsPerConnectionMax?: number;
  /** TLS 1.3 with this certificate, also with those that follow it. */
  certificate?: ListenerCertificate;
  /** Time for the TLS handshake [5 s]. */
  handshakeTimeoutMs?: number;
  /** What errors of a port that cannot be had call it [HTTP]. */
  protocol?: string;
}

/** The certificate for a connection that begins now: the same object until it is replaced. */
export interface ListenerCertificate {
  current(nowMs: number): { readonly cert: string; readonly key: string };
}

/** An HTTP/1.1 listener, with TLS or without, and with limits on everything a stranger may send. */
export class HttpListener {
  readonly #server: Server;
  readonly #options: HttpListenerOptions;
  /** Below TLS, where Node's closeAllConnections() does not see those in their handshake. */
  readonly #sockets = new Set<Socket>();

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    this.#server = options.certificate
      ? this.#createTls(options.certificate)
      : createServer(LIMITS, (request, response) => void this.#answer(request, response));
    this.#server.maxConnections = options.connectionsMax ?? CONNECTIONS_MAX;
    this.#server.maxRequestsPerSocket =
      options.requestsPerConnectionMax ?? REQUESTS_PER_CONNECTION_MAX;
    // Node answers 503 to each one beyond, for as long as they come.
    this.#server.on('dropRequest', (_request, socket) => socket.destroy());
    if (options.arrived) this.#server.prependListener('connection', options.arrived);
    this.#server.on('clientError', (_error, socket) => refuseSocket(socket as Socket, 400));
    this.#server.on('upgrade', (request, socket, head) => {
      if (options.upgrade) options.upgrade(request, socket as Socket, head);
      else refuseSocket(socket as Socket, 404);
    });
  }

  /**
   * Bind and accept.
   * @throws PortInUseError, AddressError
   */
  open(address: SocketAddress): Promise<SocketAddress> {
    return new Promise((resolve, reject) => {
      const { protocol = 'HTTP' } = this.#options;
      const fail = (error: Error) => reject(bindError(protocol, address, error));
      this.#server.once('error', fail);
      this.#server.listen({ host: address.host, port: address.port, backlog: BACKLOG }, () => {
        this.#server.off('error', fail);
        // Out of file descriptors, say: accept goes on when some are free again.
        this.#server.on('error', (error) => this.#options.failed(error));
        resolve({ host: address.host, port: (this.#server.address() as AddressInfo).port });
      });
    });
  }

  /** Stop accepting, then end what is open. WebSockets are their endpoint's to close. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#server.listening) return resolve();
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  /** Connections that are open keep the certificate they have; new ones get the current one. */
  #createTls(certificate: ListenerCertificate): TlsServer {
    const context = () => certificate.current(Date.now());
    let current = context();
    const tls = ({ cert, key }: typeof current) => ({ cert, key, minVersion: 'TLSv1.3' as const });
    const handshakeTimeout = this.#options.handshakeTimeoutMs ?? HEADERS_TIMEOUT_MS;
    const server = createTlsServer(
      { ...LIMITS, ...tls(current), handshakeTimeout },
      (request, response) => void this.#answer(request, response),
    );
    // Before Node's own listener, which begins the handshake.
    server.prependListener('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      try {
        const next = context();
        if (next === current) return;
        current = next;
        server.setSecureContext(tls(next));
      } catch (error) {
        // The old certificate serves on; its owner is told.
        this.#options.failed(error);
      }
    });
    // A handshake that fails or never ends: there is nothing yet on which to answer.
    server.prependListener('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    try {
      const answer = this.#choose(request, response);
      if (answer) await answer(request, response);
    } catch (error) {
      this.#options.failed(error);
      if (!response.headersSent) sendText(response, 500, 'internal error');
      else response.destroy();
    }
  }

  /** The handler of a request; undefined when it has been refused here. */
  #choose(request: IncomingMessage, response: ServerResponse): Answer | undefined {
    const bodyBytes = Number(request.headers['content-length'] ?? 0);
    if (bodyBytes > BODY_BYTES_MAX || request.headers['transfer-encoding'] !== undefined) {
      response.setHeader('Connection', 'close');
      sendText(response, 413, 'no request here has a body');
      return undefined;
    }
    request.resume();
    if (!this.#options.admits(request)) {
      sendText(response, 403, 'this Host is not served here');
      return undefined;
    }
    const path = pathOf(request);
    const route = path === undefined ? undefined : this.#options.route(path);
    if (!route) {
      sendText(response, 404, 'not found');
      return undefined;
    }
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const answer = method === 'GET' || method === 'POST' ? route[method] : undefined;
    if (!answer) {
      response.setHeader(
        'Allow',
        route.GET ? (route.POST ? 'GET, HEAD, POST' : 'GET, HEAD') : 'POST',
      );
      sendText(response, 405, 'method not allowed');
    }
    return answer;
  }
}

/** The path of a request without its query, undecoded: paths are compared exactly. */
export function pathOf(request: IncomingMessage): string | undefined {
  const url = request.url ?? '';
  return url.startsWith('/') ? url.split('?', 1)[0] : undefined;
}

/** One line of text. */
export function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, 'text/plain; charset=utf-8', `${text}\n`);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json; charset=utf-8', `${JSON.stringify(value)}\n`);
}

/** An answer that nobody keeps and that nothing can be loaded from. */
export function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Uint8Array,
): void {
  response.setHeader('Cache-Control', 'no-store');
  if (!response.hasHeader('Content-Security-Policy')) {
    response.setHeader('Content-Security-Policy', TEXT_POLICY);
  }
  response.setHeader('Content-Type', type);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.statusCode = status;
  // Node leaves the body out of an answer to HEAD by itself.
  response.end(body);
}

const REASONS: Record<number, string> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  503: 'Service Unavailable',
};

/** Answer on a bare socket (an upgrade, a request that could not be parsed) and end it. */
export function refuseSocket(socket: Socket, status: number): void {
  // Whatever still happens on the socket, its story is over.
  socket.on('error', () => {});
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const text = `${REASONS[status] ?? 'Error'}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${REASONS[status]}\r\nConnection: close\r\n` +
      `X-Content-Type-Options: nosniff\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
    () => socket.destroy(),
  );
}
