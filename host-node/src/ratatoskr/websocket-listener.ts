/**
 * Ratatoskr over WebSocket: `wss://host/ratatoskr`, TLS 1.3 alone, subprotocol `ratatoskr.v1`
 * where a client offers it (reference: Ratatoskr section 4). In clear only on loopback, or when
 * the operator has said so.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { formatAddress } from '../http/socket-address.ts';
import { OpenConnections } from '../http/websockets.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { isLoopback } from '../raida/origin.ts';
import { Admission, type AdmissionLists } from './admission.ts';
import type { AcceptChannel, CertificateSource } from './channel.ts';
import {
  CONNECTIONS_DEFAULT,
  LEAVING_PART,
  MESSAGE_BYTES_MAX,
  PIECES_MAX,
  PING_INTERVAL_MS,
} from './limits.ts';
import { WebSocketChannel } from './websocket-channel.ts';
import { handOver, WebSocketEntrance } from './websocket-entrance.ts';

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
  readonly #entrance: WebSocketEntrance;
  readonly #channels = new OpenConnections<WebSocketChannel>();
  /** Those of them that were told to go, in that order. */
  readonly #leaving = new Set<WebSocketChannel>();
  /** Nobody, before it is open. */
  #admission: Admission | undefined;
  #pings: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(options: WebSocketListenerOptions) {
    this.#options = options;
    const { certificate, failed, handshakeTimeoutMs } = options;
    const { connectionsMax = CONNECTIONS_DEFAULT } = options;
    this.#entrance = new WebSocketEntrance({
      ...{ certificate, connectionsMax, failed, handshakeTimeoutMs },
      path: RATATOSKR_PATH,
      subprotocol: RATATOSKR_SUBPROTOCOL,
      protocol: 'Ratatoskr (ratatoskr.listen): TCP',
      messageBytesMax: MESSAGE_BYTES_MAX,
      piecesMax: PIECES_MAX,
      admits: ({ headers }) => this.#admission?.admitsHost(headers.host) ?? false,
      refusal: (request) => this.#refusal(request),
      entered: (ws, socket) => this.#adopt(ws, socket),
    });
  }

  /** WebSockets open now. */
  get connections(): number {
    return this.#channels.size;
  }

  /** Upgrades refused since the start: path, Host, Origin, or too many connections. */
  get refused(): number {
    return this.#entrance.refused;
  }

  /** Sockets that gave way to others before they were WebSockets, since the start. */
  get handshakesCut(): number {
    return this.#entrance.handshakesCut;
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
    const address = await this.#entrance.open(listen);
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
    await this.#channels.closeAll(GOING_AWAY, 'the server stops');
    await this.#entrance.close();
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

  /** The HTTP status of an upgrade that is refused. */
  #refusal({ headers: { host, origin } }: IncomingMessage): number | undefined {
    this.#cutLeaving();
    const { connectionsMax = CONNECTIONS_DEFAULT } = this.#options;
    const admission = this.#admission;
    if (!admission?.admitsHost(host) || !admission.admitsOrigin(origin)) return 403;
    return this.#closing || this.#channels.size >= connectionsMax ? 503 : undefined;
  }

  #adopt(ws: WebSocket, socket: Socket): boolean {
    const channel = new WebSocketChannel(ws, socket, socket.remoteAddress ?? '');
    const handler = this.#options.accept(channel);
    if (!handler) {
      // Another transport of the same server has taken the last place meanwhile.
      ws.close(1013, 'too many connections');
      return false;
    }
    this.#channels.add(channel);
    channel.onLeaving = () => this.#leaving.add(channel);
    ws.on('close', () => {
      this.#leaving.delete(channel);
      this.#channels.delete(channel);
    });
    handOver(ws, channel, handler);
    return true;
  }
}
