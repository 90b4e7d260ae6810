import { expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import { huffmanDecode, huffmanEncode } from './huffman.ts';

// RFC 7541 appendix C.4 and C.6.
const EXAMPLES: readonly (readonly [text: string, coded: string])[] = [
  ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
  ['no-cache', 'a8eb10649cbf'],
  ['custom-key', '25a849e95ba97d7f'],
  ['custom-value', '25a849e95bb8e8b4bf'],
  ['302', '6402'],
  ['private', 'aec3771a4b'],
  ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
  ['https://www.example.com', '9d29ad171863c78f0b97c8e9ae82ae43d3'],
  ['307', '640eff'],
  ['Mon, 21 Oct 2013 20:13:22 GMT', 'd07abe941054d444a8200595040b8166e084a62d1bff'],
  ['gzip', '9bd9ab'],
  [
    'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    '94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
  ],
];

it.each(EXAMPLES)('%s', (text, coded) => {
  expect(Buffer.from(huffmanEncode(Buffer.from(text))).toString('hex')).toBe(coded);
  expect(Buffer.from(huffmanDecode(Buffer.from(coded, 'hex'))!).toString()).toBe(text);
});

it.each([
  ['padding of eight ones', 'ff'],
  ['padding of a whole byte behind a symbol', '1fff'],
  ['padding that is not all ones', '18'],
  ['the end-of-string symbol', 'ffffffff'],
  ['a code that is cut off', 'fffffb'],
])('refuses %s', (_, coded) => {
  expect(huffmanDecode(Buffer.from(coded, 'hex'))).toBeUndefined();
});

it('every byte comes back', () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  expect(huffmanDecode(huffmanEncode(all))).toEqual(all);
});

const seed = seedOfRun();
it(`what is decoded encodes to the same bytes (ANDVARI_SEED=${seed})`, () => {
  const random = randomFrom(seed);
  let decodedCount = 0;
  for (let round = 0; round < 20_000; round++) {
    const coded = Uint8Array.from({ length: random(8) }, () => random(256));
    const decoded = huffmanDecode(coded);
    if (!decoded) continue;
    decodedCount++;
    expect(huffmanEncode(decoded)).toEqual(coded);
  }
  expect(decodedCount).toBeGreaterThan(0);
});
