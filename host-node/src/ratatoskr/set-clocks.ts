/**
 * What a wall clock that somebody sets does to the start of the process: which messages an earlier
 * process may have taken (reference: Ratatoskr section 3.2), and that it is told.
 */

/** The same moment by two clocks. */
export interface TwoClocks {
  /** Unix milliseconds. */
  wallMs: number;
  /** Milliseconds of a clock that nobody sets. */
  steadyMs: number;
}

/** Of two clocks that are read one after the other, and of one that is steered. */
const JITTER_MS = 100;
/** What is told: less is the clock being steered. */
const TOLD_MS = 1500;

/** By how much the wall clock was set from one moment to the other. */
function setByMs(from: TwoClocks, to: TwoClocks): number {
  return to.wallMs - from.wallMs - (to.steadyMs - from.steadyMs);
}

/**
 * Messages dated before the start of the process may have been taken by one before it. The start is
 * measured back from now by the clock that nobody sets: a device whose clock agrees with ours has
 * signed what is dated later after the start, whatever the clock showed at the start.
 */
export class StartLine {
  readonly #refuseBeforeS: number;
  readonly #started: TwoClocks;

  /** @param refuseBeforeS Unix seconds, by the clock as it was at `started` */
  constructor(refuseBeforeS: number, started: TwoClocks) {
    this.#refuseBeforeS = refuseBeforeS;
    this.#started = started;
  }

  /** Messages dated before this second are refused now. Whole seconds: late rather than early. */
  at(now: TwoClocks): number {
    const byMs = setByMs(this.#started, now);
    if (Math.abs(byMs) <= JITTER_MS) return this.#refuseBeforeS;
    return this.#refuseBeforeS + Math.ceil((byMs - JITTER_MS) / 1000);
  }
}

/** Notices that the wall clock was set. */
export class ClockWatch {
  #last: TwoClocks;

  constructor(now: TwoClocks) {
    this.#last = now;
  }

  /** Seconds by which it was set since the last look, or 0. */
  look(now: TwoClocks): number {
    const byMs = setByMs(this.#last, now);
    this.#last = now;
    return Math.abs(byMs) < TOLD_MS ? 0 : Math.round(byMs / 1000);
  }
}
