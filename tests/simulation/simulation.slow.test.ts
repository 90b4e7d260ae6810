import { beforeAll, describe, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { nodeX25519 } from '../../host-node/src/transfer/node-x25519.ts';
import { firstSeed } from './first-seed.ts';
import { lostChallengeOf, rebindingOf } from './rebinding-scenarios.ts';
import { type Outcome, runScenario } from './run.ts';
import { type Scenario, scenarioOf } from './scenario.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const SEEDS = LONG ? 20000 : 2000;
const TIGHT_SEEDS = LONG ? 10000 : 300;
const REBINDINGS = LONG ? 10000 : 200;
const timeout = LONG ? 3_600_000 : 600_000;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

function outcomeOf(scenario: Scenario, tight = false): Outcome {
  return runScenario(module, scenario, { tight, x25519: nodeX25519 });
}

/** Runs `count` seeds from `first` on; gives the failures. */
function failuresOf(first: number, count: number, run: (seed: number) => Outcome): string[] {
  const seeds = Array.from({ length: count }, (_, i) => first + i);
  return seeds.flatMap((seed) => {
    const { failure } = run(seed);
    return failure ? [`seed ${seed}: ${failure}`] : [];
  });
}

describe('endpoints over a network with faults', () => {
  const roomy = firstSeed(1);
  test(`every byte arrives in order and once, ${SEEDS} seeds from ${roomy}`, { timeout }, () => {
    const failures = failuresOf(roomy, SEEDS, (seed) => outcomeOf(scenarioOf(seed)));
    expect(failures, `npm run sim -- --seeds ${SEEDS} --seed ${roomy}`).toEqual([]);
  });

  const narrow = firstSeed(1);
  test(`so they do with hardly any room, ${TIGHT_SEEDS} from ${narrow}`, { timeout }, () => {
    const run = (seed: number) => outcomeOf(scenarioOf(seed, { nodes: 2 }), true);
    const failures = failuresOf(narrow, TIGHT_SEEDS, run);
    expect(failures, `npm run sim -- --tight --seeds ${TIGHT_SEEDS} --seed ${narrow}`).toEqual([]);
  });

  const moved = firstSeed(1);
  test(`sessions outlive NAT rebinding and loss, ${REBINDINGS} from ${moved}`, { timeout }, () => {
    const failures = [rebindingOf, lostChallengeOf].flatMap((make) => {
      return failuresOf(moved, REBINDINGS, (seed) => outcomeOf(make(seed)));
    });
    expect(failures, `ANDVARI_SEED=${moved}`).toEqual([]);
  });
});
