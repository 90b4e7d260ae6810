import { expect, it } from 'vitest';
import { CommitPace } from './commit-pace.ts';

/** One that has heard of `count` calls, one each `everyMs`, until now: 0. */
function paceOf(count: number, everyMs: number): CommitPace {
  const pace = new CommitPace();
  for (let left = count; left > 0; left--) pace.called(-left * everyMs);
  return pace;
}

it('many calls: a transaction waits until a millisecond after the last', () => {
  const pace = paceOf(100, 0.5);
  expect(pace.restMs(0, 1)).toBe(0);
  pace.posted(0);
  expect(pace.restMs(0.25, 1)).toBe(0.75);
  expect(pace.restMs(1, 1)).toBe(0);
  expect(pace.restMs(50, 1)).toBe(0);
});

it.each([
  ['the first', 1, 0],
  ['one after the other', 100, 0.8],
  ['a few at once', 16, 0],
])('few calls: nobody waits: %s', (_, count, everyMs) => {
  const pace = paceOf(count, everyMs);
  pace.posted(0);
  expect(pace.restMs(0.1, 1)).toBe(0);
});

it('after a rest nobody waits', () => {
  const pace = paceOf(1000, 0.1);
  pace.called(1000);
  pace.posted(1000);
  expect(pace.restMs(1000.1, 1)).toBe(0);
});

it('eight changes are company enough', () => {
  const pace = paceOf(100, 0.5);
  pace.posted(0);
  expect([7, 8, 100].map((changes) => pace.restMs(0.25, changes))).toEqual([0.75, 0, 0]);
});
