import { CRC32_TABLE_BYTES, crc32, crc32Attach, crc32Fill } from "../crc32";
import { allAre, flipBit, fromHex, fromText, GUARD, guarded, pseudoRandom, seed } from "./bytes";

const table = guarded(CRC32_TABLE_BYTES + 64);
crc32Fill(table);
crc32Attach(table);

/** Bit by bit, as the polynomial is defined. */
function twin(p: usize, len: u32): u32 {
  let crc: u32 = 0xffffffff;
  for (let i: u32 = 0; i < len; i++) {
    crc ^= load<u8>(p + i);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
  }
  return ~crc;
}

describe("crc32", () => {
  test("fills its table and nothing behind it", () => {
    expect(allAre(table + CRC32_TABLE_BYTES, 64, GUARD)).toBe(true);
    expect(load<u32>(table, 4)).toBe(0x77073096);
  });

  test("has the check value cbf43926", () => {
    expect(crc32(fromText("123456789"), 9)).toBe(0xcbf43926);
  });

  test("of nothing is zero", () => {
    expect(crc32(table, 0)).toBe(0);
  });

  test("of the challenge a0..ab is 3e18aef6 (reference: RAIDA section 2)", () => {
    expect(crc32(fromHex("a0a1a2a3a4a5a6a7a8a9aaab"), 12)).toBe(0x3e18aef6);
  });

  test("equals its bitwise twin for every length 0 to 600, odd addresses too (seed 11)", () => {
    seed(11);
    const text = guarded(640);
    pseudoRandom(text, 640);
    let wrong = 0;
    for (let len: u32 = 0; len <= 600; len++) {
      const p = text + (len % 17);
      if (crc32(p, len) !== twin(p, len)) wrong++;
    }
    expect(wrong).toBe(0);
  });

  test("changes with every single bit of a challenge", () => {
    const text = fromHex("a0a1a2a3a4a5a6a7a8a9aaab");
    let same = 0;
    for (let bit: u32 = 0; bit < 96; bit++) {
      flipBit(text, bit);
      if (crc32(text, 12) === 0x3e18aef6) same++;
      flipBit(text, bit);
    }
    expect(same).toBe(0);
  });
});
