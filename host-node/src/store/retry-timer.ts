/** Waits between attempts, twice as long after each: RETRY_FIRST_MS to RETRY_LAST_MS. */
import { RETRY_FIRST_MS, RETRY_LAST_MS } from './limits.ts';

export class RetryTimer {
  readonly #attempt: () => void;
  #delayMs = RETRY_FIRST_MS;
  #timer: NodeJS.Timeout | undefined;

  constructor(attempt: () => void) {
    this.#attempt = attempt;
  }

  /** Makes the next attempt after the wait; one that is already due stays as it is. */
  start(): void {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#attempt();
    }, this.#delayMs);
    this.#delayMs = Math.min(this.#delayMs * 2, RETRY_LAST_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** An attempt worked: the next wait is the shortest again. */
  reset(): void {
    this.stop();
    this.#delayMs = RETRY_FIRST_MS;
  }
}
