import { Wire } from "../../../core/layout";
import { toHex } from "../../../crypto/__tests__/bytes";
import {
  add16Bytes,
  addCoin,
  ask,
  begin,
  openReplyBody,
  useKeyCoin,
} from "../../__tests__/message";
import {
  anOf,
  fillRandom,
  head,
  holds,
  MFS_OLD,
  MFS_TODAY,
  reply,
  replyBody,
  setAbsentPage,
  startNode,
} from "../../__tests__/node";
import { pageKey } from "../../coins";
import { lockerKey, peek, put, startOver, statusOfNoBody, statusOfSize } from "./locker-coins";

startNode(Wire.LEGACY, true);
/** The store has only one page of denomination 6. */
setAbsentPage(pageKey(6, 1024));

const KEY: v128 = lockerKey(0x41, 1);
const KEY_2: v128 = lockerKey(0x42, 1);
const ELSEWHERE: v128 = i8x16.splat(0x51);

describe("remove", () => {
  test("moves the coins of the locker, and sends the bitmap whatever comes", () => {
    startOver();
    expect(put(30, 3, KEY)).toBe(241);
    const start = head();
    begin(0, 8, 84);
    add16Bytes(KEY);
    addCoin(0, 30);
    add16Bytes(ELSEWHERE);
    addCoin(0, 40);
    add16Bytes(ELSEWHERE);
    addCoin(0, 32);
    add16Bytes(KEY_2);
    expect(ask()).toBe(243);
    expect(replyBody()).toBe("05");
    expect(head()).toBe(start + 3, "a group of two");
    expect(holds(0, 30, ELSEWHERE, MFS_TODAY)).toBe(true);
    expect(holds(0, 40, anOf(0, 40), MFS_OLD)).toBe(true);
    expect(peek(KEY)).toBe(241);
    expect(replyBody()).toBe("000000001f");
    expect(peek(KEY_2)).toBe(241);
    expect(replyBody()).toBe("0000000020");
    begin(0, 8, 84);
    add16Bytes(KEY);
    addCoin(0, 31);
    add16Bytes(ELSEWHERE);
    expect(ask()).toBe(241);
    expect(replyBody()).toBe("01");
    expect(peek(KEY)).toBe(242);
  });

  test("fails coins elsewhere, on no page or not in use: 242 with the bitmap", () => {
    startOver();
    expect(put(30, 1, KEY)).toBe(241);
    const start = head();
    begin(0, 8, 84);
    add16Bytes(KEY);
    addCoin(0, 31);
    add16Bytes(ELSEWHERE);
    addCoin(7, 31);
    add16Bytes(ELSEWHERE);
    addCoin(0, 600);
    add16Bytes(ELSEWHERE);
    expect(ask()).toBe(242);
    expect(replyBody()).toBe("00");
    expect(head()).toBe(start);
  });

  test("sends a surplus byte for a multiple of 8, and no body for an unknown key", () => {
    startOver();
    expect(put(0, 16, KEY)).toBe(241);
    begin(0, 8, 84);
    add16Bytes(KEY);
    for (let i: u32 = 0; i < 16; i++) {
      addCoin(0, i);
      add16Bytes(ELSEWHERE);
    }
    expect(ask()).toBe(241);
    expect(replyBody()).toBe("ffff00");
    expect(ask()).toBe(242);
    begin(0, 8, 84);
    add16Bytes(KEY);
    addCoin(0, 1);
    add16Bytes(ELSEWHERE);
    expect(ask()).toBe(242);
    expect(replyBody()).toBe("");
    begin(0, 8, 84);
    add16Bytes(ELSEWHERE);
    addCoin(0, 1);
    add16Bytes(KEY);
    expect(ask()).toBe(242, "an AN that is no key opens nothing");
    expect(replyBody()).toBe("");
    expect(holds(0, 1, ELSEWHERE, MFS_TODAY)).toBe(true);
  });

  test("takes a coin named twice once, unless it stays in the locker", () => {
    startOver();
    expect(put(30, 2, KEY)).toBe(241);
    begin(0, 8, 84);
    add16Bytes(KEY);
    addCoin(0, 30);
    add16Bytes(ELSEWHERE);
    addCoin(0, 30);
    add16Bytes(KEY_2);
    expect(ask()).toBe(243);
    expect(replyBody()).toBe("01");
    expect(holds(0, 30, ELSEWHERE, MFS_TODAY)).toBe(true);
    begin(0, 8, 84);
    add16Bytes(KEY);
    addCoin(0, 31);
    add16Bytes(KEY);
    addCoin(0, 31);
    add16Bytes(ELSEWHERE);
    expect(ask()).toBe(241);
    expect(replyBody()).toBe("03");
    expect(peek(KEY)).toBe(242);
  });

  test("works in types 4 and 5, where the bitmap comes to lie on the key", () => {
    startOver();
    expect(put(0, 16, KEY)).toBe(241);
    for (let type: u32 = 4; type <= 5; type++) {
      begin(type, 8, 84);
      useKeyCoin(0, 70);
      add16Bytes(KEY);
      for (let i: u32 = 0; i < 16; i++) {
        addCoin(0, i);
        add16Bytes(i === 15 && type === 4 ? KEY : ELSEWHERE);
      }
      expect(ask()).toBe(type === 4 ? 241 : 243);
      expect(toHex(openReplyBody(reply, 3), 3)).toBe(type === 4 ? "ffff00" : "008000");
    }
    fillRandom();
  });

  test("takes sizes of at least one coin, and no remainder", () => {
    expect(statusOfNoBody(84)).toBe(36);
    expect(statusOfSize(84, 36)).toBe(16);
    expect(statusOfSize(84, 37)).toBe(242);
    expect(statusOfSize(84, 38)).toBe(39);
  });
});
