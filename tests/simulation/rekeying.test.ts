/** Rekeys one after the other while much is lost: each stream comes once, and all to their ends. */
import { beforeAll, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { nodeX25519 } from '../../host-node/src/transfer/node-x25519.ts';
import { firstSeed } from './first-seed.ts';
import { rekeyingOf } from './rekeying-scenarios.ts';
import { type Outcome, runScenario } from './run.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const SEEDS = LONG ? 10000 : 8;
const first = firstSeed(1);
const timeout = LONG ? 3_600_000 : 120_000;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

function outcomeOf(seed: number): Outcome {
  const { scenario, sizes } = rekeyingOf(seed);
  return runScenario(module, scenario, { sizes, x25519: nodeX25519 });
}

test(`streams come once, ${SEEDS} seeds from ${first}`, { timeout }, () => {
  const failures: string[] = [];
  let rekeys = 0;
  for (let seed = first; seed < first + SEEDS; seed++) {
    const outcome = outcomeOf(seed);
    rekeys += outcome.rekeys;
    if (outcome.failure) failures.push(`seed ${seed}: ${outcome.failure}`);
  }
  expect(failures, `npm run sim -- --seeds ${SEEDS} --rekeying --seed ${first}`).toEqual([]);
  expect(rekeys).toBeGreaterThan(5 * SEEDS);
});
