/** A client of a TCP server, as tests need it: every byte that came, and how the end came. */
import { connect, type Socket } from 'node:net';
import type { SocketAddress } from '../packet-io.ts';

/** `ended`: the server closed its side; `reset`: the connection broke; `open`: neither so far. */
export type Ending = 'ended' | 'reset' | 'open';

export class TcpClient {
  readonly socket: Socket;
  readonly #parts: Buffer[] = [];
  readonly #done: Promise<void>;
  #ending: Ending = 'open';

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (part) => this.#parts.push(part));
    this.#done = new Promise((resolve) => {
      const end = (ending: Ending) => {
        if (this.#ending === 'open') this.#ending = ending;
        resolve();
      };
      socket.once('end', () => end('ended'));
      socket.once('error', () => end('reset'));
      socket.once('close', () => end('reset'));
    });
  }

  /**
   * A connected client, from that address of this machine. It closes its own side only by end(),
   * reset() or destroy().
   */
  static async connect({ host, port }: SocketAddress, localAddress?: string): Promise<TcpClient> {
    const socket = connect({ host, port, localAddress, noDelay: true, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    socket.removeAllListeners('error');
    return new TcpClient(socket);
  }

  /** All bytes that came so far. */
  get received(): Buffer {
    return Buffer.concat(this.#parts);
  }

  /** Each piece in a segment of its own, as far as the network does not join them. */
  async send(...pieces: Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      if (!this.socket.writable) return;
      this.socket.write(piece);
      if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Says that nothing more will be sent. */
  end(): void {
    this.socket.end();
  }

  /** Breaks the connection off. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** How the connection ended, or `open` when it has not within the time. */
  async ending(withinMs: number): Promise<Ending> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([this.#done, late]);
    clearTimeout(timer);
    return this.#ending;
  }

  destroy(): void {
    this.socket.destroy();
  }
}
