import { beforeAll, describe, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { seedOfRun } from '../seeded-random.ts';
import { runHostile } from './hostile.ts';
import { type Machines, newMachines, type Outcome, Run } from './run.ts';
import { lostChallengeOf, rebindingOf, scenarioOf } from './scenario.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const SEEDS = LONG ? 20000 : 2000;
const HOSTILE_SEEDS = LONG ? 50000 : 3000;
const PACKETS = 300;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

const TIGHT_SEEDS = LONG ? 10000 : 300;
const REBINDINGS = LONG ? 10000 : 300;

/** Runs `count` seeds from `first` on; gives the failures. */
function outcomes(
  { first, count, tight = false }: { first: number; count: number; tight?: boolean },
  run: (machines: Machines, seed: number) => string,
) {
  let machines = newMachines(module, tight);
  const failures: string[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const failure = run(machines, seed);
    if (!failure) continue;
    failures.push(`seed ${seed}: ${failure}`);
    machines = newMachines(module, tight);
  }
  return failures;
}

describe('two endpoints over a network with faults', () => {
  test(`every byte arrives in order and once, ${SEEDS} seeds`, { timeout: 600_000 }, () => {
    const first = seedOfRun();
    const failures = outcomes(
      { first, count: SEEDS },
      (machines, seed) => new Run(machines, scenarioOf(seed)).run().failure ?? '',
    );
    expect(failures, `npm run sim -- --seeds ${SEEDS} --seed ${first}`).toEqual([]);
  });

  test(`so they do with hardly any room, ${TIGHT_SEEDS} seeds`, { timeout: 600_000 }, () => {
    const first = seedOfRun();
    const failures = outcomes(
      { first, count: TIGHT_SEEDS, tight: true },
      (machines, seed) => new Run(machines, scenarioOf(seed)).run().failure ?? '',
    );
    expect(failures, `npm run sim -- --tight --seeds ${TIGHT_SEEDS} --seed ${first}`).toEqual([]);
  });

  test(`sessions outlive NAT rebinding and loss, ${REBINDINGS} seeds`, { timeout: 600_000 }, () => {
    const first = seedOfRun();
    const failures = outcomes(
      { first, count: REBINDINGS },
      (machines, seed) =>
        new Run(machines, rebindingOf(seed)).run().failure ??
        new Run(machines, lostChallengeOf(seed)).run().failure ??
        '',
    );
    expect(failures, `first seed ${first}`).toEqual([]);
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
    const failures = [false, true].flatMap((tight) =>
      outcomes(
        { first, count: HOSTILE_SEEDS, tight },
        (machines, seed) => runHostile(machines, seed, PACKETS).failure ?? '',
      ),
    );
    expect(failures, `first seed ${first}`).toEqual([]);
  });
});
