/** Thread: another instance over a shared memory takes one request, and tells what became of it. */
import { parentPort, workerData } from 'node:worker_threads';
import { Engine } from '@andvari/host-common/engine/engine';
import { Descriptor, Flag } from '@andvari/host-common/engine/generated/layout';

export interface OneBatch {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** Number of the instance. */
  worker: number;
  request: Uint8Array;
}

export interface BatchReport {
  /** Replies made. */
  answered: number;
  /** Page loads asked for. */
  loads: number;
}

const NOW_US = 1795219200000000;
const { module, memory, worker, request } = workerData as OneBatch;
const engine = Engine.attach(module, memory, worker);
engine.random.top();
const frame = engine.frames.take();
engine.u8.set(request, frame);
engine.rx.push(frame, frame, request.length, 1, Flag.DATAGRAM, NOW_US);
parentPort?.postMessage('ready');
engine.process(1, NOW_US);
let answered = 0;
// A request that waits for its page gives its frame back: a descriptor without a message.
for (; engine.ready.used; engine.ready.shift()) {
  if (engine.u32[engine.ready.first() + (Descriptor.LENGTH >>> 2)]) answered++;
}
const report: BatchReport = { answered, loads: engine.effects.used };
parentPort?.postMessage(report);
