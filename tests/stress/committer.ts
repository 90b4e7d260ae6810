/**
 * Thread: the store of the stress. Takes groups from the journal in order, checks each change
 * against a serial model, commits them, and at times refuses (rollback) or forgets what it did
 * (discard: some of the groups were made, nobody says which).
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Engine } from '@andvari/host-common/engine/engine';
import { Region } from '@andvari/host-common/engine/generated/layout';
import { PAGE_BYTES } from '@andvari/host-common/engine/generated/limits';
import { JournalReader } from '../../host-node/src/store/journal-reader.ts';
import { randomFrom } from '../seeded-random.ts';
import {
  COINS,
  COINS_COUNT,
  coinAt,
  generationAt,
  PAGES_PER_DENOMINATION,
  recordAt,
  type SharedState,
  Word,
} from './coins.ts';

export interface CommitterOptions {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  worker: number;
  state: SharedState;
  seed: number;
  /** One transaction in so many is refused, and half as many end in doubt. */
  failEvery: number;
}

export interface CommitterReport {
  records: number;
  commits: number;
  largest: number;
  rollbacks: number;
  discards: number;
  /** Groups that a store in doubt had made all the same. */
  madeInDoubt: number;
  /** A change whose old value is not the value before, or whose generation does not follow. */
  chainErrors: number;
  /** Changes that were made, by coin. */
  perCoin: number[];
  /** Coins at the end whose value in the model, the store or memory differs. */
  differing: number;
  failure?: string;
}

const GROUPS_MAX = 512;
const options = workerData as CommitterOptions;
const engine = Engine.attach(options.module, options.memory, options.worker);
const journal = new JournalReader({
  memory: options.memory,
  journalOffset: engine.region(Region.JOURNAL),
  journalRecords: engine.journalRecords,
  controlOffset: engine.region(Region.CONTROL),
});
const words = new Int32Array(options.state.words);
const pages = new Uint8Array(options.state.pages);
const random = randomFrom(options.seed);
/** The serial model: AN of each coin as text. */
const model = COINS.map((_, i) => textAt(pages, recordAt(i)));
const report: CommitterReport = {
  ...{ records: 0, commits: 0, largest: 0, rollbacks: 0, discards: 0, madeInDoubt: 0 },
  ...{ chainErrors: 0, perCoin: Array(COINS_COUNT).fill(0), differing: 0 },
};
let position = 0;

function textAt(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.subarray(at, at + 16)).toString('latin1');
}

/** Takes up to `most` groups into model and store; gives the position behind them. */
function apply(most: number): { end: number; groups: number } {
  let end = position;
  let groups = 0;
  for (; groups < most; groups++) {
    const group = journal.group(end);
    if (!group) break;
    for (let i = 1; i <= group.used; i++) applyRecord(end + i);
    end = group.end;
  }
  return { end, groups };
}

function applyRecord(at: number): void {
  const change = journal.change(at);
  if (!change) throw new Error(`position ${at}: no change`);
  const index = coinAt(change.denominationIndex, change.serialNumber);
  if (index < 0) throw new Error(`position ${at}: a coin that nobody asked for`);
  const { oldAn, newAn, newMfs } = change;
  const follows = generationAt(newAn, 0) === generationAt(oldAn, 0) + 1;
  if (model[index] !== textAt(oldAn, 0) || !follows) report.chainErrors++;
  model[index] = textAt(newAn, 0);
  const row = recordAt(index);
  pages.set(newAn, row);
  pages[row + 16] = newMfs;
  report.records++;
  report.perCoin[index] = (report.perCoin[index] ?? 0) + 1;
  Atomics.store(words, Word.GENERATIONS + index, generationAt(newAn, 0));
}

/** One transaction; false: there was nothing to do. */
function turn(): boolean {
  if (!journal.group(position)) return false;
  const failing = Atomics.load(words, Word.FINISH) === 0 && random(options.failEvery) === 0;
  if (!failing) {
    const { end, groups } = apply(1 + random(GROUPS_MAX));
    position = end;
    journal.setCommitted(end);
    report.commits++;
    report.largest = Math.max(report.largest, groups);
  } else if (random(3) > 0) {
    engine.rollback(position);
    report.rollbacks++;
    // Not the journal's head: the workers go on, and may have claimed more already.
    position = engine.committed();
  } else {
    doubt();
  }
  return true;
}

/**
 * The outcome is unknown: some first groups may have been made, and everybody is answered 252 for
 * all of them.
 */
function doubt(): void {
  const before = report.records;
  const made = random(2) === 0 ? 0 : 1 + random(8);
  const since = position;
  // What the store made is in its pages before the engine reads them again.
  apply(made);
  engine.discard(since);
  position = engine.committed();
  engine.reopen();
  report.discards++;
  report.madeInDoubt += report.records - before;
}

/** Compares model, store and memory (where the page is). */
function compare(): number {
  const index = engine.region(Region.PAGE_INDEX) >>> 2;
  return COINS.filter(({ denomination, serialNumber }, i) => {
    const slot = engine.u32[index + (denomination + 8) * PAGES_PER_DENOMINATION] ?? 0;
    const at = engine.region(Region.PAGE_DATA) + (slot - 1) * PAGE_BYTES + serialNumber * 17;
    const inMemory = slot === 0 || textAt(engine.u8, at) === model[i];
    const counted = generationAt(pages, recordAt(i)) === report.perCoin[i];
    return !(inMemory && counted && textAt(pages, recordAt(i)) === model[i]);
  }).length;
}

function run(): void {
  for (let idle = 0; Atomics.load(words, Word.ABORT) === 0; ) {
    if (turn()) idle = 0;
    else if (Atomics.load(words, Word.FINISH) === 1 && ++idle > 20) break;
    else Atomics.wait(words, Word.NEVER, 0, 0.05);
  }
  if (position !== engine.journalHead()) throw new Error('groups that were never published');
  report.differing = compare();
}

parentPort?.postMessage('ready');
try {
  run();
} catch (error) {
  report.failure = String(error);
  Atomics.store(words, Word.ABORT, 1);
}
parentPort?.postMessage(report);
