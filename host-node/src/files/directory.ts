/** Folders that a program makes for itself. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A folder is not there and cannot be made. */
export class DirectoryError extends Error {
  readonly code = 'ANDVARI_DIRECTORY';
  readonly path: string;

  constructor(path: string, why: string, cause?: unknown) {
    super(`cannot make the folder ${path}: ${why}`, { cause });
    this.name = 'DirectoryError';
    this.path = path;
  }
}

/**
 * Makes a folder and those above it, with that mode, unless they are there. One level at a time:
 * the recursive mkdir of Node never returns below some special file systems. Throws DirectoryError.
 */
export function makeDirectory(path: string, mode: number): void {
  const missing: string[] = [];
  let above = resolve(path);
  while (!isThere(above)) {
    missing.push(above);
    above = dirname(above);
  }
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder, { mode });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST') throw new DirectoryError(folder, message, error);
    }
  }
}

/** Throws DirectoryError when something else has the name. The root is always there. */
function isThere(path: string): boolean {
  try {
    if (statSync(path).isDirectory()) return true;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    throw new DirectoryError(path, code === 'ENOTDIR' ? 'a file is in the way' : message, error);
  }
  throw new DirectoryError(path, 'a file of that name is in the way');
}
