import { equal16, equalBytes } from "../equal";
import { flipBit, guarded, pseudoRandom, seed } from "./bytes";

/** Two copies of `len` pseudo-random bytes, the second at an odd address. */
function copies(len: usize): usize {
  const first = guarded(len * 2 + 64);
  pseudoRandom(first, len);
  memory.copy(first + len + 17, first, len);
  return first;
}

describe("equal16", () => {
  test("accepts equal bytes and refuses every single changed bit (seed 21)", () => {
    seed(21);
    const a = copies(16);
    const b = a + 33;
    expect(equal16(a, b)).toBe(true);
    let accepted = 0;
    for (let bit: u32 = 0; bit < 128; bit++) {
      flipBit(b, bit);
      if (equal16(a, b)) accepted++;
      flipBit(b, bit);
    }
    expect(accepted).toBe(0);
  });
});

describe("equalBytes", () => {
  test("accepts every length 0 to 100, whatever lies behind, and refuses one bit (seed 22)", () => {
    seed(22);
    let refused = 0;
    let accepted = 0;
    for (let len: u32 = 0; len <= 100; len++) {
      const a = copies(len);
      const b = a + len + 17;
      store<u8>(a + len, 1);
      store<u8>(b + len, 2);
      if (!equalBytes(a, b, len)) refused++;
      for (let i: u32 = 0; i < len; i++) {
        flipBit(b, 8 * i + (i & 7));
        if (equalBytes(a, b, len)) accepted++;
        flipBit(b, 8 * i + (i & 7));
      }
    }
    expect(refused).toBe(0);
    expect(accepted).toBe(0);
  });
});
