/** A file on disk that comes, and goes on where it stopped, also after a power cut. */
import { checkBytes, checkWhole } from '@andvari/host-common/transfer/argument-checks';
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
import type { TreeManifest } from '@andvari/host-common/transfer/files/tree-manifest';
import { FileData, type PartData } from './part-data.ts';
import { FileIncompleteError, PartOfAnotherFileError } from './part-errors.ts';
import { PartPlace } from './part-place.ts';
import { decodePartState, encodePartState, STATE_BYTES_MAX, stateKey } from './part-state.ts';
import { TreeData } from './tree-data.ts';

/** The state is saved when so many chunks have come since, or so much time has passed. */
const SAVE_CHUNKS = 16;
const SAVE_MS = 1000;

export interface PartFileOptions {
  /** Of the receiver's choice. */
  folder: string;
  offer: FileOffer;
  /** 32 bytes that only this receiver knows, the same each time: they sign what is kept. */
  secret: Uint8Array;
  hash: FileHash;
  /** Of a folder: what is in it. */
  manifest?: TreeManifest | undefined;
}

interface Parts extends Pick<PartFileOptions, 'offer' | 'hash'> {
  key: Uint8Array;
  place: PartPlace;
  data: PartData;
}

/**
 * In the folder, for NAME:
 * - NAME.andvari-part: the chunks that have come, each where it belongs; the rest are holes. Of a
 *   folder it is a folder, with the files that have begun (tree-data.ts);
 * - NAME.andvari-part.state: which are there (part-state.ts), written behind them. A chunk that it
 *   claims is on the disk; up to 16 that are on the disk it may not claim yet;
 * - NAME.andvari-part.values: the values of all chunks, written once. They need no signature: they
 *   are the file's if its hash is that of the offer. So a state of a large file stays small;
 * - NAME.andvari-part.lock: there while one is open.
 *
 * Methods reject with FilePlaceError when the system refuses: what is there stays, and the same
 * call can be made again.
 */
export class PartFile implements FileSink {
  readonly have: ChunkSet;
  readonly #offer: FileOffer;
  readonly #hash: FileHash;
  readonly #key: Uint8Array;
  readonly #place: PartPlace;
  readonly #data: PartData;
  #values: Uint8Array | undefined;
  /** Written since the data were flushed last. */
  readonly #unflushed = new Set<number>();
  /** Chunks that have come since the state was saved last. */
  #unsaved = 0;
  #savedMs = performance.now();
  /** There are chunks that the state claims and that could not be compared with values. */
  #isBelieved = false;
  /** The path of the file that is whole. */
  #named: string | undefined;
  #closed = false;

  private constructor({ offer, hash, key, place, data }: Parts) {
    this.have = new ChunkSet(chunkCount(offer.size));
    this.#offer = offer;
    this.#hash = hash;
    this.#key = key;
    this.#place = place;
    this.#data = data;
  }

  /**
   * What is there of the file that is offered; what is not the file's any more is not in `have`.
   * @throws TransferInUseError, PartOfAnotherFileError, PartInTheWayError, FilePlaceError;
   * FileOfferError: a name that cannot be had; TypeError, RangeError
   */
  static async open(options: PartFileOptions): Promise<PartFile> {
    const { folder, offer, secret, hash, manifest } = options;
    if (offer.isFolder !== (manifest !== undefined)) {
      throw new TypeError('a folder, and nothing else, comes with its manifest');
    }
    const key = stateKey(secret);
    const place = await PartPlace.open(folder, offer.name);
    let data: PartData | undefined;
    try {
      data = await (manifest ? TreeData.open(place, offer, manifest) : FileData.open(place, offer));
      const part = new PartFile({ offer, hash, key, place, data });
      await part.#load();
      return part;
    } catch (error) {
      await data?.close();
      await place.close();
      throw error;
    }
  }

  get values(): Uint8Array | undefined {
    return this.#values;
  }

  async #load(): Promise<void> {
    const { size, hash } = this.#offer;
    const bytes = await this.#place.read('state', STATE_BYTES_MAX);
    const state = bytes && decodePartState(bytes, this.#key);
    if (!state) await this.#data.checkOwn();
    // Of another length the data are not those that the state speaks of.
    if (!state || !(await this.#data.fits(state.of.size))) await this.#startAnew();
    else if (state.of.size === size && equalBytes(state.of.hash, hash)) this.#believe(state.have);
    else throw new PartOfAnotherFileError(this.#place.dataPath);
    this.#values = await this.#loadValues();
    if (this.#isBelieved && this.#values) await this.#compare(this.#values);
  }

  /** The state goes first and for good: it must not come to speak of other data. */
  async #startAnew(): Promise<void> {
    await this.#place.remove('state');
    await this.#place.sync();
    await this.#data.clear();
    if (this.#offer.isFolder) await this.#save();
  }

  #believe(have: ChunkSet): void {
    for (let index = 0; index < have.count; index++) if (have.has(index)) this.have.add(index);
    this.#isBelieved = have.size > 0;
  }

  async #loadValues(): Promise<Uint8Array | undefined> {
    const { hash } = this.#offer;
    // The value of a file of one chunk is its hash, and an empty one has none.
    if (this.have.count <= 1) return hash.slice(0, this.have.count * HASH_BYTES);
    const bytes = this.have.count * HASH_BYTES;
    const values = await this.#place.read('values', bytes);
    if (values?.length !== bytes) return undefined;
    return equalBytes(this.#hash.root(values), hash) ? values : undefined;
  }

  /** Takes what is not the file's out of `have`. */
  async #compare(values: Uint8Array): Promise<void> {
    const { count } = this.have;
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let index = 0; index < count; index++) {
      if (!this.have.has(index)) continue;
      const bytes = buffer.subarray(0, chunkLength(this.#offer.size, index));
      const value = values.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
      const isWhole = await this.#data.read(index * CHUNK_BYTES, bytes);
      const isSame = isWhole && equalBytes(this.#hash.valueOf(bytes, { index, count }), value);
      if (!isSame) this.have.delete(index);
    }
    this.#isBelieved = false;
  }

  /** Kept at once; what was believed without values is compared now. */
  async keepValues(values: Uint8Array): Promise<void> {
    this.#checkOpen();
    checkBytes('values', values, this.have.count * HASH_BYTES);
    if (this.#values) return;
    await this.#place.replace('values', values);
    await this.#place.sync();
    if (this.#isBelieved) await this.#compare(values);
    this.#values = values.slice();
  }

  async write(index: number, bytes: Uint8Array): Promise<void> {
    this.#checkOpen();
    checkWhole('index', index, 0, this.have.count - 1);
    checkBytes('bytes', bytes, chunkLength(this.#offer.size, index));
    if (this.have.has(index)) return;
    await this.#data.write(index * CHUNK_BYTES, bytes);
    this.have.add(index);
    this.#unflushed.add(index);
    this.#unsaved++;
    const isDue = performance.now() - this.#savedMs >= SAVE_MS;
    if (this.#unsaved >= SAVE_CHUNKS || isDue) await this.#save();
  }

  async #save(): Promise<void> {
    await this.#flush();
    const state = { of: this.#offer, have: this.have };
    await this.#place.replace('state', encodePartState(state, this.#key));
    this.#unsaved = 0;
    this.#savedMs = performance.now();
  }

  async #flush(): Promise<void> {
    try {
      await this.#data.flush();
    } catch (error) {
      // The system may have dropped what it could not write, and says so only once.
      for (const index of this.#unflushed) this.have.delete(index);
      throw error;
    } finally {
      this.#unflushed.clear();
    }
  }

  /**
   * Resolves with the path: NAME, or NAME (1) and so on where that is taken.
   * @throws FileIncompleteError, NoNameLeftError, PartInTheWayError, FilePlaceError
   */
  async finish(): Promise<string> {
    this.#checkOpen();
    const { count, size } = this.have;
    if (size < count) throw new FileIncompleteError(this.#place.path, count - size);
    if (this.#named === undefined) {
      await this.#flush();
      this.#named = await this.#data.finish();
    }
    await this.#data.remove();
    await this.#place.remove('state', 'values');
    await this.#place.sync();
    await this.#data.settle();
    await this.#end();
    return this.#named;
  }

  /** Also when it rejects, what is there can be opened again. Once or more often. */
  async close(): Promise<void> {
    if (this.#closed) return;
    try {
      if (this.#named === undefined && this.#unsaved > 0) await this.#save();
      await this.#place.sync();
    } finally {
      await this.#end();
    }
  }

  /** Also when it rejects, it has ended, and what could not be removed can be opened again. */
  async discard(): Promise<void> {
    this.#checkOpen();
    try {
      await this.#place.remove('state', 'values');
      await this.#data.remove();
      await this.#place.sync();
    } finally {
      await this.#end();
    }
  }

  async #end(): Promise<void> {
    this.#closed = true;
    try {
      await this.#data.close();
    } finally {
      await this.#place.close();
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new TypeError(`${this.#place.path}: it has been closed`);
  }
}
