import { describe, expect, it } from 'vitest';
import { inParallel } from './in-parallel.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const soon = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('work on many files', () => {
  it('is done once for each, eight at a time', async () => {
    const done: number[] = [];
    let [now, most] = [0, 0];
    await inParallel(numbers(100), async (one) => {
      most = Math.max(most, ++now);
      await soon();
      now--;
      done.push(one);
    });
    expect(done.sort((a, b) => a - b)).toEqual(numbers(100));
    expect(most).toBe(8);
  });

  it('ends with the first error, and begins nothing after it', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const work = async (one: number) => {
      begun.push(one);
      await soon();
      if (one === 3 || one === 5) throw new Error(`no ${one}`);
      ended.push(one);
    };
    await expect(inParallel(numbers(100), work)).rejects.toThrow('no 3');
    expect(begun.length).toBeLessThan(20);
    expect(ended).toHaveLength(begun.length - 2);
  });

  it('of nothing is nothing', async () => {
    await inParallel([], () => Promise.reject(new Error('never')));
  });
});
