import { Flag, Wire } from "../../../core/layout";
import { Status } from "../../../core/status";
import { guarded, toHex } from "../../../crypto/__tests__/bytes";
import {
  add16Bytes,
  addByte,
  addCoin,
  addFiller,
  ask,
  begin,
  hand,
  message,
  messageBytes,
  noBody,
  openReplyBody,
  seal,
  useKeyCoin,
} from "../../__tests__/message";
import {
  anOf,
  answerTo,
  commit,
  fillRandom,
  head,
  holds,
  MFS_OLD,
  MFS_TODAY,
  popReply,
  reply,
  replyBody,
  replyFlags,
  replyHeld,
  replyLength,
  replyPosition,
  resetCoin,
  setAbsentPage,
  setAutoCommit,
  settle,
  startNode,
} from "../../__tests__/node";
import { pageKey } from "../../coins";
import { clearLockers, findLocker } from "../../lockers";
import { releaseReplyFrame, takeReplyFrame } from "../../reply-frames";
import { rollbackTo } from "../../rollback";
import { addCoins, addSum, lockerKey, tradeAn } from "./locker-coins";

startNode(Wire.LEGACY, true);
/** The store has only one page of denomination 6. */
setAbsentPage(pageKey(6, 1024));

const KEY: v128 = lockerKey(0x41, 1);
const KEY_2: v128 = lockerKey(0x42, 1);
const ELSEWHERE: v128 = i8x16.splat(0x51);
const searched = guarded(16);

/** All lockers are empty, and the coins that the specs use as they were. */
function startOver(): void {
  clearLockers();
  for (let serial: u32 = 0; serial < 80; serial++) {
    resetCoin(0, serial);
    resetCoin(1, serial);
  }
}

/** 8/82 of `count` coins of denomination 0. */
function put(serial: u32, count: u32, key: v128): u32 {
  begin(0, 8, 82);
  addCoins(0, serial, count);
  addSum(0, serial, count);
  add16Bytes(key);
  return ask();
}
function peek(key: v128): u32 {
  begin(0, 8, 83);
  add16Bytes(key);
  return ask();
}
function statusOfSize(command: u32, bytes: u32): u32 {
  begin(0, 8, command);
  addFiller(bytes);
  return ask();
}
function statusOfNoBody(command: u32): u32 {
  begin(0, 8, command);
  noBody();
  return ask();
}

describe("put", () => {
  test("gives every coin the key and the month, in one group", () => {
    startOver();
    const start = head();
    expect(put(30, 2, KEY)).toBe(241);
    expect(replyBody()).toBe("");
    expect(replyHeld).toBe(true);
    expect(head()).toBe(start + 3);
    expect(replyPosition).toBe(start + 3);
    expect(holds(0, 30, KEY, MFS_TODAY) && holds(0, 31, KEY, MFS_TODAY)).toBe(true);
    expect(peek(KEY)).toBe(241);
    expect(replyBody()).toBe("000000001e000000001f");
    expect(put(32, 1, KEY)).toBe(241);
    expect(peek(KEY)).toBe(241);
    expect(replyBody()).toBe("000000001e000000001f0000000020");
  });

  test("changes nothing for a wrong XOR, a wrong key or a coin on no page", () => {
    startOver();
    const start = head();
    begin(0, 8, 82);
    addCoins(0, 30, 2);
    addSum(0, 30, 1);
    add16Bytes(KEY);
    expect(ask()).toBe(242);
    expect(put(30, 2, ELSEWHERE)).toBe(199);
    expect(put(30, 2, tradeAn(1, 2, 1))).toBe(199);
    begin(0, 8, 82);
    addCoins(0, 30, 2);
    addSum(0, 30, 1);
    add16Bytes(ELSEWHERE);
    expect(ask()).toBe(242, "the XOR comes first");
    expect(put(2047, 2, KEY)).toBe(40);
    begin(0, 8, 82);
    addCoin(6, 1024);
    add16Bytes(anOf(6, 1024));
    add16Bytes(KEY);
    expect(ask()).toBe(40);
    expect(head()).toBe(start);
    expect(peek(KEY)).toBe(242);
  });

  test("fails a coin that is not in use and a coin named twice", () => {
    startOver();
    expect(put(600, 1, KEY)).toBe(242);
    expect(put(511, 1, KEY)).toBe(241);
    resetCoin(0, 511);
    begin(0, 8, 82);
    addCoin(0, 5);
    addCoin(0, 5);
    addSum(0, 0, 0);
    add16Bytes(KEY_2);
    expect(ask()).toBe(242);
    expect(peek(KEY_2)).toBe(242);
  });

  test("takes sizes of at least one coin, and no remainder", () => {
    expect(statusOfNoBody(82)).toBe(36);
    expect(statusOfSize(82, 36)).toBe(16);
    expect(statusOfSize(82, 37)).toBe(40);
    expect(statusOfSize(82, 38)).toBe(39);
    expect(statusOfSize(82, 32 + 5 * 4097)).toBe(45);
    expect(statusOfSize(82, 32 + 5 * 4096)).toBe(40);
  });

  test("is 254 and changes nothing when the index is full, unless the coins lie there already", () => {
    startOver();
    const start = head();
    expect(put(0, 60, KEY)).toBe(241);
    expect(put(60, 5, KEY_2)).toBe(254);
    expect(holds(0, 60, anOf(0, 60), MFS_OLD)).toBe(true);
    expect(head()).toBe(start + 61);
    expect(put(60, 4, KEY_2)).toBe(241);
    expect(put(64, 1, KEY_2)).toBe(254);
    begin(0, 8, 82);
    addCoins(0, 60, 3);
    add16Bytes(KEY_2);
    add16Bytes(KEY);
    expect(ask()).toBe(241, "from locker to locker");
    expect(peek(KEY_2)).toBe(241);
    expect(replyBody()).toBe("000000003f");
  });

  test("comes back out by pown, and the locker with it", () => {
    startOver();
    expect(put(30, 2, KEY)).toBe(241);
    for (let serial: u32 = 30; serial < 32; serial++) {
      begin(0, 1, 20);
      addCoin(0, serial);
      add16Bytes(KEY);
      add16Bytes(ELSEWHERE);
      expect(ask()).toBe(241);
    }
    expect(peek(KEY)).toBe(242);
    // And in by pown (section 11, point 40).
    begin(0, 1, 20);
    addCoin(0, 30);
    add16Bytes(ELSEWHERE);
    add16Bytes(KEY);
    expect(ask()).toBe(241);
    expect(peek(KEY)).toBe(241);
    expect(replyBody()).toBe("000000001e");
  });

  test("is undone with its locker by a rollback", () => {
    startOver();
    expect(put(30, 1, KEY)).toBe(241);
    setAutoCommit(false);
    const start = head();
    begin(0, 8, 82);
    addCoins(0, 31, 2);
    addSum(0, 31, 2);
    add16Bytes(KEY);
    hand();
    begin(0, 8, 82);
    addCoin(0, 30);
    add16Bytes(KEY);
    add16Bytes(KEY_2);
    hand();
    settle();
    expect(popReply()).toBe(false);
    expect(rollbackTo(start)).toBe(Status.OK);
    for (let i = 0; i < 2; i++) {
      expect(popReply()).toBe(true);
      expect(load<u8>(reply, 2)).toBe(252);
    }
    setAutoCommit(true);
    commit();
    expect(peek(KEY)).toBe(241);
    expect(replyBody()).toBe("000000001e");
    expect(peek(KEY_2)).toBe(242);
    expect(holds(0, 31, anOf(0, 31), MFS_OLD)).toBe(true);
  });
});

describe("peek", () => {
  test("is 242 for a key that no coin has, and for an AN that is no key", () => {
    startOver();
    expect(peek(KEY)).toBe(242);
    expect(replyBody()).toBe("");
    expect(peek(anOf(0, 5))).toBe(242);
    begin(0, 1, 20);
    addCoin(0, 7);
    add16Bytes(anOf(0, 7));
    add16Bytes(tradeAn(1, 2, 1));
    expect(ask()).toBe(241);
    expect(peek(tradeAn(1, 2, 1))).toBe(242, "a trade locker is none");
    startOver();
  });

  test("takes 16 bytes", () => {
    expect(statusOfNoBody(83)).toBe(36);
    expect(statusOfSize(83, 15)).toBe(16);
    expect(statusOfSize(83, 17)).toBe(16);
    expect(statusOfSize(83, 16)).toBe(242);
  });

  test("waits for the commit of what it has seen", () => {
    startOver();
    setAutoCommit(false);
    begin(0, 8, 82);
    addCoins(0, 30, 1);
    addSum(0, 30, 1);
    add16Bytes(KEY);
    hand();
    begin(0, 8, 83);
    add16Bytes(KEY);
    hand();
    begin(0, 8, 83);
    add16Bytes(KEY_2);
    hand();
    settle();
    expect(popReply()).toBe(false);
    commit();
    expect(popReply()).toBe(true);
    expect(popReply()).toBe(true);
    expect(replyBody()).toBe("000000001e");
    expect(popReply()).toBe(true);
    expect(load<u8>(reply, 2)).toBe(242);
    setAutoCommit(true);
  });

  test("of a locker larger than its frame takes a reply frame", () => {
    startOver();
    expect(put(0, 60, KEY)).toBe(241);
    expect(peek(KEY)).toBe(241);
    expect(replyFlags & Flag.REPLY_FRAME).toBe(0);
    expect(replyLength).toBe(32 + 300 + 2);
    const inPlace = toHex(reply + 32, 300);
    // Its key page has to be read first, so it is parked, where there is room for 256 bytes.
    begin(1, 8, 83);
    useKeyCoin(3, 1500);
    add16Bytes(KEY);
    expect(ask()).toBe(241);
    expect(replyFlags & Flag.REPLY_FRAME).toBe(Flag.REPLY_FRAME);
    expect(toHex(openReplyBody(reply, 300), 300)).toBe(inPlace);
  });

  test("waits for a reply frame", () => {
    const frames: usize[] = [];
    for (let frame = takeReplyFrame(); frame; frame = takeReplyFrame()) frames.push(frame);
    begin(1, 8, 83);
    useKeyCoin(4, 1500);
    add16Bytes(KEY);
    hand();
    settle();
    expect(popReply()).toBe(false);
    for (let i = 0; i < frames.length; i++) releaseReplyFrame(frames[i]);
    settle();
    expect(popReply()).toBe(true);
    expect(load<u8>(reply, 2)).toBe(241);
  });

  test("is 45 for more coins than a datagram, or any reply, can carry", () => {
    startOver();
    expect(put(0, 1, KEY)).toBe(241);
    begin(0, 8, 83);
    add16Bytes(KEY);
    seal();
    // The number of coins in the entry stands for a locker that the specs have no room for.
    v128.store(searched, KEY);
    const count = findLocker(searched) + 24;
    store<u32>(count, 13085);
    expect(answerTo(message, messageBytes, Flag.DATAGRAM)).toBe(45);
    expect(answerTo(message, messageBytes, 0)).toBe(241);
    expect(replyLength).toBe(32 + 5 * 13085 + 2);
    store<u32>(count, 13084);
    expect(answerTo(message, messageBytes, Flag.DATAGRAM)).toBe(241);
    store<u32>(count, 209716);
    expect(answerTo(message, messageBytes, 0)).toBe(45);
    store<u32>(count, 1);
    expect(answerTo(message, messageBytes, Flag.DATAGRAM)).toBe(241);
    expect(replyBody()).toBe("0000000000");
  });
});

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

  test("sends a surplus byte for a multiple of 8, and 242 without a body for an unknown key", () => {
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
