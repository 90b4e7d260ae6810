/** A client of a UDP server, as tests need it: every datagram that came, in order. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { SocketAddress } from '../packet-io.ts';

/** Enough for the replies of a whole burst, where the kernel allows it. */
const BUFFER_BYTES = 4 << 20;

export class UdpPeer {
  /** What came and was not taken by receive(). */
  readonly received: Buffer[] = [];
  readonly #socket: Socket;
  #arrived: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (message) => {
      this.received.push(message);
      this.#arrived?.();
    });
    // A server that is gone answers with ICMP; what matters is that no reply comes.
    socket.on('error', () => {});
  }

  /**
   * A socket of its own that hears nobody but `server`. `inside` runs what binds it, in a network
   * namespace.
   */
  static async open(
    server: SocketAddress,
    inside: (work: () => void) => void = (work) => work(),
  ): Promise<UdpPeer> {
    const family = isIPv6(server.host) ? 6 : 4;
    const socket = createSocket({
      type: `udp${family}`,
      recvBufferSize: BUFFER_BYTES,
      sendBufferSize: BUFFER_BYTES,
      // Addresses only: what needs no look-up is bound at once.
      lookup: (host, _options, done) => done(null, host, family),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      inside(() => socket.bind(0, () => socket.connect(server.port, server.host, resolve)));
    });
    socket.removeAllListeners('error');
    return new UdpPeer(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  send(message: Uint8Array): void {
    this.#socket.send(message);
  }

  /** The next datagram; undefined: none within the time. */
  async receive(withinMs: number): Promise<Buffer | undefined> {
    if (this.received.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        this.#arrived = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#arrived = undefined;
    }
    return this.received.shift();
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(resolve));
  }
}
