import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CoinKeys } from '@andvari/host-common/raida/coin';
import { formatCoinFile } from '@andvari/host-common/raida/coin-file';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  fingerprintOf,
  readCoinFiles,
  readEncryptionCoin,
  refuseRepeatedCoins,
} from './wallet-input.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'andvari-input-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function coin(serialNumber: number, fill = serialNumber): CoinKeys {
  return { denomination: 0, serialNumber, authenticationNumbers: new Uint8Array(400).fill(fill) };
}

function write(name: string, coins: CoinKeys[]): string {
  const path = join(directory, name);
  writeFileSync(path, formatCoinFile(coins).bytes);
  return path;
}

describe('wallet input', () => {
  it('reads each file once', () => {
    const one = write('one.bin', [coin(1)]);
    const two = write('two.bin', [coin(2), coin(3)]);
    const files = readCoinFiles([one, two, one], 6);
    expect(files.map((file) => file.coins.map((each) => each.serialNumber))).toEqual([[1], [2, 3]]);
  });

  it('says what is wrong with every file at once', () => {
    const text = join(directory, 'letter.txt');
    writeFileSync(text, 'Dear grandmother');
    const paths = [text, join(directory, 'missing.bin'), write('good.bin', [coin(1)])];
    expect(() => readCoinFiles(paths, 6)).toThrow(
      expect.objectContaining({
        code: 'ANDVARI_INPUT',
        message: expect.stringMatching(/^.*letter\.txt.*format 68\n.*missing\.bin.*$/),
      }),
    );
    expect(() => readCoinFiles([write('other.bin', [coin(1)])], 7)).toThrow(/coin id/);
  });

  it('refuses the same coin twice, in one file or another', () => {
    const one = write('one.bin', [coin(1)]);
    const again = write('again.bin', [coin(1, 9), coin(2)]);
    expect(() => refuseRepeatedCoins(readCoinFiles([one, again], 6))).toThrow(
      /again\.bin: coin 1 of denomination 0 is also in .*one\.bin$/,
    );
    refuseRepeatedCoins(readCoinFiles([again], 6));
  });

  it('takes one coin to encrypt with, not more', () => {
    expect(readEncryptionCoin(write('one.bin', [coin(5)]), 6).serialNumber).toBe(5);
    expect(() => readEncryptionCoin(write('two.bin', [coin(5), coin(6)]), 6)).toThrow(/one coin/);
  });

  it('names the same coins alike, whatever the order, and other keys otherwise', () => {
    const ab = readCoinFiles([write('ab.bin', [coin(1), coin(2)])], 6);
    const ba = readCoinFiles([write('b.bin', [coin(2)]), write('a.bin', [coin(1)])], 6);
    expect(fingerprintOf(ab)).toBe(fingerprintOf(ba));
    expect(fingerprintOf(ab)).toMatch(/^[0-9a-f]{16}$/);
    const other = readCoinFiles([write('x.bin', [coin(1), coin(2, 3)])], 6);
    expect(fingerprintOf(other)).not.toBe(fingerprintOf(ab));
  });
});
