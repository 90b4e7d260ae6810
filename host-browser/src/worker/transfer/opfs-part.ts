/**
 * A file that comes, in the browser's own storage for this origin (OPFS), until the person saves
 * it. A folder each, `<hash>-<size>`: `data`, `values` (32 bytes a chunk), and `facts` (JSON). What
 * of the data is the file's is found by its values when it is opened again: nothing else is
 * believed, so a crash in the middle of a write costs the chunk that it tore.
 */
import { checkBytes } from '@andvari/host-common/transfer/argument-checks';
import { equalBytes } from '@andvari/host-common/transfer/byte-strings';
import { ChunkSet } from '@andvari/host-common/transfer/files/chunk-set';
import {
  CHUNK_BYTES,
  chunkCount,
  chunkLength,
  type FileHash,
  HASH_BYTES,
} from '@andvari/host-common/transfer/files/file-hash';
import type { FileOffer } from '@andvari/host-common/transfer/files/file-offer';
import type { FileSink } from '@andvari/host-common/transfer/files/file-places';
import { hexOf } from '../../storage/device-key.ts';
import type { FileFacts } from './file-facts.ts';
import { keptFolder, removeKept, writeFacts } from './kept-files.ts';
import { PlaceError, placeError } from './place-error.ts';

/** Chunks that are looked through before others have their turn. */
const LOOK_CHUNKS = 16;

interface Parts {
  folder: FileSystemDirectoryHandle;
  data: FileSystemSyncAccessHandle;
  have: ChunkSet;
  values: Uint8Array | undefined;
  offer: FileOffer;
  key: string;
}

export class OpfsPart implements FileSink {
  readonly have: ChunkSet;
  /** Its name in kept-files.ts. */
  readonly key: string;
  readonly #folder: FileSystemDirectoryHandle;
  readonly #data: FileSystemSyncAccessHandle;
  readonly #offer: FileOffer;
  #values: Uint8Array | undefined;

  private constructor(parts: Parts) {
    this.key = parts.key;
    this.have = parts.have;
    this.#folder = parts.folder;
    this.#data = parts.data;
    this.#values = parts.values;
    this.#offer = parts.offer;
  }

  /**
   * What is there of it already goes on.
   * @throws PlaceError: no room, no storage, or it is being received already
   */
  static async open(offer: FileOffer, hash: FileHash): Promise<OpfsPart> {
    const key = keyOf(offer);
    try {
      const folder = await keptFolder(key);
      const file = await folder.getFileHandle('data', { create: true });
      const data = await file.createSyncAccessHandle();
      try {
        await checkRoom(offer.size - data.getSize());
        await writeFacts(folder, factsOf(offer, false));
        const values = await readValues(folder, offer, hash);
        const have = await verified({ data, values, offer, hash });
        return new OpfsPart({ folder, data, have, values, offer, key });
      } catch (error) {
        data.close();
        throw error;
      }
    } catch (error) {
      throw placeError(error);
    }
  }

  get values(): Uint8Array | undefined {
    return this.#values;
  }

  async keepValues(values: Uint8Array): Promise<void> {
    checkBytes('values', values, this.have.count * HASH_BYTES);
    try {
      await writeFile(this.#folder, 'values', values);
    } catch (error) {
      throw placeError(error);
    }
    this.#values = values.slice();
  }

  async write(index: number, bytes: Uint8Array): Promise<void> {
    if (this.have.has(index)) return;
    checkBytes('bytes', bytes, chunkLength(this.#offer.size, index));
    try {
      writeAll(this.#data, bytes, index * CHUNK_BYTES);
    } catch (error) {
      throw placeError(error);
    }
    this.have.add(index);
  }

  /** Resolves with its name; its bytes are with kept-files.ts from then on. */
  async finish(): Promise<string> {
    try {
      this.#data.truncate(this.#offer.size);
      this.#data.flush();
      await writeFacts(this.#folder, factsOf(this.#offer, true));
    } catch (error) {
      throw placeError(error);
    }
    this.#data.close();
    return this.#offer.name;
  }

  async close(): Promise<void> {
    try {
      this.#data.flush();
    } finally {
      this.#data.close();
    }
  }

  async discard(): Promise<void> {
    this.#data.close();
    await removeKept(this.key);
  }
}

function keyOf({ hash, size }: FileOffer): string {
  return `${hexOf(hash)}-${size}`;
}

function factsOf({ name, size, hash }: FileOffer, isWhole: boolean): FileFacts {
  return { name, size, hash: hexOf(hash), isWhole };
}

/** An estimate alone, but one that saves hours of receiving in vain. */
async function checkRoom(bytes: number): Promise<void> {
  const { quota, usage } = await navigator.storage.estimate();
  if (quota === undefined || usage === undefined || quota - usage >= bytes) return;
  throw new PlaceError('ANDVARI_PLACE_FULL', 'this browser has no room for a file of this size');
}

/** Of a file of one chunk it is the hash, which is known. */
async function readValues(
  folder: FileSystemDirectoryHandle,
  { size, hash: wanted }: FileOffer,
  hash: FileHash,
): Promise<Uint8Array | undefined> {
  const file = await folder.getFileHandle('values', { create: true });
  const values = new Uint8Array(await (await file.getFile()).arrayBuffer());
  if (values.length !== chunkCount(size) * HASH_BYTES) return undefined;
  return equalBytes(hash.root(values), wanted) ? values : undefined;
}

interface Look {
  data: FileSystemSyncAccessHandle;
  values: Uint8Array | undefined;
  offer: FileOffer;
  hash: FileHash;
}

async function verified({ data, values, offer, hash }: Look): Promise<ChunkSet> {
  const count = chunkCount(offer.size);
  const have = new ChunkSet(count);
  const known = count === 1 ? offer.hash : values;
  if (!known) return have;
  const there = Math.min(count, Math.ceil(data.getSize() / CHUNK_BYTES));
  for (let index = 0; index < there; index++) {
    if (index % LOOK_CHUNKS === 0) await new Promise((resolve) => setTimeout(resolve));
    const length = chunkLength(offer.size, index);
    const read = data.read(hash.chunk.subarray(0, length), { at: index * CHUNK_BYTES });
    if (read !== length) continue;
    const value = known.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
    if (equalBytes(hash.value(length, { index, count }), value)) have.add(index);
  }
  return have;
}

async function writeFile(
  folder: FileSystemDirectoryHandle,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const file = await folder.getFileHandle(name, { create: true });
  const handle = await file.createSyncAccessHandle();
  try {
    handle.truncate(0);
    writeAll(handle, bytes, 0);
    handle.flush();
  } finally {
    handle.close();
  }
}

/** A full disk may take a part of it. */
function writeAll(handle: FileSystemSyncAccessHandle, bytes: Uint8Array, at: number): void {
  const own = bytes as Uint8Array<ArrayBuffer>;
  for (let done = 0; done < own.length; ) {
    const written = handle.write(own.subarray(done), { at: at + done });
    if (written === 0) throw new PlaceError('ANDVARI_PLACE_FULL', 'the disk is full');
    done += written;
  }
}
