/** Time as the client sees it; tests bring their own. */
export interface ClientClock {
  /** Milliseconds since the epoch. */
  unixMs(): number;
  /** Milliseconds since some moment; never jumps. */
  monotonicMs(): number;
  /** Calls `run` once, later; gives a function that prevents it. `waitMs` at most TIMER_MS_MAX. */
  after(waitMs: number, run: () => void): () => void;
}

export const systemClock: ClientClock = {
  unixMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(waitMs, run) {
    const timer = setTimeout(run, waitMs);
    return () => clearTimeout(timer);
  },
};
