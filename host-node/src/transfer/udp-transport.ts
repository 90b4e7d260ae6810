/** Datagrams of an endpoint by node:dgram: works wherever Node works. */
import type { Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Datagram, DatagramTransport } from '@andvari/host-common/transfer/datagram-transport';
import type { SocketAddress } from '../io/packet-io.ts';
import { bindUdpSocket } from '../io/udp-socket.ts';
import { KnownAddresses } from './socket-address.ts';

/** UDP payload of an Ethernet packet: without a native backend nothing forbids fragments. */
const IPV4_DATAGRAM = 1472;
const IPV6_DATAGRAM = 1452;
/** Datagrams that the kernel has not taken yet wait here; when it is full, they are lost. */
const ARENA_BYTES = 4 << 20;
/** Datagrams handed on at once. */
const BATCH_MAX = 64;

export class UdpTransport implements DatagramTransport {
  readonly maxDatagramBytes: number;
  /** Datagrams that the kernel did not take. */
  dropped = 0;
  private readonly address: SocketAddress;
  private readonly known: KnownAddresses;
  private readonly arena = Buffer.alloc(ARENA_BYTES);
  private arenaUsed = 0;
  private socket: Socket | undefined;
  private arrived: Datagram[] = [];

  /** Binds to this address when it is opened; port 0: any. */
  constructor(address: SocketAddress) {
    this.address = address;
    const ipv6 = isIPv6(address.host);
    this.maxDatagramBytes = ipv6 ? IPV6_DATAGRAM : IPV4_DATAGRAM;
    this.known = new KnownAddresses(ipv6);
  }

  /** Where it is bound, once it is open. */
  get bound(): SocketAddress {
    const { address: host = '', port = 0 } = this.socket?.address() ?? {};
    return { host, port };
  }

  async open(sink: (datagrams: readonly Datagram[]) => void): Promise<void> {
    const socket = await bindUdpSocket(this.address);
    // What cannot be delivered (ICMP unreachable, no route) concerns its receiver alone.
    socket.on('error', () => this.dropped++);
    socket.on('message', (bytes, from) => {
      this.arrived.push({ bytes, farEnd: this.known.farEnd(from.address, from.port) });
      // Node hands over one by one what it read in one turn: they are taken together.
      if (this.arrived.length === 1) setImmediate(() => this.flush(sink));
      else if (this.arrived.length === BATCH_MAX) this.flush(sink);
    });
    this.socket = socket;
  }

  send(datagrams: readonly Datagram[]): void {
    const { socket } = this;
    if (!socket) return;
    for (const { bytes, farEnd } of datagrams) {
      if (this.arenaUsed + bytes.length > ARENA_BYTES && !this.isArenaFree(socket)) {
        this.dropped++;
        continue;
      }
      const start = this.arenaUsed;
      // The kernel may take the bytes later than now.
      this.arena.set(bytes, start);
      this.arenaUsed += bytes.length;
      const { host, port } = this.known.socketAddress(farEnd);
      socket.send(this.arena, start, bytes.length, port, host);
    }
  }

  async close(): Promise<void> {
    const { socket } = this;
    this.socket = undefined;
    this.arrived = [];
    if (socket) await new Promise<void>((resolve) => socket.close(resolve));
  }

  private flush(sink: (datagrams: readonly Datagram[]) => void): void {
    const { arrived } = this;
    this.arrived = [];
    if (arrived.length && this.socket) sink(arrived);
  }

  private isArenaFree(socket: Socket): boolean {
    if (socket.getSendQueueCount() > 0) return false;
    this.arenaUsed = 0;
    return true;
  }
}
