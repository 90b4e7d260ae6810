import { Effect, EffectKind, EffectStatus, Folder, Wire, WriteMode } from "../../../core/layout";
import { Status } from "../../../core/status";
import { guarded, toHex } from "../../../crypto/__tests__/bytes";
import {
  allFramesFree,
  askedKind,
  content,
  effectNumber,
  fileName,
  finish,
  folder,
  framesWiped,
  giveFramesBack,
  mode,
  permissions,
  status,
  takeFrames,
} from "../../__tests__/effect-host";
import { add16Bytes, addByte, addCoin, ask, begin, hand } from "../../__tests__/message";
import {
  anOf,
  commit,
  dryRandom,
  fillRandom,
  forgotten,
  forgottenCount,
  head,
  holds,
  MFS_OLD,
  MFS_TODAY,
  recordInMemory,
  replyBody,
  setAbsentPage,
  setAutoCommit,
  settle,
  startNode,
} from "../../__tests__/node";
import { pageKey } from "../../coins";
import { countInUse } from "../../in-use";
import { findLocker } from "../../lockers";
import { parkedCount } from "../../parked";
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
setAbsentPage(pageKey(6, 1024));

const PRICE: u32 = 0x00000102;
const OFFER: v128 = tradeAn(0x61, PRICE, 1);
const ELSEWHERE: v128 = i8x16.splat(0x51);
const an = guarded(16);
v128.store(an, OFFER);

/** The rest of 8/85 behind the list and its XOR: the address is 30 31 .. */
function addOffer(key: v128, addressBytes: u32): void {
  add16Bytes(key);
  addByte(addressBytes);
  for (let i: u32 = 0; i < 128; i++) addByte(0x30 + i);
}

/** 8/85 of coins of denomination 0. */
function writeSale(serial: u32, count: u32, key: v128): void {
  begin(0, 8, 85);
  addCoins(0, serial, count);
  addSum(0, serial, count);
  addOffer(key, 16);
}
function handSale(serial: u32, count: u32, key: v128): void {
  writeSale(serial, count, key);
  hand();
  settle();
}
function sell(serial: u32, count: u32, key: v128): u32 {
  handSale(serial, count, key);
  if (askedKind() === EffectKind.WRITE_FILE) finish(EffectStatus.OK, 0);
  return status();
}

function list(type: u32, most: u32): u32 {
  begin(0, 8, 86);
  addByte(type);
  addByte(most);
  return ask();
}
function keyCommand(command: u32, key: v128): u32 {
  begin(0, 8, command);
  add16Bytes(key);
  return ask();
}
function pown(serial: u32, from: v128, to: v128): u32 {
  begin(0, 1, 20);
  addCoin(0, serial);
  add16Bytes(from);
  add16Bytes(to);
  return ask();
}
function offerIsThere(): bool {
  return findLocker(an) !== 0;
}

describe("put for sale", () => {
  test("writes the address, then moves the coins", () => {
    startOver();
    const start = head();
    handSale(30, 2, OFFER);
    expect(askedKind()).toBe(EffectKind.WRITE_FILE);
    expect(effectNumber()).toBe(0);
    expect(folder()).toBe(Folder.TRADES);
    expect(fileName()).toBe(toHex(an, 16));
    expect(content()).toBe("303132333435363738393a3b3c3d3e3f");
    expect(mode()).toBe(WriteMode.REPLACE);
    expect(permissions()).toBe(0o640);
    expect(head()).toBe(start, "nothing has changed yet");
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(241);
    expect(replyBody()).toBe("");
    expect(head()).toBe(start + 3);
    expect(holds(0, 30, OFFER, MFS_TODAY) && holds(0, 31, OFFER, MFS_TODAY)).toBe(true);
    expect(keyCommand(81, OFFER)).toBe(241);
    expect(replyBody()).toBe("000000001e000000001f");
    expect(allFramesFree() && framesWiped()).toBe(true);
  });

  test("refuses in the order of the reference", () => {
    startOver();
    const start = head();
    const wrongType = tradeAn(0x61, PRICE, 3);
    const wrongTail = i8x16.replace_lane(OFFER, 15, 0);
    // Each with everything after it wrong, too.
    begin(0, 8, 85);
    addCoins(0, 2047, 2);
    addSum(0, 0, 0);
    addOffer(i8x16.replace_lane(wrongType, 15, 0), 15);
    expect(ask()).toBe(40);
    begin(0, 8, 85);
    addCoin(6, 1024);
    addSum(6, 1024, 1);
    addOffer(OFFER, 16);
    expect(ask()).toBe(40);
    begin(0, 8, 85);
    addCoins(0, 30, 2);
    addSum(0, 30, 1);
    addOffer(i8x16.replace_lane(wrongType, 15, 0), 15);
    expect(ask()).toBe(242);
    begin(0, 8, 85);
    addCoins(0, 30, 1);
    addSum(0, 30, 1);
    addOffer(i8x16.replace_lane(wrongType, 15, 0), 15);
    expect(ask()).toBe(50);
    begin(0, 8, 85);
    addCoins(0, 30, 1);
    addSum(0, 30, 1);
    addOffer(wrongTail, 15);
    expect(ask()).toBe(199);
    const lengths: u32[] = [0, 15, 121, 255];
    for (let i = 0; i < lengths.length; i++) {
      begin(0, 8, 85);
      addCoins(0, 30, 1);
      addSum(0, 30, 1);
      addOffer(OFFER, lengths[i]);
      expect(ask()).toBe(198);
    }
    expect(askedKind()).toBe(0);
    expect(head()).toBe(start);
    begin(0, 8, 85);
    addCoins(0, 30, 1);
    addSum(0, 30, 1);
    addOffer(OFFER, 120);
    hand();
    settle();
    expect(content().length).toBe(240);
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(241);
  });

  test("is 148 for the same type, value and price, or the same AN", () => {
    startOver();
    expect(sell(30, 2, OFFER)).toBe(241);
    expect(sell(32, 2, tradeAn(0x62, PRICE, 1))).toBe(148);
    expect(sell(32, 1, OFFER)).toBe(148, "coins are not added");
    expect(askedKind()).toBe(0);
    expect(sell(32, 2, tradeAn(0x62, PRICE + 1, 1))).toBe(241);
    expect(sell(34, 2, tradeAn(0x63, PRICE, 2))).toBe(241);
    expect(sell(36, 3, tradeAn(0x64, PRICE, 1))).toBe(241);
  });

  test("is 194 when the address cannot be written", () => {
    startOver();
    const start = head();
    const ends: EffectStatus[] = [EffectStatus.FAILED, EffectStatus.MISSING, EffectStatus.OUTSIDE];
    for (let i = 0; i < ends.length; i++) {
      handSale(30, 2, OFFER);
      finish(ends[i], 0);
      expect(status()).toBe(194);
    }
    expect(head()).toBe(start);
    expect(holds(0, 30, anOf(0, 30), MFS_OLD)).toBe(true);
    expect(allFramesFree()).toBe(true);
  });

  test("looks again after the address is written, and takes it back", () => {
    startOver();
    handSale(30, 2, OFFER);
    expect(pown(31, anOf(0, 31), ELSEWHERE)).toBe(241);
    const told = forgottenCount;
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(242);
    expect(offerIsThere()).toBe(false);
    expect(forgottenCount).toBe(told + 1);
    expect(toHex(forgotten + Effect.AN, 16)).toBe(toHex(an, 16));
    expect(holds(0, 30, anOf(0, 30), MFS_OLD)).toBe(true);
  });

  test("of two with one AN makes one, whose address stays", () => {
    startOver();
    handSale(30, 2, OFFER);
    handSale(32, 1, OFFER);
    const told = forgottenCount;
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(241);
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(148);
    expect(forgottenCount).toBe(told);
  });

  test("is 254 when the index is full or no frame is free, and changes nothing", () => {
    startOver();
    takeFrames();
    writeSale(30, 2, OFFER);
    expect(ask()).toBe(254);
    giveFramesBack();
    handSale(0, 5, OFFER);
    expect(put(5, 60, lockerKey(1, 1))).toBe(241);
    const told = forgottenCount;
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(254);
    expect(forgottenCount).toBe(told + 1);
    expect(holds(0, 0, anOf(0, 0), MFS_OLD)).toBe(true);
    expect(parkedCount()).toBe(0);
  });

  test("takes sizes of at least one coin, and no remainder", () => {
    expect(statusOfNoBody(85)).toBe(36);
    expect(statusOfSize(85, 165)).toBe(16);
    expect(statusOfSize(85, 166)).toBe(40);
    expect(statusOfSize(85, 167)).toBe(39);
    expect(statusOfSize(85, 161 + 5 * 4097)).toBe(45);
  });
});

describe("the list of offers", () => {
  test("has those of a type, oldest first, at most as many as asked for", () => {
    startOver();
    expect(list(1, 255)).toBe(241);
    expect(replyBody()).toBe("");
    expect(sell(30, 2, OFFER)).toBe(241);
    expect(sell(32, 1, tradeAn(0x62, 0xfffefdfc, 1))).toBe(241);
    expect(sell(33, 1, tradeAn(0x62, PRICE, 0))).toBe(241);
    expect(list(1, 2)).toBe(241);
    expect(replyBody()).toBe("01000000000bebc20000000102" + "010000000005f5e100fffefdfc");
    expect(list(1, 1)).toBe(241);
    expect(replyBody()).toBe("01000000000bebc20000000102");
    expect(list(0, 9)).toBe(241);
    expect(replyBody()).toBe("000000000005f5e10000000102");
    expect(list(2, 9)).toBe(241);
    expect(replyBody()).toBe("");
    expect(list(1, 0)).toBe(241);
    expect(replyBody()).toBe("");
    expect(list(3, 1)).toBe(50);
    expect(list(255, 1)).toBe(50);
  });

  test("takes two bytes", () => {
    expect(statusOfNoBody(86)).toBe(36);
    expect(statusOfSize(86, 1)).toBe(16);
    expect(statusOfSize(86, 3)).toBe(16);
  });
});

describe("peek into an offer", () => {
  test("is 242 for what is no offer, a locker too, and wants 16 bytes", () => {
    startOver();
    expect(keyCommand(81, OFFER)).toBe(242);
    expect(put(30, 1, lockerKey(1, 1))).toBe(241);
    expect(keyCommand(81, lockerKey(1, 1))).toBe(242);
    expect(peek(lockerKey(1, 1))).toBe(241);
    expect(statusOfNoBody(81)).toBe(36);
    expect(statusOfSize(81, 15)).toBe(16);
    expect(statusOfSize(81, 17)).toBe(16);
  });
});

describe("remove an offer", () => {
  test("takes its coins out of circulation, and forgets the address when that is durable", () => {
    startOver();
    expect(sell(30, 2, OFFER)).toBe(241);
    const inUse = countInUse(8),
      told = forgottenCount,
      start = head();
    expect(keyCommand(89, OFFER)).toBe(241);
    expect(replyBody()).toBe("");
    expect(head()).toBe(start + 3);
    expect(countInUse(8)).toBe(inUse - 2);
    for (let serial: u32 = 30; serial < 32; serial++) {
      const record = recordInMemory(0, serial);
      expect(load<u8>(record, 16)).toBe(0);
      expect(memory.compare(record, an, 16)).not.toBe(0);
    }
    expect(memory.compare(recordInMemory(0, 30), recordInMemory(0, 31), 16)).not.toBe(0);
    expect(forgottenCount).toBe(told + 1);
    expect(toHex(forgotten + Effect.AN, 16)).toBe(toHex(an, 16));
    expect(load<u64>(forgotten, Effect.POSITION)).toBe(start + 3);
    expect(keyCommand(89, OFFER)).toBe(242);
    expect(keyCommand(81, OFFER)).toBe(242);
    expect(pown(30, OFFER, ELSEWHERE)).toBe(242);
  });

  test("is undone by a rollback: the coins, and the offer", () => {
    startOver();
    expect(sell(30, 2, OFFER)).toBe(241);
    setAutoCommit(false);
    const start = head(),
      inUse = countInUse(8);
    begin(0, 8, 89);
    add16Bytes(OFFER);
    hand();
    settle();
    expect(offerIsThere()).toBe(false);
    expect(rollbackTo(start)).toBe(Status.OK);
    expect(status()).toBe(252);
    setAutoCommit(true);
    commit();
    expect(countInUse(8)).toBe(inUse);
    expect(keyCommand(81, OFFER)).toBe(241);
    expect(replyBody().length).toBe(20);
    expect(holds(0, 30, OFFER, MFS_TODAY)).toBe(true);
  });

  test("leaves everything when it has no randomness, or no such offer", () => {
    startOver();
    expect(sell(30, 1, OFFER)).toBe(241);
    expect(put(40, 1, lockerKey(1, 1))).toBe(241);
    const start = head();
    dryRandom();
    expect(keyCommand(89, OFFER)).toBe(252);
    fillRandom();
    expect(keyCommand(89, lockerKey(1, 1))).toBe(242);
    expect(keyCommand(89, tradeAn(0x61, PRICE + 1, 1))).toBe(242);
    expect(head()).toBe(start);
    expect(statusOfNoBody(89)).toBe(36);
    expect(statusOfSize(89, 15)).toBe(16);
    expect(statusOfSize(89, 17)).toBe(16);
  });

  test("is 45 for more coins than a group can change", () => {
    startOver();
    expect(sell(30, 1, OFFER)).toBe(241);
    // The number of coins in the entry stands for an offer that the specs have no room for.
    const count = findLocker(an) + 24;
    store<u32>(count, 4097);
    expect(keyCommand(89, OFFER)).toBe(45);
    store<u32>(count, 1);
    expect(keyCommand(89, OFFER)).toBe(241);
  });

  test("gives up with 254 when the list and the coins never agree", () => {
    startOver();
    expect(sell(30, 1, OFFER)).toBe(241);
    const record = recordInMemory(0, 30);
    store<u8>(record, 0, 16);
    begin(0, 8, 89);
    add16Bytes(OFFER);
    hand();
    let answer: u32 = 0;
    for (let i = 0; i < 9 && answer === 0; i++) {
      settle();
      answer = status();
    }
    expect(answer).toBe(254);
    expect(parkedCount()).toBe(0);
    store<u8>(record, MFS_TODAY, 16);
    expect(keyCommand(89, OFFER)).toBe(241);
    startOver();
  });
});
