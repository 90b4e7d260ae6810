/**
 * What a store derives from coin records: which coins of a page are in use, which lie in lockers,
 * and a page's Merkle leaf. A record with MFS 0 is not in use, whatever its AN (reference: RAIDA
 * section 7).
 */
import { hash } from 'node:crypto';
import { PAGE_RECORDS, RECORD_BYTES } from './coin-store.ts';

const AN_BYTES = RECORD_BYTES - 1;
const IN_USE_BYTES = PAGE_RECORDS / 8;
const TRADE_COIN_TYPE_MAX = 2;

/**
 * true: a coin with this AN (16 bytes) and MFS lies in a locker (the AN ends in ff ff ff ff) or in
 * a trade locker (it ends in a coin type, 0 to 2, and ee ee).
 */
export function isInLocker(an: Uint8Array, mfs: number): boolean {
  const last = an[15];
  if (last === 0xff) return mfs !== 0 && an[14] === 0xff && an[13] === 0xff && an[12] === 0xff;
  if (last !== 0xee || an[14] !== 0xee || mfs === 0) return false;
  return (an[13] ?? 0) <= TRADE_COIN_TYPE_MAX;
}

/** Key of a coin in tables: pageId * 1024 + record; below 2^30. */
export function coinKey(pageId: number, record: number): number {
  return pageId * PAGE_RECORDS + record;
}

/** The in-use bits of a page (17408 bytes): bit i % 8 of byte i / 8 is record i; 128 bytes. */
export function inUseOf(page: Uint8Array): Uint8Array {
  const bits = new Uint8Array(IN_USE_BYTES);
  for (let record = 0; record < PAGE_RECORDS; record++) {
    if (page[record * RECORD_BYTES + AN_BYTES] === 0) continue;
    bits[record >>> 3] = (bits[record >>> 3] ?? 0) | (1 << (record & 7));
  }
  return bits;
}

/** The coins of a page that lie in lockers, in order: coin key and AN (16 bytes, copied). */
export function lockersOf(pageId: number, page: Uint8Array): [number, Uint8Array][] {
  const found: [number, Uint8Array][] = [];
  for (let record = 0; record < PAGE_RECORDS; record++) {
    const at = record * RECORD_BYTES;
    const an = page.subarray(at, at + AN_BYTES);
    if (isInLocker(an, page[at + AN_BYTES] ?? 0)) found.push([coinKey(pageId, record), an.slice()]);
  }
  return found;
}

/**
 * The Merkle leaf of a page: SHA-256 over its 1024 ANs, with zeros for the AN of a record that is
 * not in use; 32 bytes. So a page without a coin in use has the same leaf on every server.
 */
export function leafOf(page: Uint8Array): Uint8Array {
  const ans = new Uint8Array(PAGE_RECORDS * AN_BYTES);
  for (let record = 0; record < PAGE_RECORDS; record++) {
    const at = record * RECORD_BYTES;
    if (page[at + AN_BYTES] !== 0) ans.set(page.subarray(at, at + AN_BYTES), record * AN_BYTES);
  }
  const leaf = new Uint8Array(hash('sha256', ans, 'buffer'));
  ans.fill(0);
  return leaf;
}
