import { expect, it } from 'vitest';
import { concatBytes, emitVarint, parseVarint } from './varint.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

// RFC 9000 appendix A.1.
it.each([
  ['c2197c5eff14e88c', Number(151_288_809_941_952_652n)],
  ['9d7f3e7d', 494_878_333],
  ['7bbd', 15_293],
  ['25', 37],
  ['4025', 37],
])('reads %s', (text, value) => {
  const bytes = hex(text);
  expect(parseVarint(bytes)).toEqual({ value, end: bytes.length });
  // One byte short.
  expect(parseVarint(bytes.subarray(0, -1))).toBeUndefined();
});

it('reads at an offset', () => {
  expect(parseVarint(hex('ffff7bbdff'), 2)).toEqual({ value: 15_293, end: 4 });
});

it.each([0, 63, 64, 16_383, 16_384, 2 ** 30 - 1, 2 ** 30, 2 ** 53 - 1])(
  'writes %d in the shortest form',
  (value) => {
    const bytes = emitVarint(value);
    expect(parseVarint(bytes)).toEqual({ value, end: bytes.length });
    expect(bytes.length).toBe(value < 64 ? 1 : value < 16_384 ? 2 : value < 2 ** 30 ? 4 : 8);
  },
);

it.each([-1, 1.5, 2 ** 53])('refuses to write %d', (value) => {
  expect(() => emitVarint(value)).toThrow(RangeError);
});

it('joins', () => {
  expect(concatBytes(hex('01'), hex(''), hex('0203'))).toEqual(hex('010203'));
});
