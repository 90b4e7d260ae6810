/**
 * AES on one and on four blocks with swizzles: vpaes (see aes.ts) after Mike Hamburg, CHES 2009.
 *
 * The state stays in the basis of the tower field from the first round to the last. ShiftRows is
 * never done inside: the patterns that rotate the columns for MixColumns turn with the round
 * instead, with period four, and one shuffle at the end sets the bytes right.
 * 10 and 14 rounds leave the same rest modulo 4, so both key sizes share everything.
 */
import { AES_KEYS, AES_SWIZZLE_KEYS } from "../core/scratch";
import {
  inverseT,
  inverseU,
  mapInverse,
  ROUND_KEY_BYTES,
  SBOX_CONSTANT,
  subTower,
  toTower,
} from "./aes";

/** The S-box in the basis of the tower, times 1 and times 2, from the two halves of the inverse. */
const SBOX1_U: usize = memory.data<u32>([0xcb503e00, 0xb19be18f, 0x142af544, 0xa5df7a6e], 16);
const SBOX1_T: usize = memory.data<u32>([0xfae22300, 0x3618d415, 0x0d2ed9ef, 0x3bf7ccc1], 16);
const SBOX2_U: usize = memory.data<u32>([0x0b712400, 0xe27a93c6, 0xbc982fcd, 0x5eb7e955], 16);
const SBOX2_T: usize = memory.data<u32>([0x0ae12900, 0x69eb8840, 0xab82234a, 0xc2a163c8], 16);
/** The S-box constant in the basis of the tower. */
const TOWER_SBOX_CONSTANT: i8 = 0x5b;

/** Columns rotated by one byte, while 0 to 3 ShiftRows are owed; then backwards, 64 bytes on. */
// biome-ignore format: a row is one pattern
const ROTATE: usize = memory.data<u8>(
  [
    1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12,
    5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 1, 2, 3, 0,
    9, 10, 11, 8, 13, 14, 15, 12, 1, 2, 3, 0, 5, 6, 7, 4,
    13, 14, 15, 12, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8,
    3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14,
    15, 12, 13, 14, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10,
    11, 8, 9, 10, 15, 12, 13, 14, 3, 0, 1, 2, 7, 4, 5, 6,
    7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14, 3, 0, 1, 2,
  ],
  16,
);
const BACKWARDS: usize = 64;
/** ShiftRows 0 to 3 times. */
// biome-ignore format: a row is one pattern
const SHIFT_ROWS: usize = memory.data<u8>(
  [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11,
    0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12, 5, 14, 7,
    0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3,
  ],
  16,
);
/** ShiftRows 10 or 14 times is ShiftRows twice, which also undoes itself. */
const SHIFT_ROWS_LAST: usize = 32;

/**
 * AES_KEYS to AES_SWIZZLE_KEYS for `rounds` (10 or 14). A middle round adds its key before the
 * columns are mixed, so the key is multiplied by the circulant (0, 1, 1, 1), which MixColumns as
 * written in `middleRound` undoes; the S-box constant goes in with it.
 */
export function swizzleKeys(rounds: usize): void {
  const plain = AES_KEYS;
  const keys = AES_SWIZZLE_KEYS;
  const last = rounds * ROUND_KEY_BYTES;
  const rotate = v128.load(ROTATE);
  v128.store(keys, toTower(v128.load(plain)));
  // At key r the state owes r ShiftRows, so the key is moved back by as many: forward by 4 - r.
  let owed: usize = 48;
  for (let at = ROUND_KEY_BYTES; at < last; at += ROUND_KEY_BYTES) {
    const once = i8x16.swizzle(toTower(v128.load(plain + at)), rotate);
    const twice = i8x16.swizzle(once, rotate);
    const thrice = v128.xor(i8x16.swizzle(twice, rotate), i8x16.splat(TOWER_SBOX_CONSTANT));
    const mixed = v128.xor(v128.xor(once, twice), thrice);
    v128.store(keys + at, i8x16.swizzle(mixed, v128.load(SHIFT_ROWS + owed)));
    owed = (owed - 16) & 63;
  }
  const end = v128.xor(v128.load(plain + last), i8x16.splat(SBOX_CONSTANT));
  v128.store(keys + last, i8x16.swizzle(end, v128.load(SHIFT_ROWS + SHIFT_ROWS_LAST)));
}

/** Encrypts one block under the keys that swizzleKeys(rounds) made. */
export function swizzleEncrypt1(block: v128, rounds: usize): v128 {
  let key = AES_SWIZZLE_KEYS;
  const last = key + rounds * ROUND_KEY_BYTES;
  block = v128.xor(toTower(block), v128.load(key));
  let turn: usize = 16;
  for (key += 16; key < last; key += 16) {
    const forward = v128.load(ROTATE + turn);
    const backward = v128.load(ROTATE + turn, BACKWARDS);
    block = middleRound(block, v128.load(key), forward, backward);
    turn = (turn + 16) & 63;
  }
  return lastRound(block, v128.load(last));
}

/**
 * Encrypts four blocks into the 64 bytes at `out`. The rounds of the four do not depend on each
 * other, which hides the latency of the swizzles.
 */
export function swizzleEncrypt4(
  one: v128,
  two: v128,
  three: v128,
  four: v128,
  rounds: usize,
  out: usize,
): void {
  let key = AES_SWIZZLE_KEYS;
  const last = key + rounds * ROUND_KEY_BYTES;
  let roundKey = v128.load(key);
  one = v128.xor(toTower(one), roundKey);
  two = v128.xor(toTower(two), roundKey);
  three = v128.xor(toTower(three), roundKey);
  four = v128.xor(toTower(four), roundKey);
  let turn: usize = 16;
  for (key += 16; key < last; key += 16) {
    const forward = v128.load(ROTATE + turn);
    const backward = v128.load(ROTATE + turn, BACKWARDS);
    roundKey = v128.load(key);
    one = middleRound(one, roundKey, forward, backward);
    two = middleRound(two, roundKey, forward, backward);
    three = middleRound(three, roundKey, forward, backward);
    four = middleRound(four, roundKey, forward, backward);
    turn = (turn + 16) & 63;
  }
  roundKey = v128.load(last);
  v128.store(out, lastRound(one, roundKey));
  v128.store(out, lastRound(two, roundKey), 16);
  v128.store(out, lastRound(three, roundKey), 32);
  v128.store(out, lastRound(four, roundKey), 48);
}

/** SubBytes, AddRoundKey and MixColumns of one block; `forward` and `backward` rotate columns. */
function middleRound(block: v128, roundKey: v128, forward: v128, backward: v128): v128 {
  const u = inverseU(block);
  const t = inverseT(block);
  return mixColumns(
    v128.xor(mapInverse(u, t, SBOX1_U, SBOX1_T), roundKey),
    mapInverse(u, t, SBOX2_U, SBOX2_T),
    forward,
    backward,
  );
}

/** 2a + 3(a >>> 1) + (a >>> 2) + (a >>> 3), from a and 2a (FIPS 197 section 5.1.3). */
function mixColumns(single: v128, double: v128, forward: v128, backward: v128): v128 {
  const pair = v128.xor(i8x16.swizzle(single, forward), double);
  const rest = v128.xor(i8x16.swizzle(single, backward), pair);
  return v128.xor(rest, i8x16.swizzle(pair, forward));
}

/** The last round (no MixColumns), back in the basis and the byte order of FIPS 197. */
function lastRound(block: v128, roundKey: v128): v128 {
  const keyed = v128.xor(subTower(block), roundKey);
  return i8x16.swizzle(keyed, v128.load(SHIFT_ROWS + SHIFT_ROWS_LAST));
}
