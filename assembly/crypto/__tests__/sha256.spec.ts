import { SHA256_STATE } from "../../core/scratch";
import { sha256, sha256Final, sha256Init, sha256Update } from "../sha256";
import { allAre, fromText, GUARD, guarded, pseudoRandom, seed, toHex } from "./bytes";

/** Bytes that a stream uses in scratch. */
const STATE_BYTES: usize = 368;
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

function digest(text: string): string {
  const out = guarded(48);
  sha256(fromText(text), text.length, out);
  expect(allAre(out + 32, 16, GUARD)).toBe(true, "nothing written behind the digest");
  expect(allAre(SHA256_STATE, STATE_BYTES, 0)).toBe(true, "scratch wiped");
  return toHex(out, 32);
}

describe("sha256", () => {
  test("gives the examples of FIPS 180-4: 24, 448 and 896 bits, and the empty text", () => {
    expect(digest("abc")).toBe(ABC);
    expect(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).toBe(
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    );
    expect(
      digest(
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn" +
          "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      ),
    ).toBe("cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    expect(digest("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });

  test("gives the digest of one million letters a, in pieces that do not fit blocks", () => {
    const piece = guarded(1000);
    memory.fill(piece, 0x61, 1000);
    const out = guarded(32);
    sha256Init();
    for (let i = 0; i < 1000; i++) sha256Update(piece, 1000);
    sha256Final(out);
    expect(toHex(out, 32)).toBe("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  });

  test("differs when one bit differs", () => {
    expect(digest("abb")).not.toBe(ABC);
    expect(digest("ab")).not.toBe(ABC);
  });

  test("pads around the end of a block: 55, 56, 63, 64 and 65 letters", () => {
    expect(digest("a".repeat(55))).toBe(
      "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318",
    );
    expect(digest("a".repeat(56))).toBe(
      "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a",
    );
    expect(digest("a".repeat(63))).toBe(
      "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34",
    );
    expect(digest("a".repeat(64))).toBe(
      "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb",
    );
    expect(digest("a".repeat(65))).toBe(
      "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0",
    );
  });

  test("may write over its own source", () => {
    const text = fromText("abc".padEnd(32, "x"));
    sha256(text, 3, text);
    expect(toHex(text, 32)).toBe(ABC);
  });
});

describe("sha256 as a stream", () => {
  test("gives the same digest wherever a text of 200 bytes is cut in two (seed 31)", () => {
    seed(31);
    const text = guarded(200);
    pseudoRandom(text, 200);
    const whole = guarded(32);
    sha256(text, 200, whole);
    const expected = toHex(whole, 32);
    const out = guarded(32);
    let wrong = 0;
    for (let cut: u32 = 0; cut <= 200; cut++) {
      sha256Init();
      sha256Update(text, cut);
      sha256Update(text + cut, 200 - cut);
      sha256Final(out);
      if (toHex(out, 32) !== expected) wrong++;
    }
    expect(wrong).toBe(0);
  });

  test("forgets a stream that was not finished", () => {
    const out = guarded(32);
    sha256Init();
    sha256Update(out, 32);
    expect(digest("abc")).toBe(ABC);
  });
});
