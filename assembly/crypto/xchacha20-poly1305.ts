/**
 * ChaCha20-Poly1305 (RFC 8439 section 2.8) and XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), in
 * place. A tag that does not fit leaves the text as it was.
 *
 * Where the host has a faster one and the text is worth the crossing, the host does it
 * (core/imports.ts): equal bytes, and no key material in scratch.
 */
import { NATIVE_CHACHA_LEAST, NativeOpened, nativeOpen, nativeSeal } from "../core/imports";
import { AEAD_STATE, CHACHA_STREAM } from "../core/scratch";
import {
  chachaApply,
  chachaStart,
  chachaStream,
  chachaWipe,
  hchacha20,
  xorBytes,
} from "./chacha20";
import { equal16 } from "./equal";
import { polyEnd, polyPadded, polyStart } from "./poly1305";
import { wipe } from "./wipe";

/** A sub-key, a nonce of 12 bytes, and the tag that should be. */
const SUB_KEY: usize = AEAD_STATE;
const NONCE: usize = AEAD_STATE + 32;
const TAG: usize = AEAD_STATE + 48;
/** Bytes of text that the blocks behind the key of Poly1305 still cover. */
const FIRST_BYTES: u32 = 192;
const BLOCK_BYTES: u32 = 64;

/** Key stream of blocks 0 to 3: the first is the key of Poly1305. */
function start(key: usize, nonce: usize): void {
  chachaStart(key, 0, nonce);
  chachaStream();
  polyStart(CHACHA_STREAM);
}

function crypt(at: usize, length: u32): void {
  const first = min<u32>(length, FIRST_BYTES);
  xorBytes(at, CHACHA_STREAM + BLOCK_BYTES, first);
  if (length > first) chachaApply(at + first, length - first);
}

function authenticate(aad: usize, aadLength: u32, at: usize, length: u32, tag: usize): void {
  polyPadded(aad, aadLength);
  polyPadded(at, length);
  store<u64>(TAG, aadLength);
  store<u64>(TAG, length, 8);
  polyPadded(TAG, 16);
  polyEnd(tag);
}

/** Encrypts `length` bytes at `at` and writes their tag (16 bytes). Nonce: 12 bytes. */
export function chachaSeal(
  key: usize,
  nonce: usize,
  aad: usize,
  aadLength: u32,
  at: usize,
  length: u32,
  tag: usize,
): void {
  if (length >= NATIVE_CHACHA_LEAST && !nativeSeal(key, nonce, aad, aadLength, at, length, tag)) {
    return;
  }
  start(key, nonce);
  crypt(at, length);
  authenticate(aad, aadLength, at, length, tag);
  chachaWipe();
  v128.store(TAG, i64x2.splat(0));
}

/** Checks the tag of `length` bytes at `at` and decrypts them if it fits. */
export function chachaOpen(
  key: usize,
  nonce: usize,
  aad: usize,
  aadLength: u32,
  at: usize,
  length: u32,
  tag: usize,
): bool {
  if (length >= NATIVE_CHACHA_LEAST) {
    const opened = nativeOpen(key, nonce, aad, aadLength, at, length, tag);
    if (opened != NativeOpened.REFUSED) return opened == NativeOpened.FITS;
  }
  start(key, nonce);
  authenticate(aad, aadLength, at, length, TAG);
  const fits = equal16(TAG, tag);
  if (fits) crypt(at, length);
  chachaWipe();
  v128.store(TAG, i64x2.splat(0));
  return fits;
}

/** The sub-key and the 12-byte nonce that stand for a key and 24 bytes of nonce. */
function extend(key: usize, nonce: usize): void {
  hchacha20(key, nonce, SUB_KEY);
  store<u32>(NONCE, 0);
  store<u64>(NONCE, load<u64>(nonce, 16), 4);
}

/** chachaSeal() with a nonce of 24 bytes. */
export function xchachaSeal(
  key: usize,
  nonce: usize,
  aad: usize,
  aadLength: u32,
  at: usize,
  length: u32,
  tag: usize,
): void {
  extend(key, nonce);
  chachaSeal(SUB_KEY, NONCE, aad, aadLength, at, length, tag);
  wipe(SUB_KEY, 48);
}

/** chachaOpen() with a nonce of 24 bytes. */
export function xchachaOpen(
  key: usize,
  nonce: usize,
  aad: usize,
  aadLength: u32,
  at: usize,
  length: u32,
  tag: usize,
): bool {
  extend(key, nonce);
  const fits = chachaOpen(SUB_KEY, NONCE, aad, aadLength, at, length, tag);
  wipe(SUB_KEY, 48);
  return fits;
}
