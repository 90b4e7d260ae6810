/** The stress has to fail when a rule is taken out; else its success would mean nothing. */
import { describe, expect, it } from 'vitest';
import { crowd } from '../engine/crowd.ts';
import { seedOfRun } from '../seeded-random.ts';
import { buildMutant, MUTANTS, TABLE_MUTANTS, WITHOUT_PINS } from './build-mutant.ts';
import { describeRun, runStress } from './stress.ts';
import { CONSERVING, runTables } from './tables.ts';

const long = process.env.ANDVARI_LONG === '1';
const SEED = seedOfRun();
/** Of each worker and attempt. */
const REQUESTS = 300_000;
/** A break or join that is rolled back is rare. */
const TABLE_REQUESTS = long ? 60_000 : 20_000;
const ATTEMPTS = long ? 10 : 5;
const DEADLINE_MS = 30_000;
/** Some mutants lose a request for good. */
const STALL_MS = 2_000;

/** Always run; the others in the long run. */
const SHORT = [
  'journal space is claimed before the pages are locked',
  'a rollback leaves the locker index as it is',
];

describe('the stress notices when', () => {
  const names = Object.keys(MUTANTS).filter((name) => long || SHORT.includes(name));
  it.each(names)('%s', { timeout: 300_000 }, async (name) => {
    const module = await buildMutant(MUTANTS[name] ?? []);
    const errors: string[] = [];
    for (let i = 0; i < ATTEMPTS && errors.length === 0; i++) {
      const options = { module, requests: REQUESTS, seed: SEED + i, failEvery: 20 };
      try {
        const report = await runStress({ ...options, deadlineMs: DEADLINE_MS, stallMs: STALL_MS });
        errors.push(...report.errors);
        console.log(`mutant "${name}", seed ${SEED + i}: ${describeRun(report)}`);
      } catch (error) {
        errors.push(String(error));
      }
    }
    console.log(`mutant "${name}": ${errors.join('; ') || 'NOT NOTICED'}`);
    expect(errors).not.toEqual([]);
  });

  const tables = Object.keys(TABLE_MUTANTS).filter((name) => long || SHORT.includes(name));
  it.each(tables)('%s (tables)', { timeout: 300_000 }, async (name) => {
    const module = await buildMutant(TABLE_MUTANTS[name] ?? []);
    const errors: string[] = [];
    for (let i = 0; i < ATTEMPTS && errors.length === 0; i++) {
      const options = { module, requests: TABLE_REQUESTS, seed: SEED + i, failEvery: 20 };
      // Without doubts: they load the tables anew, and so mend what was wrong.
      const how = { commands: CONSERVING, conserving: true, doubts: false, stallMs: STALL_MS };
      const run = await runTables({ ...options, ...how }).catch((error) => {
        return { errors: [String(error)] };
      });
      errors.push(...run.errors.map((error) => error.split('\n')[0] ?? ''));
    }
    console.log(`mutant "${name}": ${errors.join('; ') || 'NOT NOTICED'}`);
    expect(errors).not.toEqual([]);
  });

  it.runIf(long)('nobody pins, which starves requests', { timeout: 120_000 }, async () => {
    const module = await buildMutant(WITHOUT_PINS);
    const { replies } = await crowd({ shared: true, module });
    console.log(`mutant without pins: ${replies.length} of 6 answered`);
    expect(replies.length).toBeLessThan(6);
  });

  it('and not when nothing is', async () => {
    const module = await buildMutant([]);
    // stress.test.ts has more of it.
    const requests = long ? REQUESTS : 20_000;
    const report = await runStress({ module, requests, seed: SEED, failEvery: 20 });
    expect(report.errors).toEqual([]);
  });
});
