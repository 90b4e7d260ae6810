import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Light } from '../worker/views.ts';
import {
  countOf,
  countsOf,
  faceOf,
  formatValue,
  lightAt,
  parseAmount,
  piecesOf,
  rangesOf,
  summaryOf,
  unitsOf,
} from './format.ts';

describe('values', () => {
  it.each([
    [0n, '0'],
    [1n, '0.00000001'],
    [100_000_000n, '1'],
    [100_000_001n, '1.00000001'],
    [123_456_700_050_000n, '1,234,567.0005'],
    [10n ** 14n, '1,000,000'],
  ])('writes %s units as %s', (units, text) => {
    expect(formatValue(units)).toBe(text);
  });

  it('can be read back, whatever the value', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 20n }), (units) => {
        const [whole = '', fraction = ''] = formatValue(units).replaceAll(',', '').split('.');
        expect(BigInt(whole + fraction.padEnd(8, '0'))).toBe(units);
      }),
    );
  });

  it('has a short face for each of the 15 denominations', () => {
    const faces = Array.from({ length: 15 }, (_, index) => faceOf(index - 8));
    expect(faces.join(' ')).toBe('10⁻⁸ 10⁻⁷ 10⁻⁶ 10⁻⁵ 10⁻⁴ 10⁻³ .01 .1 1 10 100 1k 10k 100k 1M');
  });

  it('counts nouns', () => {
    expect([countOf(0, 'coin'), countOf(1, 'coin'), countOf(1000, 'coin')]).toEqual([
      '0 coins',
      '1 coin',
      '1,000 coins',
    ]);
  });
});

describe('lights in words', () => {
  it('sums up 25 lights in one line', () => {
    expect(summaryOf({ lights: '0'.repeat(25), openServers: 0 })).toBe('No server asked yet');
    expect(summaryOf({ lights: 'A'.repeat(25), openServers: 0 })).toBe('25 of 25 pass');
    expect(summaryOf({ lights: `AAFFFC${'A'.repeat(17)}DE`, openServers: 0 })).toBe(
      '19 of 25 pass · fail: 2-4 · no answer: 5 · no connection: 23 · error: 24',
    );
    expect(summaryOf({ lights: `A${'?'.repeat(24)}`, openServers: 0 })).toBe(
      '1 of 25 pass · asking 24',
    );
  });

  it('never shows an unknown result as anything but an error', () => {
    for (const lights of ['', 'z', 'a', '\u0000']) expect(lightAt(lights, 0)).toBe(Light.ERROR);
    expect(lightAt('A', 0)).toBe(Light.PASS);
  });

  it('joins runs of three or more', () => {
    expect(rangesOf([])).toBe('');
    expect(rangesOf([7])).toBe('7');
    expect(rangesOf([0, 1])).toBe('0, 1');
    expect(rangesOf([0, 1, 2, 9, 11, 12, 13])).toBe('0-2, 9, 11-13');
  });
});

it('counts and values keep each grade apart', () => {
  const coin = (grade: 'authentic' | 'limbo', denomination: number) => ({
    id: 1,
    denomination,
    serialNumber: 1,
    lights: '0'.repeat(25),
    grade,
    owned: false,
    unsettled: false,
    openServers: 0,
    twofold: false,
    place: 'wallet' as const,
  });
  const coins = [coin('authentic', 0), coin('authentic', -8), coin('limbo', 2)];
  expect(countsOf(coins)).toMatchObject({ authentic: 2, limbo: 1, fracked: 0, untested: 0 });
  expect(unitsOf(coins.slice(0, 2))).toBe(100_000_001n);
  expect(unitsOf([])).toBe(0n);
});

describe('amounts', () => {
  it('are read as people write them', () => {
    expect(parseAmount('1')).toBe(100_000_000n);
    expect(parseAmount(' 1,234.5 ')).toBe(123_450_000_000n);
    expect(parseAmount('0.00000001')).toBe(1n);
    expect(parseAmount('1234567')).toBe(123_456_700_000_000n);
  });

  it('are none when anything in them could be read two ways', () => {
    const none = ['', '0', '0.0', '-1', '1e3', '1,23', '1.234,5', '.5', '1.', '0.000000001', '१'];
    for (const text of [...none, '1'.repeat(16)]) expect(parseAmount(text), text).toBeUndefined();
  });

  it('are shown by denomination, the largest first', () => {
    const coins = [-2, 2, 0, 2].map((denomination) => ({ denomination }));
    expect(piecesOf(coins)).toBe('2 × 100, 1 × 1, 1 × 0.01');
    expect(piecesOf([])).toBe('');
  });
});
