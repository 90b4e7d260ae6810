/** Datagrams by node:dgram: works wherever Node works. */
import type { RemoteInfo, Socket } from 'node:dgram';
import { isLoopback, type RequestOrigin, type RequestSink } from '../raida/origin.ts';
import type { PacketIo, SocketAddress } from './packet-io.ts';
import { bindUdpSocket } from './udp-socket.ts';

/**
 * Replies that the kernel has not taken yet wait here; when it is full, replies are dropped as a
 * network would.
 */
const ARENA_BYTES = 1 << 20;

export interface PortableUdpOptions {
  /** Several sockets, one a thread, share the port; the kernel deals datagrams out by sender. */
  reusePort?: boolean;
}

export class PortableUdp implements PacketIo {
  readonly backend = 'portable';
  readonly #reusePort: boolean;
  #socket: Socket | undefined;
  #received = 0;
  #dropped = 0;
  readonly #arena = Buffer.alloc(ARENA_BYTES);
  #arenaUsed = 0;

  constructor({ reusePort = false }: PortableUdpOptions = {}) {
    this.#reusePort = reusePort;
  }

  get received(): number {
    return this.#received;
  }
  get dropped(): number {
    return this.#dropped;
  }

  async open(address: SocketAddress, sink: RequestSink): Promise<SocketAddress> {
    const socket = await bindUdpSocket(address, this.#reusePort);
    // A reply that cannot be delivered (ICMP unreachable, no route) concerns its receiver alone.
    socket.on('error', () => this.#dropped++);
    socket.on('message', (message, from) => {
      if (sink.submit(message, new Datagram(this, from))) this.#received++;
      else this.#dropped++;
    });
    this.#socket = socket;
    const bound = socket.address();
    return { host: bound.address, port: bound.port };
  }

  /**
   * Sends a reply. The bytes move to the arena, because the kernel may take them later than now.
   */
  send(bytes: Uint8Array, to: RemoteInfo): void {
    const socket = this.#socket;
    if (!socket) return;
    if (this.#arenaUsed + bytes.length > ARENA_BYTES && !this.#arenaFree(socket)) {
      this.#dropped++;
      return;
    }
    const start = this.#arenaUsed;
    this.#arena.set(bytes, start);
    this.#arenaUsed += bytes.length;
    socket.send(this.#arena, start, bytes.length, to.port, to.address);
  }

  /** The arena starts again when the kernel has taken all that was sent. */
  #arenaFree(socket: Socket): boolean {
    if (socket.getSendQueueCount() > 0) return false;
    this.#arenaUsed = 0;
    return true;
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket) await new Promise<void>((resolve) => socket.close(resolve));
  }
}

class Datagram implements RequestOrigin {
  readonly datagram = true;
  readonly #io: PortableUdp;
  readonly #from: RemoteInfo;

  constructor(io: PortableUdp, from: RemoteInfo) {
    this.#io = io;
    this.#from = from;
  }

  get address(): string {
    return this.#from.address;
  }
  get local(): boolean {
    return isLoopback(this.#from.address);
  }
  reply(bytes: Uint8Array): void {
    this.#io.send(bytes, this.#from);
  }
  dropped(): void {}
}
