/** The clock of an endpoint and its alarm; a test has its own. */
import type { Moment } from './handshake-outcome.ts';

export interface EndpointClock {
  now(): Moment;
  /** Calls `run` once at `us` of the clock that never jumps, or later; gives what cancels it. */
  alarm(us: number, run: () => void): () => void;
}

export const hostClock: EndpointClock = {
  now() {
    const us = Math.floor(performance.now() * 1000);
    return { us, wallUs: Date.now() * 1000 };
  },

  alarm(us, run) {
    const delayMs = Math.max(0, (us - performance.now() * 1000) / 1000);
    // A timer holds 31 bits of milliseconds; whoever wakes early goes to sleep again.
    const timer = setTimeout(run, Math.min(delayMs, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};
