/** Buffers and hexadecimal text for the specs of this folder. */

/** What buffers are filled with, so that a byte nobody should write shows. */
export const GUARD: u8 = 0xa5;

/** A buffer of `length` guard bytes, 16-byte aligned, for the rest of the run. */
export function guarded(length: usize): usize {
  const at = heap.alloc(length + 16);
  const aligned = (at + 15) & ~15;
  memory.fill(aligned, GUARD, length);
  return aligned;
}

/** The bytes that `hex` spells, in a buffer of their own with 16 guard bytes behind them. */
export function fromHex(hex: string): usize {
  const length = hex.length >> 1;
  const at = guarded(length + 16);
  for (let i = 0; i < length; i++) {
    store<u8>(at + i, <u8>parseInt(hex.substring(2 * i, 2 * i + 2), 16));
  }
  return at;
}

/** `length` bytes at `at` as lower-case hexadecimal text. */
export function toHex(at: usize, length: u32): string {
  let hex = "";
  for (let i: u32 = 0; i < length; i++) {
    const value = load<u8>(at + i);
    hex += (value >> 4).toString(16) + (value & 15).toString(16);
  }
  return hex;
}

/** The ASCII bytes of `text`. */
export function fromText(text: string): usize {
  const at = guarded(text.length + 16);
  for (let i = 0; i < text.length; i++) store<u8>(at + i, <u8>text.charCodeAt(i));
  return at;
}

/** Whether every one of `length` bytes at `at` has the value `value`. */
export function allAre(at: usize, length: usize, value: u8): bool {
  for (let i: usize = 0; i < length; i++) {
    if (load<u8>(at + i) !== value) return false;
  }
  return true;
}

let pseudoRandomState: u32 = 1;

/** Starts the pseudo-random bytes of pseudoRandom again; the seed belongs in the test's name. */
export function seed(value: u32): void {
  pseudoRandomState = value;
}

/** `length` bytes of a fixed xorshift sequence at `at`: the same in every run. */
export function pseudoRandom(at: usize, length: usize): void {
  let x = pseudoRandomState;
  for (let i: usize = 0; i < length; i++) {
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    store<u8>(at + i, <u8>(x >> 11));
  }
  pseudoRandomState = x;
}

/** Turns bit `bit` of the bytes at `at` over (bit 0 is the lowest of the first byte). */
export function flipBit(at: usize, bit: u32): void {
  const byte = at + (bit >> 3);
  store<u8>(byte, load<u8>(byte) ^ ((<u8>1) << (<u8>(bit & 7))));
}
