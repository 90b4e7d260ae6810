/**
 * BLAKE3 (O'Connor, Aumasson, Neves, Wilcox-O'Hearn 2020) in one call: hash, keyed hash, key
 * derivation, each as an output of any length. Words are little-endian. Streams and chaining values
 * of parts: blake3-hasher.ts.
 */
import { BLAKE3_STATE } from "../core/scratch";
import { BLAKE3_BYTES, BlakeFlag, Hasher, INITIAL_VALUE } from "./blake3-chunks";
import { blake3Output, blake3Start, blake3Update, blake3Wipe } from "./blake3-hasher";
import { blake3Compress } from "./generated/blake3-lanes";

/** A block, a key and a chaining value. */
const BLOCK_BYTES: u32 = 64;
const SINGLE: u32 = BlakeFlag.CHUNK_START | BlakeFlag.CHUNK_END | BlakeFlag.ROOT;

/** The 32-byte digest of `length` bytes. */
export function blake3(source: usize, length: u32, out: usize): void {
  digest(INITIAL_VALUE, 0, source, length, out);
}

/** The same under the 32-byte key at `key`. */
export function blake3Keyed(key: usize, source: usize, length: u32, out: usize): void {
  digest(key, BlakeFlag.KEYED_HASH, source, length, out);
}

/** The keyed hash with `outLength` bytes of output. */
export function blake3KeyedXof(
  key: usize,
  source: usize,
  length: u32,
  out: usize,
  outLength: u32,
): void {
  whole(key, BlakeFlag.KEYED_HASH, source, length);
  blake3Output(BLAKE3_STATE, 0, out, outLength);
  blake3Wipe(BLAKE3_STATE);
}

/** The plain hash with `outLength` bytes of output. */
export function blake3Xof(source: usize, length: u32, out: usize, outLength: u32): void {
  whole(INITIAL_VALUE, 0, source, length);
  blake3Output(BLAKE3_STATE, 0, out, outLength);
  blake3Wipe(BLAKE3_STATE);
}

/** Key derivation: `outLength` bytes of the material for the context string (bytes, no end). */
export function blake3Derive(
  context: usize,
  contextLength: u32,
  material: usize,
  materialLength: u32,
  out: usize,
  outLength: u32,
): void {
  whole(INITIAL_VALUE, BlakeFlag.DERIVE_CONTEXT, context, contextLength);
  blake3Output(BLAKE3_STATE, 0, BLAKE3_STATE + Hasher.DERIVED, BLAKE3_BYTES);
  whole(BLAKE3_STATE + Hasher.DERIVED, BlakeFlag.DERIVE_MATERIAL, material, materialLength);
  blake3Output(BLAKE3_STATE, 0, out, outLength);
  blake3Wipe(BLAKE3_STATE);
}

function whole(key: usize, flags: u32, source: usize, length: u32): void {
  blake3Start(BLAKE3_STATE, key, flags, 0);
  blake3Update(BLAKE3_STATE, source, length);
}

function digest(key: usize, flags: u32, source: usize, length: u32, out: usize): void {
  if (length <= BLOCK_BYTES) {
    // What transfer hashes for each packet: one block and no tree.
    const block = BLAKE3_STATE + Hasher.BLOCK;
    memory.fill(block, 0, BLOCK_BYTES);
    memory.copy(block, source, length);
    blake3Compress(key, block, length, 0, flags | SINGLE, out);
    memory.fill(block, 0, BLOCK_BYTES);
    return;
  }
  whole(key, flags, source, length);
  blake3Output(BLAKE3_STATE, 0, out, BLAKE3_BYTES);
  blake3Wipe(BLAKE3_STATE);
}
