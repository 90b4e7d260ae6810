/** A folder that comes: each chunk goes to the files that it is made of (tree-manifest.ts). */
import { constants } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileOffer } from '@andvari/host-common/transfer/files/file-offer';
import type {
  ManifestEntry,
  RowPiece,
  TreeManifest,
} from '@andvari/host-common/transfer/files/tree-manifest';
import type { HeldFolder } from '../../files/held-folder.ts';
import { type Beneath, hasZeroPiece, readAll, writeAroundZeros } from './around-zeros.ts';
import { permissionsNow, setMode, setModified } from './file-metadata.ts';
import { atPlace, codeOf } from './file-place-error.ts';
import { inParallel } from './in-parallel.ts';
import type { PartData } from './part-data.ts';
import { PartInTheWayError } from './part-errors.ts';
import type { PartPlace } from './part-place.ts';

const { O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_RDWR } = constants;

/** Until all is there, its owner has to be able to go on. */
const OWNER_FOLDER_MODE = 0o700;
const OWNER_FILE_MODE = 0o600;
/** Files that are open at once. */
const OPEN_MAX = 64;

/**
 * The folder NAME.andvari-part is only its owner's, so nobody else changes what is in it, and what
 * is reached from it by name is where it should be.
 */
export class TreeData implements PartData {
  readonly #place: PartPlace;
  readonly #folder: HeldFolder;
  readonly #wasThere: boolean;
  readonly #offer: FileOffer;
  readonly #manifest: TreeManifest;
  /** Files that are open, by their entries, the one used last at the end. */
  readonly #open = new Map<number, FileHandle>();
  /** Entries of files that were written to since they were flushed last. */
  readonly #dirty = new Set<number>();
  /** Of files that have their length: what is where they were not written to. */
  readonly #beneath = new Map<number, Beneath>();
  #hasLost = false;
  readonly #permissionsOf = permissionsNow();

  private constructor(
    place: PartPlace,
    { folder, wasThere }: { folder: HeldFolder; wasThere: boolean },
    { offer, manifest }: { offer: FileOffer; manifest: TreeManifest },
  ) {
    this.#place = place;
    this.#folder = folder;
    this.#wasThere = wasThere;
    this.#offer = offer;
    this.#manifest = manifest;
  }

  /** @throws PartInTheWayError, FilePlaceError */
  static async open(place: PartPlace, offer: FileOffer, manifest: TreeManifest): Promise<TreeData> {
    return new TreeData(place, await place.openFolder(), { offer, manifest });
  }

  get path(): string {
    return this.#place.dataPath;
  }

  /** What a state says of its hash tells the rest: it is that of the manifest, too. */
  async fits(): Promise<boolean> {
    return this.#wasThere;
  }

  /** The state is there before anything is put into the folder: without it, it is not ours. */
  checkOwn(): Promise<void> {
    return atPlace('read', this.path, async () => {
      for await (const _ of await this.#folder.entries()) {
        throw new PartInTheWayError(this.path, 'is a folder that no transfer from here has begun');
      }
    });
  }

  /** It is empty (checkOwn), or new. */
  async clear(): Promise<void> {}

  async read(at: number, into: Uint8Array): Promise<boolean> {
    for (const piece of this.#manifest.pieces(at, into.length)) {
      const part = into.subarray(piece.at, piece.at + piece.length);
      const { entry, offset } = piece;
      if (entry === undefined) {
        part.set(this.#manifest.bytes.subarray(offset, offset + piece.length));
      } else if (!(await this.#readFile(entry, offset, part))) return false;
    }
    return true;
  }

  async #readFile(entry: number, offset: number, into: Uint8Array): Promise<boolean> {
    return atPlace('read', this.#pathOf(entry), async () => {
      try {
        return await readAll(await this.#file(entry), offset, into);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return false;
        throw error;
      }
    });
  }

  async write(at: number, bytes: Uint8Array): Promise<void> {
    const whole: RowPiece[] = [];
    for (const piece of this.#manifest.pieces(at, bytes.length)) {
      const { entry, offset, at: from, length } = piece;
      if (entry === undefined) continue;
      if (length === this.#sizeOf(entry)) {
        whole.push(piece);
        continue;
      }
      await atPlace('write', this.#pathOf(entry), async () => {
        const file = await this.#file(entry, O_CREAT);
        this.#dirty.add(entry);
        const beneath = await this.#stretch(entry, file);
        const its = bytes.subarray(from, from + length);
        await writeAroundZeros(file, { at: offset, bytes: its, beneath });
      });
    }
    await inParallel(whole, ({ entry, at: from, length }) =>
      this.#writeWhole(entry as number, bytes.subarray(from, from + length)),
    );
  }

  /** A file of which nothing else comes: flushed at once, so that it is opened once. */
  async #writeWhole(index: number, bytes: Uint8Array): Promise<void> {
    const { path, modifiedUs, mode } = this.#entry(index);
    await atPlace('write', this.#pathOf(index), async () => {
      const file = await this.#openFile(path, mode, O_CREAT);
      try {
        if (hasZeroPiece(bytes)) {
          // An earlier life may have left other bytes.
          await file.truncate(0);
          await file.truncate(bytes.length);
        }
        await writeAroundZeros(file, { at: 0, bytes, beneath: 'zeros' });
        await setModified(file, modifiedUs);
        await file.sync();
      } finally {
        await file.close();
      }
    });
  }

  /** A file gets its length before it is written to: where it has zeros nothing is written. */
  async #stretch(entry: number, file: FileHandle): Promise<Beneath> {
    let beneath = this.#beneath.get(entry);
    if (beneath === undefined) {
      const { size } = await file.stat();
      if (size < this.#sizeOf(entry)) await file.truncate(this.#sizeOf(entry));
      beneath = size === 0 ? 'zeros' : 'unknown';
      this.#beneath.set(entry, beneath);
    }
    return this.#hasLost ? 'lost' : beneath;
  }

  async flush(): Promise<void> {
    const entries = [...this.#dirty];
    this.#dirty.clear();
    try {
      await inParallel(entries, (entry) => this.#keep(entry));
    } catch (error) {
      this.#hasLost = true;
      throw error;
    }
    await this.#closeFiles(0);
  }

  /** A file's time and bytes, and its permissions if they are told, durably. */
  async #keep(entry: number, permissions?: number): Promise<void> {
    const { path, modifiedUs, mode } = this.#entry(entry);
    await atPlace('write', this.#pathOf(entry), async () => {
      const known = this.#open.get(entry);
      const file = known ?? (await this.#openFile(path, mode, O_CREAT));
      try {
        if (permissions !== undefined) await setMode(file, permissions);
        await setModified(file, modifiedUs);
        await file.sync();
      } finally {
        if (!known) await file.close();
      }
    });
  }

  async finish(): Promise<string> {
    const { entries } = this.#manifest;
    await this.#closeFiles(0);
    for (const { path, isFolder } of entries) if (isFolder) await this.#makeFolder(path);
    await inParallel(entries.keys(), async (i) => {
      const entry = entries[i] as ManifestEntry;
      if (entry.isFolder) return;
      // Nothing came for it, so it may not be there; or it was to be written to until now.
      const isShut = (this.#permissionsOf(entry.mode) & OWNER_FILE_MODE) !== OWNER_FILE_MODE;
      if (entry.size === 0 || isShut) await this.#keep(i, this.#permissionsOf(entry.mode));
    });
    for (const entry of entries.toReversed()) {
      if (entry.isFolder) await this.#setFolder(entry.path, entry, this.#permissionsOf(entry.mode));
    }
    await this.#setFolder('.', this.#offer, OWNER_FOLDER_MODE);
    return this.#place.giveFolderName(this.#folder);
  }

  /** Until it has its name the folder is its owner's alone. */
  settle(): Promise<void> {
    return this.#setFolder('.', this.#offer, this.#permissionsOf(this.#offer.mode));
  }

  /** Durably. */
  #setFolder(
    path: string,
    { modifiedUs }: Pick<ManifestEntry, 'modifiedUs'>,
    mode: number,
  ): Promise<void> {
    return atPlace('write', join(this.path, path), async () => {
      const folder = await this.#opened(path, O_RDONLY | O_DIRECTORY, OWNER_FOLDER_MODE);
      try {
        await setMode(folder, mode);
        await setModified(folder, modifiedUs);
        await folder.sync();
      } finally {
        await folder.close();
      }
    });
  }

  /** With its name the part is gone. */
  remove(): Promise<void> {
    return this.#place.removeFolder(this.#folder);
  }

  async close(): Promise<void> {
    try {
      await this.#closeFiles(0);
    } finally {
      await this.#folder.close();
    }
  }

  #entry(index: number): ManifestEntry {
    return this.#manifest.entries[index] as ManifestEntry;
  }

  #sizeOf(index: number): number {
    const entry = this.#entry(index);
    return entry.isFolder ? 0 : entry.size;
  }

  /** For people. */
  #pathOf(index: number): string {
    return join(this.path, this.#entry(index).path);
  }

  /** For the system. */
  #within(path: string): string {
    return this.#folder.pathOf(Buffer.from(path)).toString();
  }

  async #file(index: number, flags = 0): Promise<FileHandle> {
    const known = this.#open.get(index);
    this.#open.delete(index);
    const { path, mode } = this.#entry(index);
    const file = known ?? (await this.#openFile(path, mode, flags));
    this.#open.set(index, file);
    await this.#closeFiles(OPEN_MAX);
    return file;
  }

  async #openFile(path: string, mode: number, flags: number): Promise<FileHandle> {
    const permissions = this.#permissionsOf(mode) | OWNER_FILE_MODE;
    try {
      return await this.#opened(path, O_RDWR | flags, permissions);
    } catch (error) {
      if (flags === 0 || codeOf(error) !== 'ENOENT') throw error;
      await this.#makeFolder(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
      return this.#opened(path, O_RDWR | flags, permissions);
    }
  }

  /** What has its last permissions, of an end that was cut short, is opened all the same. */
  async #opened(path: string, flags: number, mode: number): Promise<FileHandle> {
    const within = this.#within(path);
    try {
      return await open(within, flags | O_NOFOLLOW, mode);
    } catch (error) {
      if (codeOf(error) !== 'EACCES') throw error;
      await this.#unlock(path);
      return open(within, flags | O_NOFOLLOW, mode);
    }
  }

  /** Its owner's again, and the folders that it is in. */
  async #unlock(path: string): Promise<void> {
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
      await chmod(this.#within(path.slice(0, at)), OWNER_FOLDER_MODE);
    }
    const isFolder = (await lstat(this.#within(path))).isDirectory();
    await chmod(this.#within(path), isFolder ? OWNER_FOLDER_MODE : OWNER_FILE_MODE);
  }

  async #makeFolder(path: string): Promise<void> {
    await mkdir(this.#within(path), { recursive: true, mode: OWNER_FOLDER_MODE });
  }

  /** All but so many, those used longest ago first. */
  async #closeFiles(left: number): Promise<void> {
    for (const [index, file] of this.#open) {
      if (this.#open.size <= left) return;
      this.#open.delete(index);
      await file.close();
    }
  }
}
