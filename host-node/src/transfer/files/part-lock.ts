/** One transfer at a time writes to a part. */
import { statSync, unlinkSync } from 'node:fs';
import { FileLock, FileLockedError } from '../../files/file-lock.ts';
import { makePrivateFile } from '../../files/private-file.ts';
import { codeOf, FilePlaceError } from './file-place-error.ts';
import { TransferInUseError } from './part-errors.ts';

const SUFFIX = '.lock';

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
    try {
      for (;;) {
        makePrivateFile(lockPath);
        const before = numberOf(lockPath);
        const lock = FileLock.take(path, 'taken');
        // Whoever had it before removes the file: then this is a lock on what has no name.
        if (before !== undefined && before === numberOf(lockPath)) {
          return new PartLock(lock, lockPath);
        }
        lock.release();
      }
    } catch (error) {
      if (error instanceof FileLockedError) throw new TransferInUseError(path, error);
      const { cause = error } = error as Error;
      throw new FilePlaceError('write', lockPath, cause);
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

function numberOf(path: string): bigint | undefined {
  try {
    return statSync(path, { bigint: true }).ino;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
