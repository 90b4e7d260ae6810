/** That `npm run bench:files` measures: with a small file, where nothing has to be installed. */
import { describe, expect, it } from 'vitest';
import { bench } from './run-bench.ts';

describe('bench:files', () => {
  it('measures ours on loopback, and names a peer that is not there', () => {
    const some = ['--place', 'loopback', '--only', 'andvari', '--only', 'scp'];
    const none = { PATH: '/nowhere', ANDVARI_BENCH_PATH: '' };
    const { status, stderr, rows } = bench(some, none);
    expect(status, stderr).toBe(0);
    const [own, scp] = rows;
    expect(own).toMatchObject({ place: 'loopback', peer: 'andvari', bytes: 524_288 });
    expect(own.megabytesPerSecond).toBeGreaterThan(0);
    for (const side of [own.sender, own.receiver]) {
      expect(side.peakMiB).toBeGreaterThan(0);
      expect(side.cpuS).toBeGreaterThanOrEqual(0);
    }
    expect(scp).toEqual({
      ...{ place: 'loopback', peer: 'scp', bytes: 524_288, failed: 'not installed' },
    });
  });

  it('says when its time was over, and what had come', () => {
    const words = ['--place', 'loopback', '--only', 'andvari', '--limit', '0.01'];
    const { rows } = bench(words);
    expect(rows).toMatchObject([{ peer: 'andvari', cutAtBytes: expect.any(Number) }]);
  });

  it.each([
    ['a peer', ['--only', 'pigeon'], 'pigeon'],
    ['a place', ['--place', 'the moon'], 'the moon'],
    ['a size', ['--size', '0'], 'size'],
  ])('refuses %s that there is not', (_, words, told) => {
    const { status, stderr, rows } = bench(words);
    expect({ status, rows }).toEqual({ status: 1, rows: [] });
    expect(stderr).toMatch(new RegExp(`^bench:files: no [^\\n]*${told}[^\\n]*\\n$`));
  });
});
