/**
 * DATA with CMP: one raw LZ4 block, at most UNPACKED_BYTES unpacked (reference: transfer section
 * 15). Offset and flow control count the unpacked bytes.
 */
import { UNPACKED, UNPACKED_BYTES } from "../core/transfer-memory";

/** A match is at least so long. */
const MATCH_BYTES_MIN: u32 = 4;

let inAt: usize = 0;
let inEnd: usize = 0;

/** Where unpackFrame() has put the bytes; they stay until the next call. */
export function unpackedAt(): usize {
  return UNPACKED;
}

/** A length of 4 bits, which goes on in bytes while they are 255; -1: it does not end. */
function readLength(nibble: u32): i32 {
  let length = nibble;
  if (nibble < 15) return length;
  let more: u32 = 255;
  while (more == 255) {
    if (inAt == inEnd || length > UNPACKED_BYTES) return -1;
    more = load<u8>(inAt++);
    length += more;
  }
  return length;
}

/** Copies `length` bytes to `to` from `distance` before: a match may reach into itself. */
function copyMatch(to: usize, distance: usize, length: usize): void {
  if (length <= 16) {
    for (let i: usize = 0; i < length; i++) store<u8>(to + i, load<u8>(to + i - distance));
    return;
  }
  // What was copied goes on in the same way, so that twice as much can be copied next.
  while (length) {
    const bytes = min(distance, length);
    memory.copy(to, to - distance, bytes);
    to += bytes;
    length -= bytes;
    distance += bytes;
  }
}

/** Unpacks the block of `length` bytes at `from`: how many there are; -1: it is none. */
export function unpackFrame(from: usize, length: u32): i32 {
  inAt = from;
  inEnd = from + length;
  let out: u32 = 0;
  while (inAt < inEnd) {
    const token = <u32>load<u8>(inAt++),
      literals = readLength(token >> 4);
    if (literals < 0 || <usize>literals > inEnd - inAt) return -1;
    if (out + literals > UNPACKED_BYTES) return -1;
    memory.copy(UNPACKED + out, inAt, literals);
    inAt += literals;
    out += literals;
    // The last sequence has literals only.
    if (inAt == inEnd) return out;
    if (inEnd - inAt < 2) return -1;
    const distance = <u32>load<u16>(inAt);
    inAt += 2;
    const rest = readLength(token & 15);
    if (rest < 0 || distance == 0 || distance > out) return -1;
    const match = <u32>rest + MATCH_BYTES_MIN;
    if (out + match > UNPACKED_BYTES) return -1;
    copyMatch(UNPACKED + out, distance, match);
    out += match;
  }
  return -1;
}
