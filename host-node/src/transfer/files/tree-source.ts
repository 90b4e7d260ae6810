/** A folder on disk that is sent as one row (tree-manifest.ts), while it stays what it was. */
import type { BigIntStats } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FileChangedError, type FileSource } from '@andvari/host-common/transfer/files/file-places';
import {
  ENTRIES_MAX,
  type ManifestEntry,
  TreeManifest,
  TreeManifestError,
} from '@andvari/host-common/transfer/files/tree-manifest';
import { atPlace, FilePlaceError } from './file-place-error.ts';
import { isUnchanged, modifiedUsOf, NodeFileSource } from './node-file-source.ts';

/** Files that are open at once. */
const OPEN_MAX = 16;

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
  readonly #found: ReadonlyMap<string, BigIntStats>;
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
    for (const piece of this.manifest.pieces(offset, into.length)) {
      const part = into.subarray(piece.at, piece.at + piece.length);
      if (piece.entry === undefined) {
        part.set(this.manifest.bytes.subarray(piece.offset, piece.offset + piece.length));
      } else await (await this.#file(piece.entry)).read(piece.offset, part);
    }
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
      if (isUnchanged(this.#found.get(path) as BigIntStats, file.stats)) return file;
      await file.close();
    } catch (error) {
      // It was there: that it is gone, or something else, is a change.
      const isGone = (error as FilePlaceError).cause as NodeJS.ErrnoException | undefined;
      if (error instanceof FilePlaceError && isGone?.code !== 'ENOENT') throw error;
    }
    throw new FileChangedError(whole);
  }
}

/** Looks through a folder and all that is in it. */
class Look {
  readonly entries: ManifestEntry[] = [];
  readonly found = new Map<string, BigIntStats>();
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
    for (const bytes of names) await this.#look(folder === '' ? '' : `${folder}/`, bytes);
  }

  async #look(before: string, bytes: Buffer): Promise<void> {
    const name = bytes.toString();
    const path = before + name;
    const place = join(this.#top, path);
    // Told here, where the way to it is known; other names are looked at with the manifest.
    if (!Buffer.from(name).equals(bytes))
      throw new TreeManifestError(`${JSON.stringify(place)} is not UTF-8`);
    const stats = await atPlace('read', place, () => lstat(place, { bigint: true }));
    const facts = { path, mode: Number(stats.mode & 0o777n), modifiedUs: modifiedUsOf(stats) };
    if (stats.isDirectory()) {
      this.entries.push({ ...facts, isFolder: true });
    } else if (stats.isFile()) {
      this.entries.push({ ...facts, isFolder: false, size: Number(stats.size) });
      this.found.set(path, stats);
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
