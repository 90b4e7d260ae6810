/**
 * When the next transaction of an answers file goes. A commit costs the processor as much as half a
 * signature, however few share it: where many calls come, each waits a little for the next ones.
 * One after the other they come alone, and nobody waits.
 */

/** From one transaction to the next, where calls are many. */
const GAP_MS = 1;
/** Calls are many that come so soon after each other: three in two of those times. */
const MANY_BETWEEN_MS = 0.67;
/** Times between two calls are averaged over about so many. */
const AVERAGED = 16;
/** So many changes are company enough: they wait for no more. */
const ENOUGH = 8;
/** After such a rest it is as if none had come before. */
const REST_MS = 20;

/** Times are milliseconds of a clock that nobody sets. */
export class CommitPace {
  #calledMs = Number.NEGATIVE_INFINITY;
  #betweenMs = REST_MS;
  #postedMs = Number.NEGATIVE_INFINITY;

  /** A call begins. */
  called(nowMs: number): void {
    const passedMs = Math.min(nowMs - this.#calledMs, REST_MS);
    this.#betweenMs += (passedMs - this.#betweenMs) / AVERAGED;
    this.#calledMs = nowMs;
  }

  /** A transaction goes. */
  posted(nowMs: number): void {
    this.#postedMs = nowMs;
  }

  /** How long the next one waits, with so many changes in it: 0 to GAP_MS. */
  restMs(nowMs: number, changes: number): number {
    if (this.#betweenMs > MANY_BETWEEN_MS || changes >= ENOUGH) return 0;
    return Math.max(0, this.#postedMs + GAP_MS - nowMs);
  }
}
