/** Files whose writer decides whom their owner trusts: lists of peers, of bans, of keys. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { whyNot } from './why-not.ts';

const OTHERS_WRITE = 0o022;

/** The caller's own error about this file. */
export type OwnFileRefusal = (why: string, cause?: unknown) => Error;

/**
 * The text of a regular file in UTF-8 of at most `bytesMax` bytes, which nobody else may write;
 * undefined: it is not there. What is judged is what is read, also where somebody swaps files.
 * @throws what `refusal` makes of everything else
 */
export function readOwnText(
  path: string,
  bytesMax: number,
  refusal: OwnFileRefusal,
): string | undefined {
  let bytes: Uint8Array | string;
  try {
    bytes = readBytes(path, bytesMax);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw refusal(whyNot(error), error);
  }
  if (typeof bytes === 'string') throw refusal(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw refusal('it is no text in UTF-8', error);
  }
}

/** Or why they are not read. */
function readBytes(path: string, bytesMax: number): Uint8Array | string {
  // Without O_NONBLOCK a pipe would wait for its other end.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) return 'it is no regular file';
    if (stats.mode & OTHERS_WRITE) {
      const mode = (stats.mode & 0o777).toString(8);
      return `others may write it (mode ${mode}): chmod 600 it`;
    }
    if (stats.size > bytesMax) return `${stats.size} bytes, ${bytesMax} at most`;
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}
