/** The host's clock, which a test sets forward. */
import { hostPeerClock, type PeerClock } from '@andvari/host-common/peer/peer-clock';

export class SkippingClock implements PeerClock {
  private aheadMs = 0;
  /** Those that run, and when each is due. */
  private readonly timers = new Map<() => void, number>();

  nowMs(): number {
    return hostPeerClock.nowMs() + this.aheadMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const once = () => {
      if (!this.timers.delete(once)) return;
      cancel();
      run();
    };
    const cancel = hostPeerClock.after(delayMs, once);
    this.timers.set(once, this.nowMs() + delayMs);
    return () => {
      this.timers.delete(once);
      cancel();
    };
  }

  /** What is due by then runs, in its order. */
  skip(ms: number): void {
    this.aheadMs += ms;
    const due = [...this.timers].filter(([, atMs]) => atMs <= this.nowMs());
    for (const [run] of due.sort(([, one], [, other]) => one - other)) run();
  }
}
