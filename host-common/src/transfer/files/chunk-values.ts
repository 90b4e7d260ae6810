/** The values of all chunks, as a sender says them on a file's stream, and what they show. */
import { equalBytes } from '../byte-strings.ts';
import { chunkCount, chunkLength, type FileHash, HASH_BYTES } from './file-hash.ts';
import type { FileOffer } from './file-offer.ts';
import { type FileRecord, RecordType } from './file-records.ts';
import { FileTransferError, failure, nonsense } from './file-transfer-error.ts';

/**
 * The values of `count` chunks, one behind the other; whose they are is still to be looked at.
 * @throws FileTransferError: the sender failed, or said something else; what `read` does
 */
export async function readValues(
  count: number,
  read: () => Promise<FileRecord>,
): Promise<Uint8Array<ArrayBuffer>> {
  const values = new Uint8Array(count * HASH_BYTES);
  for (let known = 0; known < count; ) {
    const record = await read();
    if (record.type === RecordType.FAILED) throw failure(record.code);
    if (record.type !== RecordType.CHUNK_HASHES || record.first !== known) throw nonsense(record);
    known += record.values.length / HASH_BYTES;
    if (known > count) throw nonsense(record);
    values.set(record.values, record.first * HASH_BYTES);
  }
  return values;
}

/** What values and chunks are held against. */
interface Offered {
  offer: FileOffer;
  /** Used within one turn of the event loop. */
  hash: FileHash;
}

/**
 * Whether the values of all chunks are the file's.
 * @param known those that are known to be
 * @throws FileTransferError ANDVARI_TRANSFER_INTEGRITY
 */
export function checkValues(
  values: Uint8Array,
  { known, offer, hash }: Offered & { known: Uint8Array | undefined },
): void {
  const isRight = known ? equalBytes(values, known) : equalBytes(hash.root(values), offer.hash);
  if (isRight) return;
  const message = 'the values of its chunks are not the file’s';
  throw new FileTransferError('ANDVARI_TRANSFER_INTEGRITY', message);
}

/**
 * Whether a chunk is the file's.
 * @param values of all chunks; undefined: not known, then none is
 * @throws FileTransferError ANDVARI_TRANSFER_INTEGRITY
 */
export function checkChunk(
  { index, bytes }: { index: number; bytes: Uint8Array },
  { offer: { size }, hash, values }: Offered & { values: Uint8Array | undefined },
): void {
  const value = values?.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
  const fits = bytes.length === chunkLength(size, index);
  const place = { index, count: chunkCount(size) };
  if (value && fits && equalBytes(hash.valueOf(bytes, place), value)) return;
  const message = `chunk ${index} is not the file’s`;
  throw new FileTransferError('ANDVARI_TRANSFER_INTEGRITY', message);
}
