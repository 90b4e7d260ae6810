/** Comparison of secrets in constant time: the time depends on the length, never on the bytes. */

/** Whether the 16 bytes at `a` and at `b` are the same (an authentication number, half a tag). */
export function equal16(a: usize, b: usize): bool {
  return !v128.any_true(v128.xor(v128.load(a), v128.load(b)));
}

/** Whether the `len` bytes at `a` and at `b` are the same; two empty runs are. */
export function equalBytes(a: usize, b: usize, len: u32): bool {
  let difference = i64x2.splat(0);
  for (; len >= 16; len -= 16) {
    difference = v128.or(difference, v128.xor(v128.load(a), v128.load(b)));
    a += 16;
    b += 16;
  }
  let rest: u32 = 0;
  for (; len; len--) {
    rest |= load<u8>(a++) ^ load<u8>(b++);
  }
  // Both parts are joined before the one test, so that it does not tell which part differed.
  return !v128.any_true(v128.or(difference, i32x4.splat(rest)));
}
