import { fromHex } from "../../crypto/__tests__/bytes";
import { isUtf8 } from "../utf8";

function takes(hex: string): bool {
  return isUtf8(fromHex(hex), hex.length >> 1);
}

describe("UTF-8 (RFC 3629)", () => {
  test("each length at its first and last character", () => {
    expect(takes("")).toBe(true);
    expect(takes("007f")).toBe(true);
    expect(takes("c280dfbf")).toBe(true);
    expect(takes("e0a080efbfbf")).toBe(true);
    expect(takes("ed9fbfee8080")).toBe(true, "around the surrogates");
    expect(takes("f0908080f48fbfbf")).toBe(true);
    expect(takes("efbbbf41")).toBe(true, "a byte order mark is a character like others");
  });

  test("no overlong form, no surrogate, nothing above U+10FFFF", () => {
    expect(takes("c080")).toBe(false);
    expect(takes("c1bf")).toBe(false);
    expect(takes("e09fbf")).toBe(false);
    expect(takes("f08fbfbf")).toBe(false);
    expect(takes("eda080")).toBe(false);
    expect(takes("edbfbf")).toBe(false);
    expect(takes("f4908080")).toBe(false);
    expect(takes("f5808080")).toBe(false);
    expect(takes("f8888080")).toBe(false);
    expect(takes("ff")).toBe(false);
  });

  test("no byte too few, and none out of place", () => {
    expect(takes("80")).toBe(false);
    expect(takes("c2")).toBe(false);
    expect(takes("e2824141")).toBe(false);
    expect(takes("e282")).toBe(false);
    expect(takes("f09f98")).toBe(false);
    expect(takes("f09f9841")).toBe(false);
    expect(takes("c22080")).toBe(false);
    expect(takes("e2c280")).toBe(false);
  });

  test("a wrong byte in every place of a long text", () => {
    const text = fromHex("61".repeat(50));
    expect(isUtf8(text, 50)).toBe(true);
    for (let i: usize = 0; i < 50; i++) {
      store<u8>(text + i, 0xff);
      expect(isUtf8(text, 50)).toBe(false);
      store<u8>(text + i, 0x61);
    }
    store<u8>(text + 50, 0xff);
    expect(isUtf8(text, 50)).toBe(true, "what lies behind the text is not read");
  });

  test("a character over the border of 16 bytes", () => {
    for (let before = 12; before < 18; before++) {
      expect(takes("61".repeat(before) + "f09f9880" + "61".repeat(20))).toBe(true);
      expect(takes("61".repeat(before) + "f09f98" + "61".repeat(20))).toBe(false);
    }
  });
});
