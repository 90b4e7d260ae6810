/** A folder on disk that is sent as one row (tree-manifest.ts), while it stays what it was. */
import type { BigIntStats } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FileChangedError, type FileSource } from '@andvari/host-common/transfer/files/file-places';
import {
  ENTRIES_MAX,
  type ManifestEntry,
  type RowPiece,
  TreeManifest,
  TreeManifestError,
} from '@andvari/host-common/transfer/files/tree-manifest';
import { atPlace, FilePlaceError } from './file-place-error.ts';
import { inParallel } from './in-parallel.ts';
import { type FileState, isUnchanged, modifiedUsOf, NodeFileSource } from './node-file-source.ts';

/** Files that are open at once. */
const OPEN_MAX = 16;
/** Of a folder, what is looked at before it is gone into. */
const LOOK_AT_ONCE = 64;
/** What the system says of what was a file: it is gone, or a folder, a link, a socket, a pipe. */
const GONE = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENXIO', 'ESPIPE']);

/** What is in the folder and does not travel. */
export interface LeftOut {
  path: string;
  /** `a symbolic link`. */
  what: string;
}

export class TreeSource implements FileSource {
  /** As it was given. */
  readonly path: string;
  readonly manifest: TreeManifest;
  /** Links, sockets and the like. */
  readonly leftOut: readonly LeftOut[];
  /** Permissions of the folder itself, 0 to 0o777. */
  readonly mode: number;
  /** When it was changed last: microseconds since 1970, not before. */
  readonly modifiedUs: bigint;
  /** Of each file when the folder was looked through, by its path. */
  readonly #found: ReadonlyMap<string, FileState>;
  /** Files that are open, the one used last at the end. */
  readonly #open = new Map<number, Promise<NodeFileSource>>();

  private constructor(path: string, { found, entries, leftOut }: Look, top: BigIntStats) {
    this.path = path;
    this.manifest = TreeManifest.of(entries);
    this.leftOut = leftOut;
    this.mode = Number(top.mode & 0o777n);
    this.modifiedUs = modifiedUsOf(top);
    this.#found = found;
  }

  /**
   * The folder at a path of the user's, who may use links; links within it are left out. Call
   * close().
   * @throws FilePlaceError; TreeManifestError: a name that cannot travel, or too many of them
   */
  static async open(path: string, signal?: AbortSignal): Promise<TreeSource> {
    const top = await atPlace('read', path, () => stat(path, { bigint: true }));
    const look = new Look(path, signal);
    await look.through('');
    return new TreeSource(path, look, top);
  }

  get size(): number {
    return this.manifest.size;
  }

  /**
   * Fills `into` with the bytes of the row from `offset` on; one call at a time.
   * @throws FileChangedError, FilePlaceError
   */
  async read(offset: number, into: Uint8Array): Promise<void> {
    const whole: RowPiece[] = [];
    for (const piece of this.manifest.pieces(offset, into.length)) {
      const part = into.subarray(piece.at, piece.at + piece.length);
      if (piece.entry === undefined) {
        part.set(this.manifest.bytes.subarray(piece.offset, piece.offset + piece.length));
      } else if (piece.length === this.#sizeOf(piece.entry)) whole.push(piece);
      else await (await this.#file(piece.entry)).read(piece.offset, part);
    }
    await inParallel(whole, ({ entry, at, length }) =>
      this.#readWhole(entry as number, into.subarray(at, at + length)),
    );
  }

  async #readWhole(index: number, into: Uint8Array): Promise<void> {
    const { path } = this.manifest.entries[index] as ManifestEntry;
    const whole = join(this.path, path);
    try {
      const then = this.#found.get(path) as FileState;
      await atPlace('read', whole, () => NodeFileSource.readWhole(whole, then, into));
    } catch (error) {
      throw isGone(error) ? new FileChangedError(whole) : error;
    }
  }

  #sizeOf(index: number): number {
    const entry = this.manifest.entries[index] as ManifestEntry;
    return entry.isFolder ? 0 : entry.size;
  }

  /** Once or more often. */
  async close(): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(files.map(async (file) => (await file).close()));
  }

  async #file(index: number): Promise<NodeFileSource> {
    const known = this.#open.get(index);
    this.#open.delete(index);
    const file = known ?? this.#openFile(index);
    this.#open.set(index, file);
    try {
      return await file;
    } catch (error) {
      this.#open.delete(index);
      throw error;
    } finally {
      await this.#closeOldest();
    }
  }

  async #closeOldest(): Promise<void> {
    const [oldest] = this.#open;
    if (this.#open.size <= OPEN_MAX || !oldest) return;
    this.#open.delete(oldest[0]);
    await (await oldest[1]).close();
  }

  async #openFile(index: number): Promise<NodeFileSource> {
    const { path } = this.manifest.entries[index] as ManifestEntry;
    const whole = join(this.path, path);
    try {
      const file = await NodeFileSource.open(whole);
      if (isUnchanged(this.#found.get(path) as FileState, file.stats)) return file;
      await file.close();
    } catch (error) {
      if (error instanceof FilePlaceError && !isGone(error)) throw error;
    }
    throw new FileChangedError(whole);
  }
}

/** What was there is no file any more: a change, no fault of the system. */
function isGone(error: unknown): boolean {
  if (!(error instanceof FilePlaceError)) return false;
  const { code = '' } = error.cause as NodeJS.ErrnoException;
  return GONE.has(code);
}

/** Looks through a folder and all that is in it. */
class Look {
  readonly entries: ManifestEntry[] = [];
  readonly found = new Map<string, FileState>();
  readonly leftOut: LeftOut[] = [];
  readonly #top: string;
  readonly #signal: AbortSignal | undefined;

  constructor(top: string, signal: AbortSignal | undefined) {
    this.#top = top;
    this.#signal = signal;
  }

  /** @param folder below the top; empty: the top */
  async through(folder: string): Promise<void> {
    this.#signal?.throwIfAborted();
    const place = join(this.#top, folder);
    const names = await atPlace('read', place, () => readdir(place, { encoding: 'buffer' }));
    const before = folder === '' ? '' : `${folder}/`;
    for (let at = 0; at < names.length; at += LOOK_AT_ONCE) {
      const paths = names.slice(at, at + LOOK_AT_ONCE).map((name) => this.#pathOf(before, name));
      const stats = new Map<string, BigIntStats>();
      await inParallel(paths, async (path) => {
        const place = join(this.#top, path);
        stats.set(path, await atPlace('read', place, () => lstat(place, { bigint: true })));
      });
      for (const path of paths) await this.#take(path, stats.get(path) as BigIntStats);
    }
  }

  #pathOf(before: string, bytes: Buffer): string {
    const name = bytes.toString();
    if (Buffer.from(name).equals(bytes)) return before + name;
    // Told here, where the way to it is known; other names are looked at with the manifest.
    const place = JSON.stringify(join(this.#top, before + name));
    throw new TreeManifestError(`${place} is not UTF-8`);
  }

  async #take(path: string, stats: BigIntStats): Promise<void> {
    const facts = { path, mode: Number(stats.mode & 0o777n), modifiedUs: modifiedUsOf(stats) };
    if (stats.isDirectory()) {
      this.entries.push({ ...facts, isFolder: true });
    } else if (stats.isFile()) {
      this.entries.push({ ...facts, isFolder: false, size: Number(stats.size) });
      const { size, mtimeNs, ctimeNs } = stats;
      this.found.set(path, { size, mtimeNs, ctimeNs });
    } else this.leftOut.push({ path, what: kindOf(stats) });
    if (this.entries.length > ENTRIES_MAX) {
      throw new TreeManifestError(`${this.#top} has more than ${ENTRIES_MAX} files and folders`);
    }
    if (stats.isDirectory()) await this.through(path);
  }
}

function kindOf(stats: BigIntStats): string {
  if (stats.isSymbolicLink()) return 'a symbolic link';
  if (stats.isFIFO()) return 'a pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}
