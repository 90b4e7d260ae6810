/**
 * Paths of objects of group 13, below the folder Folders: bytes, with "/" between the parts. What
 * the path alone tells is refused here; links and folders are the host's to look at, which refuses
 * all of it once more. Reference: RAIDA sections 9 and 11, points 18 and 20.
 */
import { Status } from "../core/status";

export const PATH_BYTES_MAX: u32 = 1024;

const SLASH: u32 = 0x2f;
const DOT: u32 = 0x2e;

/**
 * May the `length` bytes at `path` name an object? OK; INVALID_PARAMETER: empty, too long, or with
 * a NUL in it; ADMIN_AUTH: absolute, or a part is "..".
 */
export function checkPath(path: usize, length: u32): Status {
  if (length == 0 || length > PATH_BYTES_MAX) return Status.INVALID_PARAMETER;
  if (load<u8>(path) == SLASH) return Status.ADMIN_AUTH;
  let part: u32 = 0,
    leadsUp = false;
  for (let i: u32 = 0; i <= length; i++) {
    const byte = i < length ? <u32>load<u8>(path + i) : SLASH;
    if (byte == 0) return Status.INVALID_PARAMETER;
    if (byte != SLASH) {
      part++;
      continue;
    }
    leadsUp =
      leadsUp || (part == 2 && load<u8>(path + i - 1) == DOT && load<u8>(path + i - 2) == DOT);
    part = 0;
  }
  return leadsUp ? Status.ADMIN_AUTH : Status.OK;
}

/** Bytes of a path that may end with a NUL, as some clients send it. */
export function withoutNul(path: usize, length: u32): u32 {
  return length && load<u8>(path + length - 1) == 0 ? length - 1 : length;
}

/** Bytes of the path at `path` up to its NUL; `room` when there is none within so many bytes. */
export function bytesToNul(path: usize, room: u32): u32 {
  let length: u32 = 0;
  while (length < room && load<u8>(path + length)) length++;
  return length;
}
