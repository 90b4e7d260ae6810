/**
 * What is known of a file that has not come whole yet: which chunks of which file are there.
 *
 * Format 1, numbers big-endian:
 *
 *     offset  bytes
 *          0      8  "andvpart"
 *          8      4  format, 1
 *         12      4  mode, 0 to 0o777
 *         16      8  size of the file, bytes
 *         24      8  when it was changed last, microseconds since 1970
 *         32     32  BLAKE3 of the file
 *         64      n  a bit each chunk of 256 KiB (ChunkSet), n = ceil(chunks / 8)
 *     64 + n     32  HMAC-SHA-256 of all before; its key comes from the receiver's secret
 *
 * Whoever else may write to the folder cannot make one that is believed.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { checkBytes } from '@andvari/host-common/transfer/argument-checks';
import { joined } from '@andvari/host-common/transfer/byte-strings';
import { ChunkSet } from '@andvari/host-common/transfer/files/chunk-set';
import {
  chunkCount,
  FILE_BYTES_MAX,
  HASH_BYTES,
} from '@andvari/host-common/transfer/files/file-hash';
import type { FileOffer } from '@andvari/host-common/transfer/files/file-offer';

/** Of an offer, what tells its file from others and how it will be kept. */
export type PartOf = Pick<FileOffer, 'size' | 'hash' | 'mode' | 'modifiedUs'>;

export interface PartState {
  of: PartOf;
  have: ChunkSet;
}

export const SECRET_BYTES = 32;
const MAGIC = 'andvpart';
const FORMAT = 1;
const HEAD_BYTES = 64;
const MAC_BYTES = 32;
const KEY_LABEL = 'andvari part state 1';
export const STATE_BYTES_MAX = stateBytes(chunkCount(FILE_BYTES_MAX));

/** @throws TypeError, RangeError: not 32 bytes */
export function stateKey(secret: Uint8Array): Uint8Array {
  checkBytes('secret', secret, SECRET_BYTES);
  return createHmac('sha256', secret).update(KEY_LABEL).digest();
}

export function encodePartState({ of, have }: PartState, key: Uint8Array): Uint8Array {
  const head = Buffer.alloc(HEAD_BYTES);
  head.write(MAGIC, 0, 'latin1');
  head.writeUInt32BE(FORMAT, 8);
  head.writeUInt32BE(of.mode, 12);
  head.writeBigUInt64BE(BigInt(of.size), 16);
  head.writeBigUInt64BE(of.modifiedUs, 24);
  head.set(of.hash, 32);
  const bytes = joined(head, have.bytes);
  return joined(bytes, macOf(bytes, key));
}

/** Undefined: it is damaged, of another format, or somebody else has made it. */
export function decodePartState(bytes: Uint8Array, key: Uint8Array): PartState | undefined {
  if (bytes.length < stateBytes(0)) return undefined;
  const end = bytes.length - MAC_BYTES;
  const mac = macOf(bytes.subarray(0, end), key);
  if (!timingSafeEqual(mac, bytes.subarray(end))) return undefined;
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, HEAD_BYTES);
  const isOurs = head.toString('latin1', 0, 8) === MAGIC && head.readUInt32BE(8) === FORMAT;
  const size = Number(head.readBigUInt64BE(16));
  if (!isOurs || bytes.length !== stateBytes(chunkCount(size))) return undefined;
  const of = {
    mode: head.readUInt32BE(12),
    size,
    modifiedUs: head.readBigUInt64BE(24),
    hash: Uint8Array.from(head.subarray(32, 32 + HASH_BYTES)),
  };
  return { of, have: ChunkSet.from(chunkCount(size), bytes.subarray(HEAD_BYTES, end)) };
}

function stateBytes(count: number): number {
  return HEAD_BYTES + Math.ceil(count / 8) + MAC_BYTES;
}

function macOf(bytes: Uint8Array, key: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(bytes).digest();
}
