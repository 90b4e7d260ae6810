/**
 * The slow, readable twin of the AES code: FIPS 197 byte by byte, with a table for the S-box. Not
 * constant in time; for comparison in specs only.
 */

const sbox = new StaticArray<u8>(256);

/** Product in GF(2^8) (FIPS 197 section 4.2). */
function multiply(a: u32, b: u32): u32 {
  let product: u32 = 0;
  for (let bit = 0; bit < 8; bit++) {
    if (b & (1 << bit)) product ^= a;
    a <<= 1;
    if (a & 0x100) a ^= 0x11b;
  }
  return product;
}

/** FIPS 197 section 5.1.1: the inverse, then the affine map. */
function fillSbox(): void {
  for (let x: u32 = 0; x < 256; x++) {
    let inverse: u32 = 0;
    for (let y: u32 = 1; y < 256; y++) {
      if (multiply(x, y) === 1) inverse = y;
    }
    let value: u32 = 0x63;
    for (let shift = 0; shift < 5; shift++) {
      value ^= ((inverse << shift) | (inverse >> (8 - shift))) & 255;
    }
    sbox[x] = <u8>value;
  }
}
fillSbox();

/** FIPS 197 section 5.2: `keyWords` is Nk (4 or 8); the result has 16 bytes a round key. */
export function twinExpand(key: usize, keyWords: i32): StaticArray<u8> {
  const rounds = keyWords + 6;
  const words = new StaticArray<u8>(16 * (rounds + 1));
  for (let i = 0; i < 4 * keyWords; i++) words[i] = load<u8>(key + i);
  let constant: u32 = 1;
  const temp = new StaticArray<u8>(4);
  for (let word = keyWords; word < 4 * (rounds + 1); word++) {
    for (let i = 0; i < 4; i++) temp[i] = words[4 * word - 4 + i];
    if (word % keyWords === 0) {
      const first = temp[0];
      for (let i = 0; i < 3; i++) temp[i] = sbox[temp[i + 1]];
      temp[3] = sbox[first];
      temp[0] ^= <u8>constant;
      constant = multiply(constant, 2);
    } else if (keyWords > 6 && word % keyWords === 4) {
      for (let i = 0; i < 4; i++) temp[i] = sbox[temp[i]];
    }
    for (let i = 0; i < 4; i++) {
      words[4 * word + i] = words[4 * (word - keyWords) + i] ^ temp[i];
    }
  }
  return words;
}

/** FIPS 197 section 5.1: the block at `at` in place. */
function cipher(at: usize, keys: StaticArray<u8>): void {
  const rounds = keys.length / 16 - 1;
  addRoundKey(at, keys, 0);
  for (let round = 1; round <= rounds; round++) {
    for (let i = 0; i < 16; i++) store<u8>(at + i, sbox[load<u8>(at + i)]);
    shiftRows(at);
    if (round < rounds) mixColumns(at);
    addRoundKey(at, keys, round);
  }
}

function addRoundKey(at: usize, keys: StaticArray<u8>, round: i32): void {
  for (let i = 0; i < 16; i++) store<u8>(at + i, load<u8>(at + i) ^ keys[16 * round + i]);
}

/** FIPS 197 section 5.1.2: byte r + 4c is row r, column c. */
function shiftRows(at: usize): void {
  const old = new StaticArray<u8>(16);
  for (let i = 0; i < 16; i++) old[i] = load<u8>(at + i);
  for (let row = 0; row < 4; row++) {
    for (let column = 0; column < 4; column++) {
      store<u8>(at + row + 4 * column, old[row + 4 * ((column + row) & 3)]);
    }
  }
}

/** FIPS 197 section 5.1.3. */
function mixColumns(at: usize): void {
  for (let column: usize = 0; column < 16; column += 4) {
    const a: u32 = load<u8>(at + column);
    const b: u32 = load<u8>(at + column, 1);
    const c: u32 = load<u8>(at + column, 2);
    const d: u32 = load<u8>(at + column, 3);
    store<u8>(at + column, <u8>(multiply(a, 2) ^ multiply(b, 3) ^ c ^ d));
    store<u8>(at + column, <u8>(a ^ multiply(b, 2) ^ multiply(c, 3) ^ d), 1);
    store<u8>(at + column, <u8>(a ^ b ^ multiply(c, 2) ^ multiply(d, 3)), 2);
    store<u8>(at + column, <u8>(multiply(a, 3) ^ b ^ c ^ multiply(d, 2)), 3);
  }
}

/**
 * SP 800-38A section 6.5: `blocks` blocks of key stream at `out`, from the counter block at
 * `counterBlock`, under the key of `keyWords` words at `key`.
 */
export function twinStream(
  key: usize,
  keyWords: i32,
  counterBlock: usize,
  out: usize,
  blocks: u32,
): void {
  const keys = twinExpand(key, keyWords);
  const counter = new StaticArray<u8>(16);
  for (let i = 0; i < 16; i++) counter[i] = load<u8>(counterBlock + i);
  for (let block: u32 = 0; block < blocks; block++) {
    for (let i = 0; i < 16; i++) store<u8>(out + 16 * block + i, counter[i]);
    cipher(out + 16 * block, keys);
    for (let i = 15; i >= 0; i--) {
      if (++counter[i]) break;
    }
  }
}
