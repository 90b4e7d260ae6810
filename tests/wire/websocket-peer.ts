/** A WebSocket client that connects again when the server has closed, and says why it did. */
import { WebSocket } from 'ws';

/** What came: a reply, or the code with which the server closed. */
export type Heard = { reply: Buffer } | { closed: number };

export class WebSocketPeer {
  readonly #url: string;
  #socket: WebSocket | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  /** One message and what it leads to; undefined: nothing within the time. */
  async ask(message: Uint8Array | string, withinMs: number): Promise<Heard | undefined> {
    const socket = this.#socket ?? (await this.#connect());
    return await new Promise((resolve) => {
      const timer = setTimeout(() => finish(undefined), withinMs);
      const heard = (data: Buffer) => finish({ reply: data });
      const closed = (code: number) => finish({ closed: code });
      const finish = (result: Heard | undefined) => {
        clearTimeout(timer);
        socket.off('message', heard);
        socket.off('close', closed);
        resolve(result);
      };
      socket.on('message', heard);
      socket.on('close', closed);
      socket.send(message);
    });
  }

  /** Breaks the connection off. */
  terminate(): void {
    this.#socket?.terminate();
    this.#socket = undefined;
  }

  #connect(): Promise<WebSocket> {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
    return new Promise((resolve, reject) => {
      socket.once('open', () => {
        socket.removeAllListeners('error');
        socket.on('error', () => {});
        resolve(socket);
      });
      socket.once('error', reject);
    });
  }
}
