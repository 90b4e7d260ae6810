import { createCipheriv } from 'node:crypto';
import { expect, test } from 'vitest';
import { BlankPages } from './blank-page.ts';
import { PAGE_BYTES } from './coin-store.ts';

const secret = Uint8Array.from({ length: 32 }, (_, i) => i);

test('record i is block i of AES-256-CTR under counter block (denomination, page, 0)', () => {
  const page = new Uint8Array(PAGE_BYTES).fill(0xa5);
  new BlankPages(secret).fill(14, 999, page);
  for (const record of [0, 1, 255, 256, 1023]) {
    const block = Buffer.alloc(16);
    block.writeUInt32BE(14, 0);
    block.writeUInt32BE(999, 4);
    block.writeUInt32BE(record, 12);
    const expected = createCipheriv('aes-256-ecb', secret, null).update(block);
    const offset = record * 17;
    expect(Buffer.from(page.subarray(offset, offset + 16))).toEqual(expected);
    expect(page[offset + 16]).toBe(0);
  }
});

test('a secret of 31 or 33 bytes is refused', () => {
  expect(() => new BlankPages(new Uint8Array(31))).toThrow(RangeError);
  expect(() => new BlankPages(new Uint8Array(33))).toThrow(RangeError);
});
