import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { bindError, type SocketAddress } from './packet-io.ts';

/**
 * Kernel buffers, in bytes: a burst of 10,000 small requests between two turns of the event loop.
 */
const SOCKET_BUFFER_BYTES = 4 << 20;

export interface UdpSocketOptions {
  /** Bytes that may wait for the kernel; beyond, datagrams are lost, as on a network. */
  arenaBytes: number;
  /** Several sockets, one a thread, share the port. */
  reusePort?: boolean;
}

/** A UDP socket of node:dgram that is bound, and whose sender may use its bytes again at once. */
export class UdpSocket {
  /** Datagrams that found no room, or that the kernel did not take. */
  dropped = 0;
  /** Datagrams handed to the kernel. */
  sent = 0;
  readonly bound: SocketAddress;
  readonly #socket: Socket;
  /** The kernel may take bytes later than they were sent. */
  readonly #arena: Buffer;
  #arenaUsed = 0;
  #isOpen = true;

  private constructor(socket: Socket, arenaBytes: number) {
    this.#socket = socket;
    this.#arena = Buffer.alloc(arenaBytes);
    const { address: host, port } = socket.address();
    this.bound = { host, port };
    // What cannot be delivered (ICMP unreachable, no route) concerns its receiver alone.
    socket.on('error', () => this.dropped++);
  }

  /** @throws PortInUseError, AddressError */
  static async bind(address: SocketAddress, options: UdpSocketOptions): Promise<UdpSocket> {
    const { arenaBytes, reusePort = false } = options;
    const socket = createSocket({
      type: isIPv6(address.host) ? 'udp6' : 'udp4',
      reusePort,
      recvBufferSize: SOCKET_BUFFER_BYTES,
      sendBufferSize: SOCKET_BUFFER_BYTES,
      // Addresses are the kernel's or a peer's own: nothing to look up, so nothing to wait for.
      lookup: (host, _options, done) => done(null, host, isIPv6(host) ? 6 : 4),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        // A socket that could not be bound still holds its file descriptor.
        socket.close();
        reject(bindError('UDP', address, error));
      });
      socket.bind(address.port, address.host, resolve);
    });
    socket.removeAllListeners('error');
    return new UdpSocket(socket, arenaBytes);
  }

  /** What comes from port 0 is dropped: nobody can be answered there, and Node throws for it. */
  onMessage(take: (bytes: Buffer, from: RemoteInfo) => void): void {
    this.#socket.on('message', (bytes, from) => {
      if (from.port === 0) this.dropped++;
      else take(bytes, from);
    });
  }

  /** Never throws for where it goes: an address that the kernel refuses counts as dropped. */
  send(bytes: Uint8Array, port: number, host: string): void {
    if (!this.#isOpen) return;
    if (port === 0) {
      this.dropped++;
      return;
    }
    if (this.#arenaUsed + bytes.length > this.#arena.length && !this.#arenaFree()) {
      this.dropped++;
      return;
    }
    const start = this.#arenaUsed;
    this.#arena.set(bytes, start);
    this.#arenaUsed += bytes.length;
    this.sent++;
    this.#socket.send(this.#arena, start, bytes.length, port, host);
  }

  /** The arena starts again when the kernel has taken all that was sent. */
  #arenaFree(): boolean {
    if (this.#socket.getSendQueueCount() > 0) return false;
    this.#arenaUsed = 0;
    return true;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }
}
