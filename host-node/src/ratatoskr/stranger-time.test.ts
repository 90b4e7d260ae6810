import { describe, expect, it } from 'vitest';
import { until } from '../testing/until.ts';
import { STRANGER_BURST_MS } from './limits.ts';
import { StrangerTime } from './stranger-time.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the time of strangers', () => {
  it('is free until it is spent, and again by and by', () => {
    let nowMs = 1000;
    const time = new StrangerTime(() => nowMs);
    expect(time.isFree).toBe(true);
    const result = time.spend(() => {
      nowMs += STRANGER_BURST_MS + 10;
      return 'done';
    });
    expect(result).toBe('done');
    // It fills while it is spent: half of what has passed is there again.
    expect(time.isFree).toBe(true);
    time.charge(STRANGER_BURST_MS);
    expect(time.isFree).toBe(false);
    nowMs += 61;
    expect(time.isFree).toBe(false);
    nowMs += 1;
    expect(time.isFree).toBe(true);
  });

  it('counts work that fails', () => {
    let nowMs = 1000;
    const time = new StrangerTime(() => nowMs);
    const failing = () => {
      nowMs += 1000;
      throw new Error('broken');
    };
    expect(() => time.spend(failing)).toThrow('broken');
    expect(time.isFree).toBe(false);
  });

  it('goes to those who wait in their order, and to nobody before them', async () => {
    let nowMs = 1000;
    const time = new StrangerTime(() => nowMs);
    time.charge(STRANGER_BURST_MS);
    const went: number[] = [];
    const wait = (i: number) =>
      time.wait(() => {
        went.push(i);
        time.charge(10);
      });
    for (let i = 0; i < 4; i++) wait(i);
    await turn();
    expect(went).toEqual([]);
    nowMs += 42;
    await until(() => went.length === 3);
    expect(went).toEqual([0, 1, 2]);
    expect(time.isFree).toBe(false);
    nowMs += 1000;
    // There is time, and somebody waits for it.
    expect(time.isFree).toBe(false);
    await until(() => went.length === 4);
    await turn();
    expect(time.isFree).toBe(true);
  });
});
