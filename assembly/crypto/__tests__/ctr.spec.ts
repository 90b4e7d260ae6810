import { AES_KEYS, AES_SLICED_KEYS, CTR_STREAM } from "../../core/scratch";
import { ctr128, ctr256, ctrWipe, SWIZZLE_BYTES_MAX } from "../ctr";
import { twinExpand, twinStream } from "./aes-twin";
import { allAre, fromHex, GUARD, guarded, pseudoRandom, seed, toHex } from "./bytes";

const KEY_128 = "2b7e151628aed2a6abf7158809cf4f3c";
const KEY_256 = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
const COUNTER = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
const TEXT =
  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" +
  "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
/** SP 800-38A F.5.1 and F.5.5. */
const CIPHER_128 =
  "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff" +
  "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee";
const CIPHER_256 =
  "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5" +
  "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6";

/** ctr128 or ctr256 by the length of the key. */
function ctr(keyBytes: u32, key: usize, counter: usize, src: usize, dst: usize, len: u32): void {
  if (keyBytes === 16) ctr128(key, counter, src, dst, len);
  else ctr256(key, counter, src, dst, len);
}

/** Hexadecimal texts in, hexadecimal text out. */
function crypt(key: string, counter: string, text: string): string {
  const len = text.length >> 1;
  const out = guarded(len);
  ctr(key.length >> 1, fromHex(key), fromHex(counter), fromHex(text), out, len);
  return toHex(out, len);
}

/** Lengths 0 to 600 against the twin: how many were wrong, or touched a byte outside. */
function sweep(keyBytes: u32, inPlace: bool): i32 {
  const key = guarded(32);
  const counter = guarded(16);
  const text = guarded(608);
  const stream = guarded(608);
  const work = guarded(1400);
  pseudoRandom(key, 32);
  pseudoRandom(counter, 16);
  pseudoRandom(text, 608);
  twinStream(key, keyBytes >> 2, counter, stream, 38);
  let wrong = 0;
  for (let len: u32 = 0; len <= 600; len++) {
    memory.fill(work, GUARD, 1400);
    const src = work + 16 + (len % 13);
    const dst = inPlace ? src : work + 700 + (len % 7);
    memory.copy(src, text, len);
    ctr(keyBytes, key, counter, src, dst, len);
    if (!isSum(dst, text, stream, len)) wrong++;
    const first = inPlace ? dst : src;
    if (!inPlace && memory.compare(src, text, len)) wrong++;
    if (!allAre(work, first - work, GUARD)) wrong++;
    if (!inPlace && !allAre(src + len, dst - src - len, GUARD)) wrong++;
    if (!allAre(dst + len, work + 1400 - dst - len, GUARD)) wrong++;
  }
  ctrWipe();
  return wrong;
}

function isSum(sum: usize, a: usize, b: usize, len: u32): bool {
  for (let i: u32 = 0; i < len; i++) {
    if (load<u8>(sum + i) !== (load<u8>(a + i) ^ load<u8>(b + i))) return false;
  }
  return true;
}

/** Whether 20 blocks from the counter block `counter` have the twin's key stream, both ways. */
function carries(keyBytes: u32, counter: string): bool {
  const key = guarded(32);
  pseudoRandom(key, 32);
  const from = fromHex(counter);
  const expected = guarded(320);
  twinStream(key, keyBytes >> 2, from, expected, 20);
  const out = guarded(320);
  memory.fill(out, 0, 320);
  ctr(keyBytes, key, from, out, out, 320);
  if (memory.compare(out, expected, 320)) return false;
  memory.fill(out, 0, 320);
  ctr(keyBytes, key, from, out, out, SWIZZLE_BYTES_MAX);
  return memory.compare(out, expected, SWIZZLE_BYTES_MAX) === 0;
}

describe("the twin", () => {
  test("expands the keys of FIPS 197 A.1 and A.3", () => {
    const short = twinExpand(fromHex(KEY_128), 4);
    expect(toHex(changetype<usize>(short) + 160, 16)).toBe("d014f9a8c9ee2589e13f0cc8b6630ca6");
    const long = twinExpand(fromHex(KEY_256), 8);
    expect(toHex(changetype<usize>(long) + 224, 16)).toBe("fe4890d1e6188d0b046df344706c631e");
  });
});

describe("ctr128", () => {
  test("gives SP 800-38A F.5.1, and F.5.2 back", () => {
    expect(crypt(KEY_128, COUNTER, TEXT)).toBe(CIPHER_128);
    expect(crypt(KEY_128, COUNTER, CIPHER_128)).toBe(TEXT);
  });

  test("gives the block of FIPS 197 C.1 as key stream", () => {
    const key = "000102030405060708090a0b0c0d0e0f";
    const zeros = "00".repeat(16);
    const block = "00112233445566778899aabbccddeeff";
    expect(crypt(key, block, zeros)).toBe("69c4e0d86a7b0430d8cdb78070b4c55a");
    expect(crypt(key, block, "00".repeat(208)).substring(0, 32)).toBe(
      "69c4e0d86a7b0430d8cdb78070b4c55a",
    );
  });

  test("leaves the round keys of FIPS 197 A.1 until the wipe", () => {
    crypt(KEY_128, COUNTER, "00");
    expect(toHex(AES_KEYS + 160, 16)).toBe("d014f9a8c9ee2589e13f0cc8b6630ca6");
    ctrWipe();
    expect(allAre(AES_KEYS, 240, 0)).toBe(true);
  });

  test("equals the twin for every length 0 to 600, in place or not, any address (seed 41)", () => {
    seed(41);
    expect(sweep(16, false)).toBe(0);
    expect(sweep(16, true)).toBe(0);
  });

  test("differs when one bit of the key or the counter differs", () => {
    const key = "2b7e151628aed2a6abf7158809cf4f3d";
    expect(crypt(key, COUNTER, TEXT)).not.toBe(CIPHER_128);
    const counter = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfefe";
    expect(crypt(KEY_128, counter, TEXT)).not.toBe(CIPHER_128);
  });
});

describe("ctr256", () => {
  test("gives SP 800-38A F.5.5, and F.5.6 back", () => {
    expect(crypt(KEY_256, COUNTER, TEXT)).toBe(CIPHER_256);
    expect(crypt(KEY_256, COUNTER, CIPHER_256)).toBe(TEXT);
  });

  test("gives the block of FIPS 197 C.3 as key stream", () => {
    const key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const block = "00112233445566778899aabbccddeeff";
    expect(crypt(key, block, "00".repeat(16))).toBe("8ea2b7ca516745bfeafc49904b496089");
    expect(crypt(key, block, "00".repeat(208)).substring(0, 32)).toBe(
      "8ea2b7ca516745bfeafc49904b496089",
    );
  });

  test("leaves the round keys of FIPS 197 A.3 until the wipe", () => {
    crypt(KEY_256, COUNTER, "00");
    expect(toHex(AES_KEYS + 224, 16)).toBe("fe4890d1e6188d0b046df344706c631e");
    ctrWipe();
    expect(allAre(AES_KEYS, 240, 0)).toBe(true);
  });

  test("equals the twin for every length 0 to 600, in place or not, any address (seed 42)", () => {
    seed(42);
    expect(sweep(32, false)).toBe(0);
    expect(sweep(32, true)).toBe(0);
  });

  test("differs when one bit of either half of the key differs", () => {
    const first = "613deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
    const last = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff5";
    expect(crypt(first, COUNTER, TEXT)).not.toBe(CIPHER_256);
    expect(crypt(KEY_256, COUNTER, TEXT)).toBe(CIPHER_256);
    expect(crypt(last, COUNTER, TEXT)).not.toBe(CIPHER_256);
  });
});

describe("the counter", () => {
  test("carries across 8, 32, 64 and 128 bits, in both ciphers and key sizes (seed 43)", () => {
    seed(43);
    for (let steps: u32 = 0; steps < 20; steps++) {
      // 0 to 19 steps before the end, so that the carry falls on every block of a run.
      const end = (255 - steps).toString(16);
      expect(carries(16, "0".repeat(30) + end)).toBe(true, "8 bits");
      expect(carries(16, "0".repeat(24) + "f".repeat(6) + end)).toBe(true, "32 bits");
      expect(carries(16, "0".repeat(16) + "f".repeat(14) + end)).toBe(true, "64 bits");
      expect(carries(16, "f".repeat(30) + end)).toBe(true, "128 bits");
      expect(carries(32, "0".repeat(16) + "f".repeat(14) + end)).toBe(true, "64 bits, AES-256");
      expect(carries(32, "f".repeat(30) + end)).toBe(true, "128 bits, AES-256");
    }
    ctrWipe();
  });

  test("is not changed in the caller's block", () => {
    const counter = fromHex(COUNTER);
    const text = guarded(256);
    ctr128(fromHex(KEY_128), counter, text, text, 256);
    expect(toHex(counter, 16)).toBe(COUNTER);
    ctrWipe();
  });
});

describe("the kept key schedule", () => {
  test("serves the same key again, whichever cipher is next", () => {
    const long = "00".repeat(208);
    const key = "000102030405060708090a0b0c0d0e0f";
    const block = "00112233445566778899aabbccddeeff";
    for (let turn = 0; turn < 3; turn++) {
      expect(crypt(key, block, "00".repeat(16))).toBe("69c4e0d86a7b0430d8cdb78070b4c55a");
      expect(crypt(key, block, long).substring(0, 32)).toBe("69c4e0d86a7b0430d8cdb78070b4c55a");
    }
    ctrWipe();
  });

  test("does not serve another key, nor the other size with the same first bytes", () => {
    // Round key 1 of the short key behind it: the schedules agree in their first 32 bytes.
    const other = fromHex(`${KEY_128}a0fafe1788542cb123a339392a6c7605`);
    const counter = fromHex(COUNTER);
    const expected = guarded(16);
    const out = guarded(16);
    memory.fill(out, 0, 16);
    twinStream(other, 8, counter, expected, 1);
    crypt(KEY_128, COUNTER, TEXT);
    ctr256(other, counter, out, out, 16);
    expect(toHex(out, 16)).toBe(toHex(expected, 16));
    expect(crypt(KEY_128, COUNTER, TEXT)).toBe(CIPHER_128);
    expect(crypt(KEY_256, COUNTER, TEXT)).toBe(CIPHER_256);
    ctrWipe();
  });

  test("does not take the zeros of a wipe for the schedule of the zero key", () => {
    const zeros = "00".repeat(16);
    crypt(KEY_128, COUNTER, TEXT);
    ctrWipe();
    expect(crypt(zeros, zeros, zeros)).toBe("66e94bd4ef8a2c3b884cfa59ca342b2e");
    crypt(KEY_256, COUNTER, TEXT);
    ctrWipe();
    expect(crypt(zeros + zeros, zeros, zeros)).toBe("dc95c078a2408989ad48a21492842087");
    ctrWipe();
  });
});

describe("ctrWipe", () => {
  test("leaves no key and no key stream of either cipher", () => {
    crypt(KEY_256, COUNTER, TEXT);
    crypt(KEY_128, COUNTER, TEXT);
    crypt(KEY_256, COUNTER, "00".repeat(400));
    crypt(KEY_128, COUNTER, TEXT);
    expect(allAre(AES_SLICED_KEYS, 1920, 0)).toBe(false);
    ctrWipe();
    expect(allAre(AES_KEYS, CTR_STREAM + 128 - AES_KEYS, 0)).toBe(true);
  });
});
