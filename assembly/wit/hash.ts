/** The interface hash of hash.wit. */
import { blake3KeyedXof, blake3Xof, blake3Derive as derive } from "../crypto/blake3";
import { blake3Join, blake3PartValue } from "../crypto/blake3-hasher";
import { crc32 as checksum } from "../crypto/crc32";
import { hmacSha256 as authenticate, hmacWipe } from "../crypto/hmac-sha256";
import { md5 as digestMd5 } from "../crypto/md5";
import { sha256 as digestSha256 } from "../crypto/sha256";
import { allocate, error4, listOf, okList } from "./abi";

/** hash.wit, fault. */
const enum Fault {
  KEY_LENGTH,
  VALUE_LENGTH,
  OUTPUT_LENGTH,
  PART,
}

const OUTPUT_BYTES_MAX: u32 = 1 << 20;
const VALUE_BYTES: u32 = 32;
const CHUNK_BYTES: u32 = 1024;
/** Chunks that there can be: 2^64 bytes of input. */
const CHUNKS_MAX: u64 = 1 << 54;

export function crc32(bytes: usize, length: u32): u32 {
  return checksum(bytes, length);
}

export function md5(bytes: usize, length: u32): usize {
  const out = allocate(16, 16);
  digestMd5(bytes, length, out);
  return listOf(out, 16);
}

export function sha256(bytes: usize, length: u32): usize {
  const out = allocate(32, 16);
  digestSha256(bytes, length, out);
  return listOf(out, 32);
}

export function hmacSha256(key: usize, keyLength: u32, bytes: usize, length: u32): usize {
  const out = allocate(32, 16);
  authenticate(key, keyLength, bytes, length, out);
  hmacWipe();
  return listOf(out, 32);
}

export function blake3(bytes: usize, length: u32, outLength: u32): usize {
  if (outLength > OUTPUT_BYTES_MAX) return error4(Fault.OUTPUT_LENGTH);
  const out = allocate(outLength, 16);
  blake3Xof(bytes, length, out, outLength);
  return okList(out, outLength);
}

export function blake3Keyed(
  key: usize,
  keyLength: u32,
  bytes: usize,
  length: u32,
  outLength: u32,
): usize {
  if (keyLength != VALUE_BYTES) return error4(Fault.KEY_LENGTH);
  if (outLength > OUTPUT_BYTES_MAX) return error4(Fault.OUTPUT_LENGTH);
  const out = allocate(outLength, 16);
  blake3KeyedXof(key, bytes, length, out, outLength);
  return okList(out, outLength);
}

export function blake3Derive(
  context: usize,
  contextLength: u32,
  bytes: usize,
  length: u32,
  outLength: u32,
): usize {
  if (outLength > OUTPUT_BYTES_MAX) return error4(Fault.OUTPUT_LENGTH);
  const out = allocate(outLength, 16);
  derive(context, contextLength, bytes, length, out, outLength);
  return okList(out, outLength);
}

export function blake3Part(bytes: usize, length: u32, first: u64): usize {
  if (length == 0 || first >= CHUNKS_MAX) return error4(Fault.PART);
  const chunks: u64 = (<u64>length + CHUNK_BYTES - 1) / CHUNK_BYTES;
  let room: u64 = 1;
  while (room < chunks) room <<= 1;
  if (first & (room - 1)) return error4(Fault.PART);
  const out = allocate(VALUE_BYTES, 16);
  blake3PartValue(bytes, length, first, out);
  return okList(out, VALUE_BYTES);
}

export function blake3Parent(
  left: usize,
  leftLength: u32,
  right: usize,
  rightLength: u32,
  root: u32,
): usize {
  if (leftLength != VALUE_BYTES || rightLength != VALUE_BYTES) return error4(Fault.VALUE_LENGTH);
  const out = allocate(VALUE_BYTES, 16);
  blake3Join(left, right, root != 0, out);
  return okList(out, VALUE_BYTES);
}
