/** Data go on during rekeys however long the round trip has been, as soon as it is short again. */
import { beforeAll, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { nodeX25519 } from '../../host-node/src/transfer/node-x25519.ts';
import { firstSeed } from './first-seed.ts';
import { newMachines } from './machines.ts';
import { Run } from './run.ts';
import { type Spike, spikeOf } from './spike-scenarios.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const SEEDS = LONG ? 5000 : 6;
const LOOK_US = 10_000;
/** Round trips are up to 120 ms: three probe timeouts are 84 ms to 740. */
const STANDSTILL_US = 500_000;
const timeout = LONG ? 3_600_000 : 120_000;
const first = firstSeed(1);

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

/** For how long nothing came, at the most, once the host was awake and before all had come. */
function standstillOf({ scenario, wokenUs }: Spike, spoil?: (run: Run) => void) {
  const run = new Run(newMachines(module, { x25519: nodeX25519 }), scenario);
  const { clock } = run;
  const [pair] = run.pairs;
  let received = 0;
  let beganUs = Number.POSITIVE_INFINITY;
  let sinceUs = 0;
  let longestUs = 0;
  const look = () => {
    const now = clock.nowUs;
    const { workloads, state } = pair ?? {};
    if (workloads) beganUs = Math.min(beganUs, now);
    const sum = workloads ? workloads[0].received + workloads[1].received : 0;
    if (sum !== received || now < beganUs + wokenUs) sinceUs = now;
    received = sum;
    if (state === 'transfer') longestUs = Math.max(longestUs, now - sinceUs);
    if (state === 'calling' || state === 'transfer') clock.at(now + LOOK_US, look);
  };
  clock.at(clock.nowUs, look);
  spoil?.(run);
  const { failure, rekeys } = run.run();
  return { failure, rekeys, longestUs };
}

test(`data go on after a spike of the round trip, ${SEEDS} from ${first}`, { timeout }, () => {
  const failures: string[] = [];
  let rekeys = 0;
  for (let seed = first; seed < first + SEEDS; seed++) {
    const outcome = standstillOf(spikeOf(seed));
    rekeys += outcome.rekeys;
    if (outcome.failure) failures.push(`seed ${seed}: ${outcome.failure}`);
    if (outcome.longestUs <= STANDSTILL_US) continue;
    failures.push(`seed ${seed}: nothing came for ${outcome.longestUs / 1e6} s`);
  }
  expect(failures, `ANDVARI_SEED=${first}`).toEqual([]);
  expect(rekeys).toBeGreaterThan(5 * SEEDS);
});

test.each([50, 203, 63, 64])('nor are they held up by a lost REKEY, seed %i', (seed) => {
  const { failure, longestUs } = standstillOf(spikeOf(seed, 300));
  expect(failure).toBeUndefined();
  expect(longestUs).toBeLessThan(STANDSTILL_US);
});

test('that they do not would be seen', () => {
  const spike = spikeOf(1);
  const { failure, longestUs } = standstillOf(spike, ({ clock, network }) => {
    const cutUs = clock.nowUs + spike.wokenUs + 500_000;
    clock.at(cutUs, () => network.cut('all', 0, true));
    clock.at(cutUs + 1_000_000, () => network.cut('all', 0, false));
  });
  expect(failure).toBeUndefined();
  expect(longestUs).toBeGreaterThan(STANDSTILL_US);
});
