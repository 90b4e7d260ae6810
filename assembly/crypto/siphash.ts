/**
 * SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash for tables whose keys outsiders choose, so
 * that nobody can aim at one bucket. Words are little-endian.
 */

/**
 * The 64-bit hash of `length` bytes under the 16-byte key at `key`. The length enters modulo 256,
 * as the authors have it.
 */
export function siphash(key: usize, source: usize, length: u32): u64 {
  const k0 = load<u64>(key),
    k1 = load<u64>(key, 8);
  v0 = k0 ^ 0x736f6d6570736575;
  v1 = k1 ^ 0x646f72616e646f6d;
  v2 = k0 ^ 0x6c7967656e657261;
  v3 = k1 ^ 0x7465646279746573;
  let at = source;
  for (let blocks = length >> 3; blocks; blocks--, at += 8) absorb(load<u64>(at));
  let last = (<u64>length) << 56;
  for (let i: u32 = 0; i < (length & 7); i++) last |= (<u64>load<u8>(at + i)) << (<u64>(i << 3));
  absorb(last);
  v2 ^= 0xff;
  round();
  round();
  round();
  round();
  return v0 ^ v1 ^ v2 ^ v3;
}

let v0: u64 = 0;
let v1: u64 = 0;
let v2: u64 = 0;
let v3: u64 = 0;

function absorb(word: u64): void {
  v3 ^= word;
  round();
  round();
  v0 ^= word;
}

function round(): void {
  v0 += v1;
  v1 = rotl<u64>(v1, 13) ^ v0;
  v0 = rotl<u64>(v0, 32);
  v2 += v3;
  v3 = rotl<u64>(v3, 16) ^ v2;
  v0 += v3;
  v3 = rotl<u64>(v3, 21) ^ v0;
  v2 += v1;
  v1 = rotl<u64>(v1, 17) ^ v2;
  v2 = rotl<u64>(v2, 32);
}
