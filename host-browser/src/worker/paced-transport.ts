/**
 * A transport that opens few connections at a time.
 *
 * Chromium puts off each new WebSocket of a page by up to 5 s x 2^(connections being opened - 16):
 * nobody notices 8 at once, but 25 at once keep the last ones waiting for seconds, longer than a
 * server has to answer. So the first request to a server, and the first after a failure, waits for
 * one of a few places; a server that answers gives its place back at once, a silent one soon.
 */

import {
  type ExchangeOptions,
  type RaidaTransport,
  TransportError,
} from '@andvari/host-common/raida/transport';

/** 25 servers on one machine are open after five turns, about 50 ms; the delay stays below 5 ms. */
export const OPENING_MAX = 5;
/** A server that has not answered by then is slow or down; the others do not wait for it. */
export const HOLD_MS = 300;
/** Requests that wait for a place: 25 servers with a few operations side by side. */
export const WAITING_MAX = 1_000;

export class PacedTransport implements RaidaTransport {
  readonly #inner: RaidaTransport;
  /** Servers whose last request was answered: their connection is open. */
  readonly #answering = new Set<number>();
  readonly #waiting: (() => void)[] = [];
  #opening = 0;

  constructor(inner: RaidaTransport) {
    this.#inner = inner;
  }

  async exchange(
    raidaId: number,
    request: Uint8Array,
    options: ExchangeOptions,
  ): Promise<Uint8Array> {
    if (this.#answering.has(raidaId)) return this.#ask(raidaId, request, options);
    const startMs = performance.now();
    // Its buffer may be the caller's again before its turn comes.
    const copy = new Uint8Array(request);
    await this.#place(raidaId);
    const free = once(() => this.#free());
    const timer = setTimeout(free, HOLD_MS);
    try {
      const timeoutMs = Math.max(1, options.timeoutMs - (performance.now() - startMs));
      return await this.#ask(raidaId, copy, { ...options, timeoutMs });
    } finally {
      clearTimeout(timer);
      copy.fill(0);
      free();
    }
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #ask(raidaId: number, request: Uint8Array, options: ExchangeOptions): Promise<Uint8Array> {
    try {
      const reply = await this.#inner.exchange(raidaId, request, options);
      this.#answering.add(raidaId);
      return reply;
    } catch (error) {
      this.#answering.delete(raidaId);
      throw error;
    }
  }

  #place(raidaId: number): Promise<void> {
    if (this.#opening < OPENING_MAX) {
      this.#opening++;
      return Promise.resolve();
    }
    if (this.#waiting.length >= WAITING_MAX) {
      const problem = `${WAITING_MAX} requests wait already`;
      return Promise.reject(new TransportError('ANDVARI_UNREACHABLE', raidaId, problem));
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The place goes to whoever waits longest. */
  #free(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#opening--;
    else next();
  }
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    work();
  };
}
