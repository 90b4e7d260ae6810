/**
 * How much of the thread that serves everybody may go to connections on which no device has spoken.
 * Each of them costs little, but a signature has to be verified before it can be called wrong, or a
 * replay, and whoever comes by hundreds of connections has hundreds times what one may ask. What is
 * beyond waits, first come first served, while devices that are known go on.
 */

import { TokenBucket } from '@andvari/host-common/token-bucket';
import { STRANGER_BURST_MS, STRANGER_MS_PER_SECOND } from './limits.ts';

export class StrangerTime {
  /** A token is a millisecond. */
  readonly #budget: TokenBucket;
  readonly #nowMs: () => number;
  readonly #line: (() => void)[] = [];
  #planned = false;

  /** @param nowMs milliseconds of a clock that never goes back */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#budget = new TokenBucket(STRANGER_BURST_MS, STRANGER_MS_PER_SECOND, nowMs());
  }

  /** Whether one more may be judged now: there is time, and nobody waits for it. */
  get isFree(): boolean {
    return this.#line.length === 0 && this.#budget.has(this.#nowMs());
  }

  /** Does the work, which counts as time of strangers. */
  spend<T>(work: () => T): T {
    const startedMs = this.#nowMs();
    try {
      return work();
    } finally {
      this.charge(this.#nowMs() - startedMs);
    }
  }

  charge(ms: number): void {
    this.#budget.charge(ms);
  }

  /** Calls `go` when there is time and those before have had theirs. */
  wait(go: () => void): void {
    this.#line.push(go);
    this.#plan();
  }

  #plan(): void {
    if (this.#planned || this.#line.length === 0) return;
    this.#planned = true;
    const waitMs = this.#budget.waitMs(this.#nowMs());
    // In a turn of its own even when there is time: others are read in between.
    if (waitMs === 0) setImmediate(() => this.#next());
    else setTimeout(() => this.#next(), waitMs);
  }

  #next(): void {
    this.#planned = false;
    if (this.#budget.has(this.#nowMs())) this.#line.shift()?.();
    this.#plan();
  }
}
