import { siphash } from "../siphash";
import { fromHex, guarded, toHex } from "./bytes";

// Vectors: the authors' own, key 00 01 .. 0f, message 00 01 .. (n - 1), hash as bytes, low first.
const KEY = fromHex("000102030405060708090a0b0c0d0e0f");
const message = guarded(256);
const out = guarded(8);
for (let i: u32 = 0; i < 256; i++) store<u8>(message + i, <u8>i);

function hash(key: usize, source: usize, length: u32): string {
  store<u64>(out, siphash(key, source, length));
  return toHex(out, 8);
}

describe("siphash", () => {
  test("gives the authors' values around every block edge", () => {
    expect(hash(KEY, message, 0)).toBe("310e0edd47db6f72");
    expect(hash(KEY, message, 1)).toBe("fd67dc93c539f874");
    expect(hash(KEY, message, 5)).toBe("8da699cd64557618");
    expect(hash(KEY, message, 7)).toBe("37d1018bf50002ab");
    expect(hash(KEY, message, 8)).toBe("6224939a79f5f593");
    expect(hash(KEY, message, 15)).toBe("e545be4961ca29a1");
    expect(hash(KEY, message, 16)).toBe("db9bc2577fcc2a3f");
    expect(hash(KEY, message, 63)).toBe("724506eb4c328a95");
    expect(hash(KEY, message, 255)).toBe("1ab24dc7fe69c1a9");
  });

  test("takes 256 bytes, a length whose low byte is 0 (by a twin in Python)", () => {
    expect(hash(KEY, message, 256)).toBe("d7bfa7d226059d99");
  });

  test("reads no further than the length, from any address", () => {
    const copy = guarded(64);
    for (let shift: usize = 0; shift < 8; shift++) {
      memory.copy(copy + shift, message, 15);
      expect(hash(KEY, copy + shift, 15)).toBe("e545be4961ca29a1");
      store<u8>(copy + shift + 15, load<u8>(copy + shift + 15) ^ 0xff);
      expect(hash(KEY, copy + shift, 15)).toBe("e545be4961ca29a1");
    }
  });

  test("differs with each bit of the key and of the message", () => {
    const right = hash(KEY, message, 16);
    let same = 0;
    for (let bit: u32 = 0; bit < 128; bit++) {
      const byte = bit >> 3,
        mask = (<u8>1) << (<u8>(bit & 7));
      store<u8>(KEY + byte, load<u8>(KEY + byte) ^ mask);
      if (hash(KEY, message, 16) === right) same++;
      store<u8>(KEY + byte, load<u8>(KEY + byte) ^ mask);
      store<u8>(message + byte, load<u8>(message + byte) ^ mask);
      if (hash(KEY, message, 16) === right) same++;
      store<u8>(message + byte, load<u8>(message + byte) ^ mask);
    }
    expect(same).toBe(0);
    expect(hash(KEY, message, 16)).toBe(right);
  });
});
