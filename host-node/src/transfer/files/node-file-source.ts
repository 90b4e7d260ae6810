/** A file on disk that is sent, as long as it stays what it was when it was offered. */
import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { checkBytes, checkText, checkWhole } from '@andvari/host-common/transfer/argument-checks';
import { FileChangedError, type FileSource } from '@andvari/host-common/transfer/files/file-places';
import { atPlace } from './file-place-error.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** By which a change of a file is seen. */
export type FileState = Pick<BigIntStats, 'size' | 'mtimeNs' | 'ctimeNs'>;

/** A folder, a pipe, a socket or a device: it has no size, and reading it might never end. */
export class NotAFileError extends Error {
  override readonly name = 'NotAFileError';
  readonly code = 'ANDVARI_NOT_A_FILE';
  readonly path: string;

  constructor(path: string) {
    super(`${path} is no regular file`);
    this.path = path;
  }
}

export class NodeFileSource implements FileSource {
  /** As it was given. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Permissions, 0 to 0o777. */
  readonly mode: number;
  /** When it was changed last: microseconds since 1970, not before. */
  readonly modifiedUs: bigint;
  /** As it was when it was opened. */
  readonly stats: BigIntStats;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle, stats: BigIntStats) {
    this.path = path;
    this.#file = file;
    this.stats = stats;
    this.size = Number(stats.size);
    this.mode = Number(stats.mode & 0o777n);
    this.modifiedUs = modifiedUsOf(stats);
  }

  /**
   * The file at a path of the user's, who may use links. Call close().
   * @throws NotAFileError, FilePlaceError, TypeError
   */
  static async open(path: string): Promise<NodeFileSource> {
    checkText('path', path);
    return atPlace('read', path, async () => {
      // What is none is not even opened: a socket cannot be, and some devices act when they are.
      if (!(await stat(path)).isFile()) throw new NotAFileError(path);
      // Without O_NONBLOCK a pipe that has come there since would wait for its other end.
      const file = await open(path, O_RDONLY | O_NONBLOCK);
      try {
        const stats = await file.stat({ bigint: true });
        if (!stats.isFile()) throw new NotAFileError(path);
        return new NodeFileSource(path, file, stats);
      } catch (error) {
        await file.close();
        throw error;
      }
    });
  }

  /**
   * Fills `into` with the bytes from `offset` on. What was read before a change that came since is
   * the file's: of bytes and change, the change is looked for last.
   * @throws FileChangedError, FilePlaceError; TypeError, RangeError: not a range of the file
   */
  async read(offset: number, into: Uint8Array): Promise<void> {
    checkBytes('into', into);
    checkWhole('offset', offset, 0, this.size);
    checkWhole('offset + into.length', offset + into.length, 0, this.size);
    await atPlace('read', this.path, async () => {
      for (let done = 0; done < into.length; ) {
        const left = into.length - done;
        const { bytesRead } = await this.#file.read(into, done, left, offset + done);
        if (bytesRead === 0) throw new FileChangedError(this.path);
        done += bytesRead;
      }
      const now = await this.#file.stat({ bigint: true });
      if (!isUnchanged(this.stats, now)) throw new FileChangedError(this.path);
    });
  }

  /**
   * Fills `into` with a whole file that was looked at before, and is still what it was then: fewer
   * calls of the system than by open(), which matters where files are many and small.
   * @throws FileChangedError, also if it is a link now; what the system says
   */
  static async readWhole(path: string, then: FileState, into: Uint8Array): Promise<void> {
    const file = await open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    try {
      for (let done = 0; done < into.length; ) {
        const { bytesRead } = await file.read(into, done, into.length - done, done);
        if (bytesRead === 0) throw new FileChangedError(path);
        done += bytesRead;
      }
      const now = await file.stat({ bigint: true });
      if (!now.isFile() || !isUnchanged(then, now)) throw new FileChangedError(path);
    } finally {
      await file.close();
    }
  }

  /** Once or more often. */
  close(): Promise<void> {
    return this.#file.close();
  }
}

/**
 * The time of the last change of the inode says it also where somebody has put back that of the
 * contents, and where another file has taken the name.
 */
export function isUnchanged(then: FileState, now: FileState): boolean {
  const { size, mtimeNs, ctimeNs } = now;
  return then.size === size && then.mtimeNs === mtimeNs && then.ctimeNs === ctimeNs;
}

/** When it was changed last: microseconds since 1970, not before. */
export function modifiedUsOf({ mtimeNs }: BigIntStats): bigint {
  return mtimeNs < 0n ? 0n : mtimeNs / 1000n;
}
