import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

export interface UdpSocketEvents {
  message(bytes: Uint8Array): void;
  /** No name, no route, nobody listens: what was sent has no reply to come. */
  error(error: Error): void;
}

/**
 * A UDP socket that is connected to one server: the kernel drops what others send to it and tells
 * when nobody listens there. It is opened by the first send.
 */
export class UdpSocket {
  readonly #host: string;
  readonly #port: number;
  readonly #events: UdpSocketEvents;
  #opening: Promise<Socket> | undefined;

  constructor(host: string, port: number, events: UdpSocketEvents) {
    this.#host = host;
    this.#port = port;
    this.#events = events;
  }

  /** Send one datagram; `failed` is called when it did not leave. */
  send(bytes: Uint8Array, failed: (error: Error) => void): void {
    this.#opening ??= this.#open();
    this.#opening.then(
      (socket) => socket.send(bytes, (error) => error && failed(error)),
      (error: Error) => {
        // The next request tries again: a name may resolve by then.
        this.#opening = undefined;
        failed(error);
      },
    );
  }

  async close(): Promise<void> {
    const socket = await this.#opening?.catch(() => undefined);
    if (!socket) return;
    await new Promise<void>((resolve) => {
      try {
        socket.close(() => resolve());
      } catch {
        // An error had closed it.
        resolve();
      }
    });
  }

  async #open(): Promise<Socket> {
    const family = isIP(this.#host);
    const target = family === 0 ? await lookup(this.#host) : { address: this.#host, family };
    const socket = createSocket(target.family === 6 ? 'udp6' : 'udp4');
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error) => {
        socket.close();
        reject(error);
      };
      socket.once('error', fail);
      socket.connect(this.#port, target.address, () => {
        socket.off('error', fail);
        resolve();
      });
    });
    socket.on('error', (error) => this.#events.error(error));
    socket.on('message', (message) => this.#events.message(new Uint8Array(message)));
    return socket;
  }
}
