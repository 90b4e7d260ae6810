/**
 * What is in a folder that is sent. A folder travels as one row of bytes, cut into chunks like a
 * file: its manifest, then the contents of its files, in the order of the manifest and without
 * anything between them. So small files share a chunk, and whatever is true of a file's chunks
 * (checked when they come, asked for again, brought by several) is true of a folder's.
 *
 * Format 1, numbers big-endian:
 *
 *     1 format, 1 · 4 bytes of the manifest, these included · 4 entries, then for each:
 *     1 kind, 0 a file, 1 a folder · 2 bytes of the path · the path, UTF-8, with `/` between two
 *     names · 4 mode, 0 to 0o777 · 8 last change, microseconds since 1970 · of a file 8 its size
 *
 * Entries are in the order of their paths' bytes, and each is in a folder that is named before it:
 * the same folder has one manifest, and one hash.
 */
import { CHUNK_BYTES, FILE_BYTES_MAX, tooLarge } from './file-hash.ts';
import { collision, pathProblem } from './file-names.ts';

interface EntryFacts {
  /** Below the folder that is sent, names with a slash between two. */
  path: string;
  /** Permissions as in Unix, 0 to 0o777. */
  mode: number;
  /** When it was changed last: microseconds since 1970. */
  modifiedUs: bigint;
}
export interface FolderEntry extends EntryFacts {
  isFolder: true;
}
export interface FileEntry extends EntryFacts {
  isFolder: false;
  /** Bytes. */
  size: number;
}
export type ManifestEntry = FolderEntry | FileEntry;

/** Some bytes of the row: of the entry with that index; undefined: of the manifest itself. */
export interface RowPiece {
  entry: number | undefined;
  /** Where they are in the file, or in the manifest. */
  offset: number;
  /** Where they are in what was asked about. */
  at: number;
  length: number;
}

/** What came is no manifest, or one of a folder that nobody can unpack. */
export class TreeManifestError extends Error {
  override readonly name = 'TreeManifestError';
  readonly code = 'ANDVARI_TREE_MANIFEST';
}

/** A list of 250,000 names is what a receiver can be asked to hold and to look through. */
export const ENTRIES_MAX = 250_000;
export const MANIFEST_BYTES_MAX = 32 * 1024 * 1024;
/** Enough to learn how long the manifest is. */
export const MANIFEST_HEAD_BYTES = 9;

const FORMAT = 1;
const Kind = { FILE: 0, FOLDER: 1 } as const;
/** Of an entry, without its path; a file has its size besides. */
const ENTRY_BYTES = 1 + 2 + 4 + 8;
const SIZE_BYTES = 8;
const MODE_MAX = 0o777;
const TIME_MAX = 2n ** 63n;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class TreeManifest {
  readonly entries: readonly ManifestEntry[];
  /** As it travels. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of the row: the manifest and all files. */
  readonly size: number;
  /** Where in the row the bytes of each entry begin; a folder has none. */
  private readonly starts: Float64Array;

  private constructor(entries: readonly ManifestEntry[], bytes: Uint8Array<ArrayBuffer>) {
    this.entries = entries;
    this.bytes = bytes;
    this.starts = new Float64Array(entries.length);
    let end = bytes.length;
    entries.forEach((entry, i) => {
      this.starts[i] = end;
      end += sizeOf(entry);
    });
    if (end > FILE_BYTES_MAX) throw new TreeManifestError(tooLarge('a folder', end));
    this.size = end;
  }

  /** Of these entries, in any order. @throws TreeManifestError */
  static of(entries: readonly ManifestEntry[]): TreeManifest {
    const named = entries.map((entry) => ({ entry, path: encoder.encode(entry.path) }));
    named.sort((a, b) => compare(a.path, b.path));
    const length = named.reduce(
      (sum, { entry, path }) => sum + ENTRY_BYTES + path.length + (entry.isFolder ? 0 : SIZE_BYTES),
      MANIFEST_HEAD_BYTES,
    );
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, FORMAT);
    view.setUint32(1, length);
    view.setUint32(5, entries.length);
    let at = MANIFEST_HEAD_BYTES;
    for (const { entry, path } of named) {
      view.setUint8(at, entry.isFolder ? Kind.FOLDER : Kind.FILE);
      view.setUint16(at + 1, path.length);
      bytes.set(path, at + 3);
      at += 3 + path.length;
      view.setUint32(at, entry.mode);
      view.setBigUint64(at + 4, entry.modifiedUs);
      at += 12;
      if (entry.isFolder) continue;
      view.setBigUint64(at, BigInt(entry.size));
      at += SIZE_BYTES;
    }
    return TreeManifest.decode(bytes);
  }

  /** Bytes of a manifest that begins like this. @throws TreeManifestError */
  static lengthOf(head: Uint8Array): number {
    const view = viewOf(head);
    if (head.length < MANIFEST_HEAD_BYTES || view.getUint8(0) !== FORMAT) {
      throw new TreeManifestError('no manifest of a folder, or one of another format');
    }
    const [length, count] = [view.getUint32(1), view.getUint32(5)];
    if (length > MANIFEST_BYTES_MAX || count > ENTRIES_MAX) {
      throw new TreeManifestError(`a folder of ${count} entries, their list ${length} bytes`);
    }
    return length;
  }

  /** Its bytes are kept. @throws TreeManifestError */
  static decode(bytes: Uint8Array<ArrayBuffer>): TreeManifest {
    if (TreeManifest.lengthOf(bytes) !== bytes.length) {
      throw new TreeManifestError(`a manifest of ${bytes.length} bytes, and others are told`);
    }
    const count = viewOf(bytes).getUint32(5);
    const entries: ManifestEntry[] = [];
    for (const entry of decodeEntries(bytes)) if (entries.push(entry) > count) break;
    if (entries.length !== count)
      throw new TreeManifestError(`other than the ${count} entries told`);
    checkPlaces(entries);
    return new TreeManifest(entries, bytes);
  }

  get fileCount(): number {
    return this.entries.reduce((sum, { isFolder }) => sum + (isFolder ? 0 : 1), 0);
  }

  /** What a range of the row is made of, in order. */
  *pieces(from: number, length: number): Generator<RowPiece> {
    const end = from + length;
    let at = from;
    if (at < Math.min(end, this.bytes.length)) {
      const part = Math.min(end, this.bytes.length) - at;
      yield { entry: undefined, offset: at, at: 0, length: part };
      at += part;
    }
    for (let i = at < end ? this.entryAt(at) : 0; at < end; i++) {
      const start = this.starts[i] as number;
      const part = Math.min(end, start + sizeOf(this.entries[i] as ManifestEntry)) - at;
      if (part <= 0) continue;
      yield { entry: i, offset: at - start, at: at - from, length: part };
      at += part;
    }
  }

  /** The first and the last chunk that an entry has bytes in; undefined: it has none. */
  chunksOf(entry: number): { first: number; last: number } | undefined {
    const start = this.starts[entry] as number;
    const size = sizeOf(this.entries[entry] as ManifestEntry);
    if (size === 0) return undefined;
    const last = Math.floor((start + size - 1) / CHUNK_BYTES);
    return { first: Math.floor(start / CHUNK_BYTES), last };
  }

  /** The last entry that begins there or before. */
  private entryAt(place: number): number {
    let [low, high] = [0, this.entries.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.starts[middle] as number) <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function sizeOf(entry: ManifestEntry): number {
  return entry.isFolder ? 0 : entry.size;
}

function* decodeEntries(bytes: Uint8Array): Generator<ManifestEntry> {
  const view = viewOf(bytes);
  let before = new Uint8Array(0);
  for (let at = MANIFEST_HEAD_BYTES; at < bytes.length; ) {
    if (bytes.length - at < ENTRY_BYTES) throw cutOff();
    const kind = view.getUint8(at);
    const length = view.getUint16(at + 1);
    const tailBytes = ENTRY_BYTES - 3 + (kind === Kind.FILE ? SIZE_BYTES : 0);
    if (bytes.length - at < 3 + length + tailBytes) throw cutOff();
    const name = bytes.slice(at + 3, at + 3 + length);
    at += 3 + length;
    if (compare(before, name) >= 0) throw new TreeManifestError('entries that are not in order');
    before = name;
    yield decodeEntry(kind, pathOf(name), new DataView(view.buffer, view.byteOffset + at));
    at += tailBytes;
  }
}

function decodeEntry(kind: number, path: string, tail: DataView): ManifestEntry {
  const mode = tail.getUint32(0);
  const modifiedUs = tail.getBigUint64(4);
  if (mode > MODE_MAX || modifiedUs >= TIME_MAX) {
    throw new TreeManifestError(`${JSON.stringify(path)} of mode ${mode}, time ${modifiedUs}`);
  }
  if (kind === Kind.FOLDER) return { path, mode, modifiedUs, isFolder: true };
  if (kind !== Kind.FILE) throw new TreeManifestError(`${JSON.stringify(path)} of kind ${kind}`);
  const size = tail.getBigUint64(12);
  if (size > BigInt(FILE_BYTES_MAX)) {
    throw new TreeManifestError(tooLarge(JSON.stringify(path), size));
  }
  return { path, mode, modifiedUs, isFolder: false, size: Number(size) };
}

function pathOf(name: Uint8Array): string {
  let path: string;
  try {
    path = decoder.decode(name);
  } catch {
    throw new TreeManifestError('a path that is not UTF-8');
  }
  const problem = pathProblem(path);
  if (problem) throw new TreeManifestError(`the path ${JSON.stringify(path)}: ${problem}`);
  return path;
}

/** Each is in a folder that was named before, and no two are in each other's way. */
function checkPlaces(entries: readonly ManifestEntry[]): void {
  const folders = new Set(['']);
  for (const { path, isFolder } of entries) {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (!folders.has(folder)) {
      throw new TreeManifestError(`${JSON.stringify(path)} is in a folder that is not named`);
    }
    if (isFolder) folders.add(path);
  }
  const both = collision(entries);
  if (!both) return;
  const [one, other] = both.map((path) => JSON.stringify(path));
  throw new TreeManifestError(`${one} and ${other} are one name on some systems`);
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  return a.length - b.length;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function cutOff(): TreeManifestError {
  return new TreeManifestError('a manifest that ends within an entry');
}
