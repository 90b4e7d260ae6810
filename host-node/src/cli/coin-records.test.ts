import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CoinInputError, emitRecord, mfsOf, parseRecord, readLines } from './coin-records.ts';

const an = '00112233445566778899aabbccddeeff';
const good = `{"den":0,"sn":100,"an":"${an}","mfs":30}`;

async function linesOf(...chunks: (string | Uint8Array)[]) {
  async function* input() {
    for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  }
  const lines: [number, string][] = [];
  for await (const { text, line } of readLines(input())) lines.push([line, text]);
  return lines;
}

test('a record is read and written', () => {
  const record = parseRecord(good, 1, 1000);
  const authenticationNumber = Uint8Array.from(Buffer.from(an, 'hex'));
  expect(record).toEqual({ denomination: 0, serialNumber: 100, authenticationNumber, mfs: 30 });
  expect(emitRecord(record)).toBe(`${good}\n`);
});

test('every record comes back as it was', () => {
  const record = fc.record({
    denomination: fc.integer({ min: -8, max: 6 }),
    serialNumber: fc.integer({ min: 0, max: 1023999 }),
    authenticationNumber: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    mfs: fc.integer({ min: 0, max: 255 }),
  });
  fc.assert(
    fc.property(record, (value) => {
      expect(parseRecord(emitRecord(value), 1, 1000)).toEqual(value);
    }),
  );
});

test.each([
  ['{"den":0', 'not JSON'],
  ['[]', 'wanted {"den"'],
  ['null', 'wanted {"den"'],
  [good.replace('"den":0', '"den":7'), 'den: wanted an integer -8 to 6'],
  [good.replace('"den":0', '"den":-9'), 'den: wanted'],
  [good.replace('"den":0', '"den":"0"'), 'den: wanted'],
  [good.replace('"den":0,', ''), 'den: wanted'],
  [good.replace('100', '1024000'), 'sn: wanted an integer 0 to 1023999'],
  [good.replace('100', '-1'), 'sn: wanted'],
  [good.replace('100', '1.5'), 'sn: wanted'],
  [good.replace('30', '256'), 'mfs: wanted an integer 0 to 255'],
  [good.replace('ff"', 'f"'), 'an: wanted 32 hex digits'],
  [good.replace('ff"', 'ff0"'), 'an: wanted 32 hex digits'],
  [good.replace('00112', '0x112'), 'an: wanted 32 hex digits'],
  [good.replace('}', ',"pan":1}'), 'wanted only den, sn, an and mfs'],
])('%s is refused: %s', (text, message) => {
  const parse = () => parseRecord(text, 17, 1000);
  expect(parse).toThrow(CoinInputError);
  expect(parse).toThrow(`line 17: ${message}`);
  // Who reads the message must not get the coin.
  expect(parse).not.toThrow('112233');
});

test('lines keep their numbers wherever the stream is cut', async () => {
  const text = 'a\n\n  \r\nbe\r\nç';
  const bytes = Buffer.from(text);
  const expected = [
    [1, 'a'],
    [4, 'be'],
    [5, 'ç'],
  ];
  await expect(linesOf(text)).resolves.toEqual(expected);
  await expect(linesOf(...[...bytes].map((byte) => Uint8Array.of(byte)))).resolves.toEqual(
    expected,
  );
  await expect(linesOf()).resolves.toEqual([]);
});

test('a line without an end, or that is no text, is refused', async () => {
  await expect(linesOf('a\n', 'x'.repeat(600), 'x'.repeat(600))).rejects.toThrow(
    'line 2: wanted at most 1024 bytes a line',
  );
  await expect(linesOf(Uint8Array.of(0xff, 10))).rejects.toThrow('line 1: not UTF-8');
});

test('months run from February 2023, and one byte must hold them', () => {
  expect(mfsOf(new Date('2023-03-01T00:00:00Z'))).toBe(1);
  expect(mfsOf(new Date('2025-08-31T23:59:59Z'))).toBe(30);
  expect(mfsOf(new Date('2044-05-31T00:00:00Z'))).toBe(255);
  for (const day of ['2023-02-28T23:59:59Z', '2044-06-01T00:00:00Z', '1970-01-01T00:00:00Z']) {
    expect(() => mfsOf(new Date(day))).toThrow(RangeError);
  }
});
