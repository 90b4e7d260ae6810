import { AEAD_STATE, CHACHA_STATE, CHACHA_STREAM, POLY_STATE } from "../../core/scratch";
import { chachaOpen, chachaSeal, xchachaOpen, xchachaSeal } from "../xchacha20-poly1305";
import {
  allAre,
  flipBit,
  fromHex,
  fromText,
  GUARD,
  guarded,
  pseudoRandom,
  seed,
  toHex,
} from "./bytes";

const SUNSCREEN =
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
  "sunscreen would be it.";

function nothingLeft(): bool {
  return (
    allAre(AEAD_STATE, 80, 0) &&
    allAre(CHACHA_STATE, 64, 0) &&
    allAre(CHACHA_STREAM, 256, 0) &&
    allAre(POLY_STATE, 160, 0)
  );
}

describe("chacha20-poly1305", () => {
  test("gives the example of RFC 8439 section 2.8.2, and opens it", () => {
    const key = fromHex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"),
      nonce = fromHex("070000004041424344454647"),
      aad = fromHex("50515253c0c1c2c3c4c5c6c7"),
      text = fromText(SUNSCREEN),
      tag = guarded(32);
    chachaSeal(key, nonce, aad, 12, text, 114, tag);
    expect(toHex(text, 16)).toBe("d31a8d34648e60db7b86afbc53ef7ec2");
    expect(toHex(tag, 16)).toBe("1ae10b594f09e26a7e902ecbd0600691");
    expect(allAre(tag + 16, 16, GUARD)).toBe(true);
    expect(nothingLeft()).toBe(true, "scratch wiped");
    expect(chachaOpen(key, nonce, aad, 12, text, 114, tag)).toBe(true);
    expect(toHex(text, 114)).toBe(toHex(fromText(SUNSCREEN), 114));
  });
});

describe("xchacha20-poly1305", () => {
  test("opens what it sealed, of any length, and writes nothing beside it (seed 5)", () => {
    seed(5);
    const key = guarded(32),
      nonce = guarded(24),
      aad = guarded(40),
      text = guarded(1600),
      tag = guarded(32);
    let wrong = 0;
    for (let length: u32 = 0; length < 1500; length += length < 300 ? 1 : 97) {
      pseudoRandom(key, 32);
      pseudoRandom(nonce, 24);
      pseudoRandom(text, length);
      memory.fill(text + length, GUARD, 16);
      const wanted = toHex(text, length),
        aadLength = length % 33;
      xchachaSeal(key, nonce, aad, aadLength, text, length, tag);
      if (length > 8 && toHex(text, length) == wanted) wrong++;
      if (!xchachaOpen(key, nonce, aad, aadLength, text, length, tag)) wrong++;
      if (toHex(text, length) != wanted || !allAre(text + length, 16, GUARD)) wrong++;
    }
    expect(wrong).toBe(0);
  });

  test("refuses a changed bit of text, tag, key, nonce, data, and leaves the text (seed 6)", () => {
    seed(6);
    const all = guarded(32 + 24 + 8 + 100 + 16);
    pseudoRandom(all, 164);
    const key = all,
      nonce = all + 32,
      aad = all + 56,
      text = all + 64,
      tag = all + 164;
    xchachaSeal(key, nonce, aad, 8, text, 100, tag);
    const sealed = toHex(text, 100);
    let opened = 0;
    for (let bit: u32 = 0; bit < 8 * 180; bit++) {
      flipBit(all, bit);
      if (xchachaOpen(key, nonce, aad, 8, text, 100, tag)) opened++;
      flipBit(all, bit);
    }
    expect(opened).toBe(0);
    expect(toHex(text, 100)).toBe(sealed);
    expect(nothingLeft()).toBe(true, "scratch wiped");
    expect(xchachaOpen(key, nonce, aad, 8, text, 99, tag)).toBe(false, "short by one");
    expect(xchachaOpen(key, nonce, aad, 7, text, 100, tag)).toBe(false, "data short by one");
    expect(xchachaOpen(key, nonce, aad, 8, text, 100, tag)).toBe(true);
  });
});
