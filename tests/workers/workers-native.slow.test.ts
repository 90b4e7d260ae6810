/** Workers, and the main thread alone, with the native backends that this machine lets us have. */
import { describe } from 'vitest';
import { whyNotBackend } from '../../host-node/src/io/choose-backend.ts';
import { describeWorkers } from './worker-cases.ts';

for (const backend of ['mmsg', 'io_uring'] as const) {
  const why = whyNotBackend({ backend });
  describe.runIf(why === '')(why ? `native (DID NOT RUN: ${why})` : 'native', () => {
    describeWorkers(backend, 3);
    // The main thread alone is what most other tests have.
    if (process.env.ANDVARI_LONG === '1') describeWorkers(backend, 1);
  });
}
