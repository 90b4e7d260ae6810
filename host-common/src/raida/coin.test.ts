import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  authenticationNumber,
  type Coin,
  coinNumber,
  coinValueUnits,
  denominations,
  formatFileValue,
  formatUnits,
  isDenomination,
  isSerialNumber,
  totalUnits,
} from './coin.ts';

const anyCoin: fc.Arbitrary<Coin> = fc.record({
  denomination: fc.integer({ min: -8, max: 6 }),
  serialNumber: fc.integer({ min: 0, max: 0xffffffff }),
});

describe('values', () => {
  test('a unit is 1e-8 CloudCoin', () => {
    expect(coinValueUnits(-8)).toBe(1n);
    expect(coinValueUnits(0)).toBe(100_000_000n);
    expect(coinValueUnits(6)).toBe(100_000_000_000_000n);
    expect(denominations.map(({ label }) => label)).toContain('0.0001');
    expect(denominations).toHaveLength(15);
  });

  test.each([-9, 7, 0.5, Number.NaN])('denomination %s has no value', (denomination) => {
    expect(() => coinValueUnits(denomination)).toThrow(RangeError);
    expect(isDenomination(denomination)).toBe(false);
  });

  test('a total beyond 2^53 is exact', () => {
    const coins = Array.from({ length: 1000 }, () => ({ denomination: 6, serialNumber: 1 }));
    expect(totalUnits([...coins, { denomination: -8, serialNumber: 1 }])).toBe(
      100_000_000_000_000_001n,
    );
  });

  test('serial numbers are u32', () => {
    for (const good of [0, 0xffffffff]) expect(isSerialNumber(good)).toBe(true);
    for (const bad of [-1, 2 ** 32, 1.5, '1', undefined]) expect(isSerialNumber(bad)).toBe(false);
  });
});

describe('how values are written', () => {
  test.each([
    [0n, '0', '0'],
    [1n, '0.00000001', '0.0000-0001'],
    [10_000n, '0.0001', '0.0001'],
    [1000n, '0.00001', '0.0000-1'],
    [125_010_000_000n, '1250.1', '1,250.1'],
    [100_000_000_000_000n, '1000000', '1,000,000'],
    [123_456_700_000_000n, '1234567', '1,234,567'],
    [99_900_000_000n, '999', '999'],
    [-150_000_000n, '-1.5', '-1.5'],
  ])('%s units', (units, plain, inName) => {
    expect(formatUnits(units)).toBe(plain);
    expect(formatFileValue(units)).toBe(inName);
  });

  test('without its separators the name of a value is the value', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 24n }), (units) => {
        const text = formatFileValue(units);
        expect(text.replace(/[,-]/g, '')).toBe(formatUnits(units));
        expect(text).toMatch(/^\d{1,3}(,\d{3})*(\.\d{1,4}(-\d{1,4})?)?$/);
        expect(text).not.toMatch(/\.\d*0$/);
      }),
    );
  });
});

test('coin numbers are different for different coins', () => {
  fc.assert(
    fc.property(anyCoin, anyCoin, (a, b) => {
      const same = a.denomination === b.denomination && a.serialNumber === b.serialNumber;
      expect(coinNumber(a) === coinNumber(b)).toBe(same);
    }),
  );
});

test('the AN of a server is 16 bytes at 16 times its id', () => {
  const keys = Uint8Array.from({ length: 400 }, (_, index) => Math.floor(index / 16));
  expect([...authenticationNumber(keys, 24)]).toEqual(new Array(16).fill(24));
});
