import { expect, it } from 'vitest';
import { VirtualClock } from '../../../../tests/ratatoskr/virtual-clock.ts';
import { AnswerWatch } from './answer-watch.ts';

function setUp() {
  const clock = new VirtualClock();
  const late: number[] = [];
  const watch = new AnswerWatch(clock, () => late.push(clock.monotonicMs()));
  return { clock, late, watch };
}

it('asks once when a call has no answer for two seconds, and not before', async () => {
  const { clock, late, watch } = setUp();
  watch.asked(0);
  await clock.pass(1_999);
  expect(late).toEqual([]);
  await clock.pass(60_000);
  expect(late).toEqual([2_000]);
});

it('does not ask when the answer came in time', async () => {
  const { clock, late, watch } = setUp();
  watch.asked(0);
  await clock.pass(1_999);
  watch.heard(false, 0);
  await clock.pass(60_000);
  expect(late).toEqual([]);
  expect(clock.pending).toBe(0);
});

it('is not put off by calls that follow one another', async () => {
  const { clock, late, watch } = setUp();
  for (let i = 0; i < 30; i++) {
    watch.asked(0);
    await clock.pass(100);
  }
  expect(late).toEqual([2_000]);
});

it('asks less and less often about a slow service, and at once about the next call', async () => {
  const { clock, late, watch } = setUp();
  watch.asked(0);
  for (let i = 0; i < 200; i++) {
    const before = late.length;
    await clock.pass(1_000);
    if (late.length > before) watch.heard(true, 0);
  }
  expect(late).toEqual([2_000, 6_000, 14_000, 30_000, 60_000, 90_000, 120_000, 150_000, 180_000]);
  watch.asked(0);
  await clock.pass(2_000);
  expect(late.at(-1)).toBe(202_000);
});

it('gives a slow line time for what is on its way', async () => {
  const { clock, late, watch } = setUp();
  watch.asked(30_000);
  await clock.pass(31_999);
  expect(late).toEqual([]);
  await clock.pass(1);
  expect(late).toEqual([32_000]);
});
