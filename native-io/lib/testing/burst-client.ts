/** A client for tests of packet sockets: bursts in a window, and no datagram is sent twice. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

export interface BurstTarget {
  host: string;
  port: number;
}

export class BurstClient {
  readonly #socket: Socket;
  readonly #target: BurstTarget;
  #closed = false;
  /** Called with each reply. */
  onReply: (reply: Buffer) => void = () => {};

  private constructor(socket: Socket, target: BurstTarget) {
    this.#socket = socket;
    this.#target = target;
    socket.on('message', (reply) => this.onReply(reply));
  }

  static async open(target: BurstTarget): Promise<BurstClient> {
    const socket = createSocket(isIPv6(target.host) ? 'udp6' : 'udp4');
    const client = new BurstClient(socket, target);
    await new Promise<void>((resolve) => socket.bind(0, resolve));
    socket.setRecvBufferSize(4_194_304);
    return client;
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.#target.port, this.#target.host);
  }

  /** Sends one and gives the next reply. */
  ask(bytes: Uint8Array): Promise<Buffer> {
    return new Promise((resolve) => {
      this.onReply = resolve;
      this.send(bytes);
    });
  }

  /**
   * Sends `count` numbered datagrams of `bytes` bytes, at most `window` unanswered at once, and
   * resolves with the numbers of the replies when all have come. Nothing is sent twice: what is
   * lost, or lies in the kernel because nobody was woken, is never answered.
   */
  burst(count: number, { window = 64, bytes = 64 } = {}): Promise<Set<number>> {
    return new Promise((resolve) => {
      const answered = new Set<number>();
      let next = 0;
      const sendOne = () => {
        const request = Buffer.alloc(bytes, next & 255);
        request.writeUInt32BE(next++);
        this.send(request);
      };
      this.onReply = (reply) => {
        answered.add(reply.readUInt32BE());
        if (next < count) sendOne();
        else if (answered.size === count) resolve(answered);
      };
      for (let i = 0; i < window && i < count; i++) sendOne();
    });
  }

  close(): void {
    if (!this.#closed) this.#socket.close();
    this.#closed = true;
  }
}
