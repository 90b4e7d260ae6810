/** Thread: rounds of the fuzz until it is told to stop, or one fails. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Batch } from './round.ts';
import { type Engines, ROUND_INPUTS, RoundRun, roundOptions, shrink } from './session.ts';

export interface FuzzJob {
  engines: Engines;
  seed: number;
  /** Rounds first, first + step, ...: each thread has its own. */
  first: number;
  step: number;
  /** Not 0: the main thread wants an end. */
  stop: SharedArrayBuffer;
  /** Round and batch that run now, for the main thread to see when they never end. */
  where: SharedArrayBuffer;
}

export type FuzzNews =
  | { kind: 'progress'; inputs: number; seen: string[] }
  | { kind: 'failure'; round: number; message: string; batches: Batch[]; shrunk: Batch[] }
  | { kind: 'done' };

const SHRINK_MS = 60_000;
const NEWS_EVERY = 2048;

const job = workerData as FuzzJob;
const stop = new Int32Array(job.stop);
const where = new Int32Array(job.where);
const tell = (news: FuzzNews) => parentPort?.postMessage(news);
const stopped = () => Atomics.load(stop, 0) !== 0;

/** False: it failed. */
function runRound(number: number): boolean {
  const options = roundOptions(job.engines, job.seed, number);
  const run = new RoundRun(options);
  Atomics.store(where, 0, number);
  let told = 0;
  for (let inputs = 0; inputs < ROUND_INPUTS && !stopped(); ) {
    Atomics.store(where, 1, run.batches.length);
    const failure = run.next();
    inputs = run.inputs;
    if (inputs - told >= NEWS_EVERY) {
      tell({ kind: 'progress', inputs: inputs - told, seen: [...run.round.seen.keys()] });
      told = inputs;
    }
    if (!failure) continue;
    // Others need not go on meanwhile.
    Atomics.store(stop, 0, 1);
    const shrunk = shrink(options, failure.batches, SHRINK_MS);
    tell({ kind: 'failure', round: number, ...failure, shrunk });
    return false;
  }
  return true;
}

for (let number = job.first; !stopped() && runRound(number); number += job.step);
tell({ kind: 'done' });
