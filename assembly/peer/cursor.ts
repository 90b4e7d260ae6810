/** The message that is being read: the next byte, its end, and the first thing that was wrong. */
import { PEER } from "../core/memory";
import { PeerBlock, PeerVerdict } from "../core/peer";
import { isUtf8 } from "../core/utf8";

export let at: usize = 0;
export let end: usize = 0;
export let verdict: PeerVerdict = PeerVerdict.OK;

/** Begins with the `length` bytes at IN. */
export function begin(length: u32): void {
  at = PEER + PeerBlock.IN;
  end = at + length;
  verdict = PeerVerdict.OK;
}

/** The first fault stays. */
export function fail(what: PeerVerdict): void {
  if (verdict == PeerVerdict.OK) verdict = what;
}
export function isFine(): bool {
  return verdict == PeerVerdict.OK;
}

export function left(): u64 {
  return <u64>(end - at);
}

/** Goes on behind `bytes` bytes, which must be there. */
export function advance(bytes: usize): void {
  at += bytes;
}

export function readU8(): u8 {
  if (at < end) return load<u8>(at++);
  fail(PeerVerdict.TRUNCATED);
  return 0;
}

/** An unsigned integer of 1, 2, 4 or 8 bytes, the highest first. */
export function readBE(bytes: usize): u64 {
  if (!holds(bytes)) return 0;
  const from = at;
  at += bytes;
  if (bytes == 1) return load<u8>(from);
  if (bytes == 2) return bswap<u16>(load<u16>(from));
  return bytes == 4 ? bswap<u32>(load<u32>(from)) : bswap<u64>(load<u64>(from));
}

/** The same, the lowest first. */
export function readLE(bytes: usize): u64 {
  if (!holds(bytes)) return 0;
  const from = at;
  at += bytes;
  if (bytes == 2) return load<u16>(from);
  return bytes == 4 ? load<u32>(from) : load<u64>(from);
}

function holds(bytes: usize): bool {
  if (bytes <= end - at) return true;
  fail(PeerVerdict.TRUNCATED);
  return false;
}

/** A length that the rest can hold, of items of `least` bytes or more; otherwise 0. */
export function fitting(length: u64, least: u64): u32 {
  if (length <= left() / least) return <u32>length;
  fail(PeerVerdict.LENGTH);
  return 0;
}

/** Goes on behind a text of `length` bytes, which are there; returns where it begins. */
export function takeText(length: u32): usize {
  const text = at;
  if (isUtf8(text, length)) at += length;
  else fail(PeerVerdict.UTF8);
  return text;
}
