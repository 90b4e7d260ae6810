/**
 * A relay (reference: transfer, section 8): clients that cannot reach each other send each other
 * sealed packets through it, by their keys. It knows who sends how much to whom, and nothing of
 * what. Like any network it loses what it has no room for, and tells nobody.
 */
import {
  emitRelayFrame,
  emitRelayPacket,
  RELAY_HOPS_MAX,
  RELAY_PACKET_OVERHEAD,
  RelayCommand,
  type RelayFrame,
  relayPacketOf,
} from '@andvari/host-common/transfer/relay/frames';
import { RelayClose } from '@andvari/host-common/transfer/relay/relay-channel';
import { OpenConnections } from '../../http/websockets.ts';
import type { SocketAddress } from '../../io/packet-io.ts';
import { isLoopback } from '../../raida/origin.ts';
import type { ChannelHandler } from '../../ratatoskr/channel.ts';
import { networkOf, StrangerLimit } from '../../ratatoskr/stranger-limit.ts';
import type { WebSocketChannel } from '../../ratatoskr/websocket-channel.ts';
import {
  BYTES_PER_SECOND_DEFAULT,
  CLIENTS_DEFAULT,
  CLIENTS_PER_NETWORK_MAX,
  IDLE_TIMEOUT_MS,
  STRANGER_TIMEOUT_MS,
  SWEEP_MS,
} from './limits.ts';
import { type FrameFate, RelayConnection } from './relay-connection.ts';
import { RelayListener, type RelayListenerOptions } from './relay-listener.ts';

export interface RelayServerOptions extends RelayListenerOptions {
  /** Bytes a second that each client may send [1,000,000]. */
  bytesPerSecond?: number | undefined;
  /** Clients of one address [64]. */
  clientsPerNetworkMax?: number | undefined;
  /** Time to subscribe [10 s], and silence after which a client is gone [90 s]. */
  strangerTimeoutMs?: number | undefined;
  idleTimeoutMs?: number | undefined;
  /** The clock, in milliseconds; only differences matter. */
  nowMs?: (() => number) | undefined;
}

/** Frames and bytes of one fate. */
export interface RelayCount {
  frames: number;
  bytes: number;
}

export class RelayServer {
  readonly #options: RelayServerOptions;
  readonly #listener: RelayListener;
  readonly #connections = new OpenConnections<RelayConnection>();
  readonly #subscribers = new Map<string, RelayConnection>();
  readonly #strangers: StrangerLimit<RelayConnection>;
  readonly #counts = new Map<FrameFate, RelayCount>();
  readonly #networks = new Map<string, number>();
  #sweep: NodeJS.Timeout | undefined;
  #refused = 0;
  #rests = 0;

  /** @throws RangeError: a host that is none */
  constructor(options: RelayServerOptions) {
    this.#options = options;
    const { clientsMax = CLIENTS_DEFAULT } = options;
    this.#strangers = new StrangerLimit(clientsMax);
    this.#listener = new RelayListener(options, {
      hasRoomFor: (address) => this.#hasRoomFor(address),
      enter: (channel, host) => this.#enter(channel, host),
    });
  }

  /** Connections, those that have not subscribed yet too. */
  get clients(): number {
    return this.#connections.size;
  }

  /** Keys that can be sent to. */
  get subscriptions(): number {
    return this.#subscribers.size;
  }

  /** Upgrades refused, subscriptions not granted, and connections that sent no frames. */
  get refused(): number {
    return this.#refused + this.#listener.refused;
  }

  /** How often a client was not read for a while, as it had sent what it may. */
  get rests(): number {
    return this.#rests;
  }

  /** What has become of frames, since the start. */
  get counts(): ReadonlyMap<FrameFate, Readonly<RelayCount>> {
    return this.#counts;
  }

  /**
   * Bind and accept.
   * @throws RelayPlainError, PortInUseError, AddressError
   */
  async open(): Promise<SocketAddress> {
    const address = await this.#listener.open();
    this.#sweep = setInterval(() => this.#sweepOld(), SWEEP_MS);
    this.#sweep.unref();
    return address;
  }

  /** Accept nobody more; say goodbye to the others, and cut who does not answer in a second. */
  async close(): Promise<void> {
    this.#listener.stop();
    clearInterval(this.#sweep);
    await this.#connections.closeAll(RelayClose.GOING_AWAY, 'the relay stops');
    await this.#listener.close();
  }

  #nowMs(): number {
    return this.#options.nowMs?.() ?? performance.now();
  }

  #hasRoomFor(address: string): boolean {
    const { clientsMax = CLIENTS_DEFAULT, clientsPerNetworkMax = CLIENTS_PER_NETWORK_MAX } =
      this.#options;
    if (this.#connections.size >= clientsMax) return false;
    const ofNetwork = this.#networks.get(networkOf(address)) ?? 0;
    return ofNetwork < clientsPerNetworkMax || isLoopback(address);
  }

  #enter(channel: WebSocketChannel, host: string): ChannelHandler {
    const { bytesPerSecond = BYTES_PER_SECOND_DEFAULT } = this.#options;
    const connection = new RelayConnection(channel, host, {
      bytesPerSecond,
      nowMs: () => this.#nowMs(),
      subscribed: (one) => this.#subscribe(one),
      forward: (from, frame) => this.#forward(from, frame),
      rested: () => void this.#rests++,
      refused: () => void this.#refused++,
      closed: (one) => this.#leave(one),
    });
    this.#connections.add(connection);
    const network = networkOf(channel.remoteAddress);
    this.#networks.set(network, (this.#networks.get(network) ?? 0) + 1);
    const oldest = this.#strangers.add(connection, channel.remoteAddress);
    oldest?.terminate();
    connection.begin();
    return connection;
  }

  #subscribe(connection: RelayConnection): void {
    this.#strangers.delete(connection);
    const name = nameOfKey(connection.key ?? new Uint8Array());
    const older = this.#subscribers.get(name);
    this.#subscribers.set(name, connection);
    if (!older) return;
    // Its peers' peer is still there.
    connection.reached = older.reached;
    older.close(RelayClose.REPLACED, 'a newer connection has this key');
  }

  #forward(from: RelayConnection, frame: RelayFrame): void {
    const { key, hops, packet } = relayPacketOf(frame);
    const bytes = packet.length + RELAY_PACKET_OVERHEAD;
    if (hops >= RELAY_HOPS_MAX || !from.key) {
      this.#count('hops', bytes);
      return;
    }
    const name = nameOfKey(key);
    const to = this.#subscribers.get(name);
    if (!to) {
      this.#count('absent', bytes);
      from.send(emitRelayFrame(RelayCommand.NOT_HERE, key));
      return;
    }
    if (!to.hasRoom) {
      this.#count('slow', bytes);
      return;
    }
    const passed = { key: from.key, hops: hops + 1, packet };
    // A copy: the piece that was read of the sender's socket holds others' frames too.
    const isSent = to.send(emitRelayPacket(RelayCommand.RECV, passed));
    this.#count(isSent ? 'forwarded' : 'slow', bytes);
    if (isSent) from.reach(name);
  }

  #leave(connection: RelayConnection): void {
    this.#connections.delete(connection);
    this.#strangers.delete(connection);
    const network = networkOf(connection.channel.remoteAddress);
    const others = (this.#networks.get(network) ?? 1) - 1;
    if (others > 0) this.#networks.set(network, others);
    else this.#networks.delete(network);
    if (connection.key) this.#unsubscribe(connection, connection.key);
  }

  #unsubscribe(connection: RelayConnection, key: Uint8Array): void {
    const name = nameOfKey(key);
    if (this.#subscribers.get(name) !== connection) return;
    this.#subscribers.delete(name);
    const gone = emitRelayFrame(RelayCommand.PEER_GONE, key);
    for (const peer of connection.reached) this.#subscribers.get(peer)?.send(gone);
  }

  #sweepOld(): void {
    const { strangerTimeoutMs = STRANGER_TIMEOUT_MS, idleTimeoutMs = IDLE_TIMEOUT_MS } =
      this.#options;
    const nowMs = this.#nowMs();
    for (const connection of this.#connections) {
      const { key, sinceMs, heardMs } = connection;
      if (!key && nowMs - sinceMs >= strangerTimeoutMs) {
        connection.close(RelayClose.LATE, 'no subscription came in time');
      } else if (nowMs - heardMs >= idleTimeoutMs) {
        connection.close(RelayClose.SILENT, 'nothing came for too long');
      }
    }
  }

  #count(fate: FrameFate, bytes: number): void {
    const count = this.#counts.get(fate) ?? { frames: 0, bytes: 0 };
    count.frames++;
    count.bytes += bytes;
    this.#counts.set(fate, count);
  }
}

/** A key for a Map. */
function nameOfKey({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('latin1');
}
