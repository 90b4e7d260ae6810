/**
 * Where a relay's clients arrive: `wss://host/relay`, TLS 1.3 alone. In clear only on loopback, or
 * when the operator has said so.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { RELAY_PATH } from '@andvari/host-common/transfer/relay/relay-channel';
import { type WebSocket, WebSocketServer } from 'ws';
import { AllowList, NO_ORIGIN } from '../../http/allow-list.ts';
import {
  type Answer,
  HttpListener,
  type ListenerCertificate,
  pathOf,
  refuseSocket,
  sendText,
} from '../../http/http-listener.ts';
import { formatAddress } from '../../http/socket-address.ts';
import type { SocketAddress } from '../../io/packet-io.ts';
import { isLoopback } from '../../raida/origin.ts';
import type { ChannelHandler } from '../../ratatoskr/channel.ts';
import { HandshakeLimit } from '../../ratatoskr/handshake-limit.ts';
import { HANDSHAKES_MAX } from '../../ratatoskr/limits.ts';
import { WebSocketChannel } from '../../ratatoskr/websocket-channel.ts';
import {
  CLIENTS_DEFAULT,
  CLOSE_TIMEOUT_MS,
  FRAGMENTS_MAX,
  PIECES_MAX,
  RELAY_FRAME_BYTES_MAX,
} from './limits.ts';
import { RelayHosts } from './relay-hosts.ts';

/** A relay that would speak in clear to the network. */
export class RelayPlainError extends Error {
  override readonly name = 'RelayPlainError';
  readonly code = 'ANDVARI_RELAY_PLAIN';
}

export interface RelayListenerOptions {
  listen: SocketAddress;
  /** Without it there is no TLS. */
  certificate?: ListenerCertificate | undefined;
  /** No TLS on an address that others can reach, as a proxy in front has it. */
  allowPlain?: boolean | undefined;
  /** Names and addresses by which clients dial it, besides that at which they arrive. */
  hosts?: readonly string[] | undefined;
  /** Pages (`https://name:port`) that may connect, and `none` for programs [`none` alone]. */
  origins?: readonly string[] | undefined;
  /** Clients at once [1024]. */
  clientsMax?: number | undefined;
  /** A defect of ours, or of the system. */
  failed: (error: unknown) => void;
}

export interface RelayDoor {
  /** Whether one more may come in from this address. */
  hasRoomFor(address: string): boolean;
  /** One has come in. @param host as it has dialed */
  enter(channel: WebSocketChannel, host: string): ChannelHandler;
}

export class RelayListener {
  readonly #options: RelayListenerOptions;
  readonly #door: RelayDoor;
  readonly #hosts: RelayHosts;
  readonly #origins: AllowList;
  readonly #listener: HttpListener;
  readonly #server: WebSocketServer;
  readonly #handshakes = new HandshakeLimit<Socket>();
  /** The sockets of these, by their two ends: TLS has a socket of its own over each. */
  readonly #arrived = new Map<string, Socket>();
  #closing = false;
  #refused = 0;

  /** @throws RangeError: one of the hosts is none */
  constructor(options: RelayListenerOptions, door: RelayDoor) {
    this.#options = options;
    this.#door = door;
    const { hosts = [], origins = [NO_ORIGIN], clientsMax = CLIENTS_DEFAULT } = options;
    this.#hosts = new RelayHosts(hosts);
    this.#origins = new AllowList({ hosts: [], origins });
    const { certificate, failed } = options;
    this.#listener = new HttpListener({
      admits: ({ headers, socket }) => this.#hosts.dialed(headers.host, socket) !== undefined,
      route: (path) => (path === RELAY_PATH ? { GET: upgradeRequired } : undefined),
      arrived: (socket) => this.#arrive(socket),
      upgrade: (request, socket, head) => this.#upgrade(request, socket, head),
      failed,
      connectionsMax: clientsMax + HANDSHAKES_MAX,
      requestsPerConnectionMax: 1,
      protocol: 'the relay: TCP',
      ...(certificate ? { certificate } : {}),
    });
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: RELAY_FRAME_BYTES_MAX,
      perMessageDeflate: false,
      clientTracking: false,
      // ws takes these; its type declarations do not know them yet.
      ...({ maxBufferedChunks: PIECES_MAX, maxFragments: FRAGMENTS_MAX } as object),
      ...({ closeTimeout: CLOSE_TIMEOUT_MS } as object),
    });
  }

  /** Upgrades refused since the start: path, Host, Origin, or no room. */
  get refused(): number {
    return this.#refused;
  }

  /**
   * Bind and accept.
   * @throws RelayPlainError, PortInUseError, AddressError
   */
  async open(): Promise<SocketAddress> {
    const { listen, certificate, allowPlain = false } = this.#options;
    if (!certificate && !allowPlain && !isLoopback(listen.host)) {
      throw new RelayPlainError(
        `${formatAddress(listen)}: others can reach it, and would see who sends to whom; wanted ` +
          'a certificate, or to be told that in clear is fine',
      );
    }
    return this.#listener.open(listen);
  }

  /** Nobody comes in any more. */
  stop(): void {
    this.#closing = true;
  }

  async close(): Promise<void> {
    this.stop();
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
    // By a reset, which leaves nothing of it in the kernel either.
    this.#handshakes.add(socket, remoteAddress, performance.now())?.resetAndDestroy();
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const host = this.#hosts.dialed(request.headers.host, socket);
    const refusal = this.#refusal(request, host, socket);
    if (host === undefined || refusal !== 0) {
      this.#refused++;
      refuseSocket(socket, refusal);
      return;
    }
    socket.setNoDelay(true);
    this.#server.handleUpgrade(request, socket, head, (ws) => this.#adopt(ws, socket, host));
  }

  /** The HTTP status of an upgrade that is refused, or 0. */
  #refusal(request: IncomingMessage, host: string | undefined, socket: Socket): number {
    if (pathOf(request) !== RELAY_PATH) return 404;
    if (host === undefined || !this.#origins.acceptsOrigin(request.headers.origin)) return 403;
    return !this.#closing && this.#door.hasRoomFor(socket.remoteAddress ?? '') ? 0 : 503;
  }

  #adopt(ws: WebSocket, socket: Socket, host: string): void {
    // ws closes with the right code by itself (1009 for a message above the maximum, 1002 ...).
    ws.on('error', () => {});
    const ends = endsOf(socket);
    const arrived = this.#arrived.get(ends);
    if (arrived) this.#handshakes.delete(arrived);
    this.#arrived.delete(ends);
    const channel = new WebSocketChannel(ws, socket, socket.remoteAddress ?? '');
    const handler = this.#door.enter(channel, host);
    ws.on('message', (data, isBinary) => {
      if (ws.readyState !== ws.OPEN) channel.late();
      else if (isBinary) handler.message(plainBytes(data as Buffer));
      else handler.text();
    });
    const bare = () => (ws.readyState === ws.OPEN ? handler.bare() : channel.late());
    ws.on('ping', bare).on('pong', bare);
    ws.on('close', () => handler.closed());
  }
}

const upgradeRequired: Answer = (_request, response) => {
  response.setHeader('Upgrade', 'websocket');
  sendText(response, 426, 'this is a WebSocket');
};

/** A slice() of a Buffer would be a view. */
function plainBytes({ buffer, byteOffset, length }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

function endsOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`;
}
