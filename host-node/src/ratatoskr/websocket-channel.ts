import type { WebSocket } from 'ws';
import type { MessageChannel } from './channel.ts';

/** A WebSocket as a MessageChannel. The listener hands over what comes in. */
export class WebSocketChannel implements MessageChannel {
  readonly transport = 'websocket';
  readonly remoteAddress: string;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, remoteAddress: string) {
    this.#socket = socket;
    this.remoteAddress = remoteAddress;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(message: Uint8Array): void {
    if (!this.#isOpen) return;
    // A failure is told by the close that follows it.
    this.#socket.send(message, { binary: true }, () => {});
  }

  pause(): void {
    if (this.#isOpen) this.#socket.pause();
  }

  resume(): void {
    if (this.#socket.isPaused) this.#socket.resume();
  }

  ping(): void {
    if (this.#isOpen) this.#socket.ping();
  }

  close(code: number, reason: string): void {
    // A paused socket would never see the peer's half of the closing handshake.
    this.resume();
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }
}
