import { Status } from "../../../core/status";
import { addFiller, ask, begin, hand, noBody, payload } from "../../__tests__/message";
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
} from "../../__tests__/node";
import { countInUse } from "../../in-use";
import { coinsIn, findLocker } from "../../lockers";
import { rollbackTo } from "../../rollback";
import {
  beginBreak,
  beginJoin,
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

function begin1(): void {
  beginJoin(1, 600, 20);
}

/** Is everything as before the join of 20 to 29 of denomination 0 into 600 of denomination 1? */
function untouched(): bool {
  for (let i: u32 = 0; i < 10; i++) {
    if (!holds(0, 20 + i, anOf(0, 20 + i), MFS_OLD) || !mapSays(0, 20 + i)) return false;
  }
  return holds(1, 600, anOf(1, 600), 0) && countInUse(8) === 1024 && countInUse(9) === 1024;
}

describe("join", () => {
  beforeEach(() => {
    restore();
    detect(0, 0, anOf(0, 0));
    detect(1, 0, anOf(1, 0));
    reserveForChange(SESSION, true, 0, CLIENT);
  });

  test("makes one coin of ten, and nobody knows those any more", () => {
    const start = head();
    begin1();
    expect(ask()).toBe(250);
    expect(replyBody()).toBe("");
    expect(holds(1, 600, changedAn(600), MFS_TODAY)).toBe(true, "in use: section 11, point 33");
    for (let i: u32 = 0; i < 10; i++) {
      expect(holds(0, 20 + i, anOf(0, 20 + i), 0)).toBe(false, "a random AN");
      expect(load<u8>(recordInMemory(0, 20 + i), 16)).toBe(0);
      expect(mapSays(0, 20 + i)).toBe(false);
    }
    const first = v128.load(recordInMemory(0, 20));
    expect(v128.any_true(v128.xor(first, v128.load(recordInMemory(0, 21))))).toBe(true);
    expect(countInUse(8)).toBe(1014);
    expect(countInUse(9)).toBe(1025);
    expect(head()).toBe(start + 12, "one group");
    expect(detect(1, 600, changedAn(600))).toBe(241);
    begin1();
    expect(ask()).toBe(242, "they cannot be joined twice");
  });

  test("undoes what break did", () => {
    reserveForChange(SESSION, false, 1, CLIENT);
    beginBreak(1, 5, 900);
    expect(ask()).toBe(250);
    beginJoin(1, 600, 900);
    for (let i: u32 = 1; i <= 10; i++) v128.store(coinAt(i), changedAn(899 + i), 5);
    expect(ask()).toBe(250);
    expect(countInUse(8)).toBe(1024);
    expect(countInUse(9)).toBe(1024);
  });

  test("wants a page that its session has reserved for change", () => {
    reserveToCreate(SESSION, 4);
    beginJoin(4, 600, 20);
    expect(ask()).toBe(41, "reserved to create on");
    const sessions: u32[] = [0, SESSION + 1, 0xeeeeeeee];
    for (let i = 0; i < sessions.length; i++) {
      begin1();
      store<u32>(payload(), bswap<u32>(sessions[i]));
      expect(ask()).toBe(41);
    }
    beginJoin(1, 1600, 20);
    expect(ask()).toBe(41, "another page");
    setNow(now + 16000000);
    begin1();
    expect(ask()).toBe(41, "too late");
    expect(untouched()).toBe(true);
  });

  test("checks in order: new coin, reservation, small coins, target", () => {
    const start = head();
    beginJoin(-8, 600, 20);
    expect(ask()).toBe(40, "there is nothing smaller");
    beginJoin(7, 600, 20);
    expect(ask()).toBe(40);
    beginJoin(1, 2048, 20);
    expect(ask()).toBe(40);
    beginJoin(1, 1600, 20);
    store<u8>(coinAt(1), 5);
    expect(ask()).toBe(41, "the reservation before the small coins");
    begin1();
    store<u8>(coinAt(10), 1);
    expect(ask()).toBe(40);
    begin1();
    setSerial(10, 2048);
    expect(ask()).toBe(40);
    begin1();
    v128.store(coinAt(2), changedAn(1), 5);
    store<u8>(coinAt(10), 1);
    expect(ask()).toBe(242, "coin by coin");
    beginJoin(1, 600, 503);
    expect(ask()).toBe(242, "one of them is free");
    begin1();
    memory.copy(coinAt(10), coinAt(1), 21);
    expect(ask()).toBe(242, "one of them named twice");
    beginJoin(1, 500, 20);
    expect(ask()).toBe(40, "the new coin is in use");
    expect(untouched()).toBe(true);
    expect(head()).toBe(start);
    begin1();
    expect(ask()).toBe(250);
  });

  test("takes a session and eleven coins", () => {
    begin(0, 9, 93);
    noBody();
    expect(ask()).toBe(36);
    for (let bytes: u32 = 234; bytes <= 236; bytes += 2) {
      begin(0, 9, 93);
      addFiller(bytes);
      expect(ask()).toBe(16);
    }
  });

  test("may put the new coin into a locker", () => {
    const key = i32x4.replace_lane(i32x4.splat(9), 3, -1);
    begin1();
    v128.store(coinAt(0), key, 5);
    expect(ask()).toBe(250);
    const at = heap.alloc(16);
    v128.store(at, key);
    expect(coinsIn(findLocker(at))).toBe(1);
  });

  test("answers 254 when the lockers are full, and changes nothing", () => {
    fillLockers(0);
    begin1();
    v128.store(coinAt(0), i32x4.replace_lane(i32x4.splat(9), 3, -1), 5);
    expect(ask()).toBe(254);
    expect(untouched()).toBe(true);
    begin1();
    expect(ask()).toBe(250);
  });

  test("waits for the journal, and changes nothing before", () => {
    fillJournal(11);
    begin1();
    hand();
    settle();
    expect(untouched()).toBe(true);
    commit();
    settle();
    commit();
    expect(popReply() ? <u32>load<u8>(reply, 2) : 0).toBe(250);
    expect(holds(1, 600, changedAn(600), MFS_TODAY)).toBe(true);
  });

  test("is undone as a whole", () => {
    setAutoCommit(false);
    const start = head();
    begin1();
    hand();
    settle();
    expect(countInUse(8)).toBe(1014);
    expect(rollbackTo(start)).toBe(Status.OK);
    expect(popReply() ? <u32>load<u8>(reply, 2) : 0).toBe(252);
    expect(untouched()).toBe(true);
    expect(mapSays(1, 600)).toBe(false);
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
});
