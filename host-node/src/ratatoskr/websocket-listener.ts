/**
 * Ratatoskr over WebSocket: `wss://host/ratatoskr`, TLS 1.3 alone, subprotocol `ratatoskr.v1`
 * where a client offers it (reference: Ratatoskr section 4). In clear only on loopback, or when
 * the operator has said so.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { HttpListener, pathOf, refuseSocket, sendText } from '../http/http-listener.ts';
import { formatAddress } from '../http/socket-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { isLoopback } from '../raida/origin.ts';
import { Admission, type AdmissionLists } from './admission.ts';
import type { AcceptChannel, CertificateSource } from './channel.ts';
import { HandshakeLimit } from './handshake-limit.ts';
import {
  CLOSE_TIMEOUT_MS,
  CONNECTIONS_DEFAULT,
  FRAGMENTS_MAX,
  HANDSHAKES_MAX,
  LEAVING_PART,
  MESSAGE_BYTES_MAX,
  PIECES_MAX,
  PING_INTERVAL_MS,
} from './limits.ts';
import { WebSocketChannel } from './websocket-channel.ts';

export const RATATOSKR_PATH = '/ratatoskr';
export const RATATOSKR_SUBPROTOCOL = 'ratatoskr.v1';
const GOING_AWAY = 1001;

/** A listener that would speak in clear to the network. */
export class PlainTextError extends Error {
  readonly code = 'ANDVARI_RATATOSKR_PLAIN';
  override readonly name = 'PlainTextError';
}

export interface WebSocketListenerOptions extends AdmissionLists {
  listen: SocketAddress;
  accept: AcceptChannel;
  /** Without it there is no TLS. */
  certificate?: CertificateSource;
  /** No TLS on an address that others can reach. */
  allowPlain?: boolean;
  connectionsMax?: number;
  /** Milliseconds between two pings. */
  pingIntervalMs?: number;
  /** Time for the TLS handshake [5 s]; the HTTP request has 5 s more. */
  handshakeTimeoutMs?: number;
  /** A defect of ours, or of the system. */
  failed: (error: unknown) => void;
}

export class WebSocketListener {
  readonly #options: WebSocketListenerOptions;
  readonly #listener: HttpListener;
  readonly #server: WebSocketServer;
  readonly #channels = new Set<WebSocketChannel>();
  /** Those of them that were told to go, in that order. */
  readonly #leaving = new Set<WebSocketChannel>();
  readonly #handshakes = new HandshakeLimit<Socket>();
  /** The sockets of these, by their two ends: TLS has a socket of its own over each. */
  readonly #arrived = new Map<string, Socket>();
  /** Nobody, before it is open. */
  #admission: Admission | undefined;
  #pings: NodeJS.Timeout | undefined;
  #closing = false;
  #refused = 0;
  #handshakesCut = 0;
  #emptied: () => void = () => {};

  constructor(options: WebSocketListenerOptions) {
    this.#options = options;
    const { connectionsMax = CONNECTIONS_DEFAULT, certificate, failed } = options;
    const { handshakeTimeoutMs } = options;
    this.#listener = new HttpListener({
      admits: ({ headers }) => this.#admission?.admitsHost(headers.host) ?? false,
      route: (path) =>
        path === RATATOSKR_PATH
          ? {
              GET: (_request, response) => {
                response.setHeader('Upgrade', 'websocket');
                sendText(response, 426, 'this is a WebSocket');
              },
            }
          : undefined,
      arrived: (socket) => this.#arrive(socket),
      upgrade: (request, socket, head) => this.#upgrade(request, socket, head),
      failed,
      connectionsMax: connectionsMax + HANDSHAKES_MAX,
      requestsPerConnectionMax: 1,
      protocol: 'Ratatoskr (ratatoskr.listen): TCP',
      ...(certificate ? { certificate } : {}),
      ...(handshakeTimeoutMs ? { handshakeTimeoutMs } : {}),
    });
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: MESSAGE_BYTES_MAX,
      perMessageDeflate: false,
      clientTracking: false,
      handleProtocols: (offered) =>
        offered.has(RATATOSKR_SUBPROTOCOL) ? RATATOSKR_SUBPROTOCOL : false,
      // ws takes these; its type declarations do not know them yet.
      ...({ maxBufferedChunks: PIECES_MAX, maxFragments: FRAGMENTS_MAX } as object),
      ...({ closeTimeout: CLOSE_TIMEOUT_MS } as object),
    });
  }

  /** WebSockets open now. */
  get connections(): number {
    return this.#channels.size;
  }

  /** Upgrades refused since the start: path, Host, Origin, or too many connections. */
  get refused(): number {
    return this.#refused;
  }

  /** Sockets that gave way to others before they were WebSockets, since the start. */
  get handshakesCut(): number {
    return this.#handshakesCut;
  }

  /**
   * Bind and accept.
   * @throws PlainTextError, PortInUseError, AddressError
   */
  async open(): Promise<SocketAddress> {
    const { listen, certificate, allowPlain = false } = this.#options;
    if (!certificate && !allowPlain && !isLoopback(listen.host)) {
      throw new PlainTextError(
        `ratatoskr.listen ${formatAddress(listen)}: others can reach it. Wanted a certificate ` +
          '(ratatoskr.tls_cert_file, ratatoskr.tls_key_file), or ratatoskr.allow_plain = true',
      );
    }
    const address = await this.#listener.open(listen);
    this.#admission = new Admission(address, this.#options);
    const interval = this.#options.pingIntervalMs ?? PING_INTERVAL_MS;
    this.#pings = setInterval(() => {
      for (const channel of this.#channels) channel.ping();
    }, interval);
    this.#pings.unref();
    return address;
  }

  /** Accept nobody more; say goodbye to the others, and cut who does not answer in a second. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#pings);
    if (this.#channels.size > 0) {
      const gone = new Promise<void>((resolve) => {
        this.#emptied = resolve;
      });
      for (const channel of this.#channels) channel.close(GOING_AWAY, 'the server stops');
      const cut = setTimeout(() => {
        for (const channel of this.#channels) channel.terminate();
      }, CLOSE_TIMEOUT_MS);
      await gone;
      clearTimeout(cut);
    }
    await this.#listener.close();
  }

  #arrive(socket: Socket): void {
    const ends = endsOf(socket);
    this.#arrived.set(ends, socket);
    socket.on('close', () => {
      this.#handshakes.delete(socket);
      if (this.#arrived.get(ends) === socket) this.#arrived.delete(ends);
    });
    const { remoteAddress = '' } = socket;
    const leaving = this.#handshakes.add(socket, remoteAddress, performance.now());
    if (!leaving) return;
    this.#handshakesCut++;
    // By a reset, which leaves nothing of it in the kernel either.
    leaving.resetAndDestroy();
  }

  /** It is a WebSocket now. */
  #leaveHandshakes(socket: Socket): void {
    const ends = endsOf(socket);
    const arrived = this.#arrived.get(ends);
    if (arrived) this.#handshakes.delete(arrived);
    this.#arrived.delete(ends);
  }

  /** Or whoever comes, is sent away and does not go could fill all places with others like him. */
  #cutLeaving(): void {
    const { connectionsMax = CONNECTIONS_DEFAULT } = this.#options;
    for (const channel of this.#leaving) {
      if (this.#leaving.size <= connectionsMax * LEAVING_PART) return;
      this.#leaving.delete(channel);
      channel.terminate();
    }
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.#cutLeaving();
    const refusal = this.#refusal(request);
    if (refusal !== undefined) {
      this.#refused++;
      refuseSocket(socket, refusal);
      return;
    }
    socket.setNoDelay(true);
    this.#server.handleUpgrade(request, socket, head, (ws) => this.#adopt(ws, socket));
  }

  /** The HTTP status of an upgrade that is refused. */
  #refusal(request: IncomingMessage): number | undefined {
    const { connectionsMax = CONNECTIONS_DEFAULT } = this.#options;
    const { host, origin } = request.headers;
    if (pathOf(request) !== RATATOSKR_PATH) return 404;
    const admission = this.#admission;
    if (!admission?.admitsHost(host) || !admission.admitsOrigin(origin)) return 403;
    return this.#closing || this.#channels.size >= connectionsMax ? 503 : undefined;
  }

  #adopt(ws: WebSocket, socket: Socket): void {
    // ws closes with the right code by itself (1009 for a message above the maximum, 1002 ...).
    ws.on('error', () => {});
    const channel = new WebSocketChannel(ws, socket, socket.remoteAddress ?? '');
    const handler = this.#options.accept(channel);
    if (!handler) {
      // Another transport of the same server has taken the last place meanwhile.
      this.#refused++;
      ws.close(1013, 'too many connections');
      return;
    }
    this.#channels.add(channel);
    channel.onLeaving = () => this.#leaving.add(channel);
    this.#leaveHandshakes(socket);
    ws.on('message', (data, binary) => {
      if (ws.readyState !== ws.OPEN) channel.late();
      else if (binary) handler.message(data as Buffer);
      else handler.text();
    });
    const bare = () => (ws.readyState === ws.OPEN ? handler.bare() : channel.late());
    ws.on('ping', bare).on('pong', bare);
    ws.on('close', () => {
      this.#channels.delete(channel);
      this.#leaving.delete(channel);
      handler.closed();
      if (this.#channels.size === 0) this.#emptied();
    });
  }
}

function endsOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`;
}
