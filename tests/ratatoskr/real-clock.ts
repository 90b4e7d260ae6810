import { TestClock } from '../../host-node/src/ratatoskr/testing/ratatoskr-place.ts';

/** The system's, for a server whose clients have it too. */
export class RealClock extends TestClock {
  override wallMs(): number {
    return Date.now();
  }

  override steadyMs(): number {
    return performance.now();
  }
}
