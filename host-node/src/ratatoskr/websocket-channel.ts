import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { MessageChannel } from './channel.ts';
import { UNDER_WAY_MAX } from './limits.ts';

/**
 * Longer messages do not wait for others: until they are written they count as unsent, and a peer
 * with much unsent is not read.
 */
const GATHERED_BYTES_MAX = 4096;

/** A WebSocket as a MessageChannel. The listener hands over what comes in. */
export class WebSocketChannel implements MessageChannel {
  readonly transport = 'websocket';
  readonly remoteAddress: string;
  /** Called when the server says goodbye; the peer has a second for its own. */
  onLeaving: () => void = () => {};
  readonly #socket: WebSocket;
  readonly #below: Duplex;
  readonly #gatheredBytesMax: number;
  #gathers = false;
  #late = 0;

  /**
   * @param below what the WebSocket writes to
   * @param gatheredBytesMax messages up to it wait for others of the same turn
   */
  constructor(
    socket: WebSocket,
    below: Duplex,
    remoteAddress: string,
    gatheredBytesMax = GATHERED_BYTES_MAX,
  ) {
    this.#socket = socket;
    this.#below = below;
    this.#gatheredBytesMax = gatheredBytesMax;
    this.remoteAddress = remoteAddress;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(message: Uint8Array): void {
    if (!this.#isOpen) return;
    if (message.length <= this.#gatheredBytesMax) this.#gather();
    else this.#release();
    // A failure is told by the close that follows it.
    this.#socket.send(message, { binary: true }, () => {});
  }

  known(): void {}

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
    if (this.#socket.readyState !== this.#socket.CLOSED) this.onLeaving();
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /**
   * A message that came after close(). A peer that goes on and on is no longer read: its half of
   * the closing handshake is awaited for its time, unseen.
   */
  late(): void {
    if (++this.#late === UNDER_WAY_MAX) this.#socket.pause();
  }

  /** The answers to what one read has brought leave in one write: a call of the system for all. */
  #gather(): void {
    if (this.#gathers) return;
    this.#gathers = true;
    this.#below.cork();
    process.nextTick(() => this.#release());
  }

  #release(): void {
    if (!this.#gathers) return;
    this.#gathers = false;
    this.#below.uncork();
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }
}
