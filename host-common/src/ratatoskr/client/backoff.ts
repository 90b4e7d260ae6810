/**
 * Waiting times that double up to a maximum, each shortened at random by up to half of it: clients
 * that lost one server do not come back all at once (reference: section 4).
 */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #failures = 0;

  /** @param random from 0 to below 1 */
  constructor(minMs: number, maxMs: number, random: () => number) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** Milliseconds to wait after one more failure. */
  next(): number {
    // Beyond 2^31 there is nothing left to double, and the count goes on for days.
    const wholeMs = Math.min(this.#maxMs, this.#minMs * 2 ** Math.min(this.#failures, 31));
    this.#failures++;
    return this.#shortened(wholeMs);
  }

  /** The same when it is known that waiting less will not help. */
  longest(): number {
    this.#failures++;
    return this.#shortened(this.#maxMs);
  }

  reset(): void {
    this.#failures = 0;
  }

  #shortened(wholeMs: number): number {
    return Math.round((wholeMs * (1 + this.#random())) / 2);
  }
}
