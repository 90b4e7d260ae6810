/**
 * Elligator 2 for Curve25519: public keys that look like random bytes. Conventions of Monocypher
 * and elligator.org: non-square 2, root = the smaller of r and p - r.
 * Reference: transfer, section 2 (ephemeral).
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import type { RandomBytes } from './byte-strings.ts';

const { Point } = ed25519;
const { Fp } = Point;
const P = Fp.ORDER;
/** v^2 = u^3 + A u^2 + u. */
const A = 486662n;
const SQRT_MINUS_ONE = Fp.pow(2n, (P - 1n) / 4n);
const GROUP_ORDER = Point.Fn.ORDER;
/** Bits 254 and 255 carry no number: the tweak's two top bits. */
const TOP_BITS = 0xc0;

/** A point of order 8; its multiples are the eight low-order points. */
const ORDER_8 = Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05');
const lowOrder = [Point.ZERO];
for (let i = 1; i < 8; i++) lowOrder.push((lowOrder[i - 1] ?? Point.ZERO).add(ORDER_8));

function toNumber(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}

function toBytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 4; i++) view.setBigUint64(8 * i, (value >> BigInt(64 * i)) & MASK_64, true);
  return bytes;
}
const MASK_64 = (1n << 64n) - 1n;

/** x^(2^count). */
function squared(x: bigint, count: number): bigint {
  let result = x;
  for (let i = 0; i < count; i++) result = (result * result) % P;
  return result;
}

/** x^((p - 5) / 8) = x^(2^252 - 3), by the usual chain: 251 squarings, 11 multiplications. */
function power22523(x: bigint): bigint {
  const x2 = (squared(x, 1) * x) % P;
  const x4 = (squared(x2, 2) * x2) % P;
  const x5 = (squared(x4, 1) * x) % P;
  const x10 = (squared(x5, 5) * x5) % P;
  const x20 = (squared(x10, 10) * x10) % P;
  const x40 = (squared(x20, 20) * x20) % P;
  const x50 = (squared(x40, 10) * x10) % P;
  const x100 = (squared(x50, 50) * x50) % P;
  const x200 = (squared(x100, 100) * x100) % P;
  const x250 = (squared(x200, 50) * x50) % P;
  return (squared(x250, 2) * x) % P;
}

/** 1 / sqrt(x), 0 for 0, undefined if x is no square. */
function inverseRoot(x: bigint): bigint | undefined {
  const root = power22523(x);
  const fourth = (((root * root) % P) * x) % P;
  if (fourth === 0n || fourth === 1n) return root;
  return fourth === P - 1n ? (root * SQRT_MINUS_ONE) % P : undefined;
}

/** The u-coordinate (32 bytes) that 32 bytes stand for; their two top bits say nothing. */
export function decodeRepresentative(representative: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(representative);
  bytes[31] = (bytes[31] ?? 0) & ~TOP_BITS;
  const r = toNumber(bytes);
  // 1 + 2 r^2 is never 0: -1/2 is no square.
  const w = Fp.mul(P - A, Fp.inv(Fp.create(1n + 2n * r * r)));
  const v = Fp.create(w * Fp.create(Fp.create(w + A) * w + 1n));
  const isSquare = inverseRoot(v) !== undefined;
  return toBytes(isSquare ? w : Fp.create(-w - A));
}

/**
 * The representative of u (below p), or undefined for the half of all points that has none. Bit 0
 * of `tweak` picks the sign of v, bits 6 and 7 become the top bits.
 */
export function encodePoint(u: Uint8Array, tweak: number): Uint8Array | undefined {
  return represent(Fp.create(toNumber(u)), tweak);
}

function represent(u: bigint, tweak: number): Uint8Array | undefined {
  const t = Fp.create(u + A);
  const root = inverseRoot(Fp.create(-2n * u * t));
  if (root === undefined || t === 0n) return undefined;
  const r = ((tweak & 1 ? t : u) * root) % P;
  const bytes = toBytes(r > (P - 1n) / 2n ? P - r : r);
  bytes[31] = (bytes[31] ?? 0) | (tweak & TOP_BITS);
  return bytes;
}

/** A key for one handshake, whose public half is sent as `representative`. */
export interface Ephemeral {
  /** 32 bytes, clamped: the scalar of X25519. */
  secret: Uint8Array;
  /** u of the point that the representative stands for, low-order part and all. */
  publicKey: Uint8Array;
  representative: Uint8Array;
}

export function clamped(secret: Uint8Array): Uint8Array {
  const scalar = Uint8Array.from(secret.subarray(0, 32));
  scalar[0] = (scalar[0] ?? 0) & 0xf8;
  scalar[31] = ((scalar[31] ?? 0) & 0x7f) | 0x40;
  return scalar;
}

/**
 * The key of these choices, or undefined if its point has no representative. `lowOrderIndex` (0-7)
 * is the multiple of the order-8 point that is added: without it only one point in eight came up.
 */
export function ephemeralOf(
  secret: Uint8Array,
  lowOrderIndex: number,
  tweak: number,
): Ephemeral | undefined {
  const scalar = clamped(secret);
  const clean = Point.BASE.multiply(toNumber(scalar) % GROUP_ORDER);
  const { Y, Z } = clean.add(lowOrder[lowOrderIndex & 7] ?? Point.ZERO);
  const u = Fp.mul(Fp.create(Z + Y), Fp.inv(Fp.create(Z - Y)));
  const representative = represent(u, tweak);
  return representative && { secret: scalar, publicKey: toBytes(u), representative };
}

/** A new key. Scalar, point and tweak are drawn together until they can be encoded: two tries. */
export function drawEphemeral(random: RandomBytes): Ephemeral {
  for (;;) {
    const bytes = random(34);
    const drawn = ephemeralOf(bytes.subarray(0, 32), bytes[32] ?? 0, bytes[33] ?? 0);
    bytes.fill(0);
    if (drawn) return drawn;
  }
}
