/**
 * CRC-32/ISO-HDLC (zlib, IEEE 802.3): polynomial 04c11db7 reflected to edb88320, start and final
 * complement ffffffff, check value of "123456789" cbf43926 (reference: RAIDA section 2).
 * Slicing by 16: table n gives the remainder of a byte with n zero bytes after it, so that sixteen
 * bytes cost sixteen independent look-ups. Not constant in time: never used on a secret alone.
 */

/** Size of the slicing table: 16 tables of 256 words of 32 bits. */
export const CRC32_TABLE_BYTES: usize = 16384;

/** Where this instance finds the table; wasm globals are private to an instance. */
let sliceTables: usize = 0;

/**
 * Fills the table of CRC32_TABLE_BYTES bytes at `table` (4-byte aligned). The bytes are the same
 * for every instance over a memory, so this runs once, in configure.
 */
export function crc32Fill(table: usize): void {
  for (let byte: u32 = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) {
      remainder = (remainder >> 1) ^ ((remainder & 1) * 0xedb88320);
    }
    store<u32>(table + (byte << 2), remainder);
  }
  for (let entry: u32 = 256; entry < 4096; entry++) {
    const shorter = load<u32>(table + ((entry - 256) << 2));
    store<u32>(table + (entry << 2), (shorter >> 8) ^ load<u32>(table + ((shorter & 255) << 2)));
  }
}

/** Tells this instance where the filled table is; before that crc32 must not be called. */
export function crc32Attach(table: usize): void {
  sliceTables = table;
}

/** CRC-32 of `len` bytes at `p` (any alignment). */
export function crc32(p: usize, len: u32): u32 {
  const tables = sliceTables;
  let crc: u32 = 0xffffffff;
  // A RAIDA challenge is 12 bytes and its CRC (reference: RAIDA section 2): one step, no loop.
  if (len === 12) {
    const first = wordRemainder(tables + 8192, crc ^ load<u32>(p));
    const second = wordRemainder(tables + 4096, load<u32>(p, 4));
    return ~(first ^ second ^ wordRemainder(tables, load<u32>(p, 8)));
  }
  for (; len >= 16; len -= 16) {
    const first = wordRemainder(tables + 12288, crc ^ load<u32>(p));
    const second = wordRemainder(tables + 8192, load<u32>(p, 4));
    const third = wordRemainder(tables + 4096, load<u32>(p, 8));
    crc = first ^ second ^ third ^ wordRemainder(tables, load<u32>(p, 12));
    p += 16;
  }
  for (; len >= 4; len -= 4) {
    crc = wordRemainder(tables, crc ^ load<u32>(p));
    p += 4;
  }
  for (; len; len--) {
    crc = (crc >> 8) ^ load<u32>(tables + (((crc ^ load<u8>(p)) & 255) << 2));
    p++;
  }
  return ~crc;
}

/** Remainder of four bytes, low byte first; `tables` is the table of the last of them. */
function wordRemainder(tables: usize, word: u32): u32 {
  return (
    load<u32>(tables + ((word & 255) << 2), 3072) ^
    load<u32>(tables + (((word >> 8) & 255) << 2), 2048) ^
    load<u32>(tables + (((word >> 16) & 255) << 2), 1024) ^
    load<u32>(tables + ((word >> 24) << 2))
  );
}
