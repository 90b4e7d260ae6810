import type { Logger } from './log/logger.ts';
import type { AnyStoreError } from './store/coin-store.ts';

/** What the store last complained about: for /readyz and the log. */
export class StoreTrouble {
  #reason = 'the store is not open';
  /** Failures since the store last committed; only the first of a kind is told at length. */
  #failures = 0;
  #told = '';
  readonly #logger: Logger;
  readonly #changed: () => void;

  constructor(logger: Logger, changed: () => void) {
    this.#logger = logger;
    this.#changed = changed;
  }

  /** A sentence for /readyz. */
  get reason(): string {
    return this.#reason;
  }

  happened(kind: 'refused' | 'unknown' | 'trouble', error: AnyStoreError): void {
    this.#reason = `the store does not commit: ${error.message}`;
    this.#failures++;
    // A full disk refuses thousands of transactions a second, and the log may lie on that disk.
    if (this.#told !== kind + error.message) this.#logger.error({ err: error, kind }, 'store');
    this.#told = kind + error.message;
    this.#changed();
  }

  readyChanged(ready: boolean): void {
    if (ready) {
      this.#logger.info({ failures: this.#failures }, 'the store commits again');
      this.#failures = 0;
      this.#told = '';
    } else this.#logger.warn('the store does not commit');
    this.#changed();
  }
}
