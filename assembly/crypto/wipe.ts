/**
 * Writes zeros over `bytes` bytes (a multiple of 16) from `at`. The optimizer keeps stores to
 * linear memory, also those that nobody reads again, so what was wiped is gone.
 */
export function wipe(at: usize, bytes: usize): void {
  const end = at + bytes;
  const zero = i64x2.splat(0);
  for (; at < end; at += 16) v128.store(at, zero);
}
