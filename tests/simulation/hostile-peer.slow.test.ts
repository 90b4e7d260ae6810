import { beforeAll, describe, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { firstSeed } from './first-seed.ts';
import { runHostile } from './hostile.ts';
import { newMachines } from './machines.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const SEEDS = LONG ? 50000 : 80;
const PACKETS = 300;
const timeout = 600_000;

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
  const first = firstSeed(1);
  test(`does no more than end its session, ${SEEDS} seeds from ${first}`, { timeout }, () => {
    const failures = [false, true].flatMap((tight) => failuresOf(first, tight));
    expect(failures, `ANDVARI_SEED=${first}`).toEqual([]);
  });
});
