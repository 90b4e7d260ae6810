/** One of several threads over one replay cache: records the same requests as the others. */
import { parentPort, workerData } from 'node:worker_threads';
import { Engine } from '@andvari/host-common/engine/engine';
import { Verdict } from '@andvari/host-common/engine/generated/ratatoskr';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { recordBy } from './replay-instance.ts';

const { memory, worker, requests, nowS, gate } = workerData;
const engine = Engine.attach(await sharedEngine(), memory, worker);
// All begin together.
Atomics.add(gate, 0, 1);
while (Atomics.load(gate, 0) < 2);
const taken: number[] = [];
for (let i = 0; i < requests; i++) {
  const device = `device-${i % 5}`;
  const verdict = recordBy(engine, { device, nonce: i, digest: i, timestamp: nowS }, nowS);
  if (verdict === Verdict.OK) taken.push(i);
  else if (verdict !== Verdict.NONCE_REPLAYED) throw new Error(`request ${i}: ${verdict}`);
}
parentPort?.postMessage(taken);
