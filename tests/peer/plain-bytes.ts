/** Bytes of bincode and of protobuf, as the plain peer puts them together. */

/** bincode 1.3, below 2^32. */
export function varint(value: number): Buffer {
  if (value < 251) return Buffer.of(value);
  const wide = Buffer.alloc(value < 65_536 ? 3 : 5);
  wide[0] = value < 65_536 ? 251 : 252;
  wide.writeUIntLE(value, 1, wide.length - 1);
  return wide;
}

/** protobuf: a field of bytes. */
export function bytesField(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of((field << 3) | 2), leb(bytes.length), bytes]);
}

/** A message of a stream that has several. */
export function lengthPrefixed(message: Uint8Array): Buffer {
  return Buffer.concat([leb(message.length), message]);
}

function leb(value: number): Buffer {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}
