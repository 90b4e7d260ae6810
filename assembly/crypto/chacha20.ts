/**
 * ChaCha20 (RFC 8439 section 2.4) four blocks at a time, and HChaCha20
 * (draft-irtf-cfrg-xchacha-03 section 2.2). Words are little-endian. Constant in time.
 */
import { CHACHA_STATE, CHACHA_STREAM } from "../core/scratch";
import { chachaLanes } from "./generated/chacha20-lanes";
import { wipe } from "./wipe";

/** Bytes of four blocks. */
const RUN_BYTES: u32 = 256;
const ZEROS: usize = memory.data(256, 16);
/** "expand 32-byte k", the constant of ChaCha with keys of 32 bytes. */
const SIGMA_LOW: u64 = 0x3320646e61707865;
const SIGMA_HIGH: u64 = 0x6b20657479622d32;

/** Sets key (32 bytes), counter and nonce (12 bytes) of what follows. */
export function chachaStart(key: usize, counter: u32, nonce: usize): void {
  store<u64>(CHACHA_STATE, SIGMA_LOW);
  store<u64>(CHACHA_STATE, SIGMA_HIGH, 8);
  v128.store(CHACHA_STATE, v128.load(key), 16);
  v128.store(CHACHA_STATE, v128.load(key, 16), 32);
  store<u32>(CHACHA_STATE, counter, 48);
  store<u32>(CHACHA_STATE, load<u32>(nonce), 52);
  store<u64>(CHACHA_STATE, load<u64>(nonce, 4), 56);
}

/** Four blocks of key stream to CHACHA_STREAM. */
export function chachaStream(): void {
  chachaLanes(CHACHA_STATE, ZEROS, CHACHA_STREAM);
  store<u32>(CHACHA_STATE, load<u32>(CHACHA_STATE, 48) + 4, 48);
}

/** `length` bytes at `at` in place with the next blocks; only the last call may end within four. */
export function chachaApply(at: usize, length: u32): void {
  for (; length >= RUN_BYTES; length -= RUN_BYTES, at += RUN_BYTES) {
    chachaLanes(CHACHA_STATE, at, at);
    store<u32>(CHACHA_STATE, load<u32>(CHACHA_STATE, 48) + 4, 48);
  }
  if (length == 0) return;
  chachaStream();
  xorBytes(at, CHACHA_STREAM, length);
}

/** `length` bytes at `at` ^= those at `stream`. */
export function xorBytes(at: usize, stream: usize, length: u32): void {
  for (; length >= 16; length -= 16, at += 16, stream += 16) {
    v128.store(at, v128.xor(v128.load(at), v128.load(stream)));
  }
  for (; length; length--, at++, stream++) {
    store<u8>(at, load<u8>(at) ^ load<u8>(stream));
  }
}

/** Nothing of the key is left. */
export function chachaWipe(): void {
  wipe(CHACHA_STATE, 64);
  wipe(CHACHA_STREAM, 256);
}

/** ChaCha20 over `length` bytes in place. */
export function chacha20(key: usize, counter: u32, nonce: usize, at: usize, length: u32): void {
  chachaStart(key, counter, nonce);
  chachaApply(at, length);
  chachaWipe();
}

/** The sub-key (32 bytes at `out`) of a key and the first 16 bytes of a nonce. */
export function hchacha20(key: usize, nonce: usize, out: usize): void {
  let a = i64x2(SIGMA_LOW, SIGMA_HIGH),
    b = v128.load(key),
    c = v128.load(key, 16),
    d = v128.load(nonce);
  for (let i = 0; i < 10; i++) {
    a = i32x4.add(a, b);
    d = rotate16(v128.xor(d, a));
    c = i32x4.add(c, d);
    b = rotate(v128.xor(b, c), 12);
    a = i32x4.add(a, b);
    d = rotate8(v128.xor(d, a));
    c = i32x4.add(c, d);
    b = rotate(v128.xor(b, c), 7);
    // The diagonals become columns.
    b = v128.shuffle<u32>(b, b, 1, 2, 3, 0);
    c = v128.shuffle<u32>(c, c, 2, 3, 0, 1);
    d = v128.shuffle<u32>(d, d, 3, 0, 1, 2);
    a = i32x4.add(a, b);
    d = rotate16(v128.xor(d, a));
    c = i32x4.add(c, d);
    b = rotate(v128.xor(b, c), 12);
    a = i32x4.add(a, b);
    d = rotate8(v128.xor(d, a));
    c = i32x4.add(c, d);
    b = rotate(v128.xor(b, c), 7);
    b = v128.shuffle<u32>(b, b, 3, 0, 1, 2);
    c = v128.shuffle<u32>(c, c, 2, 3, 0, 1);
    d = v128.shuffle<u32>(d, d, 1, 2, 3, 0);
  }
  v128.store(out, a);
  v128.store(out, d, 16);
}

function rotate(v: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(v, bits), i32x4.shr_u(v, 32 - bits));
}

function rotate16(v: v128): v128 {
  return i8x16.shuffle(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

function rotate8(v: v128): v128 {
  return i8x16.shuffle(v, v, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
}
