/**
 * Thread: one engine instance that gets requests over coins, lockers, offers and change, made from
 * what the store has now, which another thread may be changing.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Engine } from '@andvari/host-common/engine/engine';
import type { CommandName } from '../engine/commands.ts';
import { Harness } from '../engine/harness.ts';
import { Dice } from '../engine/twin-run.ts';
import { isKnown } from '../fuzz/answers.ts';
import { type Input, Inputs } from '../fuzz/inputs.ts';
import { keyFile } from '../fuzz/payloads.ts';
import { fuzzWorld } from '../fuzz/world.ts';
import { pagesIn, TABLES_IDENTITY, type TablesState, WIRE, Word } from './tables-state.ts';

export interface TablesWorkerOptions {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  worker: number;
  state: TablesState;
  seed: number;
  requests: number;
  commands: readonly CommandName[];
  stallMs: number;
}

export interface TablesWorkerReport {
  /** Replies by "group/command status". */
  seen: Record<string, number>;
  failure?: string;
}

const BATCH = 16;
/** Time runs fast, so that reservations end and others get their turn. */
const TURN_US = 50_000;

const options = workerData as TablesWorkerOptions;
const { module, memory, worker, state, seed, commands } = options;
const engine = Engine.attach(module, memory, worker);
const words = new Int32Array(state.words);
const pages = pagesIn(state);
const dice = new Dice(seed);
const records = {
  record(denomination: number, serialNumber: number) {
    const at = (serialNumber & 1023) * 17;
    return pages(denomination, serialNumber >>> 10)?.slice(at, at + 17);
  },
};
const inputs = new Inputs({ dice, records, wire: WIRE, commands, sound: true });
const harness = new Harness(
  {
    ...{ module, shared: true, sizes: { pagesPerDenomination: 2 }, identity: TABLES_IDENTITY },
    ...{ pages, world: fuzzWorld(dice, keyFile()), autoCommit: false },
  },
  engine,
);
const report: TablesWorkerReport = { seen: {} };
/** Group and command of what was sent, by peer. */
const open = new Map<number, string>();

function take(): number {
  const answers = harness.answers.splice(0);
  for (const { peer, bytes, status } of answers) {
    const name = open.get(peer);
    if (name === undefined) throw new Error(`peer ${peer} is answered twice`);
    if (bytes?.[2] !== status) throw new Error('descriptor and reply differ in status');
    if (!isKnown(name, status)) throw new Error(`${name}: status ${status}`);
    open.delete(peer);
    const key = `${name} ${status}`;
    report.seen[key] = (report.seen[key] ?? 0) + 1;
  }
  return answers.length;
}

function hasFrame(bytes: number): boolean {
  const { frames, largeFrames } = engine;
  return (bytes <= frames.frameBytes ? frames : largeFrames).available > 0;
}

/** A request for which no frame was free. */
let waiting: Input | undefined;

function run(): void {
  let progressMs = performance.now();
  for (let sent = 0, turn = 0; sent < options.requests || open.size; turn++) {
    if (Atomics.load(words, Word.ABORT)) return;
    for (let i = 0; i < BATCH && sent < options.requests && open.size < 2 * BATCH; i++, sent++) {
      waiting ??= inputs.next();
      const { bytes, flags, address } = waiting;
      if (!hasFrame(bytes.length)) break;
      open.set(harness.send(bytes, flags, address), `${bytes[4]}/${bytes[5]}`);
      waiting = undefined;
    }
    harness.turn();
    harness.nowUs += TURN_US;
    if (turn % 16 === 0 || open.size >= BATCH) engine.step(harness.nowUs);
    if (take() > 0) progressMs = performance.now();
    else if (performance.now() - progressMs > options.stallMs) {
      throw new Error(`worker ${worker} stalls with ${[...open.values()].slice(0, 5)}`);
    } else Atomics.wait(words, Word.NEVER, 0, 0.05);
  }
}

try {
  run();
} catch (error) {
  report.failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
  Atomics.store(words, Word.ABORT, 1);
}
parentPort?.postMessage(report);
