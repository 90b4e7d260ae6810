/** No room: more works wait for their turn than may. */
export class TurnsFullError extends Error {
  readonly code = 'ANDVARI_BUSY';
  override readonly name = 'TurnsFullError';
}

/** Bounds how many works are under way at once, and how many wait, first come first served. */
export class Turns {
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(atOnce: number, waitingMax: number) {
    this.#free = atOnce;
    this.#waitingMax = waitingMax;
  }

  /**
   * Runs `work` when its turn has come; not at all if `signal` is aborted by then: it rejects with
   * the signal's reason. Rejects with TurnsFullError, or as the work does.
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#free > 0) this.#free--;
    else {
      if (this.#waiting.length >= this.#waitingMax) {
        throw new TurnsFullError(`${this.#waitingMax} works wait already`);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      // The turn passes on without becoming free, so that nobody overtakes those who wait.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
