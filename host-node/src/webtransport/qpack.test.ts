import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import { Http3Code } from './http3-error.ts';
import { decodeFieldSection, emitPrefixed, encodeFieldSection, parsePrefixed } from './qpack.ts';
import { STATIC_TABLE } from './qpack-static-table.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('integers with a prefix', () => {
  // RFC 7541 appendix C.1.
  it.each([
    [10, 5, '0a'],
    [1337, 5, '1f9a0a'],
    [42, 8, '2a'],
  ])('%d with %d bits', (value, bits, text) => {
    const bytes = hex(text);
    expect(emitPrefixed(value, bits, 0)).toEqual(bytes);
    expect(parsePrefixed(bytes, 0, bits)).toEqual({ value, end: bytes.length });
    expect(parsePrefixed(bytes.subarray(0, -1), 0, bits)).toBeUndefined();
  });

  it('refuses what is too large, however many zeros it has', () => {
    expect(() => parsePrefixed(hex('1f ff ff ff ff ff 01'), 0, 5)).toThrow(RangeError);
    expect(() => parsePrefixed(hex('1f 80 80 80 80 80 80 80 00'), 0, 5)).toThrow(RangeError);
  });
});

describe('field sections', () => {
  it('RFC 9204 appendix B.1: literal with name reference', () => {
    const section = hex('0000 510b 2f69 6e64 6578 2e68 746d 6c');
    expect(decodeFieldSection(section)).toEqual([[':path', '/index.html']]);
  });

  it('what Chromium sends and is sent', () => {
    expect(encodeFieldSection([[':status', '200']])).toEqual(hex('0000 d9'));
    expect(decodeFieldSection(hex('0005 d9'))).toEqual([[':status', '200']]);
    expect(decodeFieldSection(hex('0000 cf d7'))).toEqual([
      [':method', 'CONNECT'],
      [':scheme', 'https'],
    ]);
  });

  it('every static entry, and every name of one with another value', () => {
    expect(STATIC_TABLE).toHaveLength(99);
    const fields = STATIC_TABLE.flatMap(([name, value]) => [
      [name, value] as const,
      [name, `${value}?`] as const,
    ]);
    for (let start = 0; start < fields.length; start += 50) {
      const part = fields.slice(start, start + 50);
      expect(decodeFieldSection(encodeFieldSection(part))).toEqual(part);
    }
  });

  it.each([
    ['RFC 9204 appendix B.2: needs the dynamic table', '0381 10 11'],
    ['an indexed field of the dynamic table', '0000 80'],
    ['a name of the dynamic table', '0000 40 01 61'],
    ['an indexed field behind the base', '0000 10'],
    ['a name behind the base', '0000 00 01 61'],
    ['a static index that is not there', '0000 ff 24'],
    ['nothing', ''],
    ['no base', '00'],
    ['a base below zero', '0080 d9'],
    ['a value that is cut off', '0000 510b 2f69'],
    ['a name that is cut off', '0000 2461'],
    ['no value', '0000 51'],
    ['a value that is no Huffman code', '0000 51 81 ff'],
    ['an integer beyond all bounds', '0000 51 7f ff ff ff ff ff 7f'],
    ['too many fields', `0000 ${'d9'.repeat(101)}`],
  ])('refuses %s', (_, text) => {
    expect(() => decodeFieldSection(hex(text))).toThrow(
      expect.objectContaining({ http3Code: Http3Code.QPACK_DECOMPRESSION_FAILED }),
    );
  });

  const seed = seedOfRun();
  it(`any fields come back (ANDVARI_SEED=${seed})`, () => {
    const random = randomFrom(seed);
    const word = () =>
      String.fromCharCode(...Array.from({ length: random(300) }, () => random(256)));
    for (let round = 0; round < 300; round++) {
      const fields = Array.from({ length: random(12) }, () => [word(), word()] as const);
      expect(decodeFieldSection(encodeFieldSection(fields))).toEqual(fields);
    }
  });
});
