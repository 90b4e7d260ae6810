import { beforeAll, describe, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { seedOfRun } from '../seeded-random.ts';
import { runHostile } from './hostile.ts';
import { type Machines, newMachines, type Outcome, Run } from './run.ts';
import { scenarioOf } from './scenario.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const SEEDS = LONG ? 20000 : 2000;
const HOSTILE_SEEDS = LONG ? 50000 : 3000;
const PACKETS = 300;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

/** Runs `count` seeds from `first` on; gives the failures. */
function outcomes(first: number, count: number, run: (machines: Machines, seed: number) => string) {
  let machines = newMachines(module);
  const failures: string[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const failure = run(machines, seed);
    if (!failure) continue;
    failures.push(`seed ${seed}: ${failure}`);
    machines = newMachines(module);
  }
  return failures;
}

describe('two endpoints over a network with faults', () => {
  test(`every byte arrives in order and once, ${SEEDS} seeds`, { timeout: 600_000 }, () => {
    const first = seedOfRun();
    const failures = outcomes(
      first,
      SEEDS,
      (machines, seed) => new Run(machines, scenarioOf(seed)).run().failure ?? '',
    );
    expect(failures, `npm run sim -- --seeds ${SEEDS} --seed ${first}`).toEqual([]);
  });

  test('a seed runs the same way again', () => {
    const run = (): Outcome[] => {
      const machines = newMachines(module);
      return [11, 12, 13].map((seed) => new Run(machines, scenarioOf(seed)).run());
    };
    expect(run()).toEqual(run());
  });
});

describe('a peer that sends what it likes', () => {
  test(`does no more than end its session, ${HOSTILE_SEEDS} seeds`, { timeout: 600_000 }, () => {
    const first = seedOfRun();
    const failures = outcomes(
      first,
      HOSTILE_SEEDS,
      (machines, seed) => runHostile(machines, seed, PACKETS).failure ?? '',
    );
    expect(failures, `first seed ${first}`).toEqual([]);
  });
});
