/** What a peer has no room for is no sign of congestion: the stream beside it keeps its speed. */
import { beforeAll, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { SlowReaders } from './slow-readers.ts';

const SEED = 7;
const SECOND_US = 1e6;
/** 40 Mbit/s, 20 ms either way. */
const RATE = 5e6;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

/** Share of the way that a stream has that is read at once, beside so many others. */
function shareBeside(slow: number, slowRate: number, blocks: number): number {
  const sizes = { sessions: 1, blocks };
  const both = new SlowReaders(module, { seed: SEED, rate: RATE, slow, slowRate, sizes });
  both.run(3 * SECOND_US);
  return both.run(10 * SECOND_US) / (10 * RATE);
}

// Without the rules of refused.ts: 0.01, 0.04, 0.18, 0.03.
test.each([
  [16384, 256, 0.55],
  [100000, 256, 0.35],
  [16384, 64, 0.75],
  [100000, 64, 0.45],
])(
  'a stream beside six that are read at %i bytes a second, with %i blocks',
  (rate, blocks, least) => {
    expect(shareBeside(6, rate, blocks)).toBeGreaterThan(least);
  },
  60_000,
);

test('alone it has nearly all', () => {
  expect(shareBeside(0, 0, 256)).toBeGreaterThan(0.9);
}, 60_000);
