/**
 * Two workers on one shared memory: powns on the same 64 coins while pages are loaded and evicted,
 * transactions are refused and outcomes forgotten. The end equals a serial model. ANDVARI_SEED
 * repeats the requests (not the order in which threads meet).
 */
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { expect, it } from 'vitest';
import { seedOfRun } from '../seeded-random.ts';
import { describeRun, runStress } from './stress.ts';

const long = process.env.ANDVARI_LONG === '1';
const REQUESTS = long ? 10_000_000 : 1_000_000;

it('the end equals the serial model', { timeout: long ? 900_000 : 30_000 }, async () => {
  const seed = seedOfRun();
  const report = await runStress({ module: await sharedEngine(), requests: REQUESTS, seed });
  console.log(`stress, seed ${seed}: ${describeRun(report)}`);
  expect(report.errors, `seed ${seed}`).toEqual([]);
  // It met everything that it is here for.
  const { committer, workers } = report;
  const total = (of: 'hotLoads' | 'lost' | 'unknown') =>
    workers.reduce((sum, worker) => sum + worker[of], 0);
  expect(committer.records).toBeGreaterThan(REQUESTS / 4);
  expect(committer.rollbacks).toBeGreaterThan(0);
  expect(committer.discards).toBeGreaterThan(0);
  expect(total('hotLoads')).toBeGreaterThan(16);
  expect(total('lost')).toBeGreaterThan(REQUESTS / 100);
  expect(total('unknown')).toBeGreaterThan(0);
});
