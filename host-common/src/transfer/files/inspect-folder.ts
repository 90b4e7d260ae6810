/** What is in a folder that a peer offers, learned and verified before anybody takes it. */
import { equalBytes } from '../byte-strings.ts';
import { readValues } from './chunk-values.ts';
import { CHUNK_BYTES, chunkCount, chunkLength, type FileHash, HASH_BYTES } from './file-hash.ts';
import type { FileOffer } from './file-offer.ts';
import { encodeRecord, type FileRecord, RecordType } from './file-records.ts';
import { endedEarly, FileTransferError, failure, nonsense } from './file-transfer-error.ts';
import type { RecordStream } from './record-stream.ts';
import { MANIFEST_HEAD_BYTES, TreeManifest, TreeManifestError } from './tree-manifest.ts';

/** A sender that says nothing for so long is not waited for. */
const SILENCE_MS = 60_000;

export interface InspectedFolder {
  manifest: TreeManifest;
  /** Of all chunks of the row; they are the offer's. */
  values: Uint8Array<ArrayBuffer>;
}

/**
 * Asks for the values and for the chunks in which the manifest lies.
 * @throws FileTransferError, TreeManifestError, FileRecordError; what the stream ended with
 */
export async function inspectFolder(
  records: RecordStream,
  offer: FileOffer,
  hash: FileHash,
): Promise<InspectedFolder> {
  const read = () => heard(records);
  await records.write(encodeRecord({ type: RecordType.INSPECT }));
  const values = await readValues(chunkCount(offer.size), read);
  if (!equalBytes(hash.root(values), offer.hash)) throw notTheOffered('the values of its chunks');
  const row = { records, read, offer, hash, values };
  const first = await readChunks(row, 0, 1);
  const length = TreeManifest.lengthOf(first.subarray(0, MANIFEST_HEAD_BYTES));
  if (length > offer.size) throw new TreeManifestError('a manifest longer than all it stands for');
  const more = Math.ceil(length / CHUNK_BYTES) - 1;
  const bytes = new Uint8Array(length);
  bytes.set(first.subarray(0, length));
  if (more > 0) {
    const rest = await readChunks(row, 1, more);
    bytes.set(rest.subarray(0, length - first.length), first.length);
  }
  const manifest = TreeManifest.decode(bytes);
  if (manifest.size === offer.size) return { manifest, values };
  throw new TreeManifestError(`a folder of ${manifest.size} bytes, and ${offer.size} are offered`);
}

interface Row {
  records: RecordStream;
  read: () => Promise<FileRecord>;
  offer: FileOffer;
  hash: FileHash;
  values: Uint8Array;
}

/** Chunks that lie beside each other, verified. */
async function readChunks(
  { records, read, offer, hash, values }: Row,
  first: number,
  count: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const place = { count: chunkCount(offer.size) };
  const end = Math.min(offer.size, (first + count) * CHUNK_BYTES);
  const bytes = new Uint8Array(end - first * CHUNK_BYTES);
  await records.write(encodeRecord({ type: RecordType.CHUNK_REQUEST, first, count }));
  for (let index = first; index < first + count; index++) {
    const record = await read();
    if (record.type === RecordType.FAILED) throw failure(record.code);
    if (record.type !== RecordType.CHUNK || record.index !== index) throw nonsense(record);
    const value = values.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
    const fits = record.bytes.length === chunkLength(offer.size, index);
    if (!fits || !equalBytes(hash.valueOf(record.bytes, { index, ...place }), value)) {
      throw notTheOffered(`chunk ${index}`);
    }
    bytes.set(record.bytes, (index - first) * CHUNK_BYTES);
  }
  return bytes;
}

/** The next that is no pause, within the time that a sender may be silent. */
async function heard(records: RecordStream): Promise<FileRecord> {
  const timer = setTimeout(() => records.stopReading(), SILENCE_MS);
  try {
    for (;;) {
      const record = await records.read();
      if (record === undefined) throw endedEarly();
      if (record.type !== RecordType.PAUSE && record.type !== RecordType.RESUME) return record;
    }
  } finally {
    clearTimeout(timer);
  }
}

function notTheOffered(what: string): FileTransferError {
  return new FileTransferError('ANDVARI_TRANSFER_INTEGRITY', `${what} are not what was offered`);
}
