import { beforeAll, describe, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { Bulk } from './bulk.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const SEED = 7;
const SECOND_US = 1e6;
/** 100 Mbit/s, 20 ms either way; what fills them, and a buffer of four times that. */
const RATE = 12.5e6;
const VOLUME = 500000;
const PATH = { rate: RATE, delayUs: 20000, queueBytes: 4 * VOLUME };

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

describe(`sessions over 100 Mbit/s and 40 ms, seed ${SEED}`, { timeout: 120_000 }, () => {
  test('use 95 % of it after start-up, and queue no more than the path holds', () => {
    const bulk = new Bulk(module, { link: PATH, seed: SEED });
    bulk.start(0);
    bulk.run(SECOND_US);
    bulk.queueUs = 0;
    expect(bulk.used(10 * SECOND_US)).toBeGreaterThan(0.95);
    expect(bulk.queueUs).toBeLessThan(40000);
    expect(bulk.statistics(0).PACKETS_LOST).toBe(0);
    expect(bulk.statistics(0).MTU).toBe(1472);
  });

  /** The share used from 2 to 12 s with `loss` ten-thousandths lost by chance, `back` of acks. */
  function usedAtLoss(loss: number, back: number, seed: number): number {
    const bulk = new Bulk(module, { link: { ...PATH, loss }, back: { loss: back }, seed });
    bulk.start(0);
    bulk.run(2 * SECOND_US);
    return bulk.used(10 * SECOND_US);
  }

  // By chance a probe of each seed but the first meets more than 2 %; taken for the path's limit,
  // that left 81 to 84 %.
  test.each(LONG ? [SEED, 1011, 1025] : [1011])(
    'use 85 % of it where 1 % is lost by chance, %i',
    (seed) => {
      expect(usedAtLoss(100, 100, seed)).toBeGreaterThan(0.85);
    },
  );

  test.runIf(LONG).each([1004, 2015])('so they do where no ack is lost, seed %i', (seed) => {
    expect(usedAtLoss(100, 0, seed)).toBeGreaterThan(0.85);
  });

  test('give way where 5 % is lost, which is not laid to chance', () => {
    expect(usedAtLoss(500, 500, SEED)).toBeLessThan(0.5);
  });

  test('share it, from the same start at once', () => {
    const bulk = new Bulk(module, { link: PATH, flows: 2, seed: SEED });
    bulk.start(0);
    bulk.start(1);
    bulk.run(SECOND_US);
    bulk.queueUs = 0;
    const [one = 0, other = 0] = bulk.run(6 * SECOND_US);
    expect((one + other) / (6 * RATE)).toBeGreaterThan(0.93);
    expect(one / (one + other)).toBeGreaterThan(0.4);
    expect(one / (one + other)).toBeLessThan(0.6);
    expect(bulk.queueUs).toBeLessThan(100000);
  });

  test.runIf(LONG)('share it with a late one, after some time', () => {
    const late = new Bulk(module, { link: PATH, flows: 2, seed: SEED });
    late.start(0);
    late.run(SECOND_US);
    late.start(1);
    const [, before = 0] = late.run(2 * SECOND_US);
    late.run(14 * SECOND_US);
    const [, after = 0] = late.run(2 * SECOND_US);
    // At the draft's own pace: it begins with a seventh, for either window is twice its volume.
    expect(after).toBeGreaterThan(1.3 * before);
    late.run(20 * SECOND_US);
    const [first = 0, second = 0] = late.run(4 * SECOND_US);
    expect(second / (first + second)).toBeGreaterThan(0.36);
  });

  test('do well with a buffer of a tenth of what the path holds', () => {
    const bulk = new Bulk(module, { link: { ...PATH, queueBytes: VOLUME / 10 }, seed: SEED });
    bulk.start(0);
    bulk.run(SECOND_US);
    expect(bulk.used(5 * SECOND_US)).toBeGreaterThan(0.85);
  });
});
