/** One process at a time at a file: for the time of a change, or for as long as it is open. */
import { DatabaseSync } from 'node:sqlite';
import { makePrivateFile } from './private-file.ts';
import { whyNot } from './why-not.ts';

/** Whoever changes a file holds its lock for milliseconds. */
const WAIT_MS = 5_000;
/** SQLite's result code: somebody else has the lock. */
const SQLITE_BUSY = 5;

/** Another program has the lock. */
export class FileLockedError extends Error {
  readonly code = 'ANDVARI_FILE_LOCKED';
  override readonly name = 'FileLockedError';
}

/** The file beside it, PATH.lock, cannot be had or is something else. */
export class LockFileError extends Error {
  readonly code = 'ANDVARI_FILE_LOCK';
  override readonly name = 'LockFileError';
}

/**
 * A lock of the kernel's on PATH.lock, taken through SQLite: it ends with the process however that
 * ends, so there is no stale one. The lock file stays, empty.
 */
export class FileLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * @param problem what the error says when another program, or this one, has the lock already
   * @param waitMs so long it is waited for, the thread with it
   * @throws FileLockedError, LockFileError
   */
  static take(path: string, problem: string, waitMs = 0): FileLock {
    const lockPath = `${path}.lock`;
    let database: DatabaseSync | undefined;
    try {
      makePrivateFile(lockPath);
      database = new DatabaseSync(lockPath, { timeout: waitMs });
      // No journal beside it: nothing is ever written.
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      return new FileLock(database);
    } catch (cause) {
      database?.close();
      if ((cause as { errcode?: number }).errcode === SQLITE_BUSY) {
        throw new FileLockedError(problem, { cause });
      }
      throw new LockFileError(`cannot lock ${lockPath}: ${whyNot(cause)}`, { cause });
    }
  }

  /** Once or more often. */
  release(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

/**
 * Run `work` while no other process, nor another call of this one, is in withFileLock() for the
 * same path.
 * @throws FileLockedError, LockFileError, and what `work` throws
 */
export function withFileLock<T>(path: string, work: () => T, waitMs = WAIT_MS): T {
  const lock = FileLock.take(path, `another program is changing ${path}; try again`, waitMs);
  try {
    return work();
  } finally {
    lock.release();
  }
}
