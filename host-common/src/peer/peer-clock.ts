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

/** A moment by which something has to be done; `signal` aborts when it has passed. */
export class Deadline {
  readonly signal: AbortSignal;
  private readonly controller = new AbortController();
  private readonly cancelTimer: () => void;

  constructor(clock: PeerClock, atMs: number) {
    this.signal = this.controller.signal;
    const over = () => this.controller.abort(new DeadlineError());
    this.cancelTimer = clock.after(atMs - clock.nowMs(), over);
  }

  get isOver(): boolean {
    return this.signal.aborted;
  }

  /** Its timer is not needed any more. */
  end(): void {
    this.cancelTimer();
  }
}

export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  readonly code = 'ANDVARI_PEER_DEADLINE';

  constructor() {
    super('it took too long');
  }
}
