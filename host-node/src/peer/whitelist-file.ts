/**
 * Who may take part: a file with one instance key (64 hex digits) a line. Empty lines, and what
 * follows a `#`, do not count; an empty file lets nobody in.
 */
import { readFileSync, statSync } from 'node:fs';
import { whyNot } from '../files/why-not.ts';

const KEYS_MAX = 4096;
const FILE_BYTES_MAX = 2 ** 20;

/** No such list; the message names the line. */
export class WhitelistFileError extends Error {
  override readonly name = 'WhitelistFileError';
  readonly code = 'ANDVARI_PEER_WHITELIST';
  readonly path: string;

  constructor(path: string, why: string, cause?: unknown) {
    super(`${path}: ${why}`, cause === undefined ? {} : { cause });
    this.path = path;
  }
}

/** Keys of 32 bytes, each once. Throws WhitelistFileError. */
export function readWhitelist(path: string): Uint8Array[] {
  const keys = new Map<string, Uint8Array>();
  for (const [index, line] of readText(path).split('\n').entries()) {
    const key = (line.split('#')[0] ?? '').trim().toLowerCase();
    if (key === '') continue;
    if (!/^[0-9a-f]{64}$/.test(key)) {
      throw new WhitelistFileError(path, `line ${index + 1}: wanted a key of 64 hex digits`);
    }
    keys.set(key, new Uint8Array(Buffer.from(key, 'hex')));
  }
  if (keys.size <= KEYS_MAX) return [...keys.values()];
  throw new WhitelistFileError(path, `${keys.size} keys, ${KEYS_MAX} at most`);
}

function readText(path: string): string {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new WhitelistFileError(path, 'it is no regular file');
    if (stats.size > FILE_BYTES_MAX) {
      throw new WhitelistFileError(path, `${stats.size} bytes, ${FILE_BYTES_MAX} at most`);
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof WhitelistFileError) throw error;
    throw new WhitelistFileError(path, whyNot(error), error);
  }
}
