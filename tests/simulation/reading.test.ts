/** Applications that read streams in turn, or leave one to lie: each comes to its end. */
import { beforeAll, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { nodeX25519 } from '../../host-node/src/transfer/node-x25519.ts';
import { firstSeed } from './first-seed.ts';
import { readingOf } from './reading-scenarios.ts';
import { runScenario } from './run.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const SEEDS = LONG ? 10000 : 5;
const first = firstSeed(1);

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

function failureOf(seed: number): string | undefined {
  const { scenario, sizes } = readingOf(seed);
  return runScenario(module, scenario, { sizes, x25519: nodeX25519 }).failure;
}

test.each([
  [30, 'in turn, with the default pools of four and of two sessions'],
  [61, 'in turn, and packets that are refused do not keep the window from others'],
  [899, 'in turn, and the answer to STREAM_BLOCKED is no sign of room'],
  [39, 'one stream when all others have ended, with 8 blocks and 9'],
  [204979512418, 'the same, and streams are opened beside what lies unread, with 18 blocks and 8'],
])('seed %i: %s', (seed) => {
  expect(failureOf(seed), `npm run sim -- --seeds 1 --reading --seed ${seed}`).toBeUndefined();
});

const timeout = LONG ? 3_600_000 : 120_000;
test(`what is read goes on, ${SEEDS} seeds from ${first}`, { timeout }, () => {
  const failures: string[] = [];
  for (let seed = first; seed < first + SEEDS; seed++) {
    const failure = failureOf(seed);
    if (failure) failures.push(`seed ${seed}: ${failure}`);
  }
  expect(failures, `npm run sim -- --seeds ${SEEDS} --reading --seed ${first}`).toEqual([]);
});
