/**
 * Two workers and a committer over one memory, on coins that go in and out of lockers and change.
 */
import { Engine } from '@andvari/host-common/engine/engine';
import type { CommandName } from '../engine/commands.ts';
import { PAGES } from '../fuzz/payloads.ts';
import type { TablesCommitterOptions, TablesCommitterReport } from './tables-committer.ts';
import { newTablesState, TABLES_IDENTITY, Word } from './tables-state.ts';
import type { TablesWorkerOptions, TablesWorkerReport } from './tables-worker.ts';
import { startThread } from './thread.ts';

/** Commands that leave the value in circulation as it is. */
export const CONSERVING: readonly CommandName[] = [
  ...(['detect', 'detectSum', 'find', 'getTicket', 'validateTicket', 'audit'] as const),
  ...(['pown', 'pown', 'pownSum', 'lockerPut', 'lockerPut', 'lockerPeek', 'lockerRemove'] as const),
  ...(['lockerRemove', 'lockerPutMany', 'tradePut', 'tradePut', 'tradeList', 'peekTrade'] as const),
  ...(['changeAvailable', 'changeAvailable', 'break', 'break', 'join', 'join'] as const),
];

export interface TablesOptions {
  module: WebAssembly.Module;
  /** Of each of the two workers. */
  requests: number;
  seed: number;
  commands: readonly CommandName[];
  conserving: boolean;
  /** False: transactions fail for certain or not at all. */
  doubts: boolean;
  failEvery?: number;
  stallMs?: number;
}

const WORKERS = 2;
const SIZES = {
  ...{ pagesPerDenomination: PAGES, workers: WORKERS + 1, journalRecords: 8192, ringEntries: 128 },
  ...{ parkSlots: 32, frames: 64, largeFrames: 4, replyFrames: 4, tickets: 64, lockerCoins: 256 },
};

/** Rejects when a thread dies. `errors`: what is not as it must be. */
export async function runTables(options: TablesOptions) {
  const { module, seed, requests, commands, conserving, doubts } = options;
  const { failEvery = 40, stallMs = 20_000 } = options;
  const identity = TABLES_IDENTITY;
  const { memory } = Engine.create({ module, shared: true, sizes: SIZES, identity });
  const state = newTablesState();
  const common = { module, memory, state };
  const commit: TablesCommitterOptions = {
    ...{ ...common, worker: WORKERS, seed: seed + WORKERS, failEvery, conserving, doubts },
  };
  const url = (file: string) => new URL(file, import.meta.url);
  const committer = startThread<TablesCommitterReport>(url('./tables-committer.ts'), commit);
  await committer.isReady;
  const workers = Array.from({ length: WORKERS }, (_, worker) => {
    const own: TablesWorkerOptions = {
      ...{ ...common, worker, seed: seed + worker, requests, commands, stallMs },
    };
    return startThread<TablesWorkerReport>(url('./tables-worker.ts'), own);
  });
  try {
    const reports = await Promise.all(workers.map(({ report }) => report));
    Atomics.store(new Int32Array(state.words), Word.FINISH, 1);
    const committed = await committer.report;
    const errors = [...reports, committed].flatMap(({ failure }) => failure ?? []);
    const seen = new Map<string, number>();
    for (const { seen: own } of reports) {
      for (const [key, times] of Object.entries(own)) seen.set(key, (seen.get(key) ?? 0) + times);
    }
    return { errors, seen, committed };
  } finally {
    await Promise.all([committer, ...workers].map(({ thread }) => thread.terminate()));
  }
}
