/** When a server that owes answers has been silent for so long that it is asked if it lives. */

import type { ClientClock } from './client-clock.ts';
import { ANSWER_LATE_MS, HEARTBEAT_MS } from './limits.ts';

export class AnswerWatch {
  readonly #clock: ClientClock;
  readonly #late: () => void;
  /** Doubles while the server lives and a service takes its time: each question costs one. */
  #waitMs = ANSWER_LATE_MS;
  #due: { atMs: number; cancel: () => void } | undefined;

  /** @param late asks; called again after twice the time, if an answer is still owed then */
  constructor(clock: ClientClock, late: () => void) {
    this.#clock = clock;
    this.#late = late;
  }

  /** A call has left. `moreMs`: what a slow line needs to carry all that is on its way. */
  asked(moreMs: number): void {
    this.#waitMs = ANSWER_LATE_MS;
    this.#expect(moreMs);
  }

  /** Something has come. `owes`: answers are still owed. */
  heard(owes: boolean, moreMs: number): void {
    this.stop();
    if (owes) this.#expect(moreMs);
  }

  stop(): void {
    this.#due?.cancel();
    this.#due = undefined;
  }

  /** A later call puts nothing off: who calls all the time would never ask. */
  #expect(moreMs: number): void {
    const waitMs = this.#waitMs + moreMs;
    const atMs = this.#clock.monotonicMs() + waitMs;
    if (this.#due !== undefined && this.#due.atMs <= atMs) return;
    this.stop();
    const cancel = this.#clock.after(waitMs, () => {
      this.#due = undefined;
      this.#waitMs = Math.min(this.#waitMs * 2, HEARTBEAT_MS);
      this.#late();
    });
    this.#due = { atMs, cancel };
  }
}
