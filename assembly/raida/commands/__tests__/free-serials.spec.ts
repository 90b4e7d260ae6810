import { Flag } from "../../../core/layout";
import { toHex } from "../../../crypto/__tests__/bytes";
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
  popReply,
  reply,
  replyBody,
  replyFlags,
  replyLength,
  setAutoCommit,
  settle,
} from "../../__tests__/node";
import { releaseReplyFrame, takeReplyFrame } from "../../reply-frames";
import {
  ADMIN,
  beginCreate,
  CLIENT,
  reserveForChange,
  reserveToCreate,
  restore,
  SESSION,
  setMap,
  startMint,
} from "./mint";

startMint();

describe("get available serial numbers", () => {
  beforeEach(() => restore());

  test("offers what is free, and reserves its pages for the session", () => {
    expect(reserveToCreate(SESSION, 0)).toBe(250);
    expect(replyBody()).toBe("000200" + "00000200000003ff" + "00000600000007ff");
    expect(reserveToCreate(SESSION, 0)).toBe(250);
    expect(replyBody()).toBe("", "nobody is offered a reserved page, not even its session");
    expect(reserveToCreate(SESSION, 1)).toBe(250);
    expect(replyBody()).toBe("010200" + "00000200000003ff" + "00000600000007ff");
  });

  test("leaves out pages that are reserved for change", () => {
    expect(reserveForChange(9, false, 1, CLIENT)).toBe(250);
    expect(reserveToCreate(SESSION, 0)).toBe(250);
    expect(replyBody()).toBe("000100" + "00000600000007ff");
  });

  test("takes pages from change when there are no others, and only then", () => {
    expect(reserveForChange(9, false, 1, CLIENT)).toBe(250);
    expect(reserveForChange(8, false, 1, CLIENT)).toBe(250);
    expect(reserveToCreate(SESSION, 0)).toBe(250);
    expect(replyBody()).toBe("000200" + "00000200000003ff" + "00000600000007ff");
    expect(reserveToCreate(SESSION, 0)).toBe(250);
    expect(replyBody()).toBe("", "pages of another operator's session are left to it");
  });

  test("offers session 0 nothing, because it can reserve nothing", () => {
    expect(reserveToCreate(0, 0)).toBe(250);
    expect(replyBody()).toBe("");
    expect(reserveToCreate(SESSION, 0)).toBe(250);
    expect(replyBody()).not.toBe("");
  });

  test("offers 1029 of a denomination, ranges over the edges of pages", () => {
    setMap(0, 0, 2048, false);
    expect(reserveToCreate(SESSION, 0)).toBe(250);
    expect(replyBody()).toBe("000100" + "0000000000000404");
  });

  test("stops before a count of runs would wrap, and reserves no page behind it", () => {
    // Section 11, point 31: 512 singles, then 512 more.
    for (let serial: u32 = 0; serial < 2048; serial += 2) setMap(0, serial, 1, false);
    for (let serial: u32 = 1; serial < 2048; serial += 2) setMap(0, serial, 1, true);
    expect(reserveToCreate(SESSION, 0)).toBe(250);
    expect(replyLength).toBe(32 + 3 + 255 * 4 + 2);
    expect(toHex(reply + 32, 7)).toBe("0000ff00000000");
    expect(toHex(reply + 32 + 3 + 254 * 4, 4)).toBe("000001fc");
    beginCreate(SESSION);
    addCoin(0, 1600);
    expect(ask()).toBe(41);
    beginCreate(SESSION);
    addCoin(0, 600);
    expect(ask()).toBe(250);
  });

  test("reserves no page whose first run would be one too many", () => {
    setMap(0, 0, 1024, true);
    for (let serial: u32 = 0; serial < 510; serial += 2) setMap(0, serial, 1, false);
    expect(reserveToCreate(SESSION, 0)).toBe(250);
    expect(toHex(reply + 32, 3)).toBe("0000ff");
    expect(replyLength).toBe(32 + 3 + 255 * 4 + 2);
    beginCreate(SESSION);
    addCoin(0, 1600);
    expect(ask()).toBe(41);
  });

  test("waits for the change that it shows", () => {
    setAutoCommit(false);
    begin(0, 3, 150);
    add32(0);
    add16Bytes(ADMIN);
    addCoin(0, 0);
    hand();
    begin(0, 10, 172);
    add32(SESSION);
    addByte(3);
    addFiller(16);
    hand();
    settle();
    expect(popReply()).toBe(false);
    commit();
    expect(popReply()).toBe(true);
    expect(popReply()).toBe(true);
    expect(toHex(reply + 32, 3)).toBe("f80200");
    expect(toHex(reply + 32 + 8 * 19, 3)).toBe("000201", "the freed one");
    setAutoCommit(true);
  });

  test("counts ranges in the same way", () => {
    for (let serial: u32 = 0; serial < 2046; serial += 3) {
      setMap(0, serial, 2, false);
      setMap(0, serial + 2, 1, true);
    }
    expect(reserveToCreate(SESSION, 0)).toBe(250);
    expect(replyLength).toBe(32 + 3 + 255 * 8 + 2);
    expect(toHex(reply + 32, 11)).toBe("00ff000000000000000001");
    expect(toHex(reply + 32 + 3 + 254 * 8, 8)).toBe("000002fa000002fb");
  });

  test("answers ranges before singles", () => {
    setMap(0, 512, 512, true);
    setMap(0, 1536, 512, true);
    setMap(0, 63, 1, false);
    setMap(0, 127, 2, false);
    setMap(0, 2047, 1, false);
    expect(reserveToCreate(SESSION, 0)).toBe(250);
    expect(replyBody()).toBe("000102" + "0000007f00000080" + "0000003f" + "000007ff");
  });

  test("leaves out denominations without any; the sixteenth flag means nothing", () => {
    for (let denomination = -8; denomination < 6; denomination++)
      setMap(denomination, 0, 2048, true);
    begin(0, 3, 120);
    add32(SESSION);
    add16Bytes(ADMIN);
    addFiller(16);
    expect(ask()).toBe(250);
    expect(replyBody()).toBe("060200" + "00000200000003ff" + "00000600000007ff");
    expect(replyFlags & Flag.REPLY_FRAME).toBe(Flag.REPLY_FRAME, "room for the longest answer");
  });

  test("waits for a reply frame and reserves nothing before", () => {
    const one = takeReplyFrame();
    const two = takeReplyFrame();
    begin(0, 3, 120);
    add32(SESSION);
    add16Bytes(ADMIN);
    addFiller(16);
    hand();
    settle();
    expect(popReply()).toBe(false);
    expect(reserveForChange(9, false, 1, CLIENT)).toBe(250);
    expect(toHex(reply + 32, 5)).toBe("0000000200");
    releaseReplyFrame(one);
    releaseReplyFrame(two);
    settle();
    expect(popReply()).toBe(true);
    expect(load<u8>(reply, 2)).toBe(250);
    expect(replyLength).toBe(32 + 15 * 19 - 8 + 2, "without the page that is reserved for change");
  });
});
