/** Numbers and bytes as ASCII text, for file names and for what is hashed as text. */

/** Writes `count` bytes at `bytes` as lower-case hex to `out`; returns the address behind. */
export function writeHex(out: usize, bytes: usize, count: u32): usize {
  for (; count; count--, out += 2) {
    const byte = <u32>load<u8>(bytes++);
    store<u8>(out, hexDigit(byte >>> 4));
    store<u8>(out, hexDigit(byte & 15), 1);
  }
  return out;
}

function hexDigit(value: u32): u32 {
  return value < 10 ? 0x30 + value : 0x57 + value;
}

/** Writes a number in decimal, without leading zeros, to `out`; returns the address behind. */
export function writeDecimal(out: usize, value: u32): usize {
  let digits: u32 = 1;
  for (let rest = value / 10; rest; rest /= 10) digits++;
  for (let at = out + digits; at-- > out; value /= 10) store<u8>(at, 0x30 + (value % 10));
  return out + digits;
}
