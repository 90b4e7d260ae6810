import { describe, expect, it } from 'vitest';
import type { CoinView } from '../worker/views.ts';
import {
  addedSentence,
  FILE_BYTES_MAX,
  FILES_MAX,
  resultSentence,
  wantedFiles,
} from './app-words.ts';

const coin = (changes: Partial<CoinView>): CoinView => ({
  id: 1,
  denomination: 0,
  serialNumber: 1,
  lights: 'A'.repeat(25),
  grade: 'authentic',
  owned: false,
  unsettled: false,
  openServers: 0,
  twofold: false,
  place: 'wallet',
  ...changes,
});

describe('how a task ended', () => {
  it('is good when every coin is authentic', () => {
    const notice = resultSentence('detect', [coin({}), coin({ id: 2 })], false);
    expect(notice).toEqual({ tone: 'good', text: 'Checked 2 coins: 2 authentic.' });
  });

  it('is bad with a counterfeit, and counts fracked coins as authentic', () => {
    const coins = [coin({ grade: 'fracked' }), coin({ grade: 'counterfeit' })];
    const { tone, text } = resultSentence('detect', coins, false);
    expect(tone).toBe('bad');
    expect(text).toBe('Checked 2 coins: 1 authentic, 1 of them fracked, 1 counterfeit.');
  });

  it('says whose the coins are, and what is not settled', () => {
    const yours = coin({ owned: true });
    expect(resultSentence('pown', [yours], false).text).toMatch(/All yours alone now\.$/);
    const silent = coin({ owned: true, openServers: 5 });
    expect(resultSentence('pown', [silent], false).text).toMatch(/asked again later\.$/);
    const open = coin({ grade: 'limbo', unsettled: true, openServers: 14 });
    const { tone, text } = resultSentence('pown', [yours, open], false);
    expect(tone).toBe('plain');
    expect(text).toMatch(/1 yours alone now\. 1 coin not settled: old and new secrets are both/);
  });

  it('never calls a stopped task good', () => {
    const { tone, text } = resultSentence('detect', [coin({})], true);
    expect([tone, text]).toEqual(['plain', 'Stopped at 1 coin: 1 authentic.']);
  });
});

describe('files', () => {
  it('are read up to a size and a number', () => {
    const file = (name: string, size: number) => ({ name, size }) as File;
    const faults: string[] = [];
    const fits = file('coins.bin', FILE_BYTES_MAX);
    expect(wantedFiles([fits, file('film.mkv', FILE_BYTES_MAX + 1)], faults)).toEqual([fits]);
    expect(faults).toEqual(['film.mkv is too large for a coin file.']);
    const many = Array.from({ length: FILES_MAX + 1 }, () => fits);
    expect(wantedFiles(many, faults)).toHaveLength(FILES_MAX);
    expect(faults).toHaveLength(2);
  });

  it('end in one sentence each for what was new, known, twofold and refused', () => {
    const counts = { addedCount: 3, knownCount: 1, twofoldCount: 1 };
    const { tone, text } = addedSentence(counts, ['a.bin, byte 0: no.', 'b', 'c']);
    expect(tone).toBe('bad');
    expect(text).toMatch(/^3 coins added\. 1 coin already here\. 1 coin .* a\.bin, byte 0: no\./);
    expect(text).toMatch(/\(2 more problems\)$/);
    expect(addedSentence({ addedCount: 1, knownCount: 0, twofoldCount: 0 }, [])).toEqual({
      tone: 'good',
      text: '1 coin added.',
    });
  });
});
