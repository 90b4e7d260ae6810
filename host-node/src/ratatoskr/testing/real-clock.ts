import { TestClock } from './ratatoskr-place.ts';

/** The system's, for a server whose clients have it too. */
export class RealClock extends TestClock {
  /** What the server's wall clock is ahead of this machine's. */
  aheadS = 0;

  override wallMs(): number {
    return Date.now() + this.aheadS * 1000;
  }

  override steadyMs(): number {
    return performance.now();
  }
}
