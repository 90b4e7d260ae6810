import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coinNumber } from './coin.ts';
import {
  CoinFileError,
  coinFileName,
  type FileCoin,
  formatCoinFile,
  formatKeyFile,
  parseCoinFile,
} from './coin-file.ts';
import { type Light, lightNames } from './grading.ts';

const keyBytes = fc.uint8Array({ minLength: 400, maxLength: 400 });

function arbitraryCoin(proposals: boolean): fc.Arbitrary<FileCoin> {
  const coin = {
    denomination: fc.integer({ min: -8, max: 6 }),
    serialNumber: fc.integer({ min: 0, max: 0xffffffff }),
    authenticationNumbers: keyBytes,
  };
  return proposals ? fc.record({ ...coin, proposedNumbers: keyBytes }) : fc.record(coin);
}

const coinLists = fc
  .boolean()
  .chain((proposals) =>
    fc.uniqueArray(arbitraryCoin(proposals), { selector: coinNumber, minLength: 1, maxLength: 5 }),
  );

function coin(serialNumber: number, denomination = 0): FileCoin {
  const authenticationNumbers = new Uint8Array(400).map((_, index) => index + serialNumber);
  return { denomination, serialNumber, authenticationNumbers };
}

function refusal(bytes: Uint8Array, name = 'a.bin'): CoinFileError {
  try {
    parseCoinFile(bytes, name);
  } catch (error) {
    expect(error).toBeInstanceOf(CoinFileError);
    return error as CoinFileError;
  }
  throw new Error('was accepted');
}

function changed(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy[offset] = value;
  return copy;
}

describe('coin files', () => {
  test('what is written is read again, proposals too', () => {
    fc.assert(
      fc.property(coinLists, (coins) => {
        const { name, bytes } = formatCoinFile(coins, { tag: 'me' });
        const file = parseCoinFile(bytes, name);
        expect(file.kind).toBe('coins');
        const plain = file.coins.map(({ results: _, ...rest }) => rest);
        expect(plain).toEqual(coins);
      }),
    );
  });

  test('results of a single coin are read again', () => {
    const results = fc.array(fc.constantFrom(...lightNames), { minLength: 25, maxLength: 25 });
    fc.assert(
      fc.property(results, (lights: Light[]) => {
        const { bytes } = formatCoinFile([{ ...coin(1), results: lights }]);
        expect(parseCoinFile(bytes, 'x').coins[0]?.results).toEqual(lights);
        expect((bytes[28] ?? 0) & 15).toBe(0);
      }),
    );
  });

  test('the bytes of a file with one coin', () => {
    const results: Light[] = new Array<Light>(25).fill('pass').fill('fail', 24);
    const { name, bytes } = formatCoinFile([{ ...coin(0x01020304, -1), results }], { tag: 'tip' });
    expect(bytes.length).toBe(439);
    expect([...bytes.subarray(0, 8)]).toEqual([9, 1, 0, 6, 0, 0, 0, 1]);
    expect([...bytes.subarray(8, 32)]).toEqual(
      [0, 0, 0, 0, 0, 0, 0, 0].concat(new Array(12).fill(0xaa), [0xf0, 0, 0, 0]),
    );
    expect([...bytes.subarray(32, 41)]).toEqual([0, 0, 0xff, 1, 2, 3, 4, 4, 5]);
    expect(name).toBe("0.1 CloudCoin #16909060 'tip'.bin");
  });

  test('several coins carry the text of the clients', () => {
    const { name, bytes } = formatCoinFile([coin(1), coin(2, 3)]);
    expect(bytes.length).toBe(32 + 2 * 407);
    expect(new TextDecoder().decode(bytes.subarray(16, 32))).toBe('Live Free Or Die');
    expect(name).toBe("1,001 CloudCoin #2 ''.bin");
    expect(parseCoinFile(bytes, name).coins[0]).not.toHaveProperty('results');
  });

  test('a coin without a proposal beside one that has it', () => {
    const coins = [coin(1), { ...coin(2), proposedNumbers: new Uint8Array(400).fill(7) }];
    const { bytes } = formatCoinFile(coins);
    expect(bytes.length).toBe(32 + 2 * 807);
    expect(parseCoinFile(bytes, '').coins).toEqual(coins);
  });

  test('a name holds nothing that a file system minds', () => {
    const name = coinFileName([coin(5)], "../a/b\\c'\u0000:*?<>|\nTo Ann-2.");
    expect(name).toBe("1 CloudCoin #5 '..abcTo Ann-2.'.bin");
    expect(coinFileName([coin(5)], 'x'.repeat(500)).length).toBeLessThan(100);
  });

  test('the parsed coins own their bytes', () => {
    const { bytes } = formatCoinFile([coin(1)]);
    const file = parseCoinFile(bytes, 'x');
    bytes.fill(0);
    expect(file.coins[0]?.authenticationNumbers).toEqual(coin(1).authenticationNumbers);
  });
});

describe('what is no coin file says why', () => {
  const one = formatCoinFile([coin(7)]).bytes;
  const two = formatCoinFile([coin(7), coin(8)]).bytes;

  test.each([
    ['empty', new Uint8Array(0), 0, 'the file is empty'],
    ['a text', new TextEncoder().encode('hello'), 0, 'got format 104'],
    ['another coin id', changed(one, 3, 7), 2, 'coin id: wanted 6, got 7'],
    ['AES-128 with a password', changed(one, 5, 1), 5, 'encrypted with a password (type 1)'],
    ['AES-256 with a password', changed(one, 5, 4), 5, 'encrypted with a password (type 4)'],
    ['unknown encryption', changed(one, 5, 2), 5, 'encryption: wanted 0, got 2'],
    ['no coins', changed(one, 7, 0), 6, 'coin count: wanted 1 to 20000, got 0'],
    ['too many coins', changed(changed(one, 6, 255), 7, 255), 6, 'got 65535'],
    ['fewer coins than it says', changed(one, 7, 2), 439, 'wanted 846 bytes for 2 coins, got 439'],
    ['more coins than it says', changed(two, 7, 1), 439, 'wanted nothing after 1 coin, got 407'],
    ['proposals that are not there', changed(one, 15, 1), 439, 'wanted 839 bytes for 1 coin'],
    ['flag of proposals', changed(one, 15, 2), 15, 'wanted 0 or 1, got 2'],
    ['a split coin', changed(one, 32, 1), 32, 'split: wanted 0, got 1'],
    ['a shard', changed(one, 33, 3), 33, 'shard: wanted 0, got 3'],
    ['denomination 7', changed(one, 34, 7), 34, 'denomination: wanted -8 to 6, got 7'],
    ['denomination -9', changed(one, 34, 0xf7), 34, 'got -9'],
    ['a coin twice', changed(two, 32 + 407 + 6, 7), 32 + 407 + 2, 'is in the file twice'],
  ])('%s', (_, bytes, offset, message) => {
    const error = refusal(bytes);
    expect(error.message).toContain(message);
    expect(error.message).toContain('a.bin');
    expect(error.offset).toBe(offset);
    expect(error.code).toBe('ANDVARI_COIN_FILE');
  });

  test('one byte more is too many, also at the size of a key file', () => {
    const error = refusal(new Uint8Array([...one, 0]));
    expect(error.message).toContain('wanted nothing after 1 coin, got 1 more bytes');
  });

  test('cut at every length', () => {
    for (let length = 0; length < two.length; length++) {
      // At 440 bytes and with format 9 the file is still no key file.
      expect(refusal(two.slice(0, length)).message).toMatch(/wanted/);
    }
  });

  test('names are shown without control characters and cut', () => {
    const error = refusal(new Uint8Array(3), `\u001b[31m${'n'.repeat(300)}`);
    expect(error.message).not.toContain('\u001b');
    expect(error.message.length).toBeLessThan(250);
  });

  test('changed bits and random bytes give coins or a CoinFileError', () => {
    const flips = fc.array(fc.tuple(fc.nat(two.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(flips, fc.nat(900), fc.string(), (changes, length, name) => {
        const bytes = new Uint8Array(two);
        for (const [offset, value] of changes) bytes[offset] = value;
        try {
          for (const size of [bytes.length, length]) parseCoinFile(bytes.slice(0, size), name);
        } catch (error) {
          expect(error).toBeInstanceOf(CoinFileError);
        }
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 900 }), fc.string(), (bytes, name) => {
        expect(() => parseCoinFile(bytes, name)).toThrow(CoinFileError);
      }),
    );
  });

  test('no file is written for impossible coins', () => {
    const short = { ...coin(1), authenticationNumbers: new Uint8Array(399) };
    for (const list of [[], [coin(1), coin(1)], [coin(1, 7)], [coin(-1)], [short]]) {
      expect(() => formatCoinFile(list)).toThrow(CoinFileError);
    }
  });

  test('messages hold no key bytes', () => {
    const secret = { ...coin(7), authenticationNumbers: new Uint8Array(400).fill(0xab) };
    const error = refusal(changed(formatCoinFile([secret]).bytes, 34, 9));
    expect(error.message).not.toMatch(/abab|171/);
  });
});

describe('key files', () => {
  test('what is written is read again', () => {
    fc.assert(
      fc.property(arbitraryCoin(false), (one) => {
        const { name, bytes } = formatKeyFile(one);
        expect(bytes.length).toBe(440);
        const file = parseCoinFile(bytes, `some/folder/${name}`);
        expect(file).toEqual({ kind: 'key', coinId: 6, coins: [one] });
      }),
    );
  });

  test('the bytes and the name', () => {
    const { name, bytes } = formatKeyFile(coin(2100, -8));
    expect(name).toBe('f8.2100.bin');
    expect([...bytes.subarray(0, 42)].filter((byte) => byte !== 0)).toEqual([6, 0x34, 0x35]);
  });

  test.each(['x.bin', '07.1.bin', 'f7.1.bin', '00.4294967296.bin', '00.-1.bin', '00.1.bin.txt'])(
    'a key file cannot be called %s',
    (name) => {
      expect(refusal(formatKeyFile(coin(1)).bytes, name).message).toContain('00.2100.bin');
    },
  );

  test('another coin id is refused', () => {
    const { bytes, name } = formatKeyFile(coin(1), 7);
    expect(refusal(bytes, name).message).toContain('coin id: wanted 6, got 7');
    expect(parseCoinFile(bytes, name, 7).coins).toHaveLength(1);
  });
});
