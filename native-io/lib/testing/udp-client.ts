/** A UDP client for tests: sends, and waits for what comes back. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

const WAIT_MS = 60_000;

/** A bound socket. The address needs no look-up, so `inside` covers all of it. */
export function bindUdp(
  host: string,
  port: number,
  inside: <T>(work: () => T) => T = (work) => work(),
): Promise<Socket> {
  const family = isIPv6(host) ? 6 : 4;
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      recvBufferSize: 4 << 20,
      lookup: (name, _options, done) => done(null, name, family),
    });
    socket.once('error', reject);
    inside(() => socket.bind(port, host, () => resolve(socket)));
  });
}

export class UdpClient {
  readonly received: Buffer[] = [];
  readonly #socket: Socket;
  readonly #to: { host: string; port: number };

  private constructor(socket: Socket, to: { host: string; port: number }) {
    this.#socket = socket;
    this.#to = to;
    socket.on('message', (message) => this.received.push(message));
  }

  /**
   * `from`: the address that it sends from [that of the receiver]. `inside` runs what binds it, in
   * a network namespace.
   */
  static async open(
    to: { host: string; port: number },
    from = to.host,
    inside: <T>(work: () => T) => T = (work) => work(),
  ): Promise<UdpClient> {
    const socket = await bindUdp(from, 0, inside);
    return new UdpClient(socket, to);
  }

  /** Resolves when the kernel has the datagram; over loopback the receiver has it then. */
  send(message: Uint8Array | string): Promise<void> {
    const { host, port } = this.#to;
    return new Promise((resolve, reject) => {
      this.#socket.send(message, port, host, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Waits until `count` datagrams have come in all; rejects after a minute. */
  async wait(count: number): Promise<Buffer[]> {
    const deadline = Date.now() + WAIT_MS;
    while (this.received.length < count) {
      if (Date.now() > deadline) {
        throw new Error(`wanted ${count} datagrams, got ${this.received.length}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return this.received;
  }

  close(): void {
    this.#socket.close();
  }
}
