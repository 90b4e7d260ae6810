import { TestClock } from '../../host-node/src/ratatoskr/testing/ratatoskr-place.ts';

/** The system's, for a server whose clients have it too. */
export class RealClock extends TestClock {
  override wallS(): number {
    return Math.floor(Date.now() / 1000);
  }

  override wallMs(): number {
    return Date.now();
  }

  override steadyMs(): number {
    return performance.now();
  }
}
