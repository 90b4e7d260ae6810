/**
 * AES-CTR by the processor's own instructions, over one WebAssembly memory. Offsets are bytes from
 * the start of the memory, lengths are bytes; every range is checked by the functions themselves,
 * since it is the engine that calls them.
 */

/**
 * Key of 16 or 32 bytes, counter block of 16 (one big-endian number), `length` bytes from `source`
 * to `out`, which are the same or do not overlap. Gives undefined when it is done, 1 when it is
 * refused: a range outside the memory, a key of another length, an argument that is no number.
 * Then nothing was written. Keeps no key material.
 */
export type CtrFunction = (
  ...text: [
    key: number,
    keyLength: number,
    counterBlock: number,
    source: number,
    out: number,
    length: number,
  ]
) => number | undefined;

/** Bytes of a descriptor in a batch: the six u32 of a text, little-endian, and eight unused. */
export const CTR_DESCRIPTOR_BYTES = 32;

/**
 * All texts of `count` descriptors at a multiple of 4, in their order. Gives undefined, or 1 + the
 * number of the first that is refused; all are checked before the first is done.
 */
export type CtrBatchFunction = (descriptors: number, count: number) => number | undefined;

export interface CryptAddon {
  /** What this processor can do, best first; empty when it has no AES instructions. */
  readonly cryptImplementations: readonly string[];
  /**
   * The function over this memory, which it keeps alive (initial = maximum, shared or not).
   * `implementation` is one of cryptImplementations [the first].
   */
  cryptCtr(memory: WebAssembly.Memory, implementation?: string): CtrFunction;
  cryptCtrBatch(memory: WebAssembly.Memory, implementation?: string): CtrBatchFunction;
}

/** The part of the addon that this file describes, with its arguments checked. */
export function cryptFace(binding: CryptAddon): CryptAddon {
  const { cryptImplementations } = binding;
  const check = (memory: unknown, implementation: unknown) => {
    if (!(memory instanceof WebAssembly.Memory)) {
      throw new TypeError(`memory: wanted a WebAssembly.Memory, got ${typeof memory}`);
    }
    if (cryptImplementations.length === 0) {
      throw new RangeError('this processor has no AES instructions');
    }
    if (implementation === undefined) return;
    if (!cryptImplementations.includes(String(implementation))) {
      const wanted = cryptImplementations.join(', ');
      throw new RangeError(`implementation: wanted one of ${wanted}, got ${implementation}`);
    }
  };
  return {
    cryptImplementations,
    cryptCtr(memory, implementation) {
      check(memory, implementation);
      return binding.cryptCtr(memory, implementation);
    },
    cryptCtrBatch(memory, implementation) {
      check(memory, implementation);
      return binding.cryptCtrBatch(memory, implementation);
    },
  };
}
