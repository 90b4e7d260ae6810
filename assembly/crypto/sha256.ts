/**
 * SHA-256 (FIPS 180-4). Constant in time for a given length: no branch and no address depends on
 * the text. One stream at a time; its state is in SHA256_STATE and is wiped by the final call.
 */
import { SHA256_STATE } from "../core/scratch";
import { wipe } from "./wipe";

/** FIPS 180-4 section 4.2.2: cube roots of the first 64 primes. */
const ROUND_CONSTANTS: usize = memory.data<u32>(
  [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
  ],
  16,
);

// SHA256_STATE: eight words of hash value, one block of text, the schedule, bytes taken so far.
const BLOCK: usize = 32;
const SCHEDULE: usize = 96;
const TAKEN: usize = 352;
const STATE_BYTES: usize = 368;

/** SHA-256 of `len` bytes at `src`: 32 bytes at `out`, which may lie in it. Wipes scratch. */
export function sha256(src: usize, len: u32, out: usize): void {
  sha256Init();
  sha256Update(src, len);
  sha256Final(out);
}

/** Starts a stream and forgets one that was not finished. */
export function sha256Init(): void {
  const state = SHA256_STATE;
  // FIPS 180-4 section 5.3.3.
  v128.store(state, i32x4(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a));
  v128.store(state, i32x4(0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19), 16);
  store<u64>(state, 0, TAKEN);
}

/** Adds `len` bytes at `src` to the stream. */
export function sha256Update(src: usize, len: u32): void {
  const state = SHA256_STATE;
  const taken = load<u64>(state, TAKEN);
  store<u64>(state, taken + len, TAKEN);
  const held = <u32>(taken & 63);
  if (held) {
    const room: u32 = 64 - held;
    const part = len < room ? len : room;
    memory.copy(state + BLOCK + held, src, part);
    if (part < room) return;
    compress(state, state + BLOCK);
    src += part;
    len -= part;
  }
  const end = src + (len & ~63);
  for (; src < end; src += 64) compress(state, src);
  memory.copy(state + BLOCK, src, len & 63);
}

/** Ends the stream: 32 bytes at `out`. Wipes the state, the block and the schedule. */
export function sha256Final(out: usize): void {
  const state = SHA256_STATE;
  const block = state + BLOCK;
  const taken = load<u64>(state, TAKEN);
  const held = <u32>(taken & 63);
  // FIPS 180-4 section 5.1.1: a one bit, zeros, the length in bits as 64 bits, high byte first.
  store<u8>(block + held, 0x80);
  memory.fill(block + held + 1, 0, 63 - held);
  if (held >= 56) {
    compress(state, block);
    wipe(block, 64);
  }
  store<u64>(block, bswap<u64>(taken << 3), 56);
  compress(state, block);
  v128.store(out, swapWords(v128.load(state)));
  v128.store(out, swapWords(v128.load(state, 16)), 16);
  wipe(state, STATE_BYTES);
}

/** FIPS 180-4 section 6.2.2 over the 64 bytes at `src`. */
function compress(state: usize, src: usize): void {
  const schedule = state + SCHEDULE;
  expand(schedule, src);
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let d = load<u32>(state, 12);
  let e = load<u32>(state, 16);
  let f = load<u32>(state, 20);
  let g = load<u32>(state, 24);
  let h = load<u32>(state, 28);
  // Eight steps a turn, so that the words change their names instead of their places.
  for (let at = schedule; at < schedule + 256; at += 32) {
    h += chosen(e, f, g) + load<u32>(at);
    d += h;
    h += majority(a, b, c);
    g += chosen(d, e, f) + load<u32>(at, 4);
    c += g;
    g += majority(h, a, b);
    f += chosen(c, d, e) + load<u32>(at, 8);
    b += f;
    f += majority(g, h, a);
    e += chosen(b, c, d) + load<u32>(at, 12);
    a += e;
    e += majority(f, g, h);
    d += chosen(a, b, c) + load<u32>(at, 16);
    h += d;
    d += majority(e, f, g);
    c += chosen(h, a, b) + load<u32>(at, 20);
    g += c;
    c += majority(d, e, f);
    b += chosen(g, h, a) + load<u32>(at, 24);
    f += b;
    b += majority(c, d, e);
    a += chosen(f, g, h) + load<u32>(at, 28);
    e += a;
    a += majority(b, c, d);
  }
  v128.store(state, i32x4.add(v128.load(state), words(a, b, c, d)));
  v128.store(state, i32x4.add(v128.load(state, 16), words(e, f, g, h)), 16);
}

/** The 64 words W + K: section 6.2.2 step 1, with the constants of step 3 added already. */
function expand(schedule: usize, src: usize): void {
  for (let i: usize = 0; i < 64; i += 16) {
    v128.store(schedule + i, swapWords(v128.load(src + i)));
  }
  for (let at = schedule + 64; at < schedule + 256; at += 4) {
    const early = load<u32>(at - 60);
    const late = load<u32>(at - 8);
    const sigma0 = rotr<u32>(early, 7) ^ rotr<u32>(early, 18) ^ (early >> 3);
    const sigma1 = rotr<u32>(late, 17) ^ rotr<u32>(late, 19) ^ (late >> 10);
    store<u32>(at, sigma1 + load<u32>(at - 28) + sigma0 + load<u32>(at - 64));
  }
  for (let i: usize = 0; i < 256; i += 16) {
    const sum = i32x4.add(v128.load(schedule + i), v128.load(ROUND_CONSTANTS + i));
    v128.store(schedule + i, sum);
  }
}

/** Sigma1(e) + Ch(e, f, g) of section 4.1.2. */
function chosen(e: u32, f: u32, g: u32): u32 {
  return (rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25)) + (g ^ (e & (f ^ g)));
}

/** Sigma0(a) + Maj(a, b, c) of section 4.1.2. */
function majority(a: u32, b: u32, c: u32): u32 {
  return (rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22)) + ((a & b) | (c & (a | b)));
}

/** Four words as one vector. */
function words(a: u32, b: u32, c: u32, d: u32): v128 {
  let four = i32x4.splat(a);
  four = i32x4.replace_lane(four, 1, b);
  four = i32x4.replace_lane(four, 2, c);
  return i32x4.replace_lane(four, 3, d);
}

/** Turns the bytes of each of four words round: SHA-256 is big-endian, WebAssembly is not. */
function swapWords(four: v128): v128 {
  return i8x16.shuffle(four, four, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}
