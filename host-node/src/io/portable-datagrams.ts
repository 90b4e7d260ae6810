/** Datagrams of a node by node:dgram: works wherever Node works. */
import { isIPv6 } from 'node:net';
import type { Datagram } from '@andvari/host-common/transfer/datagram-transport';
import { KnownAddresses } from '../transfer/socket-address.ts';
import { type DatagramIo, headerBytes } from './datagram-io.ts';
import type { SocketAddress } from './packet-io.ts';
import { UdpSocket } from './udp-socket.ts';

/**
 * IP packets of that size pass everywhere. Node cannot forbid fragments, so that a larger one that
 * arrives would prove nothing about the path: nothing larger is tried.
 */
const IP_PACKET_BYTES = 1280;
const ARENA_BYTES = 4 << 20;
/** Datagrams handed on at once. */
const BATCH_MAX = 64;

export class PortableDatagrams implements DatagramIo {
  readonly backend = 'portable';
  readonly maxDatagramBytes: number;
  readonly tooLarge = 0;
  received = 0;
  private readonly address: SocketAddress;
  private readonly known: KnownAddresses;
  private socket: UdpSocket | undefined;
  private arrived: Datagram[] = [];
  private empty = 0;

  /** Binds to this address when it is opened; port 0: any. */
  constructor(address: SocketAddress) {
    this.address = address;
    const ipv6 = isIPv6(address.host);
    this.maxDatagramBytes = IP_PACKET_BYTES - headerBytes(ipv6);
    this.known = new KnownAddresses(ipv6);
  }

  get bound(): SocketAddress {
    return this.socket?.bound ?? { host: '', port: 0 };
  }

  get sent(): number {
    return this.socket?.sent ?? 0;
  }

  get dropped(): number {
    return this.empty + (this.socket?.dropped ?? 0);
  }

  async open(sink: (datagrams: readonly Datagram[]) => void): Promise<void> {
    const socket = await UdpSocket.bind(this.address, { arenaBytes: ARENA_BYTES });
    socket.onMessage((bytes, from) => {
      if (bytes.length === 0) {
        this.empty++;
        return;
      }
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
    this.arrived = [];
    await this.socket?.close();
  }

  private flush(sink: (datagrams: readonly Datagram[]) => void): void {
    const { arrived } = this;
    this.arrived = [];
    this.received += arrived.length;
    if (arrived.length) sink(arrived);
  }
}
