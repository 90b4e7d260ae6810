/**
 * Files of SQLite, before SQLite opens them: it would make them readable by everybody (the journal
 * takes the mode of the file). One that is there is looked at and not opened: to close a file drops
 * all locks that this process has on it (POSIX), also those of a database that is open.
 */
import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs';

/**
 * Make an empty file with mode 0600 where there is none.
 * @returns whether it was made
 * @throws Node's errors; EISDIR for a folder
 */
export function makePrivateFile(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx', 0o600));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  checkPrivateFile(path);
  return false;
}

/** Throws Node's errors when there is no file to read and write; EISDIR for a folder. */
export function checkPrivateFile(path: string): void {
  accessSync(path, constants.R_OK | constants.W_OK);
  if (!statSync(path).isDirectory()) return;
  throw Object.assign(new Error(`EISDIR: ${path} is a folder`), { code: 'EISDIR', path });
}
