/** One transfer at a time writes to a part. */
import { closeSync, constants, fstatSync, lstatSync, openSync, unlinkSync } from 'node:fs';
import { FileLock, FileLockedError, LockFileError } from '../../files/file-lock.ts';
import { makePrivateFile } from '../../files/private-file.ts';
import { codeOf, FilePlaceError } from './file-place-error.ts';
import { TransferInUseError } from './part-errors.ts';

const SUFFIX = '.lock';
/** Of Linux; Node has no name for it. */
const O_PATH = 0o10000000;
/** So often in a row nobody ends in between. */
const ATTEMPTS = 100;

export class PartLock {
  readonly #lock: FileLock;
  readonly #lockPath: string;

  private constructor(lock: FileLock, lockPath: string) {
    this.#lock = lock;
    this.#lockPath = lockPath;
  }

  /**
   * For the part at this path, by PATH.lock, which is there only as long as it is held; one that a
   * killed process has left is taken over.
   * @throws TransferInUseError, FilePlaceError
   */
  static take(path: string): PartLock {
    const lockPath = `${path}${SUFFIX}`;
    for (let attempt = 1; ; attempt++) {
      try {
        const lock = lockOf(path, lockPath);
        if (lock) return new PartLock(lock, lockPath);
      } catch (error) {
        if (error instanceof FileLockedError) throw new TransferInUseError(path, error);
        const cause = error instanceof LockFileError ? error.cause : error;
        // Whoever had it has just removed the file; or the folder is gone, for good.
        const mayCome = codeOf(cause) === 'ENOENT' && attempt < ATTEMPTS;
        if (!mayCome) throw new FilePlaceError('write', lockPath, cause);
      }
    }
  }

  /** Once. */
  release(): void {
    try {
      // First, so that whoever gets the lock sees that it is no longer that of the path.
      unlinkSync(this.#lockPath);
    } catch {
      // It may stay: the next one takes it over.
    }
    this.#lock.release();
  }
}

/** Undefined: whoever had it before has removed the file, so this is a lock on what has no name. */
function lockOf(path: string, lockPath: string): FileLock | undefined {
  makePrivateFile(lockPath);
  // As long as it is open, no other file gets its number. To close a file drops this process' locks
  // on it, unless it was opened as a place alone.
  const pin = openSync(lockPath, O_PATH | constants.O_NOFOLLOW);
  try {
    const lock = FileLock.take(path, 'taken');
    if (isNamed(pin, lockPath)) return lock;
    lock.release();
    return undefined;
  } finally {
    closeSync(pin);
  }
}

/** Then it has had the name all the time: one that was removed does not come back. */
function isNamed(pin: number, lockPath: string): boolean {
  const named = lstatSync(lockPath, { bigint: true, throwIfNoEntry: false });
  const { ino, dev } = fstatSync(pin, { bigint: true });
  return named?.ino === ino && named.dev === dev;
}
