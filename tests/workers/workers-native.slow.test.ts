/** Workers, and the main thread alone, with the native backends that this machine lets us have. */
import { describe } from 'vitest';
import { whyNotBackend } from '../../host-node/src/io/choose-backend.ts';
import { describeWorkers } from './worker-cases.ts';

for (const backend of ['mmsg', 'io_uring'] as const) {
  const why = whyNotBackend({ backend });
  describe.runIf(why === '')(why ? `native (DID NOT RUN: ${why})` : 'native', () => {
    describeWorkers(backend, 3);
    describeWorkers(backend, 1);
  });
}
