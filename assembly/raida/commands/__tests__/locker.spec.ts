import { Flag, Wire } from "../../../core/layout";
import { Status } from "../../../core/status";
import { guarded, toHex } from "../../../crypto/__tests__/bytes";
import {
  add16Bytes,
  addCoin,
  ask,
  begin,
  hand,
  message,
  messageBytes,
  openReplyBody,
  seal,
  useKeyCoin,
} from "../../__tests__/message";
import {
  anOf,
  answerTo,
  commit,
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
import { findLocker } from "../../lockers";
import { releaseReplyFrame, takeReplyFrame } from "../../reply-frames";
import { rollbackTo } from "../../rollback";
import {
  addCoins,
  addSum,
  lockerKey,
  peek,
  put,
  startOver,
  statusOfNoBody,
  statusOfSize,
  tradeAn,
} from "./locker-coins";

startNode(Wire.LEGACY, true);
/** The store has only one page of denomination 6. */
setAbsentPage(pageKey(6, 1024));

const KEY: v128 = lockerKey(0x41, 1);
const KEY_2: v128 = lockerKey(0x42, 1);
const ELSEWHERE: v128 = i8x16.splat(0x51);
const searched = guarded(16);

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

  test("is 254 when the index is full, unless the coins lie there already", () => {
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
    store<u32>(count, 13089);
    expect(answerTo(message, messageBytes, Flag.DATAGRAM)).toBe(45);
    expect(answerTo(message, messageBytes, 0)).toBe(241);
    expect(replyLength).toBe(32 + 5 * 13089 + 2);
    store<u32>(count, 13088);
    expect(answerTo(message, messageBytes, Flag.DATAGRAM)).toBe(241);
    store<u32>(count, 209716);
    expect(answerTo(message, messageBytes, 0)).toBe(45);
    store<u32>(count, 1);
    expect(answerTo(message, messageBytes, Flag.DATAGRAM)).toBe(241);
    expect(replyBody()).toBe("0000000000");
  });
});
