/**
 * AES (FIPS 197): key schedules for 128 and 256 bits, and the parts that both ciphers share.
 *
 * Constant in time: no address and no branch depends on a key or on text. The S-box is the one of
 * Mike Hamburg, "Accelerating AES with Vector Permute Instructions" (CHES 2009), known as vpaes: a
 * byte is taken as an element of GF((2^4)^2), and look-ups in tables of 16 entries are swizzles of
 * a register. 0x80 in such a table is infinity, to whose inverse a swizzle answers zero.
 *
 * The tables are loaded from memory, not written as v128 constants: on Node 24 constants cost half
 * as much again (AES-128, 256 bytes: 905 against 613 ns), it seems because the compiler makes them
 * anew inside the loop. Most shuffles with a free pattern are swizzles by a loaded table, because
 * that measured 8 % better in the bit slices.
 */
import { AES_KEYS } from "../core/scratch";

/** Bytes of a round key; the schedule of AES-128 ends with key 10, of AES-256 with key 14. */
export const ROUND_KEY_BYTES: usize = 16;
export const ROUNDS_128: usize = 10;
export const ROUNDS_256: usize = 14;
/** What the affine map of the S-box adds (FIPS 197 section 5.1.1); the tables here leave it out. */
export const SBOX_CONSTANT: i8 = 0x63;

/** 1 / x in GF(2^4), and a / x with the constant a of the tower. */
const INVERSE: usize = memory.data<u32>([0x0d080180, 0x0e05060f, 0x0a0b0c02, 0x04070309], 16);
const INVERSE_A: usize = memory.data<u32>([0x0f0b0780, 0x01040a06, 0x02050809, 0x030d0e0c], 16);
/** From the basis of FIPS 197 into that of the tower, for the low and the high half of a byte. */
const TOWER_LOW: usize = memory.data<u32>([0x5a2a7000, 0xc2b2e898, 0x52227808, 0xcabae090], 16);
const TOWER_HIGH: usize = memory.data<u32>([0x317c4d00, 0x4c01307d, 0xb0fdcc81, 0xcd80b1fc], 16);
/** The affine map of the S-box, from the two halves of the inverse back into the basis of FIPS. */
const SBOX_U: usize = memory.data<u32>([0x6fbdc700, 0xd0d26d17, 0xc502a878, 0x15aabf7a], 16);
const SBOX_T: usize = memory.data<u32>([0x5fbb6a00, 0xcfe474a5, 0x412b35fa, 0x8e1e90d1], 16);
/** Low half of every byte. */
const NIBBLES: usize = memory.data<u32>([0x0f0f0f0f, 0x0f0f0f0f, 0x0f0f0f0f, 0x0f0f0f0f], 16);
/** RotWord of the last word (FIPS 197 section 5.2), in all four words. */
const ROTATED_LAST: usize = memory.data<u32>([0x0c0f0e0d, 0x0c0f0e0d, 0x0c0f0e0d, 0x0c0f0e0d], 16);

/**
 * FIPS 197 section 5.2 with Nk = 4: from the 16 bytes at `key`, round keys 0 to 10 at AES_KEYS.
 */
export function expandKey128(key: usize): void {
  const keys = AES_KEYS;
  const last = keys + ROUNDS_128 * ROUND_KEY_BYTES;
  let words = v128.load(key);
  v128.store(keys, words);
  let constant: u32 = 1;
  for (let at = keys + 16; at <= last; at += 16) {
    words = v128.xor(prefixSums(words), subRotatedWord(words, constant));
    v128.store(at, words);
    constant = nextConstant(constant);
  }
}

/**
 * FIPS 197 section 5.2 with Nk = 8: from the 32 bytes at `key`, round keys 0 to 14 at AES_KEYS.
 */
export function expandKey256(key: usize): void {
  const keys = AES_KEYS;
  const last = keys + ROUNDS_256 * ROUND_KEY_BYTES;
  let even = v128.load(key);
  let odd = v128.load(key, 16);
  v128.store(keys, even);
  v128.store(keys, odd, 16);
  let constant: u32 = 1;
  for (let at = keys + 32; ; at += 32) {
    even = v128.xor(prefixSums(even), subRotatedWord(odd, constant));
    v128.store(at, even);
    if (at === last) return;
    odd = v128.xor(prefixSums(odd), subWord(even));
    v128.store(at, odd, 16);
    constant = nextConstant(constant);
  }
}

/** Bytes from the basis of FIPS 197 into that of the tower field. */
export function toTower(bytes: v128): v128 {
  const low = i8x16.swizzle(v128.load(TOWER_LOW), lowNibbles(bytes));
  return v128.xor(low, i8x16.swizzle(v128.load(TOWER_HIGH), highNibbles(bytes)));
}

/**
 * An inverse in the tower is kept as two elements of GF(2^4), u and t, each the index into its own
 * half of a linear map. This is u, from a byte in the basis of the tower.
 */
export function inverseU(tower: v128): v128 {
  const high = highNibbles(tower);
  const low = lowNibbles(tower);
  return halfInverse(high, i8x16.swizzle(v128.load(INVERSE_A), low), v128.xor(high, low));
}

/** The other half, t. The optimizer joins what both compute. */
export function inverseT(tower: v128): v128 {
  const high = highNibbles(tower);
  const low = lowNibbles(tower);
  return halfInverse(v128.xor(high, low), i8x16.swizzle(v128.load(INVERSE_A), low), high);
}

/** A linear map of an inverse, given by the tables at `tableU` and `tableT` for its halves. */
export function mapInverse(u: v128, t: v128, tableU: usize, tableT: usize): v128 {
  return v128.xor(i8x16.swizzle(v128.load(tableU), u), i8x16.swizzle(v128.load(tableT), t));
}

/** The S-box without its constant: from the basis of the tower into that of FIPS 197. */
export function subTower(tower: v128): v128 {
  return mapInverse(inverseU(tower), inverseT(tower), SBOX_U, SBOX_T);
}

/** 1 / (1 / one + aOverLow) + other. */
function halfInverse(one: v128, aOverLow: v128, other: v128): v128 {
  const inverse = v128.load(INVERSE);
  const sum = v128.xor(i8x16.swizzle(inverse, one), aOverLow);
  return v128.xor(i8x16.swizzle(inverse, sum), other);
}

function lowNibbles(bytes: v128): v128 {
  return v128.and(bytes, v128.load(NIBBLES));
}

function highNibbles(bytes: v128): v128 {
  return i8x16.shr_u(bytes, 4);
}

/** SubWord(RotWord(w3)) + Rcon, in all four words; `constant` is the first byte of Rcon. */
function subRotatedWord(words: v128, constant: u32): v128 {
  const rotated = i8x16.swizzle(words, v128.load(ROTATED_LAST));
  return v128.xor(subTower(toTower(rotated)), i32x4.splat(0x63636363 ^ constant));
}

/** SubWord(w3) in all four words: the extra step of a schedule with Nk > 6. */
function subWord(words: v128): v128 {
  const last = i8x16.shuffle(
    words,
    words,
    12,
    13,
    14,
    15,
    12,
    13,
    14,
    15,
    12,
    13,
    14,
    15,
    12,
    13,
    14,
    15,
  );
  return v128.xor(subTower(toTower(last)), i8x16.splat(SBOX_CONSTANT));
}

/** w0, w0 + w1, w0 + w1 + w2, w0 + w1 + w2 + w3: the chain w[i] = w[i - Nk] + w[i - 1]. */
function prefixSums(words: v128): v128 {
  const zero = i64x2.splat(0);
  const one = i8x16.shuffle(
    zero,
    words,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
    20,
    21,
    22,
    23,
    24,
    25,
    26,
    27,
  );
  const pairs = v128.xor(words, one);
  const two = i8x16.shuffle(
    zero,
    pairs,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
    20,
    21,
    22,
    23,
  );
  return v128.xor(pairs, two);
}

/** Rcon times x in GF(2^8) (FIPS 197 section 4.2.1): public, but a branch costs more. */
function nextConstant(constant: u32): u32 {
  return (constant << 1) ^ ((constant >> 7) * 0x11b);
}
