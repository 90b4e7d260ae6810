/** Time that stands still until a test moves it. */
import type { ClientClock } from '../../host-common/src/ratatoskr/client/client-clock.ts';

interface Timer {
  atMs: number;
  order: number;
  run: () => void;
}

export class VirtualClock implements ClientClock {
  #nowMs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  unixMs(): number {
    return 1_800_000_000_000 + this.#nowMs;
  }

  unixS(): number {
    return Math.floor(this.unixMs() / 1000);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(waitMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + waitMs, order: this.#order++, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets time pass: timers run in their order, and what follows from each before the next. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await this.settle();
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#nowMs = next.atMs;
      this.#timers.delete(next);
      next.run();
      await this.settle();
    }
    this.#nowMs = endMs;
  }

  #next(endMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs > endMs) continue;
      const isEarlier =
        first === undefined ||
        timer.atMs < first.atMs ||
        (timer.atMs === first.atMs && timer.order < first.order);
      if (isEarlier) first = timer;
    }
    return first;
  }
}
