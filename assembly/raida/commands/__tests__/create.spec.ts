import { ADMIN_KEY } from "../../../core/control";
import { Flag } from "../../../core/layout";
import { Status } from "../../../core/status";
import { fromHex, toHex } from "../../../crypto/__tests__/bytes";
import {
  add16Bytes,
  add32,
  addCoin,
  addFiller,
  ask,
  begin,
  hand,
  message,
  messageBytes,
  seal,
} from "../../__tests__/message";
import {
  anOf,
  answerTo,
  clearRings,
  commit,
  head,
  holds,
  MFS_TODAY,
  now,
  popReply,
  reply,
  replyBody,
  replyFlags,
  replyLength,
  setAbsentPage,
  setAutoCommit,
  setNow,
  settle,
} from "../../__tests__/node";
import { NO_PAGE, pageKey } from "../../coins";
import { countInUse } from "../../in-use";
import { clearLockers } from "../../lockers";
import { rollbackTo } from "../../rollback";
import {
  ADMIN,
  beginCreate,
  CLIENT,
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

/** MD5 of "14", the serial number and "6de9439834c9147569741d3c9c9fc010", by another program. */
const AN_600: v128 = v128.load(fromHex("625001206df064e8fd1aa2b090f78f3f"));
const AN_1700: v128 = v128.load(fromHex("7c974d3ba3e946238aaa10b6bf19f758"));
const AN_1023: v128 = v128.load(fromHex("0675bc341c3d3b4b1d2cf1a221909ce5"));

function hexOf(an: v128): string {
  const at = fromHex("00".repeat(16));
  v128.store(at, an);
  return toHex(at, 16);
}

/** Creates one coin for the session; the status. */
function createOne(session: u32, denomination: i32, serial: u32): u32 {
  beginCreate(session);
  addCoin(denomination, serial);
  return ask();
}

/** Is a coin of the base state as it was, and free? */
function untouched(denomination: i32, serial: u32): bool {
  return holds(denomination, serial, anOf(denomination, serial), 0);
}

describe("create", () => {
  beforeEach(() => restore());

  test("brings reserved coins into use and answers their old ANs in order", () => {
    const start = head();
    reserveToCreate(SESSION, 0);
    beginCreate(SESSION);
    addCoin(0, 1700);
    addCoin(0, 600);
    addCoin(0, 1023);
    expect(ask()).toBe(250);
    expect(replyBody()).toBe(hexOf(anOf(0, 1700)) + hexOf(anOf(0, 600)) + hexOf(anOf(0, 1023)));
    expect(holds(0, 600, AN_600, MFS_TODAY)).toBe(true);
    expect(holds(0, 1700, AN_1700, MFS_TODAY)).toBe(true);
    expect(holds(0, 1023, AN_1023, MFS_TODAY)).toBe(true);
    expect(countInUse(8)).toBe(1027);
    expect(mapSays(0, 600)).toBe(true);
    expect(mapSays(0, 601)).toBe(false);
    expect(head()).toBe(start + 4, "one group");
    expect(detect(0, 600, AN_600)).toBe(241);
  });

  test("wants a reservation of its session, made to create on", () => {
    expect(createOne(SESSION, 0, 600)).toBe(41);
    reserveToCreate(SESSION, 0);
    expect(createOne(SESSION + 1, 0, 600)).toBe(41);
    expect(createOne(0, 0, 600)).toBe(41);
    expect(createOne(0xeeeeeeee, 0, 600)).toBe(41, "no way around");
    expect(createOne(SESSION, 1, 600)).toBe(41, "another page");
    reserveForChange(SESSION, false, 4, CLIENT);
    expect(createOne(SESSION, 3, 600)).toBe(41, "reserved for change");
    expect(untouched(0, 600)).toBe(true);
    expect(createOne(SESSION, 0, 600)).toBe(250);
  });

  test("wants it within 16 seconds", () => {
    reserveToCreate(SESSION, 0);
    setNow(now + 15999999);
    expect(createOne(SESSION, 0, 600)).toBe(250);
    setNow(now + 1);
    expect(createOne(SESSION, 0, 601)).toBe(41);
    expect(reserveToCreate(SESSION, 0)).toBe(250);
    expect(createOne(SESSION, 0, 601)).toBe(250);
  });

  test("creates all or none: a coin in use, named twice or unknown is 40", () => {
    const start = head();
    reserveToCreate(SESSION, 0);
    reserveToCreate(SESSION, -5);
    const wrong: u32[] = [511, 600, 2048, 0xffffffff, 600 + 67108864];
    for (let i = 0; i < wrong.length; i++) {
      beginCreate(SESSION);
      addCoin(0, 600);
      addCoin(0, wrong[i]);
      expect(ask()).toBe(40);
      expect(replyBody()).toBe("");
    }
    expect(createOne(SESSION, 7, 600)).toBe(40);
    setAbsentPage(pageKey(-5, 1024));
    expect(createOne(SESSION, -5, 1600)).toBe(40, "a page that the store has not");
    setAbsentPage(NO_PAGE);
    expect(head()).toBe(start);
    expect(untouched(0, 600)).toBe(true);
    expect(countInUse(8)).toBe(1024);
    expect(createOne(SESSION, 0, 600)).toBe(250);
    expect(createOne(SESSION, 0, 600)).toBe(40, "now it is in use");
  });

  test("waits for the journal, and changes nothing before", () => {
    reserveToCreate(SESSION, 0);
    fillJournal(2);
    beginCreate(SESSION);
    addCoin(0, 600);
    addCoin(0, 1700);
    hand();
    settle();
    expect(popReply()).toBe(false);
    expect(untouched(0, 600)).toBe(true);
    commit();
    settle();
    expect(holds(0, 600, AN_600, MFS_TODAY)).toBe(true);
    expect(popReply()).toBe(false, "not before the commit");
    commit();
    expect(popReply()).toBe(true);
    expect(replyBody()).toBe(hexOf(anOf(0, 600)) + hexOf(anOf(0, 1700)));
  });

  test("is undone with counts and map; the reservation stays", () => {
    reserveToCreate(SESSION, 0);
    setAutoCommit(false);
    const start = head();
    beginCreate(SESSION);
    addCoin(0, 600);
    hand();
    settle();
    expect(countInUse(8)).toBe(1025);
    expect(rollbackTo(start)).toBe(Status.OK);
    expect(popReply() ? <u32>load<u8>(reply, 2) : 0).toBe(252);
    expect(untouched(0, 600)).toBe(true);
    expect(countInUse(8)).toBe(1024);
    expect(mapSays(0, 600)).toBe(false);
    setAutoCommit(true);
    expect(createOne(SESSION, 0, 600)).toBe(250);
  });

  test("takes 4096 coins over a stream; their answer fits no datagram", () => {
    clearRings();
    for (let denomination = 0; denomination < 4; denomination++)
      expect(reserveToCreate(SESSION, denomination)).toBe(250);
    beginCreate(SESSION);
    for (let i: u32 = 0; i < 4096; i++) addCoin(<i32>(i >> 10), 512 + (i & 511) + ((i & 512) << 1));
    const start = head();
    expect(ask()).toBe(254);
    expect(head()).toBe(start);
    expect(untouched(3, 2047)).toBe(true);
    expect(answerTo(message, messageBytes, Flag.LOCAL)).toBe(250);
    expect(replyLength).toBe(32 + 65536 + 2);
    expect(toHex(reply + 32 + 4095 * 16, 16)).toBe(hexOf(anOf(3, 2047)));
    expect(countInUse(8 + 3)).toBe(2048);
    expect(mapSays(3, 2047)).toBe(true);
  });

  test("answers 254 when its AN happens to be a trade locker's, and the lockers are full", () => {
    const key = v128.load(fromHex("6de9439834c9147569741d3c0044cb5b"));
    v128.store(ADMIN_KEY, key);
    expect(reserveToCreate(SESSION, 0)).toBe(38);
    begin(0, 3, 120);
    add32(SESSION);
    add16Bytes(key);
    addFiller(16);
    expect(ask()).toBe(250);
    for (let places: u32 = 0; places < 2; places++) {
      fillLockers(places);
      begin(0, 3, 130);
      add32(SESSION);
      add16Bytes(key);
      addCoin(0, 600);
      expect(ask()).toBe(places ? 250 : 254);
      expect(untouched(0, 600)).toBe(places === 0);
      clearLockers();
    }
    v128.store(ADMIN_KEY, ADMIN);
  });

  test("answers a question that lies in front of its answer", () => {
    reserveToCreate(SESSION, 0);
    beginCreate(SESSION);
    for (let i: u32 = 0; i < 200; i++) addCoin(0, 512 + i);
    seal();
    expect(answerTo(message, messageBytes, Flag.DATAGRAM | Flag.LOCAL)).toBe(250);
    expect(replyFlags & Flag.REPLY_FRAME).toBe(0, "in its own frame");
    expect(toHex(reply + 32 + 199 * 16, 16)).toBe(hexOf(anOf(0, 711)));
    expect(toHex(reply + 32 + 88 * 16, 16)).toBe(hexOf(anOf(0, 600)));
    expect(holds(0, 600, AN_600, MFS_TODAY)).toBe(true);
  });
});
