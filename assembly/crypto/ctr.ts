/**
 * AES-CTR (NIST SP 800-38A section 6.5): the counter is the whole block, 128 bits, big-endian, plus
 * one for every block (reference: RAIDA section 3). Encryption and decryption are the same.
 *
 * The key stream is made in CTR_STREAM, four or eight blocks at a time, and added to the text from
 * there, so nothing outside the `len` bytes is read or written, whatever `len` is.
 *
 * Where the host's processor has AES instructions and the text is worth the crossing, the host does
 * it (core/imports.ts): equal bytes, and no key material in scratch.
 */
import { cryptCtr, NATIVE_CTR_LEAST } from "../core/imports";
import { AES_KEYS, AES_SLICED_KEYS, AES_SWIZZLE_KEYS, CTR_STREAM } from "../core/scratch";
import { expandKey128, expandKey256, ROUND_KEY_BYTES, ROUNDS_128, ROUNDS_256 } from "./aes";
import { SLICED_KEY_BYTES, SLICED_RUN_BYTES, slicedEncrypt8, slicedKeys } from "./aes-sliced";
import { swizzleEncrypt1, swizzleEncrypt4, swizzleKeys } from "./aes-swizzle";
import { equal16, equalBytes } from "./equal";
import { wipe } from "./wipe";

/**
 * Texts up to this length are cheaper with swizzles, longer ones with bit slices. Node 24 on
 * x86-64, key schedule included, AES-128 / AES-256: 192 bytes 501 / 689 against 585 / 780 ns,
 * 256 bytes 613 / 839 against 589 / 782 ns. Between 96 and 128 bytes they differ by 4 % at most.
 */
export const SWIZZLE_BYTES_MAX: u32 = 192;

/** What a run of four blocks covers. */
const SWIZZLE_RUN_BYTES: u32 = 64;
const BLOCK_BYTES: u32 = 16;
/** Round keys of the longest schedule. */
const KEYS_MAX: usize = 15;
/** The bytes of a block in reverse: between two little-endian words and one big-endian number. */
const REVERSE: usize = memory.data<u32>([0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203], 16);

// What scratch holds, so that a reply under the key of its request (reference: RAIDA section 3)
// costs no second key schedule. Globals are private to an instance, and none of these is secret.
/** Rounds of the schedule at AES_KEYS, 0 when there is none. */
let expandedRounds: usize = 0;
/** Whether the keys of the two ciphers belong to that schedule. */
let swizzleReady = false;
let slicedReady = false;
/** Whether AES_SLICED_KEYS holds key material at all: the largest part of the wipe. */
let slicedDirty = false;

/**
 * AES-128-CTR with the 16 bytes at `key`, from the counter block at `counterBlock` (16 bytes, not
 * changed), over `len` bytes from `src` to `dst`, which are the same address or do not overlap.
 * Any alignment. Leaves key material in scratch, for the next call with the same key: whoever ends
 * the request or its batch calls ctrWipe().
 */
export function ctr128(key: usize, counterBlock: usize, src: usize, dst: usize, len: u32): void {
  if (len >= NATIVE_CTR_LEAST && !cryptCtr(key, 16, counterBlock, src, dst, len)) return;
  if (expandedRounds !== ROUNDS_128 || !equal16(key, AES_KEYS)) {
    expandKey128(key);
    beginKey(ROUNDS_128);
  }
  run(counterBlock, src, dst, len);
}

/** AES-256-CTR with the 32 bytes at `key`; otherwise as ctr128. */
export function ctr256(key: usize, counterBlock: usize, src: usize, dst: usize, len: u32): void {
  if (len >= NATIVE_CTR_LEAST && !cryptCtr(key, 32, counterBlock, src, dst, len)) return;
  if (expandedRounds !== ROUNDS_256 || !equalBytes(key, AES_KEYS, 32)) {
    expandKey256(key);
    beginKey(ROUNDS_256);
  }
  run(counterBlock, src, dst, len);
}

/** Wipes all round keys and key stream that ctr128 and ctr256 left; cheap when there are none. */
export function ctrWipe(): void {
  if (!expandedRounds) return;
  beginKey(0);
  wipe(AES_KEYS, KEYS_MAX * ROUND_KEY_BYTES);
  wipe(AES_SWIZZLE_KEYS, KEYS_MAX * ROUND_KEY_BYTES);
  wipe(CTR_STREAM, SLICED_RUN_BYTES);
  if (!slicedDirty) return;
  slicedDirty = false;
  wipe(AES_SLICED_KEYS, KEYS_MAX * SLICED_KEY_BYTES);
}

/** Notes the schedule at AES_KEYS, from which the two ciphers' keys are not yet made. */
function beginKey(rounds: usize): void {
  expandedRounds = rounds;
  swizzleReady = false;
  slicedReady = false;
}

function run(counterBlock: usize, src: usize, dst: usize, len: u32): void {
  const rounds = expandedRounds;
  const reversed = i8x16.swizzle(v128.load(counterBlock), v128.load(REVERSE));
  const low = i64x2.extract_lane(reversed, 0);
  const high = i64x2.extract_lane(reversed, 1);
  if (len <= SWIZZLE_BYTES_MAX) {
    if (!swizzleReady) swizzleKeys(rounds);
    swizzleReady = true;
    runSwizzle(rounds, high, low, src, dst, len);
  } else {
    if (!slicedReady) slicedKeys(rounds);
    slicedReady = true;
    slicedDirty = true;
    runSliced(rounds, high, low, src, dst, len);
  }
}

function runSwizzle(rounds: usize, high: u64, low: u64, src: usize, dst: usize, len: u32): void {
  const stream = CTR_STREAM;
  while (len > BLOCK_BYTES) {
    swizzleEncrypt4(
      counter(high, low, 0),
      counter(high, low, 1),
      counter(high, low, 2),
      counter(high, low, 3),
      rounds,
      stream,
    );
    const part = min<u32>(len, SWIZZLE_RUN_BYTES);
    addStream(src, dst, stream, part);
    high += u64(low + 4 < low);
    low += 4;
    src += part;
    dst += part;
    len -= part;
  }
  if (len) {
    v128.store(stream, swizzleEncrypt1(counter(high, low, 0), rounds));
    addStream(src, dst, stream, len);
  }
}

function runSliced(rounds: usize, high: u64, low: u64, src: usize, dst: usize, len: u32): void {
  const stream = CTR_STREAM;
  while (len) {
    for (let block: u32 = 0; block < 8; block++) {
      v128.store(stream + block * BLOCK_BYTES, counter(high, low, block));
    }
    slicedEncrypt8(stream, rounds);
    const part = min<u32>(len, <u32>SLICED_RUN_BYTES);
    addStream(src, dst, stream, part);
    high += u64(low + 8 < low);
    low += 8;
    src += part;
    dst += part;
    len -= part;
  }
}

/** The counter block `high`, `low` plus `steps`: the carry runs through all 128 bits. */
function counter(high: u64, low: u64, steps: u64): v128 {
  const sum = low + steps;
  const pair = i64x2.replace_lane(i64x2.splat(sum), 1, high + u64(sum < low));
  return i8x16.swizzle(pair, v128.load(REVERSE));
}

/** dst = src + stream over `len` bytes, no byte more; the ends in pieces of 8, 4, 2 and 1. */
function addStream(src: usize, dst: usize, stream: usize, len: u32): void {
  const end = src + (len & ~15);
  while (src < end) {
    v128.store(dst, v128.xor(v128.load(src), v128.load(stream)));
    src += 16;
    dst += 16;
    stream += 16;
  }
  if (len & 8) {
    store<u64>(dst, load<u64>(src) ^ load<u64>(stream));
    src += 8;
    dst += 8;
    stream += 8;
  }
  if (len & 4) {
    store<u32>(dst, load<u32>(src) ^ load<u32>(stream));
    src += 4;
    dst += 4;
    stream += 4;
  }
  if (len & 2) {
    store<u16>(dst, load<u16>(src) ^ load<u16>(stream));
    src += 2;
    dst += 2;
    stream += 2;
  }
  if (len & 1) store<u8>(dst, load<u8>(src) ^ load<u8>(stream));
}
