/** Reading files that a command was given, whatever they are. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

const CHUNK_BYTES = 65536;

/**
 * The bytes of a regular file. Devices, pipes and sockets are refused: reading them might never
 * end. Throws Error that names the path, and Node's errors.
 */
export function readRegularFile(path: string, maximum: number): Buffer {
  // Without O_NONBLOCK the opening of a pipe waits for its other end.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) throw new Error(`${path} is no regular file`);
    return readAtMost(file, path, maximum);
  } finally {
    closeSync(file);
  }
}

/** What stdin has to its end. Throws Error when that is too much. */
export function readStdin(maximum: number): Buffer {
  return readAtMost(0, 'stdin', maximum);
}

/** One byte more than the maximum is read, to tell a file of just that size from a longer one. */
function readAtMost(file: number, name: string, maximum: number): Buffer {
  const chunks: Buffer[] = [];
  for (let left = maximum + 1; left > 0; ) {
    const chunk = Buffer.allocUnsafe(Math.min(left, CHUNK_BYTES));
    const count = readSync(file, chunk);
    if (count === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, count));
    left -= count;
  }
  throw new Error(`${name} is larger than ${maximum} bytes`);
}
