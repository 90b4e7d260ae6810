/**
 * The pages that one request touches: gathered from its coin list by a two-level bitmap (distinct
 * and ascending without a sort, cleared on the way), awaited, locked and let go together.
 */
import { unlock } from "../core/atomics";
import { PAGE_BITS, PAGE_LIST, PAGE_SUMMARY } from "../core/scratch";
import * as coins from "./coins";
import * as context from "./context";
import { readU32BE } from "./header";

/** Bytes of (denomination, serial number) at the head of every coin in a list. */
export const COIN_BYTES: u32 = 5;

export function denominationAt(coin: usize): i32 {
  return load<i8>(coin);
}
export function serialAt(coin: usize): u32 {
  return readU32BE(coin + 1);
}
export function keyAt(coin: usize): u32 {
  return coins.pageKey(denominationAt(coin), serialAt(coin));
}

/** Makes the page list of a single page. */
export function listPage(key: u32): void {
  store<u32>(PAGE_LIST, key);
  context.setPageCount(1);
}

/**
 * Makes the page list of `count` coins, `step` bytes apart. Returns how many coins lie on no page
 * at all.
 */
export function listPages(list: usize, count: u32, step: u32): u32 {
  let outside: u32 = 0;
  if (count == 1) {
    const key = keyAt(list);
    if (key == coins.NO_PAGE) outside = 1;
    else store<u32>(PAGE_LIST, key);
    context.setPageCount(1 - outside);
    return outside;
  }
  for (let i: u32 = 0; i < count; i++, list += step) {
    const key = keyAt(list);
    if (key == coins.NO_PAGE) outside++;
    else mark(key);
  }
  context.setPageCount(collect());
  return outside;
}

function mark(key: u32): void {
  const word = PAGE_BITS + ((<usize>(key >> 6)) << 3),
    summary = PAGE_SUMMARY + ((<usize>(key >> 12)) << 3);
  store<u64>(word, load<u64>(word) | ((<u64>1) << (<u64>(key & 63))));
  store<u64>(summary, load<u64>(summary) | ((<u64>1) << (<u64>((key >> 6) & 63))));
}

/** Bitmap to list; 15 x 1024 pages are 240 words under 4 words of summary. */
function collect(): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < 4; i++) {
    let summary = load<u64>(PAGE_SUMMARY + (i << 3));
    store<u64>(PAGE_SUMMARY + (i << 3), 0);
    for (; summary; summary &= summary - 1) {
      const word = (i << 6) + <u32>ctz(summary);
      let bits = load<u64>(PAGE_BITS + (word << 3));
      store<u64>(PAGE_BITS + (word << 3), 0);
      for (; bits; bits &= bits - 1)
        store<u32>(PAGE_LIST + (count++ << 2), (word << 6) + <u32>ctz(bits));
    }
  }
  return count;
}

/**
 * Are all pages here? Starts every missing load; `pinning` also keeps what is here and what is
 * coming.
 */
export function gather(pinning: bool): bool {
  let complete = true,
    room = true;
  for (let i: u32 = 0; i < context.pageCount; i++) {
    const key = context.pageAt(i);
    if (!coins.resident(key)) {
      // One page that finds no slot is enough to know that the next ones will not, either.
      room = room && coins.want(key);
      context.setMissing(room ? key : coins.NO_PAGE);
      complete = false;
    }
    if (pinning) coins.pin(key);
  }
  return complete;
}

/**
 * Locks all pages of the list, in order, and raises the reply's position to theirs. False: one has
 * gone; no lock is held.
 */
function lockPages(): bool {
  for (let i: u32 = 0; i < context.pageCount; i++) {
    const meta = coins.hold(context.pageAt(i));
    if (!meta) {
      unlockSome(i);
      return false;
    }
    context.raisePosition(coins.positionOf(meta));
  }
  return true;
}

function unlockSome(count: u32): void {
  for (let i: u32 = 0; i < count; i++) unlock(coins.metaOf(context.pageAt(i)));
}

/**
 * All pages of the list here and locked? If not, the missing ones are on their way and no lock is
 * held.
 */
export function holdPages(pinning: bool): bool {
  if (!gather(pinning)) return false;
  if (lockPages()) return true;
  // Another worker has evicted one in between: its load starts now.
  gather(pinning);
  return false;
}

export function unlockPages(): void {
  unlockSome(context.pageCount);
}

/** Is a page of the (locked) list known to be absent? */
export function anyAbsent(): bool {
  for (let i: u32 = 0; i < context.pageCount; i++) {
    if (!coins.isReady(coins.metaOf(context.pageAt(i)))) return true;
  }
  return false;
}

/** Gives all changed pages of the (locked) list the position of their group. */
export function settlePages(position: u64): void {
  for (let i: u32 = 0; i < context.pageCount; i++)
    coins.settle(coins.metaOf(context.pageAt(i)), position);
  context.raisePosition(position);
}

/** The record of a coin on a locked page, or 0 when it has none. */
export function recordAt(coin: usize): usize {
  const key = keyAt(coin);
  if (key == coins.NO_PAGE) return 0;
  const meta = coins.metaOf(key);
  return coins.isReady(meta) ? coins.recordOf(meta, serialAt(coin)) : 0;
}

/**
 * Is the record in use and its AN the 16 bytes at `an`? A record with MFS 0 is authentic to no
 * command (section 7).
 */
export function authentic(record: usize, an: usize): bool {
  return (
    record != 0 &&
    load<u8>(record, coins.MFS) != 0 &&
    !v128.any_true(v128.xor(v128.load(record), v128.load(an)))
  );
}

/** The meta entry of a coin's (locked) page. */
export function metaAt(coin: usize): usize {
  return coins.metaOf(keyAt(coin));
}
