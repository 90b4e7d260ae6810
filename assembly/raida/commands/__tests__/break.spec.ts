import { Flag, Wire } from "../../../core/layout";
import { Status } from "../../../core/status";
import {
  add16Bytes,
  addCoin,
  addFiller,
  ask,
  begin,
  hand,
  noBody,
  payload,
} from "../../__tests__/message";
import {
  anOf,
  commit,
  dryRandom,
  fillRandom,
  head,
  holds,
  MFS_OLD,
  MFS_TODAY,
  now,
  popReply,
  recordInMemory,
  reply,
  replyBody,
  setAutoCommit,
  setNow,
  settle,
  useWire,
} from "../../__tests__/node";
import { countInUse } from "../../in-use";
import { coinsIn, findLocker } from "../../lockers";
import { rollbackTo } from "../../rollback";
import {
  askFrom,
  beginBreak,
  beginBreakAs,
  CLIENT,
  changedAn,
  detect,
  fillJournal,
  fillLockers,
  mapSays,
  reserveForChange,
  reserveToCreate,
  restore,
  SESSION,
  startMint,
} from "./mint";

startMint();

/** The request's own bytes: coin `index` of its eleven, the large one first. */
function coinAt(index: u32): usize {
  return payload() + 4 + <usize>(21 * index);
}
function setSerial(index: u32, serial: u32): void {
  store<u32>(coinAt(index), bswap<u32>(serial), 1);
}
function setAn(index: u32, an: v128): void {
  v128.store(coinAt(index), an, 5);
}

function begin1(): void {
  beginBreak(1, 5, 600);
}

/** Is everything as before break of coin 5 of denomination 1 into 600 to 609? */
function untouched(): bool {
  for (let i: u32 = 0; i < 10; i++) {
    if (!holds(0, 600 + i, anOf(0, 600 + i), 0) || mapSays(0, 600 + i)) return false;
  }
  return holds(1, 5, anOf(1, 5), MFS_OLD) && countInUse(8) === 1024 && countInUse(9) === 1024;
}

describe("break", () => {
  beforeEach(() => {
    restore();
    // Loads the pages, so that all looks at records find them.
    detect(0, 0, anOf(0, 0));
    detect(1, 0, anOf(1, 0));
    reserveForChange(SESSION, false, 1, CLIENT);
  });

  test("makes ten coins of one, and nobody knows that one any more", () => {
    const start = head();
    begin1();
    expect(ask()).toBe(250);
    expect(replyBody()).toBe("");
    for (let i: u32 = 0; i < 10; i++) {
      expect(holds(0, 600 + i, changedAn(600 + i), MFS_TODAY)).toBe(true);
      expect(mapSays(0, 600 + i)).toBe(true);
    }
    expect(load<u8>(recordInMemory(1, 5), 16)).toBe(0);
    expect(holds(1, 5, anOf(1, 5), 0)).toBe(false, "a random AN");
    expect(countInUse(8)).toBe(1034);
    expect(countInUse(9)).toBe(1023);
    expect(head()).toBe(start + 12, "one group");
    expect(detect(0, 609, changedAn(609))).toBe(241);
    begin1();
    expect(ask()).toBe(242, "it cannot be broken twice");
  });

  test("draws another AN for each coin that it ends", () => {
    begin1();
    expect(ask()).toBe(250);
    const first = v128.load(recordInMemory(1, 5));
    beginBreak(1, 6, 610);
    expect(ask()).toBe(250);
    expect(v128.any_true(v128.xor(first, v128.load(recordInMemory(1, 6))))).toBe(true);
  });

  test("wants pages that its session has reserved for change", () => {
    reserveToCreate(SESSION, 3);
    beginBreak(4, 5, 600);
    expect(ask()).toBe(41, "reserved to create on");
    const sessions: u32[] = [0, SESSION + 1, 0xeeeeeeee];
    for (let i = 0; i < sessions.length; i++) {
      begin1();
      store<u32>(payload(), bswap<u32>(sessions[i]));
      expect(ask()).toBe(41);
    }
    begin1();
    setSerial(10, 1600);
    expect(ask()).toBe(41, "one of them on another page");
    setNow(now + 16000000);
    begin1();
    expect(ask()).toBe(41, "too late");
    expect(untouched()).toBe(true);
  });

  test("checks in order: denomination, page, AN, small coins, targets", () => {
    const start = head();
    beginBreak(-8, 5, 600);
    expect(ask()).toBe(40, "there is nothing smaller");
    beginBreak(7, 5, 600);
    expect(ask()).toBe(40);
    begin1();
    setSerial(0, 2048);
    expect(ask()).toBe(40);
    begin1();
    setAn(0, changedAn(1));
    store<u8>(coinAt(1), 1);
    expect(ask()).toBe(242, "the AN before the small coins");
    beginBreak(1, 700, 600);
    expect(ask()).toBe(242, "a free record is nobody's");
    begin1();
    store<u8>(coinAt(10), 1);
    expect(ask()).toBe(40);
    begin1();
    store<u8>(coinAt(3), -1);
    setSerial(2, 1600);
    expect(ask()).toBe(41, "coin by coin");
    begin1();
    setSerial(4, 2048);
    expect(ask()).toBe(40);
    begin1();
    setSerial(10, 511);
    expect(ask()).toBe(40, "in use");
    begin1();
    setSerial(10, 600);
    expect(ask()).toBe(40, "named twice");
    expect(untouched()).toBe(true);
    expect(head()).toBe(start);
    begin1();
    expect(ask()).toBe(250);
  });

  test("takes a session and eleven coins", () => {
    begin(0, 9, 92);
    noBody();
    expect(ask()).toBe(36);
    for (let bytes: u32 = 234; bytes <= 236; bytes += 2) {
      begin(0, 9, 92);
      addFiller(bytes);
      expect(ask()).toBe(16);
    }
  });

  test("is done 30 times for a client in 28800 seconds; this machine is exempt", () => {
    for (let i: u32 = 0; i < 30; i++) {
      // One that fails does not count.
      begin1();
      setAn(0, changedAn(1));
      expect(askFrom(CLIENT, Flag.DATAGRAM)).toBe(242);
      reserveForChange(SESSION, false, 1, CLIENT);
      beginBreak(1, 10 + i, 600 + 10 * i);
      expect(askFrom(CLIENT, Flag.DATAGRAM)).toBe(250);
    }
    reserveForChange(SESSION, false, 1, CLIENT);
    beginBreak(1, 5, 900);
    expect(askFrom(CLIENT, Flag.DATAGRAM)).toBe(160);
    beginBreak(-8, 5, 900);
    expect(askFrom(CLIENT, Flag.DATAGRAM)).toBe(40, "the denomination first");
    beginBreak(1, 5, 900);
    setAn(0, changedAn(1));
    expect(askFrom(CLIENT, Flag.DATAGRAM)).toBe(160, "the rate before the AN");
    beginBreak(1, 5, 900);
    expect(askFrom(0x7f000001, Flag.DATAGRAM | Flag.LOCAL)).toBe(250);
    beginBreak(1, 6, 910);
    expect(askFrom(CLIENT + 1, Flag.DATAGRAM)).toBe(250, "another slot");
    setNow(now + 28800000000);
    reserveForChange(SESSION, false, 1, CLIENT);
    beginBreak(1, 7, 920);
    expect(askFrom(CLIENT, Flag.DATAGRAM)).toBe(250);
  });

  test("may put the new coins into a locker", () => {
    const key = i32x4.replace_lane(i32x4.splat(7), 3, -1);
    begin1();
    for (let i: u32 = 1; i <= 10; i++) setAn(i, key);
    expect(ask()).toBe(250);
    const at = heap.alloc(16);
    v128.store(at, key);
    expect(coinsIn(findLocker(at))).toBe(10);
    expect(countInUse(8)).toBe(1034);
  });

  test("answers 254 when the lockers are full, and changes nothing", () => {
    const key = i32x4.replace_lane(i32x4.splat(7), 3, -1);
    const at = heap.alloc(16);
    v128.store(at, key);
    fillLockers(9);
    begin1();
    for (let i: u32 = 1; i <= 10; i++) setAn(i, key);
    expect(ask()).toBe(254);
    expect(untouched()).toBe(true);
    begin1();
    for (let i: u32 = 1; i <= 9; i++) setAn(i, key);
    expect(ask()).toBe(250);
    expect(coinsIn(findLocker(at))).toBe(9);
  });

  test("of a coin in a locker takes it out", () => {
    const key = i32x4.replace_lane(i32x4.splat(7), 3, -1);
    const at = heap.alloc(16);
    v128.store(at, key);
    begin(0, 1, 20);
    addCoin(1, 5);
    add16Bytes(anOf(1, 5));
    add16Bytes(key);
    expect(ask()).toBe(241);
    expect(coinsIn(findLocker(at))).toBe(1);
    begin1();
    setAn(0, key);
    expect(ask()).toBe(250);
    expect(findLocker(at)).toBe(0);
  });

  test("waits for the journal, and changes nothing before", () => {
    fillJournal(11);
    begin1();
    hand();
    settle();
    expect(untouched()).toBe(true);
    expect(popReply()).toBe(false);
    commit();
    settle();
    expect(holds(0, 609, changedAn(609), MFS_TODAY)).toBe(true);
    expect(popReply()).toBe(false, "not before the commit");
    commit();
    expect(popReply() ? <u32>load<u8>(reply, 2) : 0).toBe(250);
  });

  test("is undone as a whole; the reservation stays", () => {
    setAutoCommit(false);
    const start = head();
    begin1();
    hand();
    settle();
    expect(countInUse(8)).toBe(1034);
    expect(rollbackTo(start)).toBe(Status.OK);
    expect(popReply() ? <u32>load<u8>(reply, 2) : 0).toBe(252);
    expect(untouched()).toBe(true);
    expect(mapSays(1, 5)).toBe(true);
    setAutoCommit(true);
    begin1();
    expect(ask()).toBe(250);
  });

  test("answers 252 without random bytes, and changes nothing", () => {
    dryRandom();
    begin1();
    expect(ask()).toBe(252);
    expect(untouched()).toBe(true);
    fillRandom();
    begin1();
    expect(ask()).toBe(250);
  });

  test("counts no HMAC of types 4 and 5 as part of its size", () => {
    useWire(Wire.LEGACY, true);
    for (let type: u32 = 4; type <= 5; type++) {
      beginBreakAs(type, 1, type, 600 + 10 * type);
      expect(ask()).toBe(250);
      beginBreakAs(type, 1, type + 10, 700);
      addFiller(32);
      expect(ask()).toBe(16);
    }
    useWire(Wire.LEGACY, false);
  });
});
