import { MD5_STATE } from "../../core/scratch";
import { md5 } from "../md5";
import { allAre, fromText, GUARD, guarded, toHex } from "./bytes";

function digest(text: string): string {
  const out = guarded(32);
  md5(fromText(text), text.length, out);
  expect(allAre(out + 16, 16, GUARD)).toBe(true, "nothing written behind the digest");
  expect(allAre(MD5_STATE, 80, 0)).toBe(true, "scratch wiped");
  return toHex(out, 16);
}

describe("md5", () => {
  test("gives the test suite of RFC 1321 A.5", () => {
    expect(digest("")).toBe("d41d8cd98f00b204e9800998ecf8427e");
    expect(digest("a")).toBe("0cc175b9c0f1b6a831c399e269772661");
    expect(digest("abc")).toBe("900150983cd24fb0d6963f7d28e17f72");
    expect(digest("message digest")).toBe("f96b697d7cb7938d525a2f31aaf161d0");
    expect(digest("abcdefghijklmnopqrstuvwxyz")).toBe("c3fcd3d76192e4007dfb496cca67e13b");
    expect(digest("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")).toBe(
      "d174ab98d277d9f5a5611c2c9f419d9f",
    );
    expect(digest("1234567890".repeat(8))).toBe("57edf4a22be3c955ac49da2e2107b67a");
  });

  test("differs when one bit differs", () => {
    expect(digest("abb")).not.toBe("900150983cd24fb0d6963f7d28e17f72");
    expect(digest("ab")).not.toBe("900150983cd24fb0d6963f7d28e17f72");
  });

  test("pads around the end of a block: 55, 56, 63, 64 and 65 letters", () => {
    expect(digest("a".repeat(55))).toBe("ef1772b6dff9a122358552954ad0df65");
    expect(digest("a".repeat(56))).toBe("3b0c8ac703f828b04c6c197006d17218");
    expect(digest("a".repeat(63))).toBe("b06521f39153d618550606be297466d5");
    expect(digest("a".repeat(64))).toBe("014842d480b571495a4a0363793f7367");
    expect(digest("a".repeat(65))).toBe("c743a45e0d2e6a95cb859adae0248435");
  });

  test("may write over its own source", () => {
    const text = fromText("abc");
    md5(text, 3, text);
    expect(toHex(text, 16)).toBe("900150983cd24fb0d6963f7d28e17f72");
  });
});
