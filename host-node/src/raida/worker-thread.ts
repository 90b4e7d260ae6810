/**
 * A worker: one engine instance over the server's memory, its loop and its own socket. Started by
 * WorkerPool. Pages, files, other servers and the store are the main thread's; only words travel.
 */
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { Engine } from '@andvari/host-common/engine/engine';
import { Region, Ring } from '@andvari/host-common/engine/generated/layout';
import { loadNative } from '@andvari/native-io';
import { BackendError } from '../io/choose-backend.ts';
import { type OpenPackets, openPackets } from '../io/open-packets.ts';
import { EngineLoop } from './engine-loop.ts';
import { nativeCtrOf } from './native-ctr.ts';
import {
  type FromWorker,
  type OpenFailure,
  type ToWorker,
  WorkerCount,
  type WorkerThreadData,
  WorkerWord,
} from './worker-messages.ts';

/** How long the main thread may take to learn of a death; see die(). */
const DEATH_MS = 5000;
const COUNT_MS = 250;
const ENTRY_WORDS = Ring.ENTRY_BYTES >>> 2;

if (!parentPort) throw new Error('worker-thread.ts is the entry of a worker thread');
const port = parentPort;
const data = workerData as WorkerThreadData;
const words = new Int32Array(data.words).subarray(data.worker * WorkerWord.WORDS);
const counts = new Float64Array(data.counts).subarray(data.worker * WorkerCount.NUMBERS);
const post = (message: FromWorker) => port.postMessage(message);

process.on('uncaughtException', (error) => die(error));

const addon = loadNative();
const engine = Engine.attach(data.module, data.memory, data.worker, {
  hostFrames: data.hostFrames,
  nativeCtr: nativeCtrOf(addon),
});
/** Pages that were asked for in this turn of the event loop; they travel together. */
let loads: number[] = [];
let packets: OpenPackets | undefined;

const loop = new EngineLoop(engine, {
  load(slot, pageKey, offset) {
    if (loads.length === 0) queueMicrotask(postLoads);
    loads.push(slot, pageKey, offset);
  },
  effect(at) {
    post({ kind: 'effect', entry: engine.u32.slice(at, at + ENTRY_WORDS) });
  },
  wake() {
    if (Atomics.exchange(words, WorkerWord.WAKE, 1) === 0) post({ kind: 'wake' });
  },
});

function postLoads(): void {
  post({ kind: 'loads', words: loads });
  loads = [];
}

/**
 * An engine that has stopped in the middle holds locks and marks that others wait for, the main
 * thread too, which may wait already: then it will never hear of this, and the process ends here.
 */
function die(error: Error): never {
  const { stack = error.message } = error;
  const [what = ''] = `worker ${data.worker} died: ${error.message}`.split('\n');
  post({ kind: 'died', message: what, stack });
  if (Atomics.wait(words, WorkerWord.DEATH_KNOWN, 0, DEATH_MS) === 'timed-out') {
    writeSync(2, `andvari: ${what}\nandvari: the main thread does not answer; the process ends\n`);
    process.kill(process.pid, 'SIGKILL');
  }
  process.exit(1);
}

function failureOf(error: unknown): OpenFailure {
  const { code = '', message, cause } = error as Error & { code?: string };
  if (error instanceof BackendError) return { code, why: error.why };
  const why = code === 'ANDVARI_ADDRESS' && cause instanceof Error ? cause.message : message;
  return { code, why };
}

async function open({ request }: ToWorker & { kind: 'open' }): Promise<void> {
  try {
    packets = await openPackets(request, loop);
    post({ kind: 'opened', address: packets.address });
  } catch (error) {
    post({ kind: 'openFailed', failure: failureOf(error) });
  }
}

async function shut(): Promise<void> {
  count();
  await packets?.close();
  packets = undefined;
}

function count(): void {
  if (!packets) return;
  counts[WorkerCount.RECEIVED] = packets.received;
  counts[WorkerCount.DROPPED] = packets.dropped;
}

async function receive(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'news':
      Atomics.store(words, WorkerWord.NEWS, 0);
      loop.schedule();
      break;
    case 'complete':
      loop.complete(message.slot, message.status, message.bytes);
      break;
    case 'open':
      await open(message);
      break;
    case 'shut':
      await shut();
      post({ kind: 'shut' });
      break;
    case 'drain':
      loop.stop();
      await loop.drain(message.withinMs);
      count();
      post({ kind: 'drained' });
      break;
    default:
      loop.close();
      await shut();
      clearInterval(timer);
      port.close();
  }
}

port.on('message', (message: ToWorker) => void receive(message));
const timer = setInterval(count, COUNT_MS);
timer.unref();
if (!('missing' in addon)) {
  try {
    addon.pinThread(data.worker - 1);
  } catch {
    // Not allowed: the kernel places the thread.
  }
}
post({ kind: 'attached', requests: engine.region(Region.REQUESTS) });
