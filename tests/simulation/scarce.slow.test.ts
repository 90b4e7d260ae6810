/** Seeds with little room, and those in which an address changes while packets are lost. */
import { expect, test } from 'vitest';
import { failuresOf } from './failures.ts';
import { firstSeed } from './first-seed.ts';
import { lostChallengeOf, rebindingOf } from './rebinding-scenarios.ts';
import { scenarioOf } from './scenario.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const TIGHT_SEEDS = LONG ? 10000 : 12;
const REBINDINGS = LONG ? 10000 : 8;
const first = firstSeed(1);
const timeout = LONG ? 3_600_000 : 600_000;

test(`bytes arrive with hardly any room, ${TIGHT_SEEDS} from ${first}`, { timeout }, async () => {
  const seeds = { first, count: TIGHT_SEEDS, tight: true };
  const failures = await failuresOf(seeds, (seed) => scenarioOf(seed, { nodes: 2 }));
  expect(failures, `npm run sim -- --tight --seeds ${TIGHT_SEEDS} --seed ${first}`).toEqual([]);
});

test(`sessions outlive NAT rebinding, ${REBINDINGS} seeds from ${first}`, { timeout }, async () => {
  const seeds = { first, count: REBINDINGS };
  const failures = [
    ...(await failuresOf(seeds, rebindingOf)),
    ...(await failuresOf(seeds, lostChallengeOf)),
  ];
  expect(failures, `ANDVARI_SEED=${first}`).toEqual([]);
});
