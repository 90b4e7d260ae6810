import { Wire } from "../../core/layout";
import { guarded, toHex } from "../../crypto/__tests__/bytes";
import { lockerKey, peek, put, startOver, tradeAn } from "../commands/__tests__/locker-coins";
import { enterLockerCoin } from "../tables";
import { add16Bytes, ask, begin, openReplyBody, useKey } from "./message";
import { reply, replyBody, replyKind, replySerial, startNode, useWire } from "./node";

startNode(Wire.LEGACY, true);

const KEY: v128 = lockerKey(0x41, 1);
/** The same first five bytes. */
const YOUNGER: v128 = lockerKey(0x41, 2);
const key = guarded(16);

/** 8/83 of the locker, encrypted under a key. */
function peekUnder(under: v128): u32 {
  begin(2, 8, 83);
  useKey(under);
  add16Bytes(KEY);
  return ask();
}

describe("type 2", () => {
  test("is encrypted under the locker's key, in both wires", () => {
    startOver();
    expect(put(30, 1, KEY)).toBe(241);
    expect(peekUnder(KEY)).toBe(241);
    expect(toHex(openReplyBody(reply, 5), 5)).toBe("000000001e");
    useWire(Wire.SPEC, true);
    expect(peekUnder(KEY)).toBe(241);
    expect(toHex(openReplyBody(reply, 5), 5)).toBe("000000001e");
    useWire(Wire.LEGACY, true);
  });

  test("tells the host nothing of the key", () => {
    startOver();
    expect(put(30, 1, KEY)).toBe(241);
    expect(peekUnder(KEY)).toBe(241);
    expect(replyKind).toBe(0x53080002, "group 8, command 83, type 2");
    expect(replySerial).toBe(0);
  });

  test("is 34 for five bytes that no locker begins with", () => {
    startOver();
    expect(peekUnder(KEY)).toBe(34);
    expect(put(30, 1, KEY)).toBe(241);
    v128.store(key, KEY);
    for (let byte: usize = 0; byte < 5; byte++) {
      store<u8>(key + byte, load<u8>(key + byte) ^ 1);
      expect(peekUnder(v128.load(key))).toBe(34);
      store<u8>(key + byte, load<u8>(key + byte) ^ 1);
    }
    expect(peekUnder(KEY)).toBe(241);
  });

  test("is 34 for the first bytes of an offer", () => {
    startOver();
    v128.store(key, tradeAn(0x41, 1, 1));
    expect(enterLockerCoin(8, 30, key)).toBe(0);
    expect(peekUnder(tradeAn(0x41, 1, 1))).toBe(34);
  });

  test("is 37 under a key of which only the first bytes are right", () => {
    startOver();
    expect(put(30, 1, KEY)).toBe(241);
    expect(peekUnder(YOUNGER)).toBe(37);
  });

  test("takes the oldest of several lockers", () => {
    startOver();
    expect(put(30, 1, KEY)).toBe(241);
    expect(put(31, 1, YOUNGER)).toBe(241);
    expect(put(32, 1, KEY)).toBe(241);
    expect(peekUnder(KEY)).toBe(241);
    expect(peekUnder(YOUNGER)).toBe(37);
    startOver();
    expect(put(31, 1, YOUNGER)).toBe(241);
    expect(put(30, 1, KEY)).toBe(241);
    expect(peekUnder(KEY)).toBe(37);
    expect(peekUnder(YOUNGER)).toBe(241);
    expect(peek(KEY)).toBe(241);
    expect(replyBody()).toBe("000000001e");
    startOver();
  });
});
