/** By what a node knows its own notes about files that have come in part. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFileDurably, FileExistsError } from '../../files/durable-file.ts';

const SECRET_BYTES = 32;

/**
 * 32 bytes, made when they are wanted first (`parts.key`, mode 0600). Without the file, or with
 * another, what has come in part comes anew.
 */
export function partSecret(dataFolder: string): Uint8Array {
  const path = join(dataFolder, 'parts.key');
  const known = read(path);
  if (known) return known;
  try {
    const secret = randomBytes(SECRET_BYTES);
    createFileDurably(path, secret);
    return secret;
  } catch (error) {
    // Another process was first.
    if (!(error instanceof FileExistsError)) throw error;
    return read(path) ?? randomBytes(SECRET_BYTES);
  }
}

/** Undefined: there is none, or it is no such file. */
function read(path: string): Uint8Array | undefined {
  try {
    const bytes = readFileSync(path);
    return bytes.length === SECRET_BYTES ? bytes : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
