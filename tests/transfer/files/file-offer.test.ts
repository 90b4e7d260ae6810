import { CHUNK_BYTES, FILE_BYTES_MAX } from '@andvari/host-common/transfer/files/file-hash';
import { nameProblem } from '@andvari/host-common/transfer/files/file-names';
import {
  decodeFileOffer,
  encodeFileOffer,
  type FileOffer,
} from '@andvari/host-common/transfer/files/file-offer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../engine/vector-state.ts';

const offer: FileOffer = {
  transferId: new Uint8Array(32).fill(0x11),
  name: 'notes.txt',
  size: CHUNK_BYTES + 1,
  hash: new Uint8Array(32).fill(0x22),
  mode: 0o644,
  modifiedUs: 1_790_000_000_000_000n,
  compressed: false,
  isFolder: false,
};
/** Where the fields behind the name of `offer` lie. */
const Field = { NAME: 34, SIZE: 43, CHUNK: 51, COUNT: 55, MODE: 95, TIME: 99, FLAGS: 107 } as const;
const refused = expect.objectContaining({ code: 'ANDVARI_FILE_OFFER' });

/** The offer with other bytes at a place. */
function changed(at: number, ...bytes: number[]): Uint8Array {
  const encoded = encodeFileOffer(offer);
  encoded.set(bytes, at);
  return encoded;
}

describe('an offer of a file', () => {
  it('is what section 9.2 says, byte for byte', () => {
    expect(toHex(encodeFileOffer(offer))).toBe(
      [
        ...['01', '11'.repeat(32), '09', toHex(new TextEncoder().encode('notes.txt'))],
        ...['0000000000040001', '00040000', '0000000000000002', '22'.repeat(32)],
        ...['000001a4', '00065bfeda25e000', '00'],
      ].join(''),
    );
  });

  it('comes back as it went, whatever it says', () => {
    const offers = fc.record({
      transferId: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      name: fc
        .stringMatching(/^[a-z\u00fc\u20ac]{1,60}$/)
        .filter((name) => nameProblem(name) === undefined),
      size: fc.integer({ min: 0, max: FILE_BYTES_MAX }),
      hash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      mode: fc.integer({ min: 0, max: 0o777 }),
      modifiedUs: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
      compressed: fc.boolean(),
      isFolder: fc.boolean(),
    });
    fc.assert(
      fc.property(offers, (one) => {
        expect(decodeFileOffer(encodeFileOffer(one))).toEqual(one);
      }),
    );
  });

  it.each<[string, Partial<FileOffer>]>([
    ['a name that leads elsewhere', { name: '../x' }],
    ['no name', { name: '' }],
    ['half a byte', { size: 1.5 }],
    ['more bytes than a file may have', { size: FILE_BYTES_MAX + 1 }],
    ['a mode with set-user-id', { mode: 0o4755 }],
    ['a time before 1970', { modifiedUs: -1n }],
  ])('is not made with %s', (_, change) => {
    expect(() => encodeFileOffer({ ...offer, ...change })).toThrow(refused);
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['another format', changed(0, 2)],
    ['one byte too few', encodeFileOffer(offer).subarray(0, -1)],
    ['one byte too many', Uint8Array.of(...encodeFileOffer(offer), 0)],
    ['a name longer than what there is', changed(33, 200)],
    ['a name that is not UTF-8', changed(Field.NAME, 0xff)],
    ['a slash in the name', changed(Field.NAME, 0x2f)],
    ['a NUL in the name', changed(Field.NAME, 0)],
    ['too large a file', changed(Field.SIZE, 0x80)],
    ['another count than size and chunks give', changed(Field.COUNT + 7, 3)],
    ['a size that its count does not fit', changed(Field.SIZE + 5, 0)],
    ['chunks of another size', changed(Field.CHUNK, 0, 8, 0, 0)],
    ['a mode of more bits', changed(Field.MODE, 1)],
    ['a time of more bits', changed(Field.TIME, 0x80)],
    ['a flag that nobody knows', changed(Field.FLAGS, 8)],
    ['executable, and no bit of the mode says so', changed(Field.FLAGS, 2)],
  ])('is not %s', (_, bytes) => {
    expect(() => decodeFileOffer(bytes)).toThrow(refused);
  });

  it('of any bytes throws nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(104), (bytes, at) => {
        for (const each of [Uint8Array.of(1, ...bytes), changed(at, ...bytes.subarray(0, 4))]) {
          try {
            decodeFileOffer(each);
          } catch (error) {
            expect(error).toEqual(refused);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
