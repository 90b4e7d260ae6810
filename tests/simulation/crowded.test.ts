/** Pools in which both sides' streams do not find room at once, and yet all come to their end. */
import { beforeAll, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { nodeX25519 } from '../../host-node/src/transfer/node-x25519.ts';
import { type Crowded, crowdedOf, sixEachWay } from './crowded-scenarios.ts';
import { firstSeed } from './first-seed.ts';
import { runScenario } from './run.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const SEEDS = LONG ? 10000 : 6;
const first = firstSeed(1);

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

function failureOf({ scenario, sizes }: Crowded): string | undefined {
  return runScenario(module, scenario, { sizes, x25519: nodeX25519 }).failure;
}

test.each([
  ['blocks', { streams: 16, blocks: 48 }],
  ['places of streams', { streams: 8 }],
  ['slots of metadata', { messages: 8 }],
  ['all of them', { streams: 8, blocks: 16, ranges: 128, messages: 16, sentChunks: 6 }],
])('with few %s no side waits for the other', (_, few) => {
  for (let seed = 1; seed < (LONG ? 7 : 4); seed++) {
    expect(failureOf(sixEachWay(seed, { sessions: 2, ...few })), `seed ${seed}`).toBeUndefined();
  }
});

const timeout = LONG ? 3_600_000 : 120_000;
test(`nor in pools of any size, ${SEEDS} seeds from ${first}`, { timeout }, () => {
  const failures: string[] = [];
  for (let seed = first; seed < first + SEEDS; seed++) {
    const failure = failureOf(crowdedOf(seed));
    if (failure) failures.push(`seed ${seed}: ${failure}`);
  }
  expect(failures, `ANDVARI_SEED=${first} npm test -- tests/simulation/crowded`).toEqual([]);
});
