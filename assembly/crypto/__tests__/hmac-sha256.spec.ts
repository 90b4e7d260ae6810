import { HMAC_STATE, SHA256_STATE } from "../../core/scratch";
import { hmacSha256, hmacWipe } from "../hmac-sha256";
import { allAre, fromHex, fromText, GUARD, guarded, toHex } from "./bytes";

/** The tag of a message, after a look at what must stay untouched. */
function tag(key: usize, keyLen: u32, msg: usize, msgLen: u32): string {
  const out = guarded(48);
  memory.fill(HMAC_STATE, GUARD, 96);
  hmacSha256(key, keyLen, msg, msgLen, out);
  expect(allAre(out + 32, 16, GUARD)).toBe(true, "nothing written behind the tag");
  expect(allAre(HMAC_STATE, 96, 0)).toBe(true, "key wiped");
  expect(allAre(SHA256_STATE, 368, 0)).toBe(true, "hash state wiped");
  return toHex(out, 32);
}

/** `length` bytes of one value. */
function filled(value: u8, length: u32): usize {
  const at = guarded(length);
  memory.fill(at, value, length);
  return at;
}

const LONG_KEY = "Test Using Larger Than Block-Size Key - Hash Key First";
const LONG_BOTH =
  "This is a test using a larger than block-size key and a larger than block-size data. " +
  "The key needs to be hashed before being used by the HMAC algorithm.";
const CASE_1 = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";

describe("hmacSha256", () => {
  test("RFC 4231 case 1: a key of 20 bytes", () => {
    expect(tag(filled(0x0b, 20), 20, fromText("Hi There"), 8)).toBe(CASE_1);
  });

  test("RFC 4231 case 2: a key shorter than the tag", () => {
    expect(tag(fromText("Jefe"), 4, fromText("what do ya want for nothing?"), 28)).toBe(
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
  });

  test("RFC 4231 case 3: key and text together longer than a block", () => {
    expect(tag(filled(0xaa, 20), 20, filled(0xdd, 50), 50)).toBe(
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    );
  });

  test("RFC 4231 case 4: a key of 25 bytes", () => {
    const key = fromHex("0102030405060708090a0b0c0d0e0f10111213141516171819");
    expect(tag(key, 25, filled(0xcd, 50), 50)).toBe(
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    );
  });

  test("RFC 4231 case 5: the first 128 bits", () => {
    const whole = tag(filled(0x0c, 20), 20, fromText("Test With Truncation"), 20);
    expect(whole.substring(0, 32)).toBe("a3b6167473100ee06e0c796c2955552b");
  });

  test("RFC 4231 case 6: a key longer than a block", () => {
    expect(tag(filled(0xaa, 131), 131, fromText(LONG_KEY), LONG_KEY.length)).toBe(
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    );
  });

  test("RFC 4231 case 7: key and text longer than a block", () => {
    expect(tag(filled(0xaa, 131), 131, fromText(LONG_BOTH), LONG_BOTH.length)).toBe(
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    );
  });

  test("differs when one bit of key or text differs", () => {
    const key = filled(0x0b, 20);
    store<u8>(key, 0x0a, 19);
    expect(tag(key, 20, fromText("Hi There"), 8)).not.toBe(CASE_1);
    expect(tag(filled(0x0b, 20), 20, fromText("Hi Thera"), 8)).not.toBe(CASE_1);
    expect(tag(filled(0x0b, 20), 20, fromText("Hi There"), 7)).not.toBe(CASE_1);
    expect(tag(filled(0x0b, 20), 19, fromText("Hi There"), 8)).not.toBe(CASE_1);
  });

  test("takes a key of exactly one block as it is, and one of 65 bytes hashed", () => {
    // A key of 64 bytes with a zero at its end equals the same key without the zero.
    const key = filled(0x42, 64);
    store<u8>(key, 0, 63);
    const text = fromText("Hi There");
    expect(tag(key, 64, text, 8)).toBe(tag(key, 63, text, 8));
    expect(tag(filled(0x42, 65), 65, text, 8)).not.toBe(tag(filled(0x42, 64), 64, text, 8));
  });

  test("may write the tag over its message", () => {
    const message = guarded(32);
    memory.copy(message, fromText("Hi There"), 8);
    hmacSha256(filled(0x0b, 20), 20, message, 8, message);
    expect(toHex(message, 32)).toBe(CASE_1);
  });
});

describe("hmacWipe", () => {
  test("zeroes the key and the inner digest", () => {
    memory.fill(HMAC_STATE, GUARD, 96);
    hmacWipe();
    expect(allAre(HMAC_STATE, 96, 0)).toBe(true);
  });
});
