/** Workers, and the main thread alone, with the native backends that this machine lets us have. */
import { describe } from 'vitest';
import { chooseBackends } from '../../host-node/src/io/choose-backend.ts';
import { describeWorkers } from './worker-cases.ts';

for (const backend of ['mmsg', 'io_uring'] as const) {
  const why = await chooseBackends({ backend }).then(
    () => '',
    (error: Error) => ` (DID NOT RUN: ${error.message})`,
  );
  describe.runIf(why === '')(`native${why}`, () => {
    describeWorkers(backend, 3);
    describeWorkers(backend, 1);
  });
}
