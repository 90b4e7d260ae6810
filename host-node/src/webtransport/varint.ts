/**
 * QUIC's variable-length integers (RFC 9000 section 16): the top two bits of the first byte say
 * how long the number is (1, 2, 4 or 8 bytes), the rest is big-endian.
 *
 * Numbers are JavaScript numbers. One above 2^53 loses its low bits; none that we know is that
 * large, so it can only be one that is skipped, or a length that no limit allows.
 */
const SIZES = [1, 2, 4, 8] as const;

/** Bytes of the number that starts with `first`. */
export function varintBytes(first: number): number {
  return SIZES[(first >> 6) as 0 | 1 | 2 | 3];
}

export interface Varint {
  value: number;
  /** Offset of the byte behind it. */
  end: number;
}

/** The number at `offset`; undefined: more bytes are needed. */
export function parseVarint(bytes: Uint8Array, offset = 0): Varint | undefined {
  const first = bytes[offset];
  if (first === undefined) return undefined;
  const end = offset + varintBytes(first);
  if (end > bytes.length) return undefined;
  let value = first & 0x3f;
  for (let index = offset + 1; index < end; index++) value = value * 256 + bytes[index]!;
  return { value, end };
}

/** The shortest form of an integer from 0 to 2^53 - 1. */
export function emitVarint(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`a varint is an integer from 0 to 2^53 - 1, not ${value}`);
  }
  const lengthLog2 = value < 0x40 ? 0 : value < 0x4000 ? 1 : value < 0x40000000 ? 2 : 3;
  const bytes = new Uint8Array(1 << lengthLog2);
  let rest = value;
  for (let index = bytes.length - 1; index >= 0; index--) {
    bytes[index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  bytes[0]! |= lengthLog2 << 6;
  return bytes;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
