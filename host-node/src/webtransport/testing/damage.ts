/** Bytes that are nearly right, for readers that must take anything. */
import { concatBytes } from '../varint.ts';

type Random = (below: number) => number;

/** One to four changes: bytes come, go, are repeated, cut off, set or flipped. */
export function damage(whole: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(whole);
  for (let count = 1 + random(4); count > 0; count--) {
    const at = random(bytes.length + 1);
    const kind = random(6);
    const some = Uint8Array.from({ length: random(6) }, () => random(256));
    if (kind === 0) bytes = concatBytes(bytes.subarray(0, at), some, bytes.subarray(at));
    else if (kind === 1) bytes = concatBytes(bytes.subarray(0, at), bytes.subarray(at + random(6)));
    else if (kind === 2) bytes = bytes.slice(0, at);
    else if (kind === 3) bytes = concatBytes(bytes, bytes.subarray(at));
    else if (kind === 4 && at < bytes.length) bytes[at] = [0, 0x3f, 0x40, 0xc0, 0xff][random(5)]!;
    else if (at < bytes.length) bytes[at]! ^= 1 << random(8);
  }
  return bytes;
}

/** The same bytes in pieces of any size. */
export function cut(bytes: Uint8Array, random: Random): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const end = offset + 1 + random(bytes.length);
    pieces.push(bytes.slice(offset, end));
    offset = end;
  }
  return pieces;
}
