/** The files of one part, beside each other in the receiver's folder, while it is locked. */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HeldFolder } from '../../files/held-folder.ts';
import { atPlace } from './file-place-error.ts';
import { takeFreeFolderName, takeFreeName } from './final-name.ts';
import { NoNameLeftError, PartInTheWayError } from './part-errors.ts';
import { PartLock } from './part-lock.ts';
import { numberedName, type PartNames, partNames, TEMPORARY_SUFFIX } from './part-names.ts';

const { O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/** For the owner alone until the file is whole. */
const PRIVATE_MODE = 0o600;
const PRIVATE_FOLDER_MODE = 0o700;

export type PartFileKind = 'data' | 'state' | 'values';

/** Methods reject with FilePlaceError, and with what is named besides. */
export class PartPlace {
  /** Of the file that is whole one day. */
  readonly path: string;
  /** Of the data that are there. */
  readonly dataPath: string;
  readonly #name: string;
  readonly #names: PartNames;
  readonly #folder: HeldFolder;
  readonly #lock: PartLock;

  private constructor(path: { folder: string; name: string }, folder: HeldFolder, lock: PartLock) {
    this.#name = path.name;
    this.#names = partNames(path.name);
    this.path = join(path.folder, path.name);
    this.dataPath = join(path.folder, this.#names.data);
    this.#folder = folder;
    this.#lock = lock;
  }

  /** Call close(). Rejects with FileOfferError, TransferInUseError. */
  static async open(folder: string, name: string): Promise<PartPlace> {
    const { data } = partNames(name);
    const held = await atPlace('write', folder, () => HeldFolder.open(folder));
    try {
      return new PartPlace({ folder, name }, held, PartLock.take(join(folder, data)));
    } catch (error) {
      await held.close();
      throw error;
    }
  }

  /** The data, made if they are not there. Rejects with PartInTheWayError. */
  openData(): Promise<FileHandle> {
    const { dataPath } = this;
    return atPlace('write', dataPath, async () => {
      const data = Buffer.from(this.#names.data);
      // Something else is not even opened: a socket cannot be, and some devices act when they are.
      const before = await this.#folder.look(data);
      if (before && !(await this.#isNamedAlready(before))) checkOwnFile(dataPath, before);
      else if (before) await this.#folder.remove(data);
      const file = await this.#folder.openFile(data, O_CREAT | O_RDWR | O_NONBLOCK, PRIVATE_MODE);
      try {
        checkOwnFile(dataPath, await file.stat());
        return file;
      } catch (error) {
        await file.close();
        throw error;
      }
    });
  }

  /**
   * The data of a folder that comes, made if they are not there, and whether they were. Rejects
   * with PartInTheWayError. Call close().
   */
  openFolder(): Promise<{ folder: HeldFolder; wasThere: boolean }> {
    const { dataPath } = this;
    return atPlace('write', dataPath, async () => {
      const data = Buffer.from(this.#names.data);
      const before = await this.#folder.look(data);
      if (before) checkOwnFolder(dataPath, before);
      else await mkdir(this.#folder.pathOf(data), { mode: PRIVATE_FOLDER_MODE });
      return { folder: await this.#folder.enter(data), wasThere: before !== undefined };
    });
  }

  /** Another process ended between giving the file its name and taking away that of the part. */
  async #isNamedAlready(data: Stats): Promise<boolean> {
    if (!data.isFile() || data.nlink !== 2) return false;
    for (let number = 0; ; number++) {
      const found = await this.#folder.look(Buffer.from(numberedName(this.#name, number)));
      if (!found) return false;
      if (isSame(found, data)) return true;
    }
  }

  /** Undefined: there is none, or none that we have written. */
  read(kind: PartFileKind, bytesMax: number): Promise<Uint8Array | undefined> {
    const name = Buffer.from(this.#names[kind]);
    return atPlace('read', this.#pathOf(kind), async () => {
      if (!(await this.#folder.look(name))?.isFile()) return undefined;
      const file = await this.#folder.openFile(name, O_RDONLY | O_NONBLOCK);
      try {
        const stats = await file.stat();
        if (!stats.isFile() || stats.size > bytesMax) return undefined;
        return new Uint8Array(await file.readFile());
      } finally {
        await file.close();
      }
    });
  }

  /**
   * Puts `bytes` there, whole or not at all. A power cut may bring back what was there before,
   * until sync().
   */
  replace(kind: PartFileKind, bytes: Uint8Array): Promise<void> {
    const temporary = Buffer.from(`${this.#names[kind]}${TEMPORARY_SUFFIX}`);
    return atPlace('write', this.#pathOf(kind), async () => {
      // Left behind by a process that was killed.
      await this.#removeIfThere(temporary);
      const file = await this.#folder.openFile(
        temporary,
        O_CREAT | O_EXCL | O_WRONLY,
        PRIVATE_MODE,
      );
      try {
        await writeFlushed(file, bytes);
        await this.#folder.rename(temporary, Buffer.from(this.#names[kind]));
      } catch (error) {
        await this.#removeIfThere(temporary).catch(() => undefined);
        throw error;
      }
    });
  }

  /** None of them may be there. */
  async remove(...kinds: PartFileKind[]): Promise<void> {
    for (const kind of kinds) {
      const name = Buffer.from(this.#names[kind]);
      await atPlace('write', this.#pathOf(kind), () => this.#removeIfThere(name));
    }
  }

  /**
   * The file gets its name, or one with a number; that of the part may stay. Resolves with the
   * path. Rejects with PartInTheWayError, NoNameLeftError.
   */
  giveName(file: FileHandle): Promise<string> {
    return atPlace('write', this.path, async () => {
      const { data } = this.#names;
      await this.#checkIsStill(Buffer.from(data), await file.stat());
      const name = await takeFreeName(this.#folder, data, this.#name);
      if (name === undefined) throw new NoNameLeftError(this.path);
      return join(this.path, '..', name);
    });
  }

  /**
   * The folder gets its name, or one with a number. Resolves with the path. Rejects with
   * PartInTheWayError, NoNameLeftError.
   */
  giveFolderName(folder: HeldFolder): Promise<string> {
    return atPlace('write', this.path, async () => {
      const data = Buffer.from(this.#names.data);
      await this.#checkIsStill(data, await folder.stat());
      const name = await takeFreeFolderName(this.#folder, data, this.#name);
      if (name === undefined) throw new NoNameLeftError(this.path);
      return join(this.path, '..', name);
    });
  }

  /** With all that is in it; nothing happens when it has got its name. */
  removeFolder(folder: HeldFolder): Promise<void> {
    return atPlace('write', this.dataPath, async () => {
      const data = Buffer.from(this.#names.data);
      const found = await this.#folder.look(data);
      if (!found || !isSame(found, await folder.stat())) return;
      await rm(this.#folder.pathOf(data), { recursive: true });
    });
  }

  async #checkIsStill(data: Buffer, held: Stats): Promise<void> {
    const found = await this.#folder.look(data);
    if (found && isSame(found, held)) return;
    throw new PartInTheWayError(this.dataPath, 'has been removed or replaced');
  }

  /** Makes what was named and removed last through a power cut. */
  sync(): Promise<void> {
    return atPlace('write', this.dataPath, () => this.#folder.sync());
  }

  /** Once. */
  async close(): Promise<void> {
    this.#lock.release();
    await this.#folder.close();
  }

  #pathOf(kind: PartFileKind): string {
    return join(this.path, '..', this.#names[kind]);
  }

  async #removeIfThere(name: Uint8Array): Promise<void> {
    if (await this.#folder.look(name)) await this.#folder.remove(name);
  }
}

async function writeFlushed(file: FileHandle, bytes: Uint8Array): Promise<void> {
  try {
    await file.writeFile(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/**
 * What somebody else has put there is not written to: by a link it would be another file, and its
 * owner could go on writing to it.
 */
function checkOwnFile(path: string, stats: Stats): void {
  const own = process.geteuid?.() ?? stats.uid;
  if (stats.isSymbolicLink()) throw new PartInTheWayError(path, 'is a symbolic link');
  if (!stats.isFile()) throw new PartInTheWayError(path, 'is no regular file');
  if (stats.nlink !== 1) throw new PartInTheWayError(path, 'has another name as well (hard link)');
  if (stats.uid !== own) throw new PartInTheWayError(path, 'belongs to somebody else');
}

/** Where somebody else can make something, his links lead elsewhere. */
function checkOwnFolder(path: string, stats: Stats): void {
  const own = process.geteuid?.() ?? stats.uid;
  if (stats.isSymbolicLink()) throw new PartInTheWayError(path, 'is a symbolic link');
  if (!stats.isDirectory()) throw new PartInTheWayError(path, 'is no folder');
  if (stats.uid !== own) throw new PartInTheWayError(path, 'belongs to somebody else');
  if ((stats.mode & 0o022) !== 0) throw new PartInTheWayError(path, 'can be changed by others');
}
