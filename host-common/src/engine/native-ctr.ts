/**
 * AES-CTR by the host's processor, which an engine may be given (assembly/core/imports.ts). Without
 * it the engine does all of it by itself; the bytes are the same.
 */

/** What cryptCtr() reads and writes: offsets into its memory, lengths in bytes. */
export type CtrText = [
  key: number,
  /** 16 or 32. */
  keyLength: number,
  /** 16 bytes, the whole of it one big-endian number. */
  counterBlock: number,
  source: number,
  /** The same as `source`, or apart from it. */
  out: number,
  length: number,
];

/** Gives 0 or undefined when it is done; otherwise it has written nothing. */
export type CryptCtr = (...text: CtrText) => number | undefined;

export interface NativeCtr {
  /** The function over this memory. The engine imports it, so it is called without JavaScript. */
  over(memory: WebAssembly.Memory): CryptCtr;
  /** Bytes of the shortest text that is worth the call. */
  least: number;
}

/** No text is as long as this; -1 is how WebAssembly reads it. */
export const NO_NATIVE_CTR: NativeCtr = { over: () => () => 1, least: 0xffffffff };
