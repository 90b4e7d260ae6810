/** Whether a shared object is as long as it says: the loader of the system would crash on less. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const HEADER_BYTES = 64;
/** 7f E L F, 64 bits, little-endian (ELF-64 object file format, version 1.5, section 3). */
const MAGIC = '7f454c460201';
const SECTIONS_AT = 0x28;
const SECTION_BYTES = 0x3a;
const SECTION_COUNT = 0x3c;

/** True too for what is no ELF file: the loader refuses that by itself. Throws as openSync(). */
export function isWholeBinary(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    if (readSync(file, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return false;
    if (header.toString('hex', 0, MAGIC.length / 2) !== MAGIC) return true;
    // The section headers are the last that linkers and `strip` write.
    const table = header.readUInt16LE(SECTION_BYTES) * header.readUInt16LE(SECTION_COUNT);
    return BigInt(fstatSync(file).size) >= header.readBigUInt64LE(SECTIONS_AT) + BigInt(table);
  } finally {
    closeSync(file);
  }
}
