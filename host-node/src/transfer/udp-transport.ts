/** Datagrams of an endpoint by node:dgram: works wherever Node works. */
import { isIPv6 } from 'node:net';
import type { Datagram, DatagramTransport } from '@andvari/host-common/transfer/datagram-transport';
import type { SocketAddress } from '../io/packet-io.ts';
import { UdpSocket } from '../io/udp-socket.ts';
import { KnownAddresses } from './socket-address.ts';

/** UDP payload of an Ethernet packet: without a native backend nothing forbids fragments. */
const IPV4_DATAGRAM = 1472;
const IPV6_DATAGRAM = 1452;
const ARENA_BYTES = 4 << 20;
/** Datagrams handed on at once. */
const BATCH_MAX = 64;

export class UdpTransport implements DatagramTransport {
  readonly maxDatagramBytes: number;
  private readonly address: SocketAddress;
  private readonly known: KnownAddresses;
  private socket: UdpSocket | undefined;
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
    return this.socket?.bound ?? { host: '', port: 0 };
  }

  /** Datagrams that the kernel did not take. */
  get dropped(): number {
    return this.socket?.dropped ?? 0;
  }

  async open(sink: (datagrams: readonly Datagram[]) => void): Promise<void> {
    const socket = await UdpSocket.bind(this.address, { arenaBytes: ARENA_BYTES });
    socket.onMessage((bytes, from) => {
      this.arrived.push({ bytes, farEnd: this.known.farEnd(from.address, from.port) });
      // Node hands over one by one what it read in one turn: they are taken together.
      if (this.arrived.length === 1) setImmediate(() => this.flush(sink));
      else if (this.arrived.length === BATCH_MAX) this.flush(sink);
    });
    this.socket = socket;
  }

  send(datagrams: readonly Datagram[]): void {
    for (const { bytes, farEnd } of datagrams) {
      const { host, port } = this.known.socketAddress(farEnd);
      this.socket?.send(bytes, port, host);
    }
  }

  async close(): Promise<void> {
    const { socket } = this;
    this.socket = undefined;
    this.arrived = [];
    await socket?.close();
  }

  private flush(sink: (datagrams: readonly Datagram[]) => void): void {
    const { arrived } = this;
    this.arrived = [];
    if (arrived.length && this.socket) sink(arrived);
  }
}
