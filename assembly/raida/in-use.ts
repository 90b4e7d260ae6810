/**
 * Which coins are in use: a bit a coin, and how many of each denomination. A function of the coin
 * records, kept beside them, so that neither a look for free serial numbers nor an audit reads a
 * page. A page's bits change under its lock. Reference: RAIDA section 7.
 */
import { add32, load32, load64, swap64 } from "../core/atomics";
import { TALLY } from "../core/control";
import { DENOMINATIONS, PAGE_RECORDS, SERIAL_BITS } from "../core/limits";
import { COUNTS, IN_USE, IN_USE_BYTES, pagesPerDenomination } from "../core/memory";

/** The 128 bytes of a page's bits, bit i % 8 of byte i / 8, least significant first. */
export function inUseOfPage(pageKey: u32): usize {
  return IN_USE + <usize>pageKey * IN_USE_BYTES;
}

export function countInUse(denominationIndex: u32): u32 {
  return load32(COUNTS + ((<usize>denominationIndex) << 2));
}

/**
 * Position of the newest change; read after what it covers, because a change raises it before it
 * touches anything.
 */
export function inUsePosition(): u64 {
  return load64(TALLY);
}

/** A coin comes into use or leaves it, in the group that ends at `end`; 0: it is being undone. */
export function setInUse(coin: u32, isInUse: bool, end: u64): void {
  raise(end);
  const index = coin >>> SERIAL_BITS,
    serial = coin & ((1 << SERIAL_BITS) - 1);
  const page = inUseOfPage(index * pagesPerDenomination + serial / PAGE_RECORDS);
  const byte = page + ((serial & (PAGE_RECORDS - 1)) >>> 3);
  store<u8>(byte, <u32>load<u8>(byte) ^ (1 << (serial & 7)));
  add32(COUNTS + ((<usize>index) << 2), isInUse ? 1 : u32.MAX_VALUE);
}

function raise(position: u64): void {
  let known = load64(TALLY);
  while (known < position && !swap64(TALLY, known, position)) known = load64(TALLY);
}

/** No coin is in use (before the first load, or with all workers stopped). */
export function clearInUse(): void {
  memory.fill(IN_USE, 0, <usize>(DENOMINATIONS * pagesPerDenomination) * IN_USE_BYTES);
  memory.fill(COUNTS, 0, (<usize>DENOMINATIONS) << 2);
}
