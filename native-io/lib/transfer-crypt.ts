/**
 * ChaCha20-Poly1305 by the OpenSSL that is a part of Node, and chunks of BLAKE3 by AVX2 or AVX-512,
 * over one WebAssembly memory. Offsets are bytes from the start of the memory, lengths are bytes;
 * every range is checked by the functions themselves, since it is the engine that calls them.
 */

/** Of 12-byte nonces (RFC 8439); keys of 32 bytes, tags of 16. Keeps no key material. */
export type ChachaFunction = (
  ...text: [
    key: number,
    nonce: number,
    aad: number,
    aadLength: number,
    at: number,
    length: number,
    tag: number,
  ]
) => number | undefined;

/** The values, 32 bytes each, of sixteen chunks of 1024 bytes. */
export type Blake3ChunksFunction = (
  ...chunks: [
    key: number,
    flags: number,
    source: number,
    firstLow: number,
    firstHigh: number,
    out: number,
  ]
) => number | undefined;

/**
 * Each function of the addon gives one over a memory, which it keeps alive (initial = maximum,
 * shared or not). Those give undefined when it is done, 1 when it is refused: a range outside the
 * memory, an argument that is no number. Then nothing was written.
 */
export interface TransferCryptAddon {
  /** False: this Node has no OpenSSL 3, and chachaSeal() and chachaOpen() throw an Error. */
  readonly hasChacha: boolean;
  /** In place. */
  chachaSeal(memory: WebAssembly.Memory): ChachaFunction;
  /** In place; it gives 2 when the tag does not fit, and the text is as it was. */
  chachaOpen(memory: WebAssembly.Memory): ChachaFunction;
  /** What this processor can do, best first; empty when it has no AVX2. */
  readonly blake3Implementations: readonly string[];
  /** `implementation` is one of blake3Implementations [the first]; else it throws a RangeError. */
  blake3Chunks(memory: WebAssembly.Memory, implementation?: string): Blake3ChunksFunction;
}

/** The part of the addon that this file describes, with its arguments checked. */
export function transferCryptFace(binding: TransferCryptAddon): TransferCryptAddon {
  const checked =
    <Made>(make: (memory: WebAssembly.Memory, implementation?: string) => Made) =>
    (memory: WebAssembly.Memory, implementation?: string): Made => {
      if (memory instanceof WebAssembly.Memory) return make(memory, implementation);
      throw new TypeError(`memory: wanted a WebAssembly.Memory, got ${typeof memory}`);
    };
  return {
    hasChacha: binding.hasChacha,
    chachaSeal: checked((memory) => binding.chachaSeal(memory)),
    chachaOpen: checked((memory) => binding.chachaOpen(memory)),
    blake3Implementations: binding.blake3Implementations,
    blake3Chunks: checked((...of) => binding.blake3Chunks(...of)),
  };
}
