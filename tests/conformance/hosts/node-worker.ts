// The shared build in a worker thread of Node: shared memory and atomics.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import type { Case, Result } from '../case.ts';
import { runCases } from '../functions/functions.ts';
import { rawFunctions } from '../functions/raw.ts';
import { answerLines } from './lines.ts';

function inWorker(cases: Case[]): Promise<Result[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: cases });
    worker.once('message', resolve).once('error', reject);
  });
}

if (isMainThread) await answerLines(inWorker);
else {
  const functions = rawFunctions(await sharedEngine(), { shared: true });
  parentPort?.postMessage(await runCases(functions, workerData as Case[]));
}
