import { describe, expect, it } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

/** Of five that ask. */
const takenOf = (bucket: TokenBucket, nowMs: number) =>
  Array.from({ length: 5 }, () => bucket.take(nowMs)).filter(Boolean).length;

describe('TokenBucket', () => {
  it('gives what it has, then what has come since', () => {
    const bucket = new TokenBucket(3, 2, 0);
    expect(takenOf(bucket, 0)).toBe(3);
    expect(bucket.waitMs(0)).toBe(500);
    expect(bucket.take(499)).toBe(false);
    expect(bucket.take(500)).toBe(true);
    expect(bucket.isFull(1999)).toBe(false);
    expect(bucket.isFull(2000)).toBe(true);
    expect(takenOf(bucket, 1e12)).toBe(3);
  });

  it('gives nothing for a clock that went back', () => {
    const bucket = new TokenBucket(1, 1, 1000);
    expect(bucket.take(1000)).toBe(true);
    expect(bucket.take(0)).toBe(false);
    expect(bucket.take(999)).toBe(false);
  });
});
