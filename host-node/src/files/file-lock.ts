/** One process at a time at a file that is read, changed and replaced. */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** Whoever holds a lock does so for milliseconds. */
const WAIT_MS = 5_000;
/** SQLite's result codes: somebody else has the lock. */
const SQLITE_BUSY = 5;

/** Another program has held the lock for too long. */
export class FileLockedError extends Error {
  readonly code = 'ANDVARI_FILE_LOCKED';
  override readonly name = 'FileLockedError';
}

/**
 * Run `work` while no other process, nor another call of this one, is in withFileLock() for the
 * same path. The lock is the kernel's, on PATH.lock, taken through SQLite: it ends with the process
 * however that ends, so there is no stale one. The lock file stays, empty.
 * @throws FileLockedError, and what `work` throws; Node's errors when PATH.lock cannot be made
 */
export function withFileLock<T>(path: string, work: () => T, waitMs = WAIT_MS): T {
  const lockPath = `${path}.lock`;
  try {
    closeSync(openSync(lockPath, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const database = new DatabaseSync(lockPath, { timeout: waitMs });
  try {
    try {
      database.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
      const message = `another program is changing ${path}; try again`;
      throw new FileLockedError(message, { cause: error });
    }
    return work();
  } finally {
    database.close();
  }
}
