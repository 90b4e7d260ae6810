import { fromText } from "../../crypto/__tests__/bytes";
import { bytesToNul, checkPath, withoutNul } from "../object-path";

function check(path: string): u32 {
  return checkPath(fromText(path), path.length);
}

describe("the path of an object", () => {
  test("has parts, with any bytes in them", () => {
    const right: string[] = [
      "a",
      "hello.txt",
      "a/b/c",
      "...",
      "..a",
      "a..",
      "a/...",
      "a/..b",
      "a/b..",
      ".hidden",
      "a\\..\\b",
      "\xff \x01",
      "a".repeat(1024),
    ];
    for (let i = 0; i < right.length; i++) expect(check(right[i])).toBe(0, right[i]);
  });

  test("does not lead outside", () => {
    const wrong: string[] = ["..", "../a", "a/..", "a/../b", "a/b/..", "/", "/a", "//a", "/.."];
    for (let i = 0; i < wrong.length; i++) expect(check(wrong[i])).toBe(38, wrong[i]);
  });

  test("is not empty, without a NUL, and of 1024 bytes at most", () => {
    const wrong: string[] = ["", "\0", "a\0b", "a\0", "../a\0", "a".repeat(1025)];
    for (let i = 0; i < wrong.length; i++) expect(check(wrong[i])).toBe(198, wrong[i]);
  });

  test("may end with a NUL, which is no part of it", () => {
    expect(withoutNul(fromText("a\0"), 2)).toBe(1);
    expect(withoutNul(fromText("a\0\0"), 3)).toBe(2, "one, not more");
    expect(withoutNul(fromText("ab"), 2)).toBe(2);
    expect(withoutNul(fromText("\0"), 1)).toBe(0);
    expect(withoutNul(fromText("\0"), 0)).toBe(0);
    expect(bytesToNul(fromText("ab\0c"), 4)).toBe(2);
    expect(bytesToNul(fromText("abc\0"), 3)).toBe(3);
    expect(bytesToNul(fromText("\0"), 1)).toBe(0);
  });
});
