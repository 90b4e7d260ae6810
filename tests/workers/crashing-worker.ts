/** A worker that dies by itself when a file appears (ANDVARI_TEST_CRASH). */
import { existsSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import '../../host-node/src/raida/worker-thread.ts';
import type { WorkerThreadData } from '../../host-node/src/raida/worker-messages.ts';

const LOOK_MS = 5;
const when = process.env.ANDVARI_TEST_CRASH ?? '';

if ((workerData as WorkerThreadData).worker === 2) {
  setInterval(() => {
    if (existsSync(when)) throw new Error('made to die');
  }, LOOK_MS);
}
