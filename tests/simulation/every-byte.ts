/** The seeds of roomy scenarios, in two halves, each in a file of its own: two cores share them. */
import { expect, test } from 'vitest';
import { failuresOf } from './failures.ts';
import { firstSeed } from './first-seed.ts';
import { scenarioOf } from './scenario.ts';

const LONG = process.env.ANDVARI_LONG === '1';
/** Of a half. */
const count = LONG ? 10000 : 60;
/** Shorter streams in `npm test`: what goes wrong in it needs many seeds rather than many bytes. */
const bytes = LONG ? 75000 : 25000;
const timeout = LONG ? 3_600_000 : 600_000;

export function everyByteArrives(half: 0 | 1): void {
  const first = firstSeed(1) + half * count;
  const title = `every byte arrives in order and once, ${count} seeds from ${first}`;
  test(title, { timeout }, async () => {
    const failures = await failuresOf({ first, count }, (seed) => scenarioOf(seed, { bytes }));
    const command = `npm run sim -- --seeds ${count} --seed ${first} --bytes ${bytes}`;
    expect(failures, command).toEqual([]);
  });
}
