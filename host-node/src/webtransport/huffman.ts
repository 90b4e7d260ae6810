/**
 * The Huffman code of HPACK and QPACK (RFC 7541 section 5.2, appendix B).
 *
 * The code is canonical: codes of one length follow each other in the order of their symbols, and
 * the first of a length follows the last of the length before. So the lengths alone give it.
 */

/** Symbols by the length of their code in bits; a pair is a range, both ends included. */
const SYMBOLS: Readonly<Record<number, readonly (number | readonly [number, number])[]>> = {
  5: [[48, 50], 97, 99, 101, 105, 111, 115, 116],
  6: [32, 37, [45, 47], [51, 57], 61, 65, 95, 98, 100, [102, 104], [108, 110], 112, 114, 117],
  7: [58, [66, 87], 89, 106, 107, 113, [118, 122]],
  8: [38, 42, 44, 59, 88, 90],
  10: [33, 34, 40, 41, 63],
  11: [39, 43, 124],
  12: [35, 62],
  13: [0, 36, 64, 91, 93, 126],
  14: [94, 125],
  15: [60, 96, 123],
  19: [92, 195, 208],
  20: [128, 130, 131, 162, 184, 194, 224, 226],
  21: [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230],
  22: [
    129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187,
    189, 190, 196, 198, 228, 232, 233,
  ],
  23: [
    1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168,
    174, 175, 180, 182, 183, 188, 191, 197, 231, 239,
  ],
  24: [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237],
  25: [199, 207, 234, 235],
  26: [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255],
  27: [203, 204, 211, 212, 214, [221, 223], 241, [244, 248], [250, 254]],
  28: [[2, 8], 11, 12, [14, 21], [23, 31], 127, 220, 249],
  30: [10, 13, 22, 256],
};
const END_OF_STRING = 256;
const SYMBOL_COUNT = 257;

const codes = new Uint32Array(SYMBOL_COUNT);
const lengths = new Uint8Array(SYMBOL_COUNT);
/**
 * The code as a binary tree, two cells a node: what follows bit 0 and bit 1. A positive number is
 * the next node, a negative one -1 - symbol.
 */
const tree = new Int16Array(2 * SYMBOL_COUNT);
buildTables();

function buildTables(): void {
  let code = 0;
  let length = 0;
  let nodes = 1;
  for (const [bits, symbols] of Object.entries(SYMBOLS)) {
    for (const entry of symbols) {
      const [first, last] = typeof entry === 'number' ? [entry, entry] : entry;
      for (let symbol = first; symbol <= last; symbol++) {
        code = length === 0 ? 0 : (code + 1) * 2 ** (Number(bits) - length);
        length = Number(bits);
        codes[symbol] = code;
        lengths[symbol] = length;
        let node = 0;
        for (let bit = length - 1; bit > 0; bit--) {
          const cell = 2 * node + ((code >>> bit) & 1);
          if (tree[cell] === 0) tree[cell] = nodes++;
          node = tree[cell]!;
        }
        tree[2 * node + (code & 1)] = -1 - symbol;
      }
    }
  }
}

/**
 * Decode a whole string.
 * @returns undefined when it is not one: the end-of-string symbol, or padding that is longer than 7
 *   bits or not all ones (RFC 7541 section 5.2)
 */
export function huffmanDecode(bytes: Uint8Array): Uint8Array | undefined {
  // The shortest code has 5 bits.
  const out = new Uint8Array(Math.ceil((bytes.length * 8) / 5));
  let length = 0;
  let node = 0;
  let bitsInCode = 0;
  let onesOnly = true;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const one = (byte >> bit) & 1;
      const next = tree[2 * node + one]!;
      bitsInCode++;
      onesOnly &&= one === 1;
      if (next >= 0) {
        node = next;
        continue;
      }
      const symbol = -1 - next;
      if (symbol === END_OF_STRING) return undefined;
      out[length++] = symbol;
      node = 0;
      bitsInCode = 0;
      onesOnly = true;
    }
  }
  if (bitsInCode > 7 || !onesOnly) return undefined;
  return out.subarray(0, length);
}

/** Encode a string, padded with ones. */
export function huffmanEncode(bytes: Uint8Array): Uint8Array {
  const bits = bytes.reduce((sum, byte) => sum + lengths[byte]!, 0);
  const out = new Uint8Array(Math.ceil(bits / 8));
  let position = 0;
  const put = (code: number, length: number) => {
    for (let bit = length - 1; bit >= 0; bit--, position++) {
      if ((code >>> bit) & 1) out[position >> 3]! |= 0x80 >> (position & 7);
    }
  };
  for (const byte of bytes) put(codes[byte]!, lengths[byte]!);
  put(0x7f, (8 - (position & 7)) & 7);
  return out;
}
