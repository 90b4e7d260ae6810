/**
 * HMAC-SHA-256 (RFC 2104, RFC 4231; FIPS 198-1). Constant in time for given lengths. The caller
 * compares tags with equalBytes, never with a loop of its own.
 */
import { HMAC_STATE } from "../core/scratch";
import { sha256, sha256Final, sha256Init, sha256Update } from "./sha256";
import { wipe } from "./wipe";

/** Block of SHA-256: the length to which RFC 2104 section 2 pads a key. */
const BLOCK_BYTES: u32 = 64;
const DIGEST_BYTES: u32 = 32;
/** Inner digest, behind the padded key (core/scratch.ts). */
const INNER: usize = 64;

/**
 * HMAC of `msgLen` bytes at `msg` with the `keyLen` bytes (any number) at `key`: 32 bytes at `out`,
 * which may lie in the message or the key. Leaves no key in scratch: hmacWipe is included.
 */
export function hmacSha256(key: usize, keyLen: u32, msg: usize, msgLen: u32, out: usize): void {
  const padded = HMAC_STATE;
  wipe(padded, BLOCK_BYTES);
  if (keyLen > BLOCK_BYTES) sha256(key, keyLen, padded);
  else memory.copy(padded, key, keyLen);
  mask(padded, 0x36);
  sha256Init();
  sha256Update(padded, BLOCK_BYTES);
  sha256Update(msg, msgLen);
  sha256Final(padded + INNER);
  // The key is under the inner mask; both masks at once put it under the outer one.
  mask(padded, 0x36 ^ 0x5c);
  sha256Init();
  sha256Update(padded, BLOCK_BYTES);
  sha256Update(padded + INNER, DIGEST_BYTES);
  sha256Final(out);
  hmacWipe();
}

/** Wipes the padded key and the inner digest. */
export function hmacWipe(): void {
  wipe(HMAC_STATE, INNER + DIGEST_BYTES);
}

/** Exclusive-or of `value` into the 64 bytes of the padded key: ipad and opad of RFC 2104. */
function mask(padded: usize, value: i8): void {
  const pad = i8x16.splat(value);
  for (let i: usize = 0; i < BLOCK_BYTES; i += 16) {
    v128.store(padded + i, v128.xor(v128.load(padded + i), pad));
  }
}
