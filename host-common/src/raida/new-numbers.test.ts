import fc from 'fast-check';
import { expect, test } from 'vitest';
import { authenticationNumber } from './coin.ts';
import { isReserved, newNumbers } from './new-numbers.ts';

const an = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

test.each([
  ['00000000000000000000000000000000', true],
  ['00000000000000000000000000000001', false],
  ['000102030405060708090a0bffffffff', true],
  ['000102030405060708090a0b00ffffff', false],
  ['000102030405060708090a0b0c0deeee', true],
  ['000102030405060708090a0b0c0deeef', false],
])('%s is reserved: %s', (hex, reserved) => {
  expect(isReserved(an(hex))).toBe(reserved);
});

test('25 different numbers, none of them reserved', () => {
  const keys = newNumbers();
  const list = Array.from({ length: 25 }, (_, id) => authenticationNumber(keys, id));
  expect(keys.length).toBe(400);
  expect(list.some(isReserved)).toBe(false);
  expect(new Set(list.map((number) => number.join())).size).toBe(25);
});

test('a reserved draw is drawn again', () => {
  const draws = ['00', 'ff', 'ee', '5a'].map((byte) => Number.parseInt(byte, 16));
  fc.assert(
    fc.property(fc.nat(24), (place) => {
      let draw = 0;
      const keys = newNumbers((into) => {
        if (into.length === 400) into.fill(1);
        const target = into.length === 400 ? into.subarray(place * 16, place * 16 + 16) : into;
        target.fill(draws[draw++] ?? 0);
      });
      expect([...authenticationNumber(keys, place)]).toEqual(new Array(16).fill(0x5a));
      expect(draw).toBe(4);
    }),
  );
});

test('a source that gives nothing is an error, not an endless loop', () => {
  expect(() => newNumbers(() => undefined)).toThrow('no random bytes');
});
