/**
 * The other way of unpack.ts: bytes into one raw LZ4 block that fills its room, so that a frame
 * carries as many of them as go into its packet. Greedy, by a table of hashes: the newest place of
 * four bytes, no chains. Same bytes, same room: same block. A block ends as the format wants it:
 * in 5 literals at the least, the last match beginning 12 bytes before the end or earlier.
 */
import { UNPACKED } from "../core/transfer-memory";

const MATCH_BYTES_MIN: u32 = 4;
const LITERALS_LAST: u32 = 5;
const MATCH_TO_END: u32 = 12;
/** What is shorter is not worth it, and with 12 bytes or fewer there can be no match. */
export const PACK_BYTES_MIN: u32 = 64;
/** A gain of less than 5 % is none (reference: transfer section 15). */
const PERCENT_MOST: u32 = 95;
/** Misses in a row after which places are left out, one more each time. */
const PATIENCE_BITS: u32 = 5;

/** Places, u16 each, by hash; what was unpacked lies here else, and is never wanted by now. */
const TABLE_BITS: u32 = 12;
const TABLE_BYTES: usize = 2 << TABLE_BITS;

/** How many bytes the block holds that packFrame() has made. */
export let packedBytes: u32 = 0;

let source: usize = 0;
let sourceEnd: usize = 0;
let anchor: usize = 0;
let outAt: usize = 0;
let outEnd: usize = 0;

/** Where the table of a place lies. */
function slotOf(value: u32): usize {
  return UNPACKED + ((<usize>((value * 2654435761) >>> (32 - TABLE_BITS))) << 1);
}

/** Bytes behind a token's 4 bits that a length takes. */
function moreBytes(length: u32): u32 {
  return length < 15 ? 0 : 1 + (length - 15) / 255;
}

function putMore(length: u32): void {
  if (length < 15) return;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) store<u8>(outAt++, 255);
  store<u8>(outAt++, rest);
}

/** A token, and `literals` from `anchor` on behind it. */
function putLiterals(literals: u32, match: u32): void {
  store<u8>(outAt++, (min<u32>(literals, 15) << 4) | min<u32>(match, 15));
  putMore(literals);
  memory.copy(outAt, anchor, literals);
  outAt += literals;
  anchor += literals;
}

/** What is alike from two places on, up to `most`: its end behind the second. */
function matchEnd(before: usize, at: usize, most: usize): usize {
  const distance = at - before;
  while (at + 8 <= most) {
    const other = load<u64>(at - distance) ^ load<u64>(at);
    if (other) return at + <usize>(ctz(other) >> 3);
    at += 8;
  }
  while (at < most && load<u8>(at - distance) == load<u8>(at)) at++;
  return at;
}

/** Literals up to `at` and a match there; false: then the block could not end, nothing is done. */
function putMatch(at: usize, distance: u32, length: u32): bool {
  const literals = <u32>(at - anchor),
    rest = length - MATCH_BYTES_MIN,
    tail = length + LITERALS_LAST < MATCH_TO_END ? MATCH_TO_END - length : LITERALS_LAST,
    bytes = 4 + literals + moreBytes(literals) + moreBytes(rest) + tail;
  if (<usize>bytes > outEnd - outAt) return false;
  putLiterals(literals, rest);
  store<u16>(outAt, distance);
  outAt += 2;
  putMore(rest);
  anchor = at + length;
  return true;
}

/** All matches that there is room for. */
function putMatches(): void {
  const last = sourceEnd - MATCH_TO_END,
    most = sourceEnd - LITERALS_LAST;
  let at = source + 1,
    misses: u32 = 0;
  while (at <= last) {
    const value = load<u32>(at),
      slot = slotOf(value);
    let before = source + <usize>load<u16>(slot);
    store<u16>(slot, <u32>(at - source));
    if (load<u32>(before) != value) {
      at += 1 + (misses++ >> PATIENCE_BITS);
      if (at - anchor >= outEnd - outAt) return;
      continue;
    }
    const end = matchEnd(before + 4, at + 4, most);
    while (at > anchor && before > source && load<u8>(at - 1) == load<u8>(before - 1)) {
      at--;
      before--;
    }
    if (!putMatch(at, <u32>(at - before), <u32>(end - at))) return;
    at = end;
    misses = 0;
    if (at <= last) store<u16>(slotOf(load<u32>(at - 2)), <u32>(at - 2 - source));
  }
}

/** Literals to the end of the block: as many as there are, or as there is room for. */
function putRest(): void {
  const room = <u32>(outEnd - outAt) - 1;
  let literals = min<u32>(<u32>(sourceEnd - anchor), room);
  while (literals + moreBytes(literals) > room) literals--;
  putLiterals(literals, 0);
}

/**
 * Packs bytes from `from` on, `length` (to 65535) at the most, into `room` bytes at `to`. Gives the
 * block's length, and packedBytes how many it holds; 0: they gain too little, and nothing that was
 * written there counts.
 */
export function packFrame(from: usize, length: u32, to: usize, room: u32): u32 {
  packedBytes = 0;
  if (length < PACK_BYTES_MIN || length > 65535 || room < PACK_BYTES_MIN) return 0;
  memory.fill(UNPACKED, 0, TABLE_BYTES);
  source = from;
  sourceEnd = from + length;
  anchor = from;
  outAt = to;
  outEnd = to + room;
  putMatches();
  putRest();
  const taken = <u32>(anchor - from),
    packed = <u32>(outAt - to);
  if (packed * 100 > taken * PERCENT_MOST) return 0;
  packedBytes = taken;
  return packed;
}
