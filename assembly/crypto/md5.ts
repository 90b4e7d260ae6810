/**
 * MD5 (RFC 1321). Broken as a hash: here only because the RAIDA protocol derives authentication
 * numbers with it (reference: RAIDA section 9, commands 2/80, 3/130, 10/171).
 * Constant in time for a given length: additions, rotations and loads at public addresses.
 */
import { MD5_STATE } from "../core/scratch";
import { wipe } from "./wipe";

/** RFC 1321 section 3.4, table T: floor(2^32 * abs(sin(i + 1))), i from 0. */
const SINES: usize = memory.data<u32>(
  [
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
  ],
  16,
);

/** One block of padded text behind the state (core/scratch.ts). */
const BLOCK: usize = 16;

/** MD5 of `len` bytes at `src`: 16 bytes at `out`, which may lie in the source. Wipes scratch. */
export function md5(src: usize, len: u32, out: usize): void {
  const state = MD5_STATE;
  const block = state + BLOCK;
  v128.store(state, i32x4(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476));
  const end = src + (len & ~63);
  for (; src < end; src += 64) compress(state, src);
  // RFC 1321 sections 3.1 and 3.2: a one bit, zeros, the length in bits as 64 bits, low byte first.
  const rest: u32 = len & 63;
  wipe(block, 64);
  memory.copy(block, src, rest);
  store<u8>(block + rest, 0x80);
  if (rest >= 56) {
    compress(state, block);
    wipe(block, 64);
  }
  store<u64>(block, (<u64>len) << 3, 56);
  compress(state, block);
  v128.store(out, v128.load(state));
  wipe(state, 80);
}

/** RFC 1321 section 3.4: four rounds of 16 steps over the 64 bytes at `block`. */
function compress(state: usize, block: usize): void {
  const a0 = load<u32>(state);
  const b0 = load<u32>(state, 4);
  const c0 = load<u32>(state, 8);
  const d0 = load<u32>(state, 12);
  let a = a0;
  let b = b0;
  let c = c0;
  let d = d0;
  for (let i: u32 = 0; i < 16; i += 4) {
    a = b + rotl<u32>(a + (d ^ (b & (c ^ d))) + term(block, i, i), 7);
    d = a + rotl<u32>(d + (c ^ (a & (b ^ c))) + term(block, i + 1, i + 1), 12);
    c = d + rotl<u32>(c + (b ^ (d & (a ^ b))) + term(block, i + 2, i + 2), 17);
    b = c + rotl<u32>(b + (a ^ (c & (d ^ a))) + term(block, i + 3, i + 3), 22);
  }
  for (let i: u32 = 16; i < 32; i += 4) {
    a = b + rotl<u32>(a + (c ^ (d & (b ^ c))) + term(block, 5 * i + 1, i), 5);
    d = a + rotl<u32>(d + (b ^ (c & (a ^ b))) + term(block, 5 * i + 6, i + 1), 9);
    c = d + rotl<u32>(c + (a ^ (b & (d ^ a))) + term(block, 5 * i + 11, i + 2), 14);
    b = c + rotl<u32>(b + (d ^ (a & (c ^ d))) + term(block, 5 * i + 16, i + 3), 20);
  }
  for (let i: u32 = 32; i < 48; i += 4) {
    a = b + rotl<u32>(a + (b ^ c ^ d) + term(block, 3 * i + 5, i), 4);
    d = a + rotl<u32>(d + (a ^ b ^ c) + term(block, 3 * i + 8, i + 1), 11);
    c = d + rotl<u32>(c + (d ^ a ^ b) + term(block, 3 * i + 11, i + 2), 16);
    b = c + rotl<u32>(b + (c ^ d ^ a) + term(block, 3 * i + 14, i + 3), 23);
  }
  for (let i: u32 = 48; i < 64; i += 4) {
    a = b + rotl<u32>(a + (c ^ (b | ~d)) + term(block, 7 * i, i), 6);
    d = a + rotl<u32>(d + (b ^ (a | ~c)) + term(block, 7 * i + 7, i + 1), 10);
    c = d + rotl<u32>(c + (a ^ (d | ~b)) + term(block, 7 * i + 14, i + 2), 15);
    b = c + rotl<u32>(b + (d ^ (c | ~a)) + term(block, 7 * i + 21, i + 3), 21);
  }
  store<u32>(state, a + a0);
  store<u32>(state, b + b0, 4);
  store<u32>(state, c + c0, 8);
  store<u32>(state, d + d0, 12);
}

/** X[word mod 16] + T[step]. */
function term(block: usize, word: u32, step: u32): u32 {
  return load<u32>(block + ((word & 15) << 2)) + load<u32>(SINES + (step << 2));
}
