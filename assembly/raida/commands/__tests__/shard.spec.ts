import { Statistic } from "../../../core/layout";
import { STATISTICS } from "../../../core/memory";
import { Status } from "../../../core/status";
import { fromHex, toHex } from "../../../crypto/__tests__/bytes";
import {
  add16Bytes,
  add32,
  addByte,
  addCoin,
  addFiller,
  ask,
  begin,
  hand,
  noBody,
} from "../../__tests__/message";
import {
  anOf,
  commit,
  head,
  holds,
  MFS_TODAY,
  now,
  popReply,
  reply,
  replyBody,
  setAutoCommit,
  setNow,
  settle,
} from "../../__tests__/node";
import { pageKey } from "../../coins";
import * as context from "../../context";
import { countInUse } from "../../in-use";
import { clearLockers } from "../../lockers";
import { Purpose, reserve } from "../../reservations";
import { rollbackTo } from "../../rollback";
import {
  CLIENT,
  detect,
  fillJournal,
  fillLockers,
  mapSays,
  reserveForChange,
  reserveToCreate,
  restore,
  SESSION,
  setMap,
  startMint,
} from "./mint";

startMint();

/** MD5 of denomination, serial number and seed bytes 5 to 15, by another program. */
const AN_0_600: v128 = v128.load(fromHex("91aa6ab8e3e441c560826e9c27b31c7d"));
const AN_9_1700: v128 = v128.load(fromHex("16b0a2d6d6b164801ab04aff713791ab"));
/** Bytes 20, 21, .. 2f. */
const SEED: v128 = i64x2(0x2726252423222120, 0x2f2e2d2c2b2a2928);

function statusOfSize(command: u32, bytes: u32): u32 {
  begin(0, 10, command);
  addFiller(bytes);
  return ask();
}
function statusOfNoBody(command: u32): u32 {
  begin(0, 10, command);
  noBody();
  return ask();
}

/** Begins 10/171; its coins follow. */
function beginPickup(session: u32): void {
  begin(0, 10, 171);
  add32(session);
  add16Bytes(SEED);
}

/** What a switch (10/170) would do. */
function reserveForPickup(denomination: i32, serial: u32): void {
  context.setNow(<u32>now, <u32>(now >> 32));
  reserve(pageKey(denomination, serial), SESSION, Purpose.PICKUP);
}

/** Begins and ends 10/174 with lists of so many coins. */
function beginSwitch(shard: u32, olds: u32, news: u32): void {
  begin(0, 10, 174);
  add32(SESSION);
  addByte(shard);
  addByte(0);
  add16Bytes(SEED);
  addByte(olds >> 8);
  addByte(olds);
  for (let i: u32 = 0; i < olds; i++) addCoin(0, i);
  add16Bytes(SEED);
  addByte(news >> 8);
  addByte(news);
  for (let i: u32 = 0; i < news; i++) addCoin(0, 512 + i);
}

/** 10/172 for denomination 0; the status. */
function look(operation: u32): u32 {
  begin(0, 10, 172);
  add32(SESSION);
  addByte(operation);
  for (let index = 0; index < 16; index++) addByte(u32(index === 8));
  return ask();
}

describe("a switch of shards", () => {
  test("has no back end: 48, after the checks of its size and shard", () => {
    const answers: u32[] = [4, 48, 48, 4, 46, 46];
    const shards: u32[] = [0, 1, 2, 3, 4, 255];
    for (let i = 0; i < 6; i++) {
      begin(0, 10, 170);
      add32(SESSION);
      addByte(shards[i]);
      addByte(0);
      add16Bytes(SEED);
      addCoin(0, 5);
      expect(ask()).toBe(answers[i]);
      beginSwitch(shards[i], 2, 3);
      expect(ask()).toBe(answers[i]);
    }
    expect(statusOfNoBody(170)).toBe(36);
    expect(statusOfSize(170, 26)).toBe(16);
    expect(statusOfSize(170, 28)).toBe(39);
    expect(statusOfSize(170, 22 + 4097 * 5)).toBe(45);
  });

  test("with serial numbers has two counted lists", () => {
    expect(statusOfNoBody(174)).toBe(36);
    expect(statusOfSize(174, 23)).toBe(16);
    beginSwitch(1, 0, 0);
    expect(ask()).toBe(48);
    beginSwitch(1, 1, 2);
    addByte(0);
    expect(ask()).toBe(16, "a byte too many");
    begin(0, 10, 174);
    addFiller(22);
    addByte(0);
    addByte(4);
    addFiller(19);
    expect(ask()).toBe(16, "the first list ends behind the payload");
    begin(0, 10, 174);
    addFiller(22);
    addByte(0);
    addByte(0);
    addFiller(17);
    expect(ask()).toBe(16, "no second count");
    begin(0, 10, 174);
    addFiller(22);
    addByte(0xff);
    addByte(0xff);
    addFiller(100);
    expect(ask()).toBe(16);
    beginSwitch(1, 4097, 0);
    expect(ask()).toBe(45);
    beginSwitch(1, 0, 4097);
    expect(ask()).toBe(45);
    beginSwitch(9, 4096, 4096);
    expect(ask()).toBe(46);
  });

  test("is not rolled back", () => {
    expect(statusOfSize(173, 0)).toBe(89);
    expect(statusOfSize(173, 7)).toBe(89);
    expect(statusOfNoBody(173)).toBe(89);
  });
});

describe("pickup", () => {
  beforeEach(() => restore());

  test("wants a page that a switch has reserved for its session", () => {
    const sessions: u32[] = [0, SESSION, 0xeeeeeeee];
    reserveToCreate(SESSION, 0);
    reserveForChange(SESSION, false, 2, CLIENT);
    for (let i = 0; i < 3; i++) {
      for (let denomination = 0; denomination < 3; denomination++) {
        beginPickup(sessions[i]);
        addCoin(denomination, 600);
        expect(ask()).toBe(41);
      }
    }
    reserveForPickup(3, 600);
    beginPickup(SESSION + 1);
    addCoin(3, 600);
    expect(ask()).toBe(41);
    beginPickup(SESSION);
    addCoin(3, 1600);
    expect(ask()).toBe(41);
    setNow(now + 16000000);
    beginPickup(SESSION);
    addCoin(3, 600);
    expect(ask()).toBe(41);
  });

  test("brings its coins into use, with ANs from the seed", () => {
    const start = head();
    const powned = load<u64>(STATISTICS, Statistic.POWN_COUNT);
    reserveForPickup(0, 600);
    reserveForPickup(-1, 1700);
    beginPickup(SESSION);
    addCoin(0, 600);
    addCoin(-1, 1700);
    expect(ask()).toBe(250);
    expect(replyBody()).toBe("");
    expect(holds(0, 600, AN_0_600, MFS_TODAY)).toBe(true);
    expect(holds(-1, 1700, AN_9_1700, MFS_TODAY)).toBe(true);
    expect(mapSays(0, 600)).toBe(true);
    expect(countInUse(8)).toBe(1025);
    expect(countInUse(7)).toBe(1025);
    expect(head()).toBe(start + 3, "one group");
    expect(load<u64>(STATISTICS, Statistic.POWN_COUNT)).toBe(powned + 2);
    expect(detect(0, 600, AN_0_600)).toBe(241);
  });

  test("takes all or none: a coin in use, named twice or unknown is 40", () => {
    const start = head();
    reserveForPickup(0, 600);
    const wrong: u32[] = [511, 600, 2048];
    for (let i = 0; i < 3; i++) {
      beginPickup(SESSION);
      addCoin(0, 600);
      addCoin(0, wrong[i]);
      expect(ask()).toBe(40);
    }
    expect(head()).toBe(start);
    expect(holds(0, 600, anOf(0, 600), 0)).toBe(true);
    expect(statusOfNoBody(171)).toBe(36);
    expect(statusOfSize(171, 24)).toBe(16);
    expect(statusOfSize(171, 26)).toBe(39);
    expect(statusOfSize(171, 20 + 4097 * 5)).toBe(45);
  });

  test("answers 254 when its AN happens to be a trade locker's, and the lockers are full", () => {
    const seed = i64x2(0x2726252423222120, 0x003f5d182b2a2928);
    reserveForPickup(0, 600);
    for (let places: u32 = 0; places < 2; places++) {
      fillLockers(places);
      begin(0, 10, 171);
      add32(SESSION);
      add16Bytes(seed);
      addCoin(0, 600);
      expect(ask()).toBe(places ? 250 : 254);
      expect(countInUse(8)).toBe(1024 + places);
      clearLockers();
    }
  });

  test("waits for the journal, and can be undone", () => {
    reserveForPickup(0, 600);
    fillJournal(1);
    const start = head();
    beginPickup(SESSION);
    addCoin(0, 600);
    hand();
    settle();
    expect(holds(0, 600, anOf(0, 600), 0)).toBe(true);
    commit();
    settle();
    expect(holds(0, 600, AN_0_600, MFS_TODAY)).toBe(true);
    expect(rollbackTo(start)).toBe(Status.OK);
    expect(popReply() ? <u32>load<u8>(reply, 2) : 0).toBe(252);
    expect(holds(0, 600, anOf(0, 600), 0)).toBe(true);
    expect(countInUse(8)).toBe(1024);
    setAutoCommit(true);
  });
});

describe("get serial numbers", () => {
  beforeEach(() => restore());

  test("shows 1024 that are free, reserved or not, and reserves none", () => {
    reserveToCreate(SESSION, 0);
    expect(look(3)).toBe(250);
    expect(replyBody()).toBe("000200" + "00000200000003ff" + "00000600000007ff");
    setMap(0, 0, 2048, false);
    expect(look(4)).toBe(250);
    expect(replyBody()).toBe("000100" + "00000000000003ff");
    restore();
    look(3);
    expect(reserveToCreate(SESSION + 1, 0)).toBe(250);
    expect(toHex(reply + 32, 3)).toBe("000200");
  });

  test("shows fewer than 1024, too", () => {
    // Section 11, point 32.
    setMap(0, 0, 2048, true);
    setMap(0, 77, 1, false);
    expect(look(3)).toBe(250);
    expect(replyBody()).toBe("000001" + "0000004d");
    setMap(0, 77, 1, true);
    expect(look(3)).toBe(250);
    expect(replyBody()).toBe("");
  });

  test("wants operation 3 or 4, and 21 bytes", () => {
    expect(look(2)).toBe(198);
    expect(look(5)).toBe(198);
    expect(statusOfNoBody(172)).toBe(36);
    expect(statusOfSize(172, 20)).toBe(16);
    expect(statusOfSize(172, 22)).toBe(16);
  });
});
