import { Wire } from "../../../core/layout";
import {
  add16Bytes,
  addByte,
  addCoin,
  addFiller,
  ask,
  begin,
  message,
  messageBytes,
  seal,
} from "../../__tests__/message";
import {
  anOf,
  answerTo,
  head,
  holds,
  MFS_OLD,
  MFS_TODAY,
  replyBody,
  setAbsentPage,
  startNode,
} from "../../__tests__/node";
import { pageKey } from "../../coins";
import {
  addCoins,
  addSum,
  lockerKey,
  peek,
  startOver,
  statusOfNoBody,
  statusOfSize,
} from "./locker-coins";

startNode(Wire.LEGACY, true);
/** The store has only one page of denomination 6. */
setAbsentPage(pageKey(6, 1024));

const KEY: v128 = lockerKey(0x41, 1);
const KEY_2: v128 = lockerKey(0x42, 1);
const ELSEWHERE: v128 = i8x16.splat(0x51);

/** One locker of 8/88. */
function addPart(serial: u32, count: u32, summed: u32, key: v128): void {
  addByte(count >> 8);
  addByte(count & 255);
  addCoins(0, serial, count);
  addSum(0, serial, summed);
  add16Bytes(key);
}
function putMany(parts: u32): void {
  begin(0, 8, 88);
  addByte(parts);
}

describe("put many", () => {
  test("makes every locker, in one group", () => {
    startOver();
    const start = head();
    putMany(2);
    addPart(40, 1, 1, KEY);
    addPart(41, 2, 2, KEY_2);
    expect(ask()).toBe(241);
    expect(replyBody()).toBe("");
    expect(head()).toBe(start + 4);
    expect(peek(KEY)).toBe(241);
    expect(replyBody()).toBe("0000000028");
    expect(peek(KEY_2)).toBe(241);
    expect(replyBody()).toBe("0000000029000000002a");
  });

  test("fails each locker alone: XOR, key, page, no coin, a coin twice", () => {
    startOver();
    putMany(9);
    addPart(10, 1, 1, KEY);
    addPart(11, 2, 1, KEY);
    addPart(13, 1, 1, ELSEWHERE);
    addPart(2048, 1, 1, KEY);
    addPart(0, 0, 0, KEY);
    addByte(0);
    addByte(2);
    addCoin(0, 14);
    addCoin(0, 14);
    addSum(0, 0, 0);
    add16Bytes(KEY);
    addPart(600, 1, 1, KEY);
    addPart(10, 1, 1, KEY_2);
    addPart(15, 1, 1, KEY);
    expect(ask()).toBe(243);
    expect(replyBody()).toBe("0101");
    expect(peek(KEY)).toBe(241);
    expect(replyBody()).toBe("000000000a000000000f");
  });

  test("works in order: a coin moves on when its new AN is shown", () => {
    startOver();
    putMany(2);
    addPart(20, 1, 1, KEY);
    addByte(0);
    addByte(1);
    addCoin(0, 20);
    add16Bytes(KEY);
    add16Bytes(KEY_2);
    expect(ask()).toBe(241);
    expect(holds(0, 20, KEY_2, MFS_TODAY)).toBe(true);
    expect(peek(KEY)).toBe(242);
  });

  test("costs no journal space when all fail", () => {
    startOver();
    const start = head();
    putMany(2);
    addPart(20, 1, 0, KEY);
    addPart(21, 1, 0, KEY);
    expect(ask()).toBe(242);
    expect(replyBody()).toBe("");
    expect(head()).toBe(start);
  });

  test("is 198 for no locker, and 16 for every wrong size", () => {
    expect(statusOfNoBody(88)).toBe(36);
    expect(statusOfSize(88, 0)).toBe(16);
    putMany(0);
    expect(ask()).toBe(198);
    putMany(1);
    expect(ask()).toBe(16);
    putMany(1);
    addPart(20, 1, 0, KEY);
    addByte(1);
    expect(ask()).toBe(16);
    putMany(2);
    addPart(20, 1, 0, KEY);
    expect(ask()).toBe(16);
    putMany(1);
    addByte(0xff);
    addByte(0xff);
    addFiller(37);
    expect(ask()).toBe(16);
    putMany(1);
    addPart(20, 1, 0, KEY);
    expect(ask()).toBe(242);
  });

  test("is 45 for more than 4096 coins in all", () => {
    for (let more: u32 = 0; more < 2; more++) {
      putMany(2);
      addPart(0, 2048, 0, KEY);
      addPart(0, 2048 + more, 0, KEY);
      seal();
      expect(answerTo(message, messageBytes, 0)).toBe(more ? 45 : 242);
    }
  });

  test("is 254 for all when one would not find room", () => {
    startOver();
    putMany(2);
    addPart(0, 60, 60, KEY);
    addPart(60, 5, 5, KEY_2);
    expect(ask()).toBe(254);
    expect(peek(KEY)).toBe(242);
    expect(holds(0, 0, anOf(0, 0), MFS_OLD)).toBe(true);
  });
});
