/**
 * Pages nobody has written yet. Their ANs must be there (a page has 1024), must stay the same, and
 * must be neither known nor guessable, since a key look-up does not ask for the MFS (reference:
 * RAIDA section 7). They are the AES-256-CTR keystream of the store's own secret, so that starting
 * a server writes nothing.
 *
 * Counter block: denomination index (u32 big-endian), page (u32 big-endian), eight zero bytes; the
 * cipher counts the 1024 blocks of the page in the last of them. Block i is the AN of record i;
 * every MFS is 0.
 */
import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { PAGE_RECORDS, RECORD_BYTES } from './coin-store.ts';

export const SECRET_BYTES = 32;
const AN_BYTES = RECORD_BYTES - 1;
const zeros = new Uint8Array(PAGE_RECORDS * AN_BYTES);

export class BlankPages {
  readonly #key: KeyObject;

  /** `secret`: 32 bytes; they are copied. Throws RangeError for any other length. */
  constructor(secret: Uint8Array) {
    if (secret.length !== SECRET_BYTES) {
      throw new RangeError(`secret: wanted ${SECRET_BYTES} bytes, got ${secret.length}`);
    }
    this.#key = createSecretKey(secret);
  }

  /** Writes the blank page into the first 17408 bytes of `into`; about 20 us. */
  fill(denominationIndex: number, page: number, into: Uint8Array): void {
    const block = Buffer.alloc(16);
    block.writeUInt32BE(denominationIndex, 0);
    block.writeUInt32BE(page, 4);
    const ans = createCipheriv('aes-256-ctr', this.#key, block).update(zeros);
    for (let record = 0; record < PAGE_RECORDS; record++) {
      const an = ans.subarray(record * AN_BYTES, (record + 1) * AN_BYTES);
      into.set(an, record * RECORD_BYTES);
      into[record * RECORD_BYTES + AN_BYTES] = 0;
    }
    ans.fill(0);
  }
}
