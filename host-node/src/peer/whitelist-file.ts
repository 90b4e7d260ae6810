/**
 * Who may take part: a file with one instance key (64 hex digits) a line. Empty lines, and what
 * follows a `#`, do not count; an empty file lets nobody in. Nobody else may write it.
 */
import { readOwnText } from '../files/own-text-file.ts';

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
  const text = readOwnText(path, FILE_BYTES_MAX, (why, cause) => {
    return new WhitelistFileError(path, why, cause);
  });
  if (text === undefined) throw new WhitelistFileError(path, 'it is not there');
  for (const [index, line] of text.split('\n').entries()) {
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
