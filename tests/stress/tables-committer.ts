/**
 * Thread: the store of the table stress. Takes groups in order into a store that knows the journal
 * alone, refuses some transactions and forgets about others; at the end the engine's tables equal
 * what follows from the coins.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Engine } from '@andvari/host-common/engine/engine';
import { Region } from '@andvari/host-common/engine/generated/layout';
import { JournalReader } from '../../host-node/src/store/journal-reader.ts';
import { DerivedStore } from '../engine/derived-store.ts';
import { differences, heldLocks } from '../engine/invariants.ts';
import { PAGES } from '../fuzz/payloads.ts';
import { randomFrom } from '../seeded-random.ts';
import { pagesIn, type TablesState, Word } from './tables-state.ts';

export interface TablesCommitterOptions {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  worker: number;
  state: TablesState;
  seed: number;
  failEvery: number;
  /** Some transactions end in doubt: then the engine's tables are loaded anew. */
  doubts: boolean;
  /** No command takes value out of circulation or brings any into it. */
  conserving: boolean;
}

export interface TablesCommitterReport {
  groups: number;
  commits: number;
  rollbacks: number;
  discards: number;
  /** Coins in lockers at the end. */
  lockerCoins: number;
  failure?: string;
}

const GROUPS_MAX = 64;
const options = workerData as TablesCommitterOptions;
const engine = Engine.attach(options.module, options.memory, options.worker);
const journal = new JournalReader({
  memory: options.memory,
  journalOffset: engine.region(Region.JOURNAL),
  journalRecords: engine.journalRecords,
  controlOffset: engine.region(Region.CONTROL),
});
const words = new Int32Array(options.state.words);
const random = randomFrom(options.seed);
const store = new DerivedStore(pagesIn(options.state), PAGES, true);
const value = store.value();
const report: TablesCommitterReport = {
  ...{ groups: 0, commits: 0, rollbacks: 0, discards: 0, lockerCoins: 0 },
};

/** Takes up to `most` groups. */
function take(most: number): void {
  for (let i = 0; i < most; i++) {
    const group = journal.group(store.position);
    if (!group) return;
    store.take(engine, group.end);
    report.groups++;
    if (options.conserving && store.value() !== value) {
      throw new Error(`a group made ${store.value() - value} out of nothing`);
    }
  }
}

/** One transaction; false: there was nothing to do. */
function turn(): boolean {
  if (!journal.group(store.position)) return false;
  const failing = Atomics.load(words, Word.FINISH) === 0 && random(options.failEvery) === 0;
  if (!failing) {
    take(1 + random(GROUPS_MAX));
    journal.setCommitted(store.position);
    report.commits++;
  } else if (!options.doubts || random(3) > 0) {
    engine.rollback(store.position);
    store.skip(engine);
    report.rollbacks++;
  } else {
    const since = store.position;
    // Some first groups may have been made, and nobody says so.
    take(random(8));
    engine.discard(since);
    store.skip(engine);
    engine.loadTables(store.tables());
    engine.exports.reopen();
    report.discards++;
  }
  return true;
}

function run(): void {
  for (let idle = 0; Atomics.load(words, Word.ABORT) === 0; ) {
    if (turn()) idle = 0;
    else if (Atomics.load(words, Word.FINISH) === 1 && ++idle > 20) break;
    else Atomics.wait(words, Word.NEVER, 0, 0.05);
  }
  if (Atomics.load(words, Word.ABORT)) return;
  if (store.position !== engine.journalHead()) throw new Error('groups that were never published');
  // A rollback may change the order of coins in a locker.
  const found = [...differences(engine, store, false), ...heldLocks(engine)];
  if (found.length) throw new Error(`engine and store differ: ${found.slice(0, 8).join('; ')}`);
  report.lockerCoins = store.lockers.size;
}

engine.loadTables(store.tables());
parentPort?.postMessage('ready');
try {
  run();
} catch (error) {
  report.failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
  Atomics.store(words, Word.ABORT, 1);
}
parentPort?.postMessage(report);
