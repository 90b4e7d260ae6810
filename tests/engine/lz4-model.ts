/** LZ4 blocks by the letter of their format, byte by byte: what the engine agrees with. */

/** What a frame may hold unpacked (reference: transfer section 15). */
export const UNPACKED_MAX = 65536;

/** Thrown by a reader that finds no more. */
class CutShort extends Error {}

class BlockReader {
  private at = 0;
  private readonly block: Uint8Array;

  constructor(block: Uint8Array) {
    this.block = block;
  }

  get isAtEnd(): boolean {
    return this.at === this.block.length;
  }

  byte(): number {
    const byte = this.block[this.at++];
    if (byte === undefined) throw new CutShort();
    return byte;
  }

  /** A length that begins with 4 bits. */
  length(bits: number): number {
    if (bits < 15) return bits;
    let length = bits;
    for (;;) {
      const more = this.byte();
      length += more;
      if (more < 255) return length;
    }
  }
}

/** What a block holds; undefined: it is none, or holds more than a frame may. */
export function unpackByModel(block: Uint8Array): Uint8Array | undefined {
  try {
    return Uint8Array.from(unpacked(new BlockReader(block)));
  } catch (error) {
    if (error instanceof CutShort) return undefined;
    throw error;
  }
}

function unpacked(reader: BlockReader): number[] {
  const out: number[] = [];
  const put = (byte: number | undefined) => {
    // Before the start of the block, or more than fits.
    if (byte === undefined || out.length === UNPACKED_MAX) throw new CutShort();
    out.push(byte);
  };
  for (;;) {
    const token = reader.byte();
    for (let left = reader.length(token >> 4); left > 0; left--) put(reader.byte());
    if (reader.isAtEnd) return out;
    const distance = reader.byte() | (reader.byte() << 8);
    // Of a match that is far too long nothing is looked at but its length.
    const match = Math.min(reader.length(token & 15) + 4, UNPACKED_MAX + 1);
    if (distance === 0) throw new CutShort();
    for (let left = match; left > 0; left--) put(out[out.length - distance]);
  }
}
