/** UTF-8 as RFC 3629 section 4 has it: no overlong form, no surrogate, nothing above U+10FFFF. */

/** Whether the `length` bytes at `at` are UTF-8. */
export function isUtf8(at: usize, length: u32): bool {
  const end = at + length;
  while (at < end) {
    if (at + 16 <= end && !i8x16.bitmask(v128.load(at))) {
      at += 16;
      continue;
    }
    const first: u32 = load<u8>(at++);
    if (first < 0x80) continue;
    const more = following(first);
    if (more == 0 || at + more > end) return false;
    if (!secondFits(first, load<u8>(at))) return false;
    for (const last = at + more; at < last; at++) if ((load<u8>(at) & 0xc0) != 0x80) return false;
  }
  return true;
}

/** Bytes behind a first byte above 0x7f; 0: it begins nothing (c0, c1: overlong). */
function following(first: u32): u32 {
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return 1;
  return first < 0xf0 ? 2 : 3;
}

/** The second byte where the first leaves it less than 80 to bf. */
function secondFits(first: u32, second: u32): bool {
  if (first == 0xe0) return second >= 0xa0;
  if (first == 0xed) return second < 0xa0;
  if (first == 0xf0) return second >= 0x90;
  if (first == 0xf4) return second < 0x90;
  return true;
}
