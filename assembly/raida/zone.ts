/**
 * Zone files of 12/120: lines "A address ..." and "SRV address:port", comments from "#". A line
 * that is neither is passed over. Reference: RAIDA section 9.
 */

/** Types of records, as 12/120 names them. */
export const enum RecordType {
  A = 1,
  SRV = 2,
}

/** What a line gives: IPv4 address (4) and port (u16, big-endian; 0 for A). */
export const RECORD_BYTES: u32 = 6;

const LINE_END: u32 = 0x0a;
const BLANK: u32 = 0x20;
const ZERO: u32 = 0x30;

/** The line that is being read: next byte, and the first byte behind it. */
let at: usize = 0;
let stop: usize = 0;

/** Writes the first record of that type in the file of `bytes` bytes to `out`. False: none. */
export function findRecord(file: usize, bytes: u32, type: u32, out: usize): bool {
  const fileEnd = file + bytes;
  for (let line = file; line < fileEnd; line = stop + 1) {
    at = line;
    stop = line;
    while (stop < fileEnd && load<u8>(stop) != LINE_END) stop++;
    if (type == RecordType.A ? readA(out) : readSrv(out)) return true;
  }
  return false;
}

/** A blank, a tab, or the return that some editors leave at the end of a line. */
function isBlank(byte: u32): bool {
  return byte == BLANK || byte == 0x09 || byte == 0x0d;
}

function skipBlanks(): bool {
  const from = at;
  while (at < stop && isBlank(load<u8>(at))) at++;
  return at > from;
}

/** Is the word over? */
function atWordEnd(): bool {
  return at == stop || isBlank(load<u8>(at));
}

/** Passes over `byte` if it stands here. */
function pass(byte: u32): bool {
  if (at == stop || load<u8>(at) != byte) return false;
  at++;
  return true;
}

/** "A address", and whatever follows. */
function readA(out: usize): bool {
  skipBlanks();
  store<u16>(out, 0, 4);
  return pass(0x41) && skipBlanks() && readAddress(out) && atWordEnd();
}

/** "SRV address:port", and whatever follows. */
function readSrv(out: usize): bool {
  skipBlanks();
  if (!(pass(0x53) && pass(0x52) && pass(0x56) && skipBlanks())) return false;
  if (!(readAddress(out) && pass(0x3a))) return false;
  const port = readNumber(0xffff);
  store<u16>(out, bswap<u16>(<u16>port), 4);
  return port >= 0 && atWordEnd();
}

/** Four numbers of 0 to 255 with dots between them. */
function readAddress(out: usize): bool {
  for (let i: usize = 0; i < 4; i++) {
    if (i && !pass(0x2e)) return false;
    const part = readNumber(0xff);
    if (part < 0) return false;
    store<u8>(out + i, part);
  }
  return true;
}

/**
 * A decimal number up to `most`, or -1. A leading zero is refused: some take it for a sign of octal
 * digits, and so for another address.
 */
function readNumber(most: i32): i32 {
  const from = at;
  let value: i32 = 0;
  for (; at < stop; at++) {
    const digit = <i32>load<u8>(at) - <i32>ZERO;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
    if (value > most || (at > from && load<u8>(from) == ZERO)) return -1;
  }
  return at > from ? value : -1;
}
