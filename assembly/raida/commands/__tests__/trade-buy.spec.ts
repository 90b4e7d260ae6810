import { JOURNAL_RECORDS } from "../../../core/__tests__/configuration";
import { COMMITTED } from "../../../core/control";
import { EffectKind, EffectStatus, Folder, Wire } from "../../../core/layout";
import { Status } from "../../../core/status";
import { guarded, toHex } from "../../../crypto/__tests__/bytes";
import {
  allFramesFree,
  askedKind,
  content,
  effectNumber,
  fileName,
  finish,
  finishWith,
  finishWithText,
  folder,
  framesWiped,
  giveFramesBack,
  mode,
  resultLimit,
  status,
  takeFrames,
} from "../../__tests__/effect-host";
import {
  add16Bytes,
  add32,
  addByte,
  addCoin,
  addFiller,
  ask,
  begin,
  hand,
} from "../../__tests__/message";
import {
  commit,
  forgottenCount,
  head,
  holds,
  MFS_TODAY,
  replyBody,
  setAutoCommit,
  settle,
  startNode,
} from "../../__tests__/node";
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

const PRICE: u32 = 0x00000102;
const OFFER: v128 = tradeAn(0x61, PRICE, 1);
const KEY: v128 = lockerKey(0x41, 1);
const ELSEWHERE: v128 = i8x16.splat(0x51);
/** Two coins of denomination 0, in units of 1e-8. */
const VALUE: u32 = 200000000;
const an = guarded(16);
v128.store(an, OFFER);
const ADDRESS = "bc1-address-1234567";
const WAITING = "96000000";
const PAID = "fa000000";

/** An offer of coins 30 and 31, as pown makes one. */
function offer(an: v128): void {
  for (let serial: u32 = 30; serial < 32; serial++) {
    begin(0, 8, 82);
    addCoins(0, serial, 1);
    addSum(0, serial, 1);
    add16Bytes(KEY);
    expect(ask()).toBe(241);
    pown(serial, KEY, an);
  }
}
function pown(serial: u32, from: v128, to: v128): void {
  begin(0, 1, 20);
  addCoin(0, serial);
  add16Bytes(from);
  add16Bytes(to);
  expect(ask()).toBe(241);
}

/** 8/87: transaction id 11 .., receipt 12 .., a memo of 11 bytes. */
function write(key: v128, type: u32, value: u32, price: u32, memo: u32): void {
  begin(0, 8, 87);
  add16Bytes(key);
  addByte(type);
  add32(0);
  add32(value);
  add32(price);
  addFiller(32);
  add16Bytes(i8x16.splat(0x12));
  addFiller(memo);
}
function answer(key: v128, type: u32, value: u32, price: u32): u32 {
  write(key, type, value, price, 11);
  return ask();
}
/** A request to buy the offer, as far as its first effect. */
function buy(): void {
  write(KEY, 1, VALUE, PRICE, 11);
  hand();
  settle();
}
/** As far as the proxy. */
function buyUpToProxy(): void {
  buy();
  finishWithText(ADDRESS);
  finishWithText("key part");
  expect(askedKind()).toBe(EffectKind.ASK_PROXY);
}

describe("buy", () => {
  test("reads the address and the key part, pays, and moves the coins", () => {
    startOver();
    offer(OFFER);
    const start = head(),
      told = forgottenCount;
    buy();
    expect(askedKind()).toBe(EffectKind.READ_FILE);
    expect(folder()).toBe(Folder.TRADES);
    expect(fileName()).toBe(toHex(an, 16));
    expect(resultLimit()).toBe(120);
    finishWithText(ADDRESS);
    expect(askedKind()).toBe(EffectKind.READ_FILE);
    expect(effectNumber()).toBe(1);
    expect(folder()).toBe(Folder.FOLDERS);
    expect(fileName()).toBe("BTC");
    expect(resultLimit()).toBe(3000);
    finishWithText("key part");
    expect(askedKind()).toBe(EffectKind.ASK_PROXY);
    expect(effectNumber()).toBe(2);
    expect(mode()).toBe(113);
    const receipt = "12121212121212121212121212121212",
      transaction = "11111111111111111111111111111111";
    const keyPart = "000000086b65792070617274",
      address = "136263312d616464726573732d31323334353637";
    expect(content()).toBe(`01${receipt}${keyPart}00000102${address}${transaction}${transaction}`);
    expect(head()).toBe(start, "nothing moves before the payment");
    finishWith(PAID);
    expect(status()).toBe(241);
    expect(replyBody()).toBe("");
    expect(head()).toBe(start + 3);
    expect(holds(0, 30, KEY, MFS_TODAY) && holds(0, 31, KEY, MFS_TODAY)).toBe(true);
    expect(findLocker(an)).toBe(0);
    expect(forgottenCount).toBe(told + 1);
    expect(peek(KEY)).toBe(241);
    expect(replyBody()).toBe("000000001e000000001f");
    expect(allFramesFree() && framesWiped()).toBe(true);
  });

  test("wants sizes, a locker key, a coin type and an offer", () => {
    startOver();
    offer(OFFER);
    expect(statusOfNoBody(87)).toBe(36);
    expect(statusOfSize(87, 77)).toBe(16);
    expect(statusOfSize(87, 78)).toBe(198);
    write(KEY, 1, VALUE, PRICE, 0);
    expect(ask()).toBe(16);
    write(KEY, 1, VALUE, PRICE, 255);
    expect(ask()).toBe(198);
    expect(answer(ELSEWHERE, 3, VALUE, PRICE)).toBe(198);
    expect(answer(OFFER, 1, VALUE, PRICE)).toBe(198);
    // The peer takes a key of which one byte is right (section 11, point 21).
    expect(answer(i8x16.replace_lane(KEY, 12, 0), 1, VALUE, PRICE)).toBe(198);
    expect(answer(KEY, 3, VALUE, PRICE)).toBe(50);
    expect(answer(KEY, 1, VALUE + 1, PRICE)).toBe(51);
    expect(answer(KEY, 1, VALUE, PRICE + 1)).toBe(51);
    expect(answer(KEY, 2, VALUE, PRICE)).toBe(51);
    expect(askedKind()).toBe(0);
    write(KEY, 1, VALUE, PRICE, 254);
    hand();
    settle();
    expect(askedKind()).toBe(EffectKind.READ_FILE);
    finish(EffectStatus.MISSING, 0);
    expect(status()).toBe(194);
  });

  test("pays in Bitcoin only: 50 for an offer of another coin", () => {
    startOver();
    offer(tradeAn(0x61, PRICE, 0));
    expect(answer(KEY, 0, VALUE, PRICE)).toBe(50);
    expect(askedKind()).toBe(0);
  });

  test("is 194 without an address, 52 without a key part that fits", () => {
    startOver();
    offer(OFFER);
    const start = head();
    const ends: EffectStatus[] = [
      EffectStatus.MISSING,
      EffectStatus.NOT_A_FILE,
      EffectStatus.TOO_LARGE,
      EffectStatus.FAILED,
      EffectStatus.OK,
    ];
    for (let i = 0; i < ends.length; i++) {
      buy();
      finish(ends[i], 0);
      expect(status()).toBe(194);
      buy();
      finishWithText(ADDRESS);
      finish(ends[i], 0);
      expect(status()).toBe(52);
    }
    buy();
    finish(EffectStatus.OK, 121);
    expect(status()).toBe(194);
    buy();
    finishWithText(ADDRESS);
    finish(EffectStatus.OK, 3001);
    expect(status()).toBe(52);
    buy();
    finishWithText(ADDRESS);
    finish(EffectStatus.OK, 3000);
    expect(askedKind()).toBe(EffectKind.ASK_PROXY);
    finishWith(WAITING);
    expect(status()).toBe(150);
    expect(head()).toBe(start);
    expect(allFramesFree()).toBe(true);
  });

  test("passes on what the proxy says, and moves nothing", () => {
    startOver();
    offer(OFFER);
    const start = head();
    const said = ["96000000", "cb000000", "98000000", "00000000", "f1000000", "f3000000"];
    const passed: u32[] = [150, 203, 152, 187, 187, 187];
    for (let i = 0; i < said.length; i++) {
      buyUpToProxy();
      finishWith(said[i]);
      expect(status()).toBe(passed[i]);
    }
    const broken = ["", "fa0000", "fa010000", "fafafafa"];
    for (let i = 0; i < broken.length; i++) {
      buyUpToProxy();
      finishWith(broken[i]);
      expect(status()).toBe(187);
    }
    buyUpToProxy();
    finish(EffectStatus.UNREACHABLE, 0);
    expect(status()).toBe(180);
    buyUpToProxy();
    finish(EffectStatus.FAILED, 4);
    expect(status()).toBe(187);
    expect(head()).toBe(start);
    expect(holds(0, 30, OFFER, MFS_TODAY)).toBe(true);
  });

  test("is 51 when the offer goes or changes before the payment", () => {
    startOver();
    offer(OFFER);
    buy();
    finishWithText(ADDRESS);
    pown(31, OFFER, ELSEWHERE);
    finishWithText("key part");
    expect(status()).toBe(51);
    pown(31, ELSEWHERE, OFFER);
    buy();
    finishWithText(ADDRESS);
    pown(30, OFFER, ELSEWHERE);
    pown(31, OFFER, ELSEWHERE);
    finishWithText("key part");
    expect(status()).toBe(51);
    expect(askedKind()).toBe(0);
  });

  test("is 51 when the coins are no longer those after the payment", () => {
    startOver();
    offer(OFFER);
    buyUpToProxy();
    pown(31, OFFER, ELSEWHERE);
    finishWith(PAID);
    expect(status()).toBe(51);
    expect(holds(0, 30, OFFER, MFS_TODAY)).toBe(true);
    // The same value, but another coin.
    pown(31, ELSEWHERE, OFFER);
    buyUpToProxy();
    pown(31, OFFER, ELSEWHERE);
    expect(put(32, 1, KEY)).toBe(241);
    pown(32, KEY, OFFER);
    finishWith(PAID);
    expect(status()).toBe(51);
    // One more than before.
    buyUpToProxy();
    pown(31, ELSEWHERE, OFFER);
    finishWith(PAID);
    expect(status()).toBe(51);
    expect(holds(0, 30, OFFER, MFS_TODAY)).toBe(true);
    pown(31, OFFER, ELSEWHERE);
    buyUpToProxy();
    finishWith(PAID);
    expect(status()).toBe(241);
    expect(holds(0, 32, KEY, MFS_TODAY)).toBe(true);
  });

  test("finds room for paid coins in a full index", () => {
    startOver();
    offer(OFFER);
    buyUpToProxy();
    begin(0, 8, 82);
    addCoins(1, 0, 62);
    addSum(1, 0, 62);
    add16Bytes(lockerKey(0x42, 1));
    expect(ask()).toBe(241);
    finishWith(PAID);
    expect(status()).toBe(241);
    expect(holds(0, 31, KEY, MFS_TODAY)).toBe(true);
  });

  test("of two buyers gives the coins to one", () => {
    startOver();
    offer(OFFER);
    buy();
    buy();
    finishWithText(ADDRESS);
    finishWithText(ADDRESS);
    finishWithText("key part");
    // Half of the frames at most wait for other machines.
    finishWithText("key part");
    expect(status()).toBe(254);
    finishWith(PAID);
    expect(status()).toBe(241);
    expect(parkedCount()).toBe(0);
  });

  test("is 254 without a frame", () => {
    startOver();
    offer(OFFER);
    takeFrames();
    expect(answer(KEY, 1, VALUE, PRICE)).toBe(254);
    giveFramesBack();
  });

  test("waits for the journal after the payment, and pays once", () => {
    startOver();
    offer(OFFER);
    buyUpToProxy();
    setAutoCommit(false);
    const start = head(),
      committed = load<u64>(COMMITTED);
    // Not committed are as many records as the journal has, but for two.
    store<u64>(COMMITTED, start - JOURNAL_RECORDS + 2);
    finishWith(PAID);
    expect(status()).toBe(0);
    expect(askedKind()).toBe(0, "it is not paid twice");
    expect(head()).toBe(start);
    store<u64>(COMMITTED, committed);
    setAutoCommit(true);
    settle();
    expect(status()).toBe(241);
    expect(head()).toBe(start + 3);
  });

  test("is undone by a rollback: 252, and the offer is there again", () => {
    startOver();
    offer(OFFER);
    buyUpToProxy();
    setAutoCommit(false);
    const start = head();
    finishWith(PAID);
    expect(status()).toBe(0);
    expect(holds(0, 30, KEY, MFS_TODAY)).toBe(true);
    expect(rollbackTo(start)).toBe(Status.OK);
    expect(status()).toBe(252);
    setAutoCommit(true);
    commit();
    expect(holds(0, 30, OFFER, MFS_TODAY)).toBe(true);
    expect(peek(KEY)).toBe(242);
    expect(findLocker(an)).not.toBe(0);
    startOver();
  });
});
