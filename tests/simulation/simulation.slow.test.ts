import { expect, test } from 'vitest';
import { failuresOf } from './failures.ts';
import { firstSeed } from './first-seed.ts';
import { scenarioOf } from './scenario.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const count = LONG ? 20000 : 2000;
/** Shorter streams in `npm test`: what goes wrong in it needs many seeds rather than many bytes. */
const bytes = LONG ? 75000 : 25000;
const first = firstSeed(1);
const timeout = LONG ? 3_600_000 : 600_000;

test(`every byte arrives in order and once, ${count} seeds from ${first}`, {
  timeout,
}, async () => {
  const failures = await failuresOf({ first, count }, (seed) => scenarioOf(seed, { bytes }));
  const command = `npm run sim -- --seeds ${count} --seed ${first} --bytes ${bytes}`;
  expect(failures, command).toEqual([]);
});
