/** The values of all chunks, as a sender says them on a file's stream. */
import { HASH_BYTES } from './file-hash.ts';
import { type FileRecord, RecordType } from './file-records.ts';
import { failure, nonsense } from './file-transfer-error.ts';

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
