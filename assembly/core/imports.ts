/**
 * What every instance is given besides its memory. All of it is in module `env`; a host that has
 * nothing to give for a cipher or a hash gives 0xffffffff or 0, and functions that are never called
 * (host-common/src/engine/engine.ts).
 */

/**
 * Number of this instance over its memory, from 0: the only thing in which two instances differ.
 */
@external("env", "worker") export declare const WORKER: u32;

/** Texts from this length on go to cryptCtr(); 0xffffffff: none does. */
@external("env", "nativeCtrLeast") export declare const NATIVE_CTR_LEAST: u32;

/**
 * AES-CTR of the host's processor, with the meaning and the bytes of ctr128() and ctr256()
 * (crypto/ctr.ts). Returns 0 when it is done; otherwise it has written nothing. Leaves no key
 * material behind.
 */
@external("env", "cryptCtr")
export declare function cryptCtr(
  key: usize,
  keyLength: u32,
  counterBlock: usize,
  source: usize,
  out: usize,
  length: u32,
): u32;

/** Texts from this length on go to nativeSeal() and nativeOpen(); 0xffffffff: none does. */
@external("env", "nativeChachaLeast") export declare const NATIVE_CHACHA_LEAST: u32;

/**
 * ChaCha20-Poly1305 of the host, with the meaning and the bytes of chachaSeal()
 * (crypto/xchacha20-poly1305.ts). Returns 0 when it is done; otherwise it has written nothing.
 * Leaves no key material behind.
 */
@external("env", "chachaSeal")
export declare function nativeSeal(
  key: usize,
  nonce: usize,
  aad: usize,
  aadLength: u32,
  at: usize,
  length: u32,
  tag: usize,
): u32;

/** What nativeOpen() returns. In both cases but the first the text is as it was. */
export const enum NativeOpened {
  FITS,
  REFUSED,
  DOES_NOT_FIT,
}

/** The same of chachaOpen(). */
@external("env", "chachaOpen")
export declare function nativeOpen(
  key: usize,
  nonce: usize,
  aad: usize,
  aadLength: u32,
  at: usize,
  length: u32,
  tag: usize,
): NativeOpened;

/** 1: blake3Chunks() is there; 0: it is not. */
@external("env", "nativeBlake3") export declare const NATIVE_BLAKE3: u32;

/**
 * The chaining values (32 bytes each, at `out`) of 16 whole chunks of BLAKE3 at `source`, the first
 * of which has that number, under the 32 bytes at `key` and with `flags`. Returns 0 when it is
 * done; otherwise it has written nothing.
 */
@external("env", "blake3Chunks")
export declare function nativeBlake3Chunks(
  key: usize,
  flags: u32,
  source: usize,
  firstLow: u32,
  firstHigh: u32,
  out: usize,
): u32;
