/**
 * Poly1305 (RFC 8439 section 2.5) as AEADs use it: the text is padded with zeros to whole blocks.
 * Numbers have five limbs of 26 bits in 64-bit words, so that two blocks (times r^2 and r) share
 * one run of carries. Constant in time.
 */
import { POLY_STATE } from "../core/scratch";
import { wipe } from "./wipe";

/** r and r^2, five limbs each; the sum; the 32-byte key; one block. */
const R: usize = POLY_STATE;
const R_SQUARE: usize = POLY_STATE + 40;
const SUM: usize = POLY_STATE + 80;
const S: usize = POLY_STATE + 128;
const POLY_BLOCK: usize = POLY_STATE + 144;
const MASK: u64 = 0x3ffffff;

/** Begins with the one-time key (32 bytes). */
export function polyStart(key: usize): void {
  store<u64>(R, limb0(key));
  store<u64>(R, limb1(key) & 0x3ffff03, 8);
  store<u64>(R, limb2(key) & 0x3ffc0ff, 16);
  store<u64>(R, limb3(key) & 0x3f03fff, 24);
  store<u64>(R, limb4(key) & 0x00fffff, 32);
  memory.copy(R_SQUARE, R, 40);
  multiplyByR(R_SQUARE);
  v128.store(S, v128.load(key, 16));
  wipe(SUM, 48);
}

function limb0(at: usize): u64 {
  return load<u32>(at) & 0x3ffffff;
}
function limb1(at: usize): u64 {
  return (load<u32>(at, 3) >> 2) & 0x3ffffff;
}
function limb2(at: usize): u64 {
  return (load<u32>(at, 6) >> 4) & 0x3ffffff;
}
function limb3(at: usize): u64 {
  return load<u32>(at, 9) >> 6;
}
/** With the bit that stands behind every whole block. */
function limb4(at: usize): u64 {
  return (load<u32>(at, 12) >> 8) | 0x1000000;
}

/** The five limbs at `at` times r. */
function multiplyByR(at: usize): void {
  const h0 = load<u64>(at),
    h1 = load<u64>(at, 8),
    h2 = load<u64>(at, 16),
    h3 = load<u64>(at, 24),
    h4 = load<u64>(at, 32);
  const r0 = load<u64>(R),
    r1 = load<u64>(R, 8),
    r2 = load<u64>(R, 16),
    r3 = load<u64>(R, 24),
    r4 = load<u64>(R, 32);
  const s1 = r1 * 5,
    s2 = r2 * 5,
    s3 = r3 * 5,
    s4 = r4 * 5;
  const d0 = h0 * r0 + h1 * s4 + h2 * s3 + h3 * s2 + h4 * s1;
  const d1 = h0 * r1 + h1 * r0 + h2 * s4 + h3 * s3 + h4 * s2 + (d0 >> 26);
  const d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s4 + h4 * s3 + (d1 >> 26);
  const d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s4 + (d2 >> 26);
  const d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0 + (d3 >> 26);
  const low = (d0 & MASK) + (d4 >> 26) * 5;
  store<u64>(at, low & MASK);
  store<u64>(at, (d1 & MASK) + (low >> 26), 8);
  store<u64>(at, d2 & MASK, 16);
  store<u64>(at, d3 & MASK, 24);
  store<u64>(at, d4 & MASK, 32);
}

function oneBlock(at: usize): void {
  store<u64>(SUM, load<u64>(SUM) + limb0(at));
  store<u64>(SUM, load<u64>(SUM, 8) + limb1(at), 8);
  store<u64>(SUM, load<u64>(SUM, 16) + limb2(at), 16);
  store<u64>(SUM, load<u64>(SUM, 24) + limb3(at), 24);
  store<u64>(SUM, load<u64>(SUM, 32) + limb4(at), 32);
  multiplyByR(SUM);
}

/** `pairs` times two whole blocks. */
function pairsOfBlocks(at: usize, pairs: u32): void {
  let h0 = load<u64>(SUM);
  let h1 = load<u64>(SUM, 8);
  let h2 = load<u64>(SUM, 16);
  let h3 = load<u64>(SUM, 24);
  let h4 = load<u64>(SUM, 32);
  const r0 = load<u64>(R);
  const r1 = load<u64>(R, 8);
  const r2 = load<u64>(R, 16);
  const r3 = load<u64>(R, 24);
  const r4 = load<u64>(R, 32);
  const q0 = load<u64>(R, 40);
  const q1 = load<u64>(R, 48);
  const q2 = load<u64>(R, 56);
  const q3 = load<u64>(R, 64);
  const q4 = load<u64>(R, 72);
  for (const end = at + ((<usize>pairs) << 5); at < end; at += 32) {
    h0 += limb0(at);
    h1 += limb1(at);
    h2 += limb2(at);
    h3 += limb3(at);
    h4 += limb4(at);
    let d0 = h0 * q0 + (h1 * q4 + h2 * q3 + h3 * q2 + h4 * q1) * 5;
    let d1 = h0 * q1 + h1 * q0 + (h2 * q4 + h3 * q3 + h4 * q2) * 5;
    let d2 = h0 * q2 + h1 * q1 + h2 * q0 + (h3 * q4 + h4 * q3) * 5;
    let d3 = h0 * q3 + h1 * q2 + h2 * q1 + h3 * q0 + h4 * q4 * 5;
    let d4 = h0 * q4 + h1 * q3 + h2 * q2 + h3 * q1 + h4 * q0;
    const m0 = limb0(at + 16);
    const m1 = limb1(at + 16);
    const m2 = limb2(at + 16);
    const m3 = limb3(at + 16);
    const m4 = limb4(at + 16);
    d0 += m0 * r0 + (m1 * r4 + m2 * r3 + m3 * r2 + m4 * r1) * 5;
    d1 += m0 * r1 + m1 * r0 + (m2 * r4 + m3 * r3 + m4 * r2) * 5;
    d2 += m0 * r2 + m1 * r1 + m2 * r0 + (m3 * r4 + m4 * r3) * 5;
    d3 += m0 * r3 + m1 * r2 + m2 * r1 + m3 * r0 + m4 * r4 * 5;
    d4 += m0 * r4 + m1 * r3 + m2 * r2 + m3 * r1 + m4 * r0;
    // Two chains of carries at once.
    d3 += d2 >> 26;
    d1 += d0 >> 26;
    d4 += d3 >> 26;
    h2 = (d2 & MASK) + (d1 >> 26);
    h0 = (d0 & MASK) + (d4 >> 26) * 5;
    h3 = (d3 & MASK) + (h2 >> 26);
    h1 = (d1 & MASK) + (h0 >> 26);
    h4 = (d4 & MASK) + (h3 >> 26);
    h2 &= MASK;
    h0 &= MASK;
    h3 &= MASK;
  }
  store<u64>(SUM, h0);
  store<u64>(SUM, h1, 8);
  store<u64>(SUM, h2, 16);
  store<u64>(SUM, h3, 24);
  store<u64>(SUM, h4, 32);
}

/** `length` bytes, and zeros behind them up to a whole block. */
export function polyPadded(at: usize, length: u32): void {
  const pairs = length >> 5;
  if (pairs) pairsOfBlocks(at, pairs);
  at += (<usize>pairs) << 5;
  if (length & 16) {
    oneBlock(at);
    at += 16;
  }
  const rest = length & 15;
  if (rest == 0) return;
  v128.store(POLY_BLOCK, i64x2.splat(0));
  memory.copy(POLY_BLOCK, at, rest);
  oneBlock(POLY_BLOCK);
}

/** The tag, 16 bytes; the key is wiped. */
export function polyEnd(tag: usize): void {
  let h0 = load<u64>(SUM),
    h1 = load<u64>(SUM, 8),
    h2 = load<u64>(SUM, 16),
    h3 = load<u64>(SUM, 24),
    h4 = load<u64>(SUM, 32);
  h2 += h1 >> 26;
  h3 += h2 >> 26;
  h4 += h3 >> 26;
  h0 += (h4 >> 26) * 5;
  h1 = (h1 & MASK) + (h0 >> 26);
  h0 &= MASK;
  h2 = (h2 & MASK) + (h1 >> 26);
  h1 &= MASK;
  h3 = (h3 & MASK) + (h2 >> 26);
  h2 &= MASK;
  h4 = (h4 & MASK) + (h3 >> 26);
  h3 &= MASK;
  // h - p, which is taken if it is not negative.
  const g0 = h0 + 5,
    g1 = h1 + (g0 >> 26),
    g2 = h2 + (g1 >> 26),
    g3 = h3 + (g2 >> 26),
    g4 = h4 + (g3 >> 26) - (1 << 26);
  const keep = <u64>(<i64>g4 >> 63),
    other = ~keep & MASK;
  h0 = (h0 & keep) | (g0 & other);
  h1 = (h1 & keep) | (g1 & other);
  h2 = (h2 & keep) | (g2 & other);
  h3 = (h3 & keep) | (g3 & other);
  h4 = (h4 & keep) | (g4 & other);
  const low = h0 | (h1 << 26) | (h2 << 52),
    high = (h2 >> 12) | (h3 << 14) | (h4 << 40);
  const sum = low + load<u64>(S);
  store<u64>(tag, sum);
  store<u64>(tag, high + load<u64>(S, 8) + u64(sum < low), 8);
  wipe(POLY_STATE, 160);
}
