import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** For the owner alone: coins and seeds are money. */
const PRIVATE_MODE = 0o600;

/** A file that must not be replaced is there already. */
export class FileExistsError extends Error {
  readonly code = 'ANDVARI_FILE_EXISTS';
  readonly path: string;

  constructor(path: string, cause?: unknown) {
    super(`${path} exists already and is not replaced`, { cause });
    this.name = 'FileExistsError';
    this.path = path;
  }
}

/**
 * Put `bytes` at `path`, whole or not at all: a temporary file beside it, flushed, moved to its
 * place, and the folder flushed as well. When this returns, a power cut takes nothing away.
 * What was at `path` before is replaced. Mode 0600.
 */
export function replaceFileDurably(path: string, bytes: Uint8Array | string): void {
  writeBeside(path, bytes, (temporary) => renameSync(temporary, path));
}

/**
 * The same while this process goes on: whoever writes often, as others have it, must not stand
 * still for the disk. For one writer of a path that waits for each to end.
 */
export async function replaceFileInBackground(path: string, text: string): Promise<void> {
  const temporary = temporaryOf(path);
  try {
    const file = await open(temporary, 'wx', PRIVATE_MODE);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    unlinkIfThere(temporary);
    throw named(error, temporary, path);
  }
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * As replaceFileDurably(), but never over an existing file, also not one that appears meanwhile.
 * @throws FileExistsError
 */
export function createFileDurably(path: string, bytes: Uint8Array | string): void {
  writeBeside(path, bytes, (temporary) => {
    try {
      // A link, unlike a rename, fails when its name is taken.
      linkSync(temporary, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST')
        throw new FileExistsError(path, error);
      throw error;
    }
    unlinkSync(temporary);
  });
}

/** Remove a file for good: a crash does not bring it back. A file that is not there is no error. */
export function removeFileDurably(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  flushFolder(path);
}

/**
 * Remove the temporary files that a killed process has left beside `path`. Only for a path that
 * no other process writes to.
 */
export function removeLeftovers(path: string): void {
  const name = basename(path);
  for (const entry of readdirSync(dirname(path))) {
    const isOurs =
      entry.startsWith(`${name}.`) && /^\.[0-9a-f]{12}\.tmp$/.test(entry.slice(name.length));
    if (isOurs) removeFileDurably(join(dirname(path), entry));
  }
}

function writeBeside(
  path: string,
  bytes: Uint8Array | string,
  place: (temporary: string) => void,
): void {
  const temporary = temporaryOf(path);
  try {
    writeWhole(temporary, typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
    place(temporary);
  } catch (error) {
    unlinkIfThere(temporary);
    throw named(error, temporary, path);
  }
  flushFolder(path);
}

function temporaryOf(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`;
}

/** An error of Node's speaks of the file that was asked for: the other is gone, and nobody's. */
function named(error: unknown, temporary: string, path: string): unknown {
  const { message, path: of } = error as NodeJS.ErrnoException;
  if (of !== temporary) return error;
  return Object.assign(error as Error, { message: message.replace(temporary, path), path });
}

function writeWhole(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'wx', PRIVATE_MODE);
  try {
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(file, bytes, written);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, or it has been moved: nothing to clean up.
  }
}

function flushFolder(path: string): void {
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
