/** Zeros of a file that comes are left as holes, so that a sparse file stays one. */
import type { FileHandle } from 'node:fs/promises';

/**
 * A hole begins and ends at a multiple of it: large enough that a chunk is never more than two
 * writes, and that looking costs next to nothing.
 */
const PIECE_BYTES = 65_536;
const ZEROS = Buffer.alloc(PIECE_BYTES);

/**
 * What is where nothing has been written in this life of the file. `zeros`: a hole. `unknown`: an
 * earlier life may have left something else. `lost`: the system dropped what it could not write, so
 * what is read need not be what is on the disk.
 */
export type Beneath = 'zeros' | 'unknown' | 'lost';

/** Writes all but the zeros that are there already; the file has to be long enough. */
export async function writeAroundZeros(
  file: FileHandle,
  { at, bytes, beneath }: { at: number; bytes: Uint8Array; beneath: Beneath },
): Promise<void> {
  let from = 0;
  for (let next = 0; next < bytes.length; ) {
    const start = next;
    next = Math.min(bytes.length, start + PIECE_BYTES - ((at + start) % PIECE_BYTES));
    if (beneath === 'lost' || !areZeros(bytes.subarray(start, next))) continue;
    if (beneath === 'unknown' && !(await hasZeros(file, at + start, next - start))) continue;
    await writeAll(file, at + from, bytes.subarray(from, start));
    from = next;
  }
  await writeAll(file, at + from, bytes.subarray(from));
}

/** Whether there is anything to leave out, in bytes that a file begins with. */
export function hasZeroPiece(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    if (areZeros(bytes.subarray(at, at + PIECE_BYTES))) return true;
  }
  return false;
}

/** @param bytes of one piece at the most */
function areZeros(bytes: Uint8Array): boolean {
  return ZEROS.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
}

/** A hole is read as zeros. */
async function hasZeros(file: FileHandle, at: number, length: number): Promise<boolean> {
  const there = Buffer.allocUnsafe(length);
  return (await readAll(file, at, there)) && areZeros(there);
}

/** False: the file ends before. */
export async function readAll(file: FileHandle, at: number, into: Uint8Array): Promise<boolean> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, at + done);
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return true;
}

async function writeAll(file: FileHandle, at: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  }
}
