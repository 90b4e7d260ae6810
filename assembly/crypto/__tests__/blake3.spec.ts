import { BLAKE3_STATE } from "../../core/scratch";
import { blake3, blake3Keyed, blake3Xof } from "../blake3";
import { blake3Init, blake3Output, blake3Update, HASHER_BYTES } from "../blake3-hasher";
import { blake3Ratchet } from "../generated/blake3-lanes";
import { allAre, flipBit, fromText, GUARD, guarded, pseudoRandom, seed, toHex } from "./bytes";

function digest(at: usize, length: u32): string {
  const out = guarded(48);
  blake3(at, length, out);
  expect(allAre(out + 32, 16, GUARD)).toBe(true, "nothing written behind the digest");
  return toHex(out, 32);
}

describe("blake3", () => {
  test("gives the digests of its authors: empty, 1, 1024, 1025 and 31744 bytes", () => {
    const text = guarded(31744);
    for (let i: usize = 0; i < 31744; i++) store<u8>(text + i, <u8>(i % 251));
    expect(digest(text, 0)).toBe(
      "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    );
    expect(digest(text, 1)).toBe(
      "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    );
    expect(digest(text, 1024)).toBe(
      "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
    );
    expect(digest(text, 1025)).toBe(
      "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
    );
    expect(digest(text, 31744)).toBe(
      "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47",
    );
    expect(allAre(BLAKE3_STATE, HASHER_BYTES, 0)).toBe(true, "scratch wiped");
  });

  test("differs when one bit of the text or of the key differs, or when it is keyed", () => {
    const text = fromText("abc"),
      key = guarded(32),
      one = guarded(32),
      other = guarded(32);
    blake3Keyed(key, text, 3, one);
    const plain = digest(text, 3);
    expect(toHex(one, 32)).not.toBe(plain);
    flipBit(key, 255);
    blake3Keyed(key, text, 3, other);
    expect(toHex(one, 32)).not.toBe(toHex(other, 32));
    flipBit(text, 23);
    expect(digest(text, 3)).not.toBe(plain);
  });

  test("begins every output with the digest, to the byte", () => {
    const text = fromText("abc"),
      out = guarded(100);
    const whole = digest(text, 3);
    for (let length: u32 = 1; length <= 84; length++) {
      memory.fill(out, GUARD, 100);
      blake3Xof(text, 3, out, length);
      const same = toHex(out, min<u32>(length, 32)) == whole.substring(0, 2 * min<u32>(length, 32));
      if (!same || !allAre(out + length, 16, GUARD)) expect(length).toBe(0);
    }
  });
});

describe("blake3 as a stream", () => {
  test("gives the digest wherever up to 40 chunks are cut (seed 77)", () => {
    seed(77);
    const text = guarded(40960),
      state = guarded(HASHER_BYTES),
      out = guarded(32);
    pseudoRandom(text, 40960);
    let wrong = 0;
    for (let length: u32 = 1; length <= 40960; length += 1023) {
      const wanted = digest(text, length);
      for (let cut: u32 = 0; cut <= length; cut += 4095) {
        blake3Init(state, 0);
        blake3Update(state, text, cut);
        blake3Update(state, text + cut, 0);
        blake3Update(state, text + cut, length - cut);
        blake3Output(state, 0, out, 32);
        if (toHex(out, 32) != wanted) wrong++;
      }
    }
    expect(wrong).toBe(0);
  });
});

describe("the ratchet's two digests at once", () => {
  test("are the two digests (seed 78)", () => {
    seed(78);
    const chain = guarded(48),
      next = guarded(32),
      key = guarded(32);
    for (let i = 0; i < 20; i++) {
      pseudoRandom(chain, 32);
      store<u8>(chain + 32, 1);
      const wantedNext = digest(chain, 33);
      store<u8>(chain + 32, 2);
      const wantedKey = digest(chain, 33);
      blake3Ratchet(chain, next, key);
      expect(toHex(next, 32)).toBe(wantedNext);
      expect(toHex(key, 32)).toBe(wantedKey);
      blake3Ratchet(chain, chain, key);
      expect(toHex(chain, 32)).toBe(wantedNext);
    }
  });
});
