/**
 * Workers on one shared memory: powns of the same 64 coins, tickets for them and claims, while
 * pages are loaded and evicted, transactions are refused and outcomes forgotten. The end equals a
 * serial model. ANDVARI_SEED repeats the requests (not the order in which threads meet).
 */
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { expect, it } from 'vitest';
import { seedOfRun } from '../seeded-random.ts';
import { describeRun, runStress } from './stress.ts';

const long = process.env.ANDVARI_LONG === '1';
/** Of all workers together; four of them take a minute for theirs. */
const RUNS = [
  { workers: 2, requests: long ? 20_000_000 : 700_000 },
  { workers: 4, requests: long ? 28_000_000 : 200_000 },
];
const timeout = long ? 900_000 : 120_000;

it.each(RUNS)('the end equals the serial model: $workers workers', { timeout }, async (run) => {
  const { workers: count, requests } = run;
  const seed = seedOfRun();
  const module = await sharedEngine();
  const report = await runStress({ module, workers: count, requests: requests / count, seed });
  console.log(`stress, ${count} workers, seed ${seed}: ${describeRun(report)}`);
  expect(report.errors, `seed ${seed}`).toEqual([]);
  // It met everything that it is here for.
  const { committer, workers } = report;
  const total = (of: 'hotLoads' | 'lost' | 'unknown' | 'tickets') =>
    workers.reduce((sum, worker) => sum + worker[of], 0);
  expect(committer.records).toBeGreaterThan(requests / 16);
  expect(committer.rollbacks).toBeGreaterThan(0);
  expect(committer.discards).toBeGreaterThan(0);
  expect(total('hotLoads')).toBeGreaterThan(16);
  expect(total('lost')).toBeGreaterThan(requests / 200);
  expect(total('unknown')).toBeGreaterThan(0);
  expect(total('tickets')).toBeGreaterThan(10);
  expect(workers.flatMap(({ claims }) => claims).length).toBeGreaterThan(total('tickets'));
});
