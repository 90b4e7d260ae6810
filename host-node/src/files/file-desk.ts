/**
 * The files that requests work on: those of five folders below the data folder, and no others. A
 * name comes from outside; whatever it says, and whatever links or special files someone has put
 * on its way, nothing outside is opened, replaced or removed (reference: RAIDA sections 9, 11.20).
 *
 * durable-file.ts does the same for paths that the operator names, at start and in commands, where
 * waiting for the disk disturbs nobody.
 */
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { EffectStatus, Folder, WriteMode } from '@andvari/host-common/engine/generated/layout';
import { makeDirectory } from './directory.ts';
import { isTemporary, partsOf, temporaryName } from './file-name.ts';
import { HeldFolder, LinkInTheWayError } from './held-folder.ts';
import { Turns } from './turns.ts';

/** How it ended; `bytes` of a file that was read; `problem`: the reason of a FAILED, for a log. */
export interface FileResult {
  status: number;
  bytes?: Uint8Array;
  problem?: string;
}

export interface WriteOptions {
  /** A WriteMode. */
  mode: number;
  /** Permission bits of the file, whatever the process's umask. */
  permissions: number;
  /** Not begun any more when aborted. */
  signal?: AbortSignal;
}

/** Operations at once: a disk gains nothing from more, and each holds up to three descriptors. */
const AT_ONCE = 16;
/** Requests are bounded by the engine's reply frames, removals by EffectDesk. */
const WAITING_MAX = 8192;
const FOLDER_MODE = 0o750;
const FOLDER_NAMES: Readonly<Record<number, string>> = {
  [Folder.COINS]: 'coins',
  [Folder.KEYS]: 'Keys',
  [Folder.TRADES]: 'Trades',
  [Folder.ZONES]: 'Zones',
  [Folder.FOLDERS]: 'Folders',
};
/** Folders that the start looks for temporary files in; those of later ones are only litter. */
const FOLDERS_CLEANED_MAX = 10_000;
const KEY_FILES_MAX = 100_000;

/** An end that is no error of the system. */
class Ended extends Error {
  readonly code = 'ANDVARI_FILE_ENDED';
  readonly status: number;

  constructor(status: number) {
    super(`effect status ${status}`);
    this.status = status;
  }
}

export interface FileDeskOptions {
  /** Files in Keys [100000]: whoever knows a server can post them, and nobody takes them away. */
  keyFilesMax?: number;
}

type Verb = 'read' | 'write' | 'remove';

export class FileDesk {
  readonly #dataDir: string;
  readonly #turns = new Turns(AT_ONCE, WAITING_MAX);
  readonly #keyFilesMax: number;
  /** In Keys, those being written too. What others do there is not seen before the next start. */
  #keyFiles = 0;
  /** Whether it was told that Keys is full: once, or posting would fill the log instead. */
  #fullTold = false;

  private constructor(dataDir: string, { keyFilesMax = KEY_FILES_MAX }: FileDeskOptions) {
    this.#dataDir = dataDir;
    this.#keyFilesMax = keyFilesMax;
  }

  /**
   * `dataDir`: absolute; the folders below it are made when something is written. Removes what a
   * killed process has left half written: only one process may work on a data folder.
   */
  static async open(dataDir: string, options: FileDeskOptions = {}): Promise<FileDesk> {
    const desk = new FileDesk(dataDir, options);
    for (const name of Object.values(FOLDER_NAMES)) {
      // What cannot be entered holds nothing that could be served either.
      const folder = await desk.#held(name, false).catch(() => undefined);
      await folder?.close();
      const files = folder ? await desk.#clean(name) : 0;
      if (name === FOLDER_NAMES[Folder.KEYS]) desk.#keyFiles = files;
    }
    return desk;
  }

  /**
   * OK with the whole file; MISSING, OUTSIDE, NOT_A_FILE, TOO_LARGE (over `bytesMax`), FAILED.
   * Never rejects.
   */
  read(
    folder: number,
    name: Uint8Array,
    { bytesMax, signal }: { bytesMax: number; signal?: AbortSignal },
  ): Promise<FileResult> {
    return this.#run({ verb: 'read', folder, name, signal }, async (held, part) => ({
      status: EffectStatus.OK,
      bytes: await readWhole(held, part, bytesMax),
    }));
  }

  /**
   * Puts `content` there whole or not at all, and so that it stays. OK, MISSING (a sub-folder),
   * EXISTS (WriteMode.CREATE), OUTSIDE, NOT_A_FILE (something else has the name), FAILED (also a
   * new file where Keys is full). Never rejects.
   */
  write(
    folder: number,
    name: Uint8Array,
    content: Uint8Array,
    { mode, permissions, signal }: WriteOptions,
  ): Promise<FileResult> {
    return this.#run({ verb: 'write', folder, name, signal }, async (held, part) => {
      const isNewKey = !(await isFile(held, part)) && folder === Folder.KEYS;
      if (isNewKey && this.#keyFiles >= this.#keyFilesMax) return this.#full();
      if (isNewKey) this.#keyFiles++;
      try {
        await writeBeside(held, { content, permissions }, async (temporary) => {
          if (mode === WriteMode.REPLACE) return held.rename(temporary, part);
          // A link, unlike a rename, fails when its name is taken.
          await held.link(temporary, part);
          return held.remove(temporary);
        });
      } catch (error) {
        if (isNewKey) this.#freeKeyFile();
        throw error;
      }
      await held.sync();
      return { status: EffectStatus.OK };
    });
  }

  /** OK: it is gone for good; MISSING, OUTSIDE, NOT_A_FILE, FAILED. Never rejects. */
  remove(folder: number, name: Uint8Array, signal?: AbortSignal): Promise<FileResult> {
    return this.#run({ verb: 'remove', folder, name, signal }, async (held, part) => {
      await isFile(held, part);
      await held.remove(part);
      if (folder === Folder.KEYS) this.#freeKeyFile();
      await held.sync();
      return { status: EffectStatus.OK };
    });
  }

  #freeKeyFile(): void {
    this.#keyFiles--;
    this.#fullTold = false;
  }

  #full(): FileResult {
    if (this.#fullTold) return { status: EffectStatus.FAILED };
    this.#fullTold = true;
    return { status: EffectStatus.FAILED, problem: 'the folder of posted keys is full' };
  }

  async #run(
    { verb, folder, name, signal }: Asked,
    work: (held: HeldFolder, part: Buffer) => Promise<FileResult>,
  ): Promise<FileResult> {
    const top = FOLDER_NAMES[folder];
    if (top === undefined) return { status: EffectStatus.OUTSIDE };
    const parts = partsOf(name, folder === Folder.FOLDERS);
    if (parts === 'outside') return { status: EffectStatus.OUTSIDE };
    if (parts === 'impossible') {
      if (verb !== 'write') return { status: EffectStatus.MISSING };
      return { status: EffectStatus.FAILED, problem: `write in ${top}: no name for a file` };
    }
    const last = parts.pop() as Buffer;
    try {
      return await this.#turns.run(async () => {
        const held = await this.#enter(top, parts, verb === 'write');
        try {
          return await work(held, last);
        } finally {
          await held.close();
        }
      }, signal);
    } catch (error) {
      return resultOf(error, `${verb} in ${top}`);
    }
  }

  async #enter(top: string, parts: readonly Buffer[], make: boolean): Promise<HeldFolder> {
    let held = await this.#held(top, make);
    for (const part of parts) {
      const above = held;
      try {
        held = await above.enter(part);
      } finally {
        await above.close();
      }
    }
    return held;
  }

  /** One of the five folders. */
  async #held(top: string, make: boolean): Promise<HeldFolder> {
    try {
      return await this.#enterTop(top);
    } catch (error) {
      if (!make || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    makeDirectory(join(this.#dataDir, top), FOLDER_MODE);
    return this.#enterTop(top, true);
  }

  async #enterTop(top: string, made = false): Promise<HeldFolder> {
    const root = await HeldFolder.open(this.#dataDir);
    try {
      if (made) await root.sync();
      return await root.enter(Buffer.from(top));
    } finally {
      await root.close();
    }
  }

  /**
   * Removes temporary files, also below Folders; links are not followed. Returns how many others
   * lie in the folder itself.
   */
  async #clean(top: string): Promise<number> {
    const open: Buffer[][] = [[]];
    let files = 0;
    for (let count = 0; count < FOLDERS_CLEANED_MAX; count++) {
      const parts = open.pop();
      if (!parts) break;
      const held = await this.#enter(top, parts, false).catch(() => undefined);
      if (!held) continue;
      try {
        for await (const entry of await held.entries()) {
          const name = entry.name as unknown as Buffer;
          if (isTemporary(name)) await held.remove(name).catch(() => undefined);
          else if (entry.isDirectory()) open.push([...parts, Buffer.from(name)]);
          else if (parts.length === 0) files++;
        }
      } finally {
        await held.close();
      }
    }
    return files;
  }
}

interface Asked {
  verb: Verb;
  folder: number;
  name: Uint8Array;
  signal: AbortSignal | undefined;
}

/** The statuses of the system's errors that are answers; every other error is FAILED. */
const STATUS_OF: Readonly<Record<string, number>> = {
  ENOENT: EffectStatus.MISSING,
  ENOTDIR: EffectStatus.MISSING,
  EEXIST: EffectStatus.EXISTS,
  EISDIR: EffectStatus.NOT_A_FILE,
  // A socket, or a device that is not there.
  ENXIO: EffectStatus.NOT_A_FILE,
};

/** The problem names no file: some names are secrets (trade lockers). */
function resultOf(error: unknown, what: string): FileResult {
  if (error instanceof Ended) return { status: error.status };
  if (error instanceof LinkInTheWayError) return { status: EffectStatus.OUTSIDE };
  const { code, name } = error as NodeJS.ErrnoException;
  const status = STATUS_OF[code ?? ''];
  if (status !== undefined) return { status };
  return { status: EffectStatus.FAILED, problem: `${what}: ${code ?? name}` };
}

/** Whether a file has the name; anything else that has it ends the work. */
async function isFile(held: HeldFolder, part: Buffer): Promise<boolean> {
  const there = await held.look(part);
  if (there?.isSymbolicLink()) throw new Ended(EffectStatus.OUTSIDE);
  if (there && !there.isFile()) throw new Ended(EffectStatus.NOT_A_FILE);
  return there !== undefined;
}

async function readWhole(held: HeldFolder, part: Buffer, bytesMax: number): Promise<Uint8Array> {
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants;
  // Without O_NONBLOCK a FIFO would hold the thread until somebody writes to it.
  const file = await held.openFile(part, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  try {
    const there = await file.stat();
    if (!there.isFile()) throw new Ended(EffectStatus.NOT_A_FILE);
    if (there.size > bytesMax) throw new Ended(EffectStatus.TOO_LARGE);
    return await readUpTo(file, there.size);
  } finally {
    await file.close();
  }
}

/** A file that somebody shortens meanwhile is as long as it is then; one that grows is cut. */
async function readUpTo(file: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await file.read(bytes, length, size - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

interface NewFile {
  content: Uint8Array;
  permissions: number;
}

/** Writes a temporary file and lets `place` give it its name; a failure leaves nothing behind. */
async function writeBeside(
  held: HeldFolder,
  { content, permissions }: NewFile,
  place: (temporary: Buffer) => Promise<void>,
): Promise<void> {
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const temporary = temporaryName();
  try {
    const file = await held.openFile(temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600);
    try {
      await file.writeFile(content);
      await file.chmod(permissions & 0o777);
      await file.sync();
    } finally {
      await file.close();
    }
    await place(temporary);
  } catch (error) {
    await held.remove(temporary).catch(() => undefined);
    throw error;
  }
}
