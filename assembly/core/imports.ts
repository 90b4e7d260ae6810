/**
 * What every instance is given besides its memory. All of it is in module `env`; a host that has
 * nothing to give for the AES gives 0xffffffff and a function that is never called
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
