import { allAre, fromHex, GUARD, guarded } from "../../crypto/__tests__/bytes";
import { writeDecimal, writeHex } from "../text";

const out: usize = guarded(64);

/** The text that ends at `end`; nothing behind it is written. */
function written(end: usize): string {
  expect(allAre(end, 64 - (end - out), GUARD)).toBe(true);
  const text = String.UTF8.decodeUnsafe(out, end - out);
  memory.fill(out, GUARD, 64);
  return text;
}

describe("text", () => {
  test("of bytes is two lower-case digits each", () => {
    expect(written(writeHex(out, fromHex("00090a0f10a0ff"), 7))).toBe("00090a0f10a0ff");
    expect(written(writeHex(out, fromHex("00"), 0))).toBe("");
  });

  test("of numbers has no leading zeros", () => {
    const numbers: u32[] = [0, 1, 9, 10, 99, 100, 1048575, 4294967295];
    for (let i = 0; i < numbers.length; i++)
      expect(written(writeDecimal(out, numbers[i]))).toBe(numbers[i].toString());
  });
});
