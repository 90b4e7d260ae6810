/**
 * Where a relay's clients arrive: `wss://host/relay`, TLS 1.3 alone. In clear only on loopback, or
 * when the operator has said so.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { RELAY_PATH } from '@andvari/host-common/transfer/relay/relay-channel';
import type { WebSocket } from 'ws';
import { AllowList, NO_ORIGIN } from '../../http/allow-list.ts';
import type { ListenerCertificate } from '../../http/http-listener.ts';
import { formatAddress } from '../../http/socket-address.ts';
import type { SocketAddress } from '../../io/packet-io.ts';
import { isLoopback } from '../../raida/origin.ts';
import type { ChannelHandler } from '../../ratatoskr/channel.ts';
import { WebSocketChannel } from '../../ratatoskr/websocket-channel.ts';
import { handOver, WebSocketEntrance } from '../../ratatoskr/websocket-entrance.ts';
import {
  CLIENTS_DEFAULT,
  GATHERED_BYTES_MAX,
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
  readonly #entrance: WebSocketEntrance;
  #closing = false;

  /** @throws RangeError: one of the hosts is none */
  constructor(options: RelayListenerOptions, door: RelayDoor) {
    this.#options = options;
    this.#door = door;
    const { hosts = [], origins = [NO_ORIGIN], clientsMax = CLIENTS_DEFAULT } = options;
    this.#hosts = new RelayHosts(hosts);
    this.#origins = new AllowList({ hosts: [], origins });
    const { certificate, failed } = options;
    this.#entrance = new WebSocketEntrance({
      ...{ certificate, connectionsMax: clientsMax, failed },
      path: RELAY_PATH,
      protocol: 'the relay: TCP',
      messageBytesMax: RELAY_FRAME_BYTES_MAX,
      piecesMax: PIECES_MAX,
      admits: ({ headers, socket }) => this.#hosts.dialed(headers.host, socket) !== undefined,
      refusal: (request, socket) => this.#refusal(request, socket),
      entered: (ws, socket, request) => this.#adopt(ws, socket, request),
    });
  }

  /** Upgrades refused since the start: path, Host, Origin, or no room. */
  get refused(): number {
    return this.#entrance.refused;
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
    return this.#entrance.open(listen);
  }

  /** Nobody comes in any more. */
  stop(): void {
    this.#closing = true;
  }

  async close(): Promise<void> {
    this.stop();
    await this.#entrance.close();
  }

  /** The HTTP status of an upgrade that is refused. */
  #refusal({ headers: { host, origin } }: IncomingMessage, socket: Socket): number | undefined {
    const isAdmitted = this.#hosts.dialed(host, socket) && this.#origins.acceptsOrigin(origin);
    if (!isAdmitted) return 403;
    const hasRoom = !this.#closing && this.#door.hasRoomFor(socket.remoteAddress ?? '');
    return hasRoom ? undefined : 503;
  }

  #adopt(ws: WebSocket, socket: Socket, { headers }: IncomingMessage): boolean {
    const host = this.#hosts.dialed(headers.host, socket);
    if (host === undefined) return false;
    const { remoteAddress = '' } = socket;
    const channel = new WebSocketChannel(ws, socket, remoteAddress, GATHERED_BYTES_MAX);
    handOver(ws, channel, this.#door.enter(channel, host));
    return true;
  }
}
