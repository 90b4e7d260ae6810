import { beforeAll, describe, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { seedOfRun } from '../seeded-random.ts';
import { runHostile } from './hostile.ts';
import { newMachines } from './machines.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const SEEDS = LONG ? 50000 : 3000;
const PACKETS = 300;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

/** Failures of the seeds, over engines that are used again and again. */
function failuresOf(first: number, tight: boolean): string[] {
  let machines = newMachines(module, { tight });
  const failures: string[] = [];
  for (let seed = first; seed < first + SEEDS; seed++) {
    const { failure } = runHostile(machines, seed, PACKETS);
    if (!failure) continue;
    failures.push(`seed ${seed}: ${failure}`);
    machines = newMachines(module, { tight });
  }
  return failures;
}

describe('a peer that sends what it likes', () => {
  test(`does no more than end its session, ${SEEDS} seeds`, { timeout: 600_000 }, () => {
    const first = seedOfRun();
    const failures = [false, true].flatMap((tight) => failuresOf(first, tight));
    expect(failures, `first seed ${first}`).toEqual([]);
  });
});
