/** Workers and a committer over one shared memory, all on the same 64 coins of 8 pages. */
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { newSharedState, PAGES_PER_DENOMINATION, Word } from './coins.ts';
import type { CommitterOptions, CommitterReport } from './committer.ts';
import { COINS_PER_REQUEST, SWEEP_PAGES, type Templates } from './request-writer.ts';
import { startThread } from './thread.ts';
import type { WorkerOptions, WorkerReport } from './worker.ts';

export interface StressOptions {
  /** The shared build, or a mutant of it. */
  module: WebAssembly.Module;
  /** Of each worker. */
  requests: number;
  /** [2] */
  workers?: number;
  seed: number;
  failEvery?: number;
  /** After so long the threads are ended: a broken engine may never come back. */
  deadlineMs?: number;
  /** A worker that gets no answer for so long gives up. */
  stallMs?: number;
}

export interface StressReport {
  seconds: number;
  requests: number;
  workers: WorkerReport[];
  committer: CommitterReport;
  /** What is not as it must be; empty: all is well. */
  errors: string[];
}

const PAGE_SLOTS = 4097;
const identity = { raidaId: 14, coinId: 6, wire: 'legacy', version: '20261121' } as const;
const sizes = {
  ...{ pagesPerDenomination: PAGES_PER_DENOMINATION, pageSlots: PAGE_SLOTS },
  ...{ journalRecords: 8192, ringEntries: 1024, parkSlots: 32, frames: 256, largeFrames: 1 },
  ...{ replyFrames: 1, tickets: 4 },
};

async function makeTemplates(): Promise<Templates> {
  const codec = new EngineCodec(await plainEngine(), identity);
  const sealed = (group: number, command: number, payloadBytes: number) =>
    codec.seal({ raidaId: 14, group, command, payload: new Uint8Array(payloadBytes) }).bytes;
  return {
    pown: sealed(1, 20, 37 * COINS_PER_REQUEST),
    detect: sealed(1, 10, 21 * COINS_PER_REQUEST),
    pownSum: sealed(1, 21, 37),
    echo: sealed(0, 0, 0),
    sweep: sealed(1, 11, 5 * SWEEP_PAGES + 16),
    ticket: sealed(2, 40, 21 * COINS_PER_REQUEST),
    claim: sealed(2, 50, 5),
  };
}

/** Rejects when a thread dies or the deadline passes. */
export async function runStress(options: StressOptions): Promise<StressReport> {
  const { module, requests, seed, failEvery = 60, workers: count = 2 } = options;
  const { deadlineMs = 900_000, stallMs = 20_000 } = options;
  const { memory } = Engine.create({
    ...{ module, shared: true, identity },
    sizes: { ...sizes, workers: count + 1 },
  });
  const state = newSharedState();
  const words = new Int32Array(state.words);
  const templates = await makeTemplates();
  const common = { module, memory, state };
  const commit: CommitterOptions = {
    ...{ ...common, worker: count, seed: seed + count, failEvery },
  };
  const url = (file: string) => new URL(file, import.meta.url);
  const committer = startThread<CommitterReport>(url('./committer.ts'), commit);
  await committer.isReady;
  const startedMs = performance.now();
  const workers = Array.from({ length: count }, (_, worker) => {
    const own: WorkerOptions = {
      ...{ ...common, worker, workers: count, seed: seed + worker, requests, templates, stallMs },
    };
    return startThread<WorkerReport>(url('./worker.ts'), own);
  });
  const end = () => Promise.all([committer, ...workers].map(({ thread }) => thread.terminate()));
  const deadline = setTimeout(() => void end(), deadlineMs);
  try {
    const reports = await Promise.all(workers.map((worker) => worker.report));
    Atomics.store(words, Word.FINISH, 1);
    const seconds = (performance.now() - startedMs) / 1000;
    const report = { seconds, requests: count * requests, workers: reports };
    const full = { ...report, committer: await committer.report };
    return { ...full, errors: errorsOf(full) };
  } finally {
    clearTimeout(deadline);
    await end();
  }
}

function errorsOf({ workers, committer }: Omit<StressReport, 'errors'>): string[] {
  const errors = [...workers, committer].flatMap(({ failure }) => failure ?? []);
  const early = workers.reduce((sum, worker) => sum + worker.early, 0);
  if (committer.chainErrors) errors.push(`${committer.chainErrors} breaks in the journal's chain`);
  if (early) errors.push(`${early} replies tell what was not committed`);
  if (committer.differing) errors.push(`${committer.differing} coins differ at the end`);
  const claims = workers.flatMap((worker) => worker.claims);
  const twice = claims.length - new Set(claims).size;
  if (twice) errors.push(`${twice} claims of a ticket were granted twice`);
  // After an outcome in doubt a change may have been made and answered 252; never the other way
  // round.
  const records = committer.records - committer.madeInDoubt;
  const won = workers.reduce((sum, worker) => sum + worker.won.reduce((a, b) => a + b, 0), 0);
  if (won !== records) errors.push(`${won} success bits for ${records} changes`);
  return errors;
}

/** One line for people. */
export function describeRun({ seconds, requests, workers, committer }: StressReport): string {
  const sum = (of: (worker: WorkerReport) => number) =>
    workers.reduce((total, worker) => total + of(worker), 0);
  return [
    `${requests} requests in ${seconds.toFixed(1)} s`,
    `${committer.records} changes in ${committer.commits} commits (largest ${committer.largest})`,
    `${sum(({ lost }) => lost)} coins lost to the other`,
    `${sum(({ tickets }) => tickets)} tickets, ${sum(({ claims }) => claims.length)} claims`,
    `${sum(({ unknown }) => unknown)} replies 252`,
    `${committer.rollbacks} rollbacks, ${committer.discards} discards`,
    `${sum(({ loads }) => loads)} loads (${sum(({ hotLoads }) => hotLoads)} of the 8 pages)`,
    `${sum(({ stopped }) => stopped)} stops for want of room`,
  ].join('; ');
}
