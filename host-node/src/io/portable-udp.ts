/** Datagrams by node:dgram: works wherever Node works. */
import type { RemoteInfo } from 'node:dgram';
import { isLoopback, type RequestOrigin, type RequestSink } from '../raida/origin.ts';
import type { PacketIo, SocketAddress } from './packet-io.ts';
import { UdpSocket } from './udp-socket.ts';

const ARENA_BYTES = 1 << 20;

export interface PortableUdpOptions {
  /** Several sockets, one a thread, share the port; the kernel deals datagrams out by sender. */
  reusePort?: boolean;
}

export class PortableUdp implements PacketIo {
  readonly backend = 'portable';
  readonly #reusePort: boolean;
  #socket: UdpSocket | undefined;
  #received = 0;
  /** Requests that the sink did not take. */
  #refused = 0;

  constructor({ reusePort = false }: PortableUdpOptions = {}) {
    this.#reusePort = reusePort;
  }

  get received(): number {
    return this.#received;
  }
  get dropped(): number {
    return this.#refused + (this.#socket?.dropped ?? 0);
  }

  async open(address: SocketAddress, sink: RequestSink): Promise<SocketAddress> {
    const options = { arenaBytes: ARENA_BYTES, reusePort: this.#reusePort };
    const socket = await UdpSocket.bind(address, options);
    socket.onMessage((message, from) => {
      if (sink.submit(message, new Datagram(socket, from))) this.#received++;
      else this.#refused++;
    });
    this.#socket = socket;
    return socket.bound;
  }

  async close(): Promise<void> {
    await this.#socket?.close();
  }
}

class Datagram implements RequestOrigin {
  readonly datagram = true;
  readonly #socket: UdpSocket;
  readonly #from: RemoteInfo;

  constructor(socket: UdpSocket, from: RemoteInfo) {
    this.#socket = socket;
    this.#from = from;
  }

  get address(): string {
    return this.#from.address;
  }
  get local(): boolean {
    return isLoopback(this.#from.address);
  }
  reply(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.#from.port, this.#from.address);
  }
  dropped(): void {}
}
