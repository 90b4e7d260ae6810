/**
 * A peer answers so many requests in 10 s (reference: peer 5.8), and may count all that is sent
 * with one instance key: cases wait for each other, so that none is refused for what others asked.
 */
const WINDOW_MS = 10_500;
/** Of the limit: a margin for what two cases ask at once. */
const SHARE = 0.8;

export class Pace {
  private readonly most: number;
  /** When requests were sent, the oldest first. */
  private readonly sentMs: number[] = [];

  /** @param rate requests that the peer answers in 10 s */
  constructor(rate: number) {
    this.most = Math.ceil(SHARE * rate);
  }

  /** Resolves when one more may be sent; rejects with the signal's reason. */
  async turn(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const nowMs = performance.now();
      while ((this.sentMs[0] ?? nowMs) < nowMs - WINDOW_MS) this.sentMs.shift();
      const oldestMs = this.sentMs.at(-this.most);
      if (oldestMs === undefined) return;
      const waitMs = oldestMs + WINDOW_MS - nowMs + 1;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  /** One is sent. */
  note(): void {
    this.sentMs.push(performance.now());
  }
}
