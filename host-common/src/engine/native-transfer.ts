/**
 * ChaCha20-Poly1305 and BLAKE3 of the host, which an engine may be given for transfer
 * (assembly/core/imports.ts). Without them the engine does all of it by itself; the bytes are the
 * same. What they take are offsets into its memory and lengths in bytes; the engine imports them,
 * so they are called without JavaScript.
 */

/** Offsets and lengths of a text that is sealed or opened in place. */
export type ChachaText = [
  key: number,
  /** 12 bytes. */
  nonce: number,
  aad: number,
  aadLength: number,
  at: number,
  length: number,
  tag: number,
];

/** Where sixteen chunks of 1024 bytes lie, what is the key of their tree, where values go. */
export type Blake3Chunks = [
  key: number,
  flags: number,
  source: number,
  firstLow: number,
  firstHigh: number,
  out: number,
];

/** Over one memory. */
export interface NativeTransferFunctions {
  /** Gives 0 or undefined when it is done; otherwise it has written nothing. */
  chachaSeal(...text: ChachaText): number | undefined;
  /** Likewise; 2: the tag does not fit. */
  chachaOpen(...text: ChachaText): number | undefined;
  /** Gives 0 or undefined when it is done; otherwise it has written nothing. */
  blake3Chunks(...chunks: Blake3Chunks): number | undefined;
}

export interface NativeTransfer {
  over(memory: WebAssembly.Memory): NativeTransferFunctions;
  /** Bytes of the shortest text that is worth the call; 0xffffffff: none is. */
  chachaLeast: number;
  hasBlake3: boolean;
}

const refuse = () => 1;

export const NO_NATIVE_TRANSFER: NativeTransfer = {
  over: () => ({ chachaSeal: refuse, chachaOpen: refuse, blake3Chunks: refuse }),
  chachaLeast: 0xffffffff,
  hasBlake3: false,
};
