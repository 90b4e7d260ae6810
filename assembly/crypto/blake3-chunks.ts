/**
 * The parts that BLAKE3 trees are made of: chaining values of chunks (1024 bytes) and of parents,
 * four at a time where there are four; sixteen chunks by the host where it can (core/imports.ts).
 */
import { NATIVE_BLAKE3, nativeBlake3Chunks } from "../core/imports";
import { BLAKE3_VALUES } from "../core/scratch";
import { blake3Compress, blake3Lanes } from "./generated/blake3-lanes";

export const enum BlakeFlag {
  CHUNK_START = 1,
  CHUNK_END = 2,
  PARENT = 4,
  ROOT = 8,
  KEYED_HASH = 16,
  DERIVE_CONTEXT = 32,
  DERIVE_MATERIAL = 64,
}

export const BLAKE3_BYTES: u32 = 32;
export const CHUNK_BYTES: u32 = 1024;
/** Chunks of one subtree that is hashed at once: its chaining values fit scratch. */
export const SUBTREE_CHUNKS: u32 = 16;

/** An incremental state, in a caller's region of HASHER_BYTES: multiples of 16. */
export const enum Hasher {
  /** Key or initial value of every chunk and parent. */
  KEY = 0,
  /** Chaining value of the current chunk. */
  VALUE = 32,
  /** The last block of the current chunk, which may be the last of all. */
  BLOCK = 64,
  /** Chunks that are done, and the number of the first of them: u64 each. */
  DONE = 128,
  FIRST = 136,
  /** Flags of every compression; bytes in BLOCK; blocks of this chunk before it. */
  FLAGS = 144,
  FILLED = 148,
  BLOCKS = 152,
  /** Chaining values on the stack. */
  DEPTH = 156,
  /** 32 bytes each: no more than 54 subtrees wait in 2^64 bytes. */
  STACK = 160,
  /** A key derived from a context string. */
  DERIVED = 1952,
  /** 64 bytes of output of which only some are asked for. */
  OUTPUT = 1984,
  BYTES = 2048,
}

export const INITIAL_VALUE: usize = memory.data<u32>(
  [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19],
  16,
);

/** Chaining values of `count` whole chunks (at most 16) to BLAKE3_VALUES. */
function wholeChunks(state: usize, source: usize, count: u32, first: u64): void {
  const key = state + Hasher.KEY,
    flags = load<u32>(state, Hasher.FLAGS);
  if (count == SUBTREE_CHUNKS && NATIVE_BLAKE3) {
    const high = <u32>(first >> 32);
    if (!nativeBlake3Chunks(key, flags, source, <u32>first, high, BLAKE3_VALUES)) return;
  }
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) {
    blake3Lanes(
      source + ((<usize>i) << 10),
      CHUNK_BYTES,
      CHUNK_BYTES / 64,
      key,
      first + i,
      1,
      flags,
      BlakeFlag.CHUNK_START,
      BlakeFlag.CHUNK_END,
      BLAKE3_VALUES + ((<usize>i) << 5),
    );
  }
  for (; i < count; i++) {
    oneChunk(key, flags, source + ((<usize>i) << 10), first + i, BLAKE3_VALUES + ((<usize>i) << 5));
  }
}

function oneChunk(key: usize, flags: u32, source: usize, number: u64, out: usize): void {
  let value = key,
    now = flags | BlakeFlag.CHUNK_START;
  for (let block: u32 = 0; block < 15; block++, source += 64) {
    blake3Compress(value, source, 64, number, now, out);
    value = out;
    now = flags;
  }
  blake3Compress(value, source, 64, number, flags | BlakeFlag.CHUNK_END, out);
}

/** The chaining value of the parent of two neighbours, 64 bytes at `pair`. */
export function parentValue(state: usize, pair: usize, out: usize): void {
  const flags = load<u32>(state, Hasher.FLAGS) | BlakeFlag.PARENT;
  blake3Compress(state + Hasher.KEY, pair, 64, 0, flags, out);
}

/** Neighbours in BLAKE3_VALUES become their parents, until two values are left. */
function joinToTwo(state: usize, count: u32): void {
  const key = state + Hasher.KEY,
    flags = load<u32>(state, Hasher.FLAGS) | BlakeFlag.PARENT;
  for (; count > 2; count >>= 1) {
    const pairs = count >> 1;
    let i: u32 = 0;
    for (; i + 4 <= pairs; i += 4) {
      const from = BLAKE3_VALUES + ((<usize>i) << 6);
      blake3Lanes(from, 64, 1, key, 0, 0, flags, 0, 0, BLAKE3_VALUES + ((<usize>i) << 5));
    }
    for (; i < pairs; i++) {
      parentValue(state, BLAKE3_VALUES + ((<usize>i) << 6), BLAKE3_VALUES + ((<usize>i) << 5));
    }
  }
}

/**
 * The two halves of a subtree of `count` whole chunks, 2, 4, 8 or 16: their chaining values, 64
 * bytes, to BLAKE3_VALUES. They are not joined: their parent could be the root.
 */
export function subtreeHalves(state: usize, source: usize, count: u32, first: u64): void {
  wholeChunks(state, source, count, first);
  joinToTwo(state, count);
}
