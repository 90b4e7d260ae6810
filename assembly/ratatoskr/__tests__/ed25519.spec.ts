import { Verdict } from "../../core/ratatoskr";
import { fromHex } from "../../crypto/__tests__/bytes";
import { checkPoint, checkSignature } from "../ed25519";

/** RFC 8032 section 7.1, test 1. */
const KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const R = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155";
const S = "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
/** The order, and the order - 1. */
const L = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
const BELOW_L = "ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
const ZERO = "00".repeat(32);

function signature(key: string, r: string, s: string): Verdict {
  return checkSignature(fromHex(key), fromHex(r + s));
}

describe("ed25519", () => {
  test("S is below L", () => {
    expect(signature(KEY, R, S)).toBe(Verdict.OK);
    expect(signature(KEY, R, BELOW_L)).toBe(Verdict.OK);
    expect(signature(KEY, R, ZERO)).toBe(Verdict.OK);
    expect(signature(KEY, R, L)).toBe(Verdict.SIGNATURE_S);
    expect(signature(KEY, R, "ff".repeat(32))).toBe(Verdict.SIGNATURE_S);
    expect(signature(KEY, R, "00".repeat(31) + "20")).toBe(Verdict.SIGNATURE_S);
    // In each of the four words: just above, with everything below it zero.
    const second = "0000000000000000d79cf7a2def9de1400000000000000000000000000000010";
    const third = ZERO.substring(0, 32) + "0100000000000000" + "0000000000000010";
    expect(signature(KEY, R, second)).toBe(Verdict.SIGNATURE_S);
    expect(signature(KEY, R, third)).toBe(Verdict.SIGNATURE_S);
    expect(signature(KEY, R, "ff".repeat(31) + "0f")).toBe(Verdict.OK);
  });

  test("y is below 2^255 - 19, of the key and of R, with either sign", () => {
    const p = "edff" + "ff".repeat(29) + "7f",
      signedP = "edff" + "ff".repeat(29) + "ff",
      below = "ebff" + "ff".repeat(29) + "7f";
    expect(checkPoint(fromHex(KEY))).toBe(Verdict.OK);
    expect(checkPoint(fromHex(below))).toBe(Verdict.OK);
    expect(checkPoint(fromHex(p))).toBe(Verdict.POINT_ENCODING);
    expect(checkPoint(fromHex(signedP))).toBe(Verdict.POINT_ENCODING);
    expect(checkPoint(fromHex("ff".repeat(32)))).toBe(Verdict.POINT_ENCODING);
    expect(signature(KEY, p, S)).toBe(Verdict.POINT_ENCODING);
    expect(signature(p, R, S)).toBe(Verdict.POINT_ENCODING);
  });

  test("neither is of small order", () => {
    const ys = [
      "01" + "00".repeat(31),
      "ecff" + "ff".repeat(29) + "7f",
      ZERO,
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];
    for (let i = 0; i < ys.length; i++) {
      const point = fromHex(ys[i]);
      expect(checkPoint(point)).toBe(Verdict.POINT_SMALL_ORDER);
      expect(signature(KEY, ys[i], S)).toBe(Verdict.POINT_SMALL_ORDER);
      store<u8>(point, load<u8>(point, 31) | 0x80, 31);
      expect(checkPoint(point)).toBe(Verdict.POINT_SMALL_ORDER, "with the sign");
      store<u8>(point, load<u8>(point, 1) ^ 1, 1);
      expect(checkPoint(point)).not.toBe(Verdict.POINT_SMALL_ORDER, "another point");
    }
  });
});
