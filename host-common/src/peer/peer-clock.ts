/** The clock of a peer node; a test has its own. */
export interface PeerClock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
  /** Calls `run` once in `delayMs`, or later; gives what cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

export const hostPeerClock: PeerClock = {
  nowMs: () => Date.now(),

  after(delayMs, run) {
    // A timer holds 31 bits of milliseconds; whoever wakes early asks again.
    const timer = setTimeout(run, Math.min(Math.max(0, delayMs), 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};

/** A moment by which something has to be done. */
export class Deadline {
  private readonly waiting = new Set<() => void>();
  private readonly cancelTimer: () => void;
  private controller: AbortController | undefined;
  private hasPassed = false;

  constructor(clock: PeerClock, atMs: number) {
    this.cancelTimer = clock.after(atMs - clock.nowMs(), () => this.pass());
  }

  get isOver(): boolean {
    return this.hasPassed;
  }

  /** Aborts when it has passed. Made for whoever asks: most requests need none. */
  get signal(): AbortSignal {
    if (!this.controller) {
      const controller = new AbortController();
      this.controller = controller;
      this.whenOver(() => controller.abort(new DeadlineError()));
    }
    return this.controller.signal;
  }

  /** Calls `run` once when it has passed, at once if it has; gives what cancels that. */
  whenOver(run: () => void): () => void {
    if (this.hasPassed) run();
    else this.waiting.add(run);
    return () => this.waiting.delete(run);
  }

  /** Its timer is not needed any more. */
  end(): void {
    this.cancelTimer();
  }

  private pass(): void {
    this.hasPassed = true;
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const run of waiting) run();
  }
}

export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  readonly code = 'ANDVARI_PEER_DEADLINE';

  constructor() {
    super('it took too long');
  }
}
