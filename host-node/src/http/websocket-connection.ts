import type { WebSocket } from 'ws';
import type { RequestOrigin, RequestSink } from '../raida/origin.ts';

/** Requests that wait behind the one being answered before the socket is paused. */
export const WAITING_PAUSE = 16;
/**
 * Requests that may still come out of what had been read when the socket was paused: one read of
 * 64 KiB holds 1724 requests of 32 bytes with their frame headers. Only messages too short to be
 * requests can exceed this.
 */
const WAITING_MAX = 2048;
/** How soon a request is offered again to a server that had no room. */
const RETRY_MS = 2;
/** Replies that may wait for a slow reader before the next request is taken. */
const UNSENT_BYTES_MAX = 65536;

/** Close codes of RFC 6455, section 7.4.1. */
export const CloseCode = {
  GOING_AWAY: 1001,
  UNSUPPORTED_DATA: 1003,
  INVALID_PAYLOAD: 1007,
  POLICY: 1008,
} as const;

export interface ConnectionOptions {
  address: string;
  local: boolean;
  nowMs: () => number;
}

/**
 * One WebSocket client of a node: a binary message is a request, the next binary message back is
 * its reply, in order. One request is with the server at a time; others wait here, and a client
 * that sends faster than it is answered is no longer read.
 */
export class WebSocketConnection implements RequestOrigin {
  readonly address: string;
  readonly local: boolean;
  readonly datagram = false;
  /** When the client was last heard of: a message or a pong. */
  heardMs: number;
  readonly #socket: WebSocket;
  readonly #sink: RequestSink;
  readonly #nowMs: () => number;
  readonly #waiting: Uint8Array[] = [];
  #retry: NodeJS.Timeout | undefined;
  #busy = false;
  #handing = false;
  #blocked = false;
  #stopped = false;

  constructor(socket: WebSocket, sink: RequestSink, options: ConnectionOptions) {
    this.#socket = socket;
    this.#sink = sink;
    this.#nowMs = options.nowMs;
    this.address = options.address;
    this.local = options.local;
    this.heardMs = options.nowMs();
    socket.on('message', (data, binary) => this.#take(data as Buffer, binary));
    socket.on('pong', () => {
      this.heardMs = this.#nowMs();
    });
    socket.on('close', () => this.#forget());
    // ws closes with the right code by itself (1009 for a message above the maximum, 1002 ...).
    socket.on('error', () => {});
  }

  /** Whether a request of this client is with the server. */
  get busy(): boolean {
    return this.#busy;
  }

  /** The server's answer to the request that it has; `bytes` is a view and is copied here. */
  reply(bytes: Uint8Array): void {
    if (!this.#busy) return;
    this.#busy = false;
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(Buffer.from(bytes), { binary: true }, () => this.#sent());
    this.#blocked = this.#socket.bufferedAmount > UNSENT_BYTES_MAX;
    this.#hand();
  }

  /** No reply can come: the message was too short to be answered. */
  dropped(): void {
    if (!this.#busy) return;
    this.#busy = false;
    this.close(CloseCode.INVALID_PAYLOAD, 'not a request');
  }

  /** Hand over nothing more; the request that is with the server is still answered. */
  stop(): void {
    this.#stopped = true;
    this.#forget();
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.pause();
  }

  ping(): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  close(code: number, reason: string): void {
    this.#forget();
    // A paused socket would never see the client's half of the closing handshake.
    if (this.#socket.isPaused) this.#socket.resume();
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #take(data: Buffer, binary: boolean): void {
    this.heardMs = this.#nowMs();
    if (this.#socket.readyState !== this.#socket.OPEN || this.#stopped) return;
    if (!binary) {
      this.close(CloseCode.UNSUPPORTED_DATA, 'binary messages only');
      return;
    }
    if (this.#waiting.length >= WAITING_MAX) {
      this.close(CloseCode.POLICY, 'too many requests at once');
      return;
    }
    this.#waiting.push(data);
    this.#hand();
    if (this.#waiting.length >= WAITING_PAUSE && !this.#socket.isPaused) this.#socket.pause();
  }

  /** Give waiting requests to the server, one at a time. A server may answer within submit(). */
  #hand(): void {
    if (this.#handing) return;
    this.#handing = true;
    while (!this.#busy && !this.#blocked && !this.#stopped && this.#retry === undefined) {
      const message = this.#waiting[0];
      if (message === undefined) break;
      this.#busy = true;
      if (this.#sink.submit(message, this)) {
        // A connection that was closed by submit() has an empty list already.
        this.#waiting.shift();
      } else {
        this.#busy = false;
        this.#retry = setTimeout(() => this.#offerAgain(), RETRY_MS);
      }
    }
    this.#handing = false;
    if (this.#waiting.length < WAITING_PAUSE && this.#socket.isPaused && !this.#stopped) {
      this.#socket.resume();
    }
  }

  #offerAgain(): void {
    this.#retry = undefined;
    this.#hand();
  }

  #sent(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.#hand();
  }

  #forget(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#waiting.length = 0;
  }
}
