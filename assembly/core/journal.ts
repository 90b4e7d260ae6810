/**
 * The journal ring: what changed, in the order in which the page locks were held. A group is
 * claimed while all locks of its request are held, filled, then published; the committer stops at
 * the first unpublished group. A position is the number of records ever claimed: never used again,
 * also not after a rollback. Space is free again when it is committed.
 */
import { load64, store32, swap64 } from "./atomics";
import { COMMITTED, HEAD } from "./control";
import { Journal, JournalKind } from "./layout";
import { JOURNAL, journalRecords } from "./memory";

export const NO_ROOM: u64 = u64.MAX_VALUE;

export function recordAt(position: u64): usize {
  return JOURNAL + <usize>(<u32>position & (journalRecords - 1)) * Journal.RECORD_BYTES;
}

/**
 * What a record that is no head holds in the place of PUBLISHED: a head that comes to stand here
 * publishes its own position + 1, and never this one's position, whatever wraps.
 */
function notPublished(position: u64): u64 {
  return position & 0xffffffff;
}

/** First position of a group with room for `records` records and its head, or NO_ROOM. */
export function claim(records: u32): u64 {
  while (true) {
    const head = load64(HEAD);
    if (head + records + 1 - load64(COMMITTED) > <u64>journalRecords) return NO_ROOM;
    if (swap64(HEAD, head, head + records + 1)) return head;
  }
  return NO_ROOM;
}

/** Writes one coin's change: what stands at `coin` (17 bytes) and what will. */
export function recordCoin(
  position: u64,
  denominationIndex: u32,
  serial: u32,
  coin: usize,
  an: v128,
  mfs: u32,
): void {
  const record = recordAt(position);
  store<u8>(record, JournalKind.COIN, Journal.KIND);
  store<u8>(record, load<u8>(coin, 16), Journal.OLD_MFS);
  store<u8>(record, mfs, Journal.NEW_MFS);
  store<u8>(record, denominationIndex, Journal.DENOMINATION);
  store<u32>(record, serial, Journal.SERIAL);
  v128.store(record, v128.load(coin), Journal.OLD_AN);
  v128.store(record, an, Journal.NEW_AN);
  store<u64>(record, notPublished(position), Journal.PUBLISHED);
}

/** Writes the change of a durable cell. */
export function recordCell(position: u64, cell: u32, before: v128, after: v128): void {
  const record = recordAt(position);
  store<u32>(record, JournalKind.CELL, Journal.KIND);
  store<u32>(record, cell, Journal.CELL);
  v128.store(record, before, Journal.OLD_AN);
  v128.store(record, after, Journal.NEW_AN);
  store<u64>(record, notPublished(position), Journal.PUBLISHED);
}

/**
 * Closes a group of which `used` of `records` records were filled; returns the position that a
 * reply must wait for.
 */
export function publish(start: u64, used: u32, records: u32): u64 {
  for (let i = used + 1; i <= records; i++) {
    const pad = recordAt(start + i);
    store<u32>(pad, JournalKind.PAD, Journal.KIND);
    store<u64>(pad, notPublished(start + i), Journal.PUBLISHED);
  }
  const head = recordAt(start);
  store<u32>(head, JournalKind.HEAD, Journal.KIND);
  store<u32>(head, used, Journal.USED);
  store<u32>(head, records + 1, Journal.SIZE);
  store32(head + Journal.PUBLISHED, <u32>start + 1);
  return start + records + 1;
}
