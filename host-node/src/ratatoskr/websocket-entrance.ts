/**
 * Where WebSockets arrive: one path over HTTP, over TLS 1.3 where there is a certificate. Ratatoskr
 * and the relay of file transfers each have one. Sockets that are no WebSockets yet have places of
 * their own (handshake-limit.ts).
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket, WebSocketServer } from 'ws';
import {
  type Answer,
  HttpListener,
  type ListenerCertificate,
  pathOf,
  refuseSocket,
  sendText,
} from '../http/http-listener.ts';
import { webSocketServer } from '../http/websockets.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import type { ChannelHandler } from './channel.ts';
import { HandshakeLimit } from './handshake-limit.ts';
import { HANDSHAKES_MAX } from './limits.ts';
import type { WebSocketChannel } from './websocket-channel.ts';

export interface WebSocketEntranceOptions {
  path: string;
  /** As in `the relay: TCP`, for errors about the address. */
  protocol: string;
  /** Without it there is no TLS. */
  certificate?: ListenerCertificate | undefined;
  /** WebSockets at once; sockets that are none yet come on top. */
  connectionsMax: number;
  /** Time for the TLS handshake [5 s]; the HTTP request has 5 s more. */
  handshakeTimeoutMs?: number | undefined;
  messageBytesMax: number;
  /** Pieces in which the bytes of one frame may come. */
  piecesMax: number;
  /** It is taken where a client offers it; without it none is. */
  subprotocol?: string;
  /** Whether the Host of a request is one of ours; false: 403, on every path. */
  admits: (request: IncomingMessage) => boolean;
  /** The HTTP status by which an upgrade on the path is refused; undefined: it may come in. */
  refusal: (request: IncomingMessage, socket: Socket) => number | undefined;
  /**
   * It is a WebSocket now. False: it has no place after all and was told so.
   * @param socket what it writes to
   */
  entered: (ws: WebSocket, socket: Socket, request: IncomingMessage) => boolean;
  /** A defect of ours, or of the system. */
  failed: (error: unknown) => void;
}

export class WebSocketEntrance {
  readonly #options: WebSocketEntranceOptions;
  readonly #listener: HttpListener;
  readonly #server: WebSocketServer;
  readonly #handshakes = new HandshakeLimit<Socket>();
  /** The sockets of these, by their two ends: TLS has a socket of its own over each. */
  readonly #arrived = new Map<string, Socket>();
  #refused = 0;
  #handshakesCut = 0;

  constructor(options: WebSocketEntranceOptions) {
    this.#options = options;
    const { admits, failed, protocol, certificate, handshakeTimeoutMs, subprotocol } = options;
    this.#listener = new HttpListener({
      ...{ admits, failed, protocol },
      route: (path) => (path === options.path ? { GET: upgradeRequired } : undefined),
      arrived: (socket) => this.#arrive(socket),
      upgrade: (request, socket, head) => this.#upgrade(request, socket, head),
      connectionsMax: options.connectionsMax + HANDSHAKES_MAX,
      requestsPerConnectionMax: 1,
      ...(certificate ? { certificate } : {}),
      ...(handshakeTimeoutMs ? { handshakeTimeoutMs } : {}),
    });
    this.#server = webSocketServer(options, {
      handleProtocols: (offered) =>
        subprotocol !== undefined && offered.has(subprotocol) ? subprotocol : false,
    });
  }

  /** Upgrades refused since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Sockets that gave way to others before they were WebSockets, since the start. */
  get handshakesCut(): number {
    return this.#handshakesCut;
  }

  /** Bind and accept. @throws PortInUseError, AddressError */
  open(address: SocketAddress): Promise<SocketAddress> {
    return this.#listener.open(address);
  }

  /** Accepts nobody more, and cuts what is no WebSocket. */
  close(): Promise<void> {
    return this.#listener.close();
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

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { path, refusal } = this.#options;
    const status = pathOf(request) === path ? refusal(request, socket) : 404;
    if (status !== undefined) {
      this.#refused++;
      refuseSocket(socket, status);
      return;
    }
    socket.setNoDelay(true);
    this.#server.handleUpgrade(request, socket, head, (ws) => {
      // ws closes with the right code by itself (1009 for a message above the maximum, 1002 ...).
      ws.on('error', () => {});
      if (this.#options.entered(ws, socket, request)) this.#leaveHandshakes(socket);
      else this.#refused++;
    });
  }

  #leaveHandshakes(socket: Socket): void {
    const ends = endsOf(socket);
    const arrived = this.#arrived.get(ends);
    if (arrived) this.#handshakes.delete(arrived);
    this.#arrived.delete(ends);
  }
}

/** The handler gets what comes by the WebSocket of a channel, until it is closed. */
export function handOver(ws: WebSocket, channel: WebSocketChannel, handler: ChannelHandler): void {
  ws.on('message', (data, isBinary) => {
    if (ws.readyState !== ws.OPEN) channel.late();
    else if (isBinary) handler.message(plainBytes(data as Buffer));
    else handler.text();
  });
  const bare = () => (ws.readyState === ws.OPEN ? handler.bare() : channel.late());
  ws.on('ping', bare).on('pong', bare);
  ws.on('close', () => handler.closed());
}

/** The same memory; a slice() of a Buffer would be a view. */
function plainBytes({ buffer, byteOffset, length }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

const upgradeRequired: Answer = (_request, response) => {
  response.setHeader('Upgrade', 'websocket');
  sendText(response, 426, 'this is a WebSocket');
};

function endsOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`;
}
