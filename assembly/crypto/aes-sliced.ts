/**
 * AES on eight blocks as bit planes, after Emilia Kaesper and Peter Schwabe, "Faster and
 * Timing-Attack Resistant AES-GCM" (CHES 2009), with the S-box circuit of Joan Boyar and Rene
 * Peralta, "New logic minimization techniques with applications to cryptology" (eprint 2009/191).
 *
 * Plane i holds bit i of all 128 bytes: its byte p has bit i of byte p of block b in bit b. So
 * ShiftRows and the rotations of MixColumns are byte shuffles of a plane, the same for all blocks.
 * Constant in time: no look-ups at all. Tables are loaded, not written as constants: see aes.ts.
 */
import { AES_KEYS, AES_SLICED_KEYS } from "../core/scratch";
import { ROUND_KEY_BYTES, SBOX_CONSTANT } from "./aes";

/** Eight blocks. */
export const SLICED_RUN_BYTES: usize = 128;
/** Eight planes of a round key. */
export const SLICED_KEY_BYTES: usize = 128;

/** ShiftRows, and ShiftRows with each column then rotated by one byte. */
const SHIFT_ROWS: usize = memory.data<u8>(
  [0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11],
  16,
);
const SHIFT_ROWS_ROTATE: usize = memory.data<u8>(
  [5, 10, 15, 0, 9, 14, 3, 4, 13, 2, 7, 8, 1, 6, 11, 12],
  16,
);

/**
 * AES_KEYS to AES_SLICED_KEYS for `rounds` (10 or 14): plane i of a key is all ones in the bytes
 * whose bit i is set. The S-box constant is added to the keys of all rounds but the first.
 */
export function slicedKeys(rounds: usize): void {
  const plain = AES_KEYS;
  let planes = AES_SLICED_KEYS;
  const last = plain + rounds * ROUND_KEY_BYTES;
  let constant = i8x16.splat(0);
  for (let at = plain; at <= last; at += ROUND_KEY_BYTES) {
    const key = v128.xor(v128.load(at), constant);
    for (let bit: i8 = 0; bit < 8; bit++) {
      const mask = i8x16.splat((<i8>1) << bit);
      v128.store(planes, i8x16.eq(v128.and(key, mask), mask));
      planes += 16;
    }
    constant = i8x16.splat(SBOX_CONSTANT);
  }
}

/** Encrypts the eight blocks at `at` in place under the keys that slicedKeys(rounds) made. */
export function slicedEncrypt8(at: usize, rounds: usize): void {
  const keys = AES_SLICED_KEYS;
  const last = keys + rounds * SLICED_KEY_BYTES;
  transpose(at);
  addKey(at, keys);
  cipherRounds(at, keys, last);
  shiftRows(at);
  addKey(at, last);
  transpose(at);
}

/** AddRoundKey (FIPS 197 section 5.1.4). */
function addKey(at: usize, key: usize): void {
  for (let plane: usize = 0; plane < SLICED_KEY_BYTES; plane += 16) {
    v128.store(at + plane, X(v128.load(at + plane), v128.load(key + plane)));
  }
}

/** ShiftRows (FIPS 197 section 5.1.2) alone, for the last round. */
function shiftRows(at: usize): void {
  const shift = v128.load(SHIFT_ROWS);
  for (let plane: usize = 0; plane < SLICED_RUN_BYTES; plane += 16) {
    v128.store(at + plane, i8x16.swizzle(v128.load(at + plane), shift));
  }
}

/**
 * The rounds on the planes at `at`, from behind AddRoundKey of the key at `key` to SubBytes of the
 * last round, which has no MixColumns.
 *
 * SubBytes: x0 to x7 and s0 to s7 of the paper are planes 7 to 0; the names of the gates are those
 * of the paper. The four complements of its last layer are in the S-box constant, which the keys
 * hold.
 *
 * ShiftRows, MixColumns and AddRoundKey: with r the column rotated by one and b the sum of both,
 * the new column is 2b + r + (b rotated by two). Times 2 moves plane i to i + 1 and folds plane 7
 * into planes 0, 1, 3 and 4: x^8 = x^4 + x^3 + x + 1 (FIPS 197 section 4.2).
 *
 * One function, because planes that pass through memory between the two cost 10 % at 256 bytes.
 */
// biome-ignore format: gates stand in groups as in the paper, not one a line
function cipherRounds(at: usize, key: usize, last: usize): void {
  const shift = v128.load(SHIFT_ROWS), turn = v128.load(SHIFT_ROWS_ROTATE);
  let x7 = v128.load(at), x6 = v128.load(at, 16), x5 = v128.load(at, 32), x4 = v128.load(at, 48);
  let x3 = v128.load(at, 64), x2 = v128.load(at, 80), x1 = v128.load(at, 96);
  let x0 = v128.load(at, 112);
  for (;;) {
    key += SLICED_KEY_BYTES;
    // Top linear layer.
    const y14 = X(x3, x5), y13 = X(x0, x6), y9 = X(x0, x3), y8 = X(x0, x5), t0 = X(x1, x2);
    const y1 = X(t0, x7), y4 = X(y1, x3), y12 = X(y13, y14), y2 = X(y1, x0), y5 = X(y1, x6);
    const y3 = X(y5, y8), t1 = X(x4, y12), y15 = X(t1, x5), y20 = X(t1, x1), y6 = X(y15, x7);
    const y10 = X(y15, t0), y11 = X(y20, y9), y7 = X(x7, y11), y17 = X(y10, y11);
    const y19 = X(y10, y8), y16 = X(t0, y11), y21 = X(y13, y16), y18 = X(x0, y16);
    // Inverse in GF(2^8).
    const t2 = A(y12, y15), t3 = A(y3, y6), t4 = X(t3, t2), t5 = A(y4, x7), t6 = X(t5, t2);
    const t7 = A(y13, y16), t8 = A(y5, y1), t9 = X(t8, t7), t10 = A(y2, y7), t11 = X(t10, t7);
    const t12 = A(y9, y11), t13 = A(y14, y17), t14 = X(t13, t12), t15 = A(y8, y10);
    const t16 = X(t15, t12), t17 = X(t4, t14), t18 = X(t6, t16), t19 = X(t9, t14);
    const t20 = X(t11, t16), t21 = X(t17, y20), t22 = X(t18, y19), t23 = X(t19, y21);
    const t24 = X(t20, y18), t25 = X(t21, t22), t26 = A(t21, t23), t27 = X(t24, t26);
    const t28 = A(t25, t27), t29 = X(t28, t22), t30 = X(t23, t24), t31 = X(t22, t26);
    const t32 = A(t31, t30), t33 = X(t32, t24), t34 = X(t23, t33), t35 = X(t27, t33);
    const t36 = A(t24, t35), t37 = X(t36, t34), t38 = X(t27, t36), t39 = A(t29, t38);
    const t40 = X(t25, t39), t41 = X(t40, t37), t42 = X(t29, t33), t43 = X(t29, t40);
    const t44 = X(t33, t37), t45 = X(t42, t41);
    // Products.
    const z0 = A(t44, y15), z1 = A(t37, y6), z2 = A(t33, x7), z3 = A(t43, y16), z4 = A(t40, y1);
    const z5 = A(t29, y7), z6 = A(t42, y11), z7 = A(t45, y17), z8 = A(t41, y10);
    const z9 = A(t44, y12), z10 = A(t37, y3), z11 = A(t33, y4), z12 = A(t43, y13);
    const z13 = A(t40, y5), z14 = A(t29, y2), z15 = A(t42, y9), z16 = A(t45, y14);
    const z17 = A(t41, y8);
    // Bottom linear layer.
    const t46 = X(z15, z16), t47 = X(z10, z11), t48 = X(z5, z13), t49 = X(z9, z10);
    const t50 = X(z2, z12), t51 = X(z2, z5), t52 = X(z7, z8), t53 = X(z0, z3), t54 = X(z6, z7);
    const t55 = X(z16, z17), t56 = X(z12, t48), t57 = X(t50, t53), t58 = X(z4, t46);
    const t59 = X(z3, t54), t60 = X(t46, t57), t61 = X(z14, t57), t62 = X(t52, t58);
    const t63 = X(t49, t58), t64 = X(z4, t59), t65 = X(t61, t62), t66 = X(z1, t63);
    const t67 = X(t64, t65), s0 = X(t59, t63), s6 = X(t56, t62), s7 = X(t48, t60);
    const s3 = X(t53, t66), s4 = X(t51, t66), s5 = X(t47, t65), s1 = X(t64, s3), s2 = X(t55, t67);
    if (key === last) {
      v128.store(at, s7); v128.store(at, s6, 16); v128.store(at, s5, 32); v128.store(at, s4, 48);
      v128.store(at, s3, 64); v128.store(at, s2, 80); v128.store(at, s1, 96);
      v128.store(at, s0, 112);
      return;
    }
    // MixColumns.
    const r0 = S(s7, turn), r1 = S(s6, turn), r2 = S(s5, turn), r3 = S(s4, turn);
    const r4 = S(s3, turn), r5 = S(s2, turn), r6 = S(s1, turn), r7 = S(s0, turn);
    const b7 = X(S(s0, shift), r7), b0 = X(S(s7, shift), r0), b1 = X(S(s6, shift), r1);
    const b2 = X(S(s5, shift), r2), b3 = X(S(s4, shift), r3), b4 = X(S(s3, shift), r4);
    const b5 = X(S(s2, shift), r5), b6 = X(S(s1, shift), r6);
    x7 = X(column(r0, v128.load(key), b0), b7);
    x6 = X(column(r1, v128.load(key, 16), b1), X(b0, b7));
    x5 = X(column(r2, v128.load(key, 32), b2), b1);
    x4 = X(column(r3, v128.load(key, 48), b3), X(b2, b7));
    x3 = X(column(r4, v128.load(key, 64), b4), X(b3, b7));
    x2 = X(column(r5, v128.load(key, 80), b5), b4);
    x1 = X(column(r6, v128.load(key, 96), b6), b5);
    x0 = X(column(r7, v128.load(key, 112), b7), b6);
  }
}

/** What a plane of MixColumns takes from its own bits and the key: r + key + (b rotated by two). */
function column(r: v128, key: v128, b: v128): v128 {
  const two = i8x16.shuffle(b, b, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  return X(X(r, key), two);
}

/** Blocks to planes and back: three rounds of SWAPMOVE (Kaesper and Schwabe). */
function transpose(at: usize): void {
  let q0 = v128.load(at);
  let q1 = v128.load(at, 16);
  let q2 = v128.load(at, 32);
  let q3 = v128.load(at, 48);
  let q4 = v128.load(at, 64);
  let q5 = v128.load(at, 80);
  let q6 = v128.load(at, 96);
  let q7 = v128.load(at, 112);
  let mask = i8x16.splat(0x55);
  let moved = differing(q0, q1, 1, mask);
  q1 = X(q1, moved);
  q0 = X(q0, i64x2.shl(moved, 1));
  moved = differing(q2, q3, 1, mask);
  q3 = X(q3, moved);
  q2 = X(q2, i64x2.shl(moved, 1));
  moved = differing(q4, q5, 1, mask);
  q5 = X(q5, moved);
  q4 = X(q4, i64x2.shl(moved, 1));
  moved = differing(q6, q7, 1, mask);
  q7 = X(q7, moved);
  q6 = X(q6, i64x2.shl(moved, 1));
  mask = i8x16.splat(0x33);
  moved = differing(q0, q2, 2, mask);
  q2 = X(q2, moved);
  q0 = X(q0, i64x2.shl(moved, 2));
  moved = differing(q1, q3, 2, mask);
  q3 = X(q3, moved);
  q1 = X(q1, i64x2.shl(moved, 2));
  moved = differing(q4, q6, 2, mask);
  q6 = X(q6, moved);
  q4 = X(q4, i64x2.shl(moved, 2));
  moved = differing(q5, q7, 2, mask);
  q7 = X(q7, moved);
  q5 = X(q5, i64x2.shl(moved, 2));
  mask = i8x16.splat(0x0f);
  moved = differing(q0, q4, 4, mask);
  v128.store(at, X(q0, i64x2.shl(moved, 4)));
  v128.store(at, X(q4, moved), 64);
  moved = differing(q1, q5, 4, mask);
  v128.store(at, X(q1, i64x2.shl(moved, 4)), 16);
  v128.store(at, X(q5, moved), 80);
  moved = differing(q2, q6, 4, mask);
  v128.store(at, X(q2, i64x2.shl(moved, 4)), 32);
  v128.store(at, X(q6, moved), 96);
  moved = differing(q3, q7, 4, mask);
  v128.store(at, X(q3, i64x2.shl(moved, 4)), 48);
  v128.store(at, X(q7, moved), 112);
}

/** Bits of `low`, moved down by `bits`, that differ from those of `high` under the mask. */
function differing(low: v128, high: v128, bits: i32, mask: v128): v128 {
  return A(X(i64x2.shr_u(low, bits), high), mask);
}

function X(a: v128, b: v128): v128 {
  return v128.xor(a, b);
}

function A(a: v128, b: v128): v128 {
  return v128.and(a, b);
}

function S(plane: v128, pattern: v128): v128 {
  return i8x16.swizzle(plane, pattern);
}
