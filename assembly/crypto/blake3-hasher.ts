/**
 * BLAKE3 piece by piece, in a state of HASHER_BYTES (blake3-chunks.ts, Hasher) that the caller
 * keeps, so that any number of streams go on side by side; and chaining values of parts of a tree.
 * As in the authors' C code, subtrees wait on the stack unjoined until it is known that more
 * follows.
 */
import { BLAKE3_STATE, BLAKE3_VALUES } from "../core/scratch";
import {
  BLAKE3_BYTES,
  BlakeFlag,
  CHUNK_BYTES,
  Hasher,
  INITIAL_VALUE,
  parentValue,
  SUBTREE_CHUNKS,
  subtreeHalves,
} from "./blake3-chunks";
import { blake3Compress } from "./generated/blake3-lanes";
import { blake3Wide } from "./generated/blake3-wide";
import { wipe } from "./wipe";

export const HASHER_BYTES: usize = Hasher.BYTES;

/** A stream of the plain hash begins, with chunk `first` of its input (0: with all of it). */
export function blake3Init(state: usize, first: u64): void {
  blake3Start(state, INITIAL_VALUE, 0, first);
}

/**
 * A stream begins under the 32 bytes at `key` and with `flags`; its first chunk is the one of
 * number `first` of a larger tree (0: of its own).
 */
export function blake3Start(state: usize, key: usize, flags: u32, first: u64): void {
  memory.copy(state + Hasher.KEY, key, 32);
  memory.copy(state + Hasher.VALUE, key, 32);
  memory.fill(state + Hasher.BLOCK, 0, 64);
  store<u64>(state, 0, Hasher.DONE);
  store<u64>(state, first, Hasher.FIRST);
  store<u32>(state, flags, Hasher.FLAGS);
  store<u32>(state, 0, Hasher.FILLED);
  store<u32>(state, 0, Hasher.BLOCKS);
  store<u32>(state, 0, Hasher.DEPTH);
}

/** Nothing of a stream is left. */
export function blake3Wipe(state: usize): void {
  wipe(state, Hasher.BYTES);
  wipe(BLAKE3_VALUES, 512);
}

/** Bytes of the current chunk. */
function chunkFilled(state: usize): u32 {
  return (load<u32>(state, Hasher.BLOCKS) << 6) + load<u32>(state, Hasher.FILLED);
}

/** Takes `length` bytes. */
export function blake3Update(state: usize, source: usize, length: u32): void {
  const filled = chunkFilled(state);
  if (filled) {
    const part = min<u32>(length, CHUNK_BYTES - filled);
    fillChunk(state, source, part);
    source += part;
    length -= part;
    if (length == 0) return;
    endChunk(state);
  }
  while (length > CHUNK_BYTES) {
    const taken = takeSubtree(state, source, length);
    source += taken;
    length -= taken;
  }
  if (length == 0) return;
  fillChunk(state, source, length);
}

/** The largest subtree that begins here and lies in the input; more than a chunk is there. */
function takeSubtree(state: usize, source: usize, length: u32): u32 {
  const done = load<u64>(state, Hasher.DONE);
  let count = min<u32>(SUBTREE_CHUNKS, (length - 1) >> 10);
  count = (<u32>1) << (31 - clz<u32>(count));
  while (done & (count - 1)) count >>= 1;
  if (count == 1) {
    fillChunk(state, source, CHUNK_BYTES);
    endChunk(state);
    return CHUNK_BYTES;
  }
  subtreeHalves(state, source, count, load<u64>(state, Hasher.FIRST) + done);
  const half: u64 = count >> 1;
  push(state, BLAKE3_VALUES, half);
  push(state, BLAKE3_VALUES + 32, half);
  return count << 10;
}

/** Into the current chunk, which has room: full blocks are compressed when more follows. */
function fillChunk(state: usize, source: usize, length: u32): void {
  while (length) {
    let filled = load<u32>(state, Hasher.FILLED);
    if (filled == 64) {
      compressBlock(state);
      filled = 0;
    }
    const part = min<u32>(length, 64 - filled);
    memory.copy(state + Hasher.BLOCK + filled, source, part);
    store<u32>(state, filled + part, Hasher.FILLED);
    source += part;
    length -= part;
  }
}

function chunkFlags(state: usize): u32 {
  const start: u32 = load<u32>(state, Hasher.BLOCKS) == 0 ? BlakeFlag.CHUNK_START : 0;
  return load<u32>(state, Hasher.FLAGS) | start;
}

function chunkNumber(state: usize): u64 {
  return load<u64>(state, Hasher.FIRST) + load<u64>(state, Hasher.DONE);
}

/** The full block that waits is not the chunk's last. */
function compressBlock(state: usize): void {
  const value = state + Hasher.VALUE;
  blake3Compress(value, state + Hasher.BLOCK, 64, chunkNumber(state), chunkFlags(state), value);
  store<u32>(state, load<u32>(state, Hasher.BLOCKS) + 1, Hasher.BLOCKS);
  store<u32>(state, 0, Hasher.FILLED);
  memory.fill(state + Hasher.BLOCK, 0, 64);
}

/** The current chunk is full, and more follows. */
function endChunk(state: usize): void {
  const value = state + Hasher.VALUE;
  const flags = chunkFlags(state) | BlakeFlag.CHUNK_END;
  blake3Compress(value, state + Hasher.BLOCK, 64, chunkNumber(state), flags, value);
  push(state, value, 1);
  memory.copy(value, state + Hasher.KEY, 32);
  memory.fill(state + Hasher.BLOCK, 0, 64);
  store<u32>(state, 0, Hasher.FILLED);
  store<u32>(state, 0, Hasher.BLOCKS);
}

/**
 * A subtree of `chunks` more is done. What waits is joined first, down to one value for each bit of
 * the chunks before: more follows them, so none of these parents is the root.
 */
function push(state: usize, value: usize, chunks: u64): void {
  const done = load<u64>(state, Hasher.DONE);
  join(state, <u32>popcnt<u64>(done));
  const depth = load<u32>(state, Hasher.DEPTH);
  memory.copy(state + Hasher.STACK + ((<usize>depth) << 5), value, 32);
  store<u32>(state, depth + 1, Hasher.DEPTH);
  store<u64>(state, done + chunks, Hasher.DONE);
}

function join(state: usize, left: u32): void {
  let depth = load<u32>(state, Hasher.DEPTH);
  for (; depth > left; depth--) {
    const pair = state + Hasher.STACK + ((<usize>(depth - 2)) << 5);
    parentValue(state, pair, pair);
  }
  store<u32>(state, depth, Hasher.DEPTH);
}

/** The node that is the last of the tree, before its compression: what output is made of. */
let lastValue: usize = 0;
let lastLength: u32 = 0;
let lastCounter: u64 = 0;
let lastFlags: u32 = 0;

/** Joins all there is but the last node, whose input then lies in BLOCK. */
function close(state: usize): void {
  const block = state + Hasher.BLOCK;
  lastValue = state + Hasher.KEY;
  lastFlags = load<u32>(state, Hasher.FLAGS) | BlakeFlag.PARENT;
  lastLength = 64;
  lastCounter = 0;
  let depth = load<u32>(state, Hasher.DEPTH);
  if (chunkFilled(state) || depth == 0) {
    if (depth > 1) join(state, <u32>popcnt<u64>(load<u64>(state, Hasher.DONE)));
    depth = load<u32>(state, Hasher.DEPTH);
    lastValue = state + Hasher.VALUE;
    lastFlags = chunkFlags(state) | BlakeFlag.CHUNK_END;
    lastLength = load<u32>(state, Hasher.FILLED);
    lastCounter = chunkNumber(state);
  } else {
    // The stack ends in the halves of the last subtree.
    depth -= 2;
    memory.copy(block, state + Hasher.STACK + ((<usize>depth) << 5), 64);
  }
  for (; depth; depth--) {
    const own = state + Hasher.OUTPUT;
    blake3Compress(lastValue, block, lastLength, lastCounter, lastFlags, own);
    memory.copy(block, state + Hasher.STACK + ((<usize>(depth - 1)) << 5), 32);
    memory.copy(block + 32, own, 32);
    lastValue = state + Hasher.KEY;
    lastFlags = load<u32>(state, Hasher.FLAGS) | BlakeFlag.PARENT;
    lastLength = 64;
    lastCounter = 0;
  }
}

/**
 * Ends a stream: `length` bytes of its output from byte `from` (a multiple of 64) go to `out`. The
 * state is of no use after it but for another stream.
 */
export function blake3Output(state: usize, from: u64, out: usize, length: u32): void {
  close(state);
  const own = state + Hasher.OUTPUT,
    flags = lastFlags | BlakeFlag.ROOT;
  // Only the last node's counter is the output's; a chunk that is the root has number 0.
  for (let counter = from >> 6; length; counter++) {
    const part = min<u32>(length, 64);
    if (part <= BLAKE3_BYTES) {
      blake3Compress(lastValue, state + Hasher.BLOCK, lastLength, counter, flags, own);
    } else {
      blake3Wide(lastValue, state + Hasher.BLOCK, lastLength, counter, flags, own);
    }
    memory.copy(out, own, part);
    out += part;
    length -= part;
  }
}

/**
 * Ends a stream that began with chunk `first` of a larger input and is a part of it: its chaining
 * value, 32 bytes. A part is a subtree if `first` is a multiple of the power of two of chunks that
 * it has room in, as 256 KiB are 256 chunks; it has a byte at least.
 */
export function blake3Value(state: usize, out: usize): void {
  close(state);
  blake3Compress(lastValue, state + Hasher.BLOCK, lastLength, lastCounter, lastFlags, out);
}

/** The same for `length` bytes in one call. */
export function blake3PartValue(source: usize, length: u32, first: u64, out: usize): void {
  blake3Start(BLAKE3_STATE, INITIAL_VALUE, 0, first);
  blake3Update(BLAKE3_STATE, source, length);
  blake3Value(BLAKE3_STATE, out);
  blake3Wipe(BLAKE3_STATE);
}

/**
 * The parent (32 bytes) of two neighbours of the plain hash; of the root, the digest.
 */
export function blake3Join(left: usize, right: usize, root: bool, out: usize): void {
  const pair = BLAKE3_VALUES;
  memory.copy(pair, left, 32);
  memory.copy(pair + 32, right, 32);
  const flags: u32 = BlakeFlag.PARENT | (root ? BlakeFlag.ROOT : 0);
  blake3Compress(INITIAL_VALUE, pair, 64, 0, flags, out);
}
