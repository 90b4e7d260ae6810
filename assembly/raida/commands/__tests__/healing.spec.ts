import { Flag, Random, Wire } from "../../../core/layout";
import { RANDOM } from "../../../core/memory";
import { toHex } from "../../../crypto/__tests__/bytes";
import {
  add16Bytes,
  add32,
  addByte,
  addCoin,
  addFalseCoin,
  addFiller,
  addTrueCoin,
  ask,
  begin,
  hand,
  noBody,
  openReplyBody,
  useKeyCoin,
} from "../../__tests__/message";
import {
  anOf,
  commit,
  dryRandom,
  fillRandom,
  fillsAsked,
  now,
  popReply,
  reply,
  replyBody,
  replyFlags,
  replyLength,
  resetCoin,
  setAbsentPage,
  setAutoCommit,
  setNow,
  settle,
  startNode,
  stepNow,
} from "../../__tests__/node";
import { pageKey } from "../../coins";
import { releaseReplyFrame, takeReplyFrame } from "../../reply-frames";

startNode(Wire.LEGACY, false);
setAbsentPage(pageKey(6, 1024));

const LIFE: u64 = 300000000;

function getTicket(): void {
  begin(0, 2, 40);
}
function find(): void {
  begin(0, 2, 60);
}

/** All tickets expire. */
function forgetTickets(): void {
  setNow(now + LIFE + 1);
  stepNow();
}

/** A ticket for the coins 0 and 1 of denomination 4. */
function newTicket(): u32 {
  getTicket();
  addTrueCoin(4, 0);
  addTrueCoin(4, 1);
  assert(ask() == 241);
  return bswap<u32>(load<u32>(reply, 32));
}

function validate(raida: u32, ticket: u32): u32 {
  begin(0, 2, 50);
  addByte(raida);
  add32(ticket);
  return ask();
}

function statusOfSize(command: u32, bytes: u32): u32 {
  begin(0, 2, command);
  addFiller(bytes);
  return ask();
}
function statusOfNoBody(command: u32): u32 {
  begin(0, 2, command);
  noBody();
  return ask();
}

describe("get ticket", () => {
  test("gives a random number for good coins", () => {
    fillRandom();
    getTicket();
    addTrueCoin(4, 0);
    expect(ask()).toBe(241);
    expect(replyBody()).toBe("01020304", "the first four of the pool, as they lie there");
    expect(load<u32>(RANDOM + Random.BYTES)).toBe(0, "and wiped");
    expect(newTicket()).not.toBe(0x01020304);
    forgetTickets();
  });

  test("never gives the number 0, nor one that a live ticket has", () => {
    fillRandom();
    getTicket();
    addTrueCoin(4, 0);
    expect(ask()).toBe(241);
    const first = replyBody();
    // Nothing, the number of the first ticket, and then one that is free.
    fillRandom();
    const at = RANDOM + Random.BYTES;
    store<u32>(at, 0);
    store<u32>(at, 0x04030201, 4);
    store<u32>(at, 0x09090909, 8);
    getTicket();
    addTrueCoin(4, 0);
    expect(ask()).toBe(241);
    expect(first).toBe("01020304");
    expect(replyBody()).toBe("09090909");
    memory.fill(RANDOM + Random.BYTES, 0, 32768);
    getTicket();
    addTrueCoin(4, 0);
    expect(ask()).toBe(252, "no number to be had");
    fillRandom();
    forgetTickets();
  });

  test("answers bitmap and ticket when some are good", () => {
    fillRandom();
    getTicket();
    for (let i: u32 = 0; i < 9; i++) {
      if (i === 1 || i === 8) addTrueCoin(4, i);
      else addFalseCoin(4, i);
    }
    expect(ask()).toBe(243);
    expect(replyBody()).toBe("020101020304");
    expect(validate(3, 0x01020304)).toBe(250);
    expect(replyBody()).toBe("04000000010400000008", "the good ones");
    forgetTickets();
  });

  test("gives none when no coin is good, and takes no slot for it", () => {
    for (let i = 0; i < 6; i++) {
      getTicket();
      addFalseCoin(4, 0);
      addTrueCoin(4, 512);
      expect(ask()).toBe(242);
      expect(replyBody()).toBe("");
    }
    for (let i = 0; i < 4; i++) expect(newTicket()).not.toBe(0);
    getTicket();
    addTrueCoin(4, 0);
    addFalseCoin(4, 1);
    expect(ask()).toBe(42, "all four slots are alive");
    getTicket();
    addFalseCoin(4, 0);
    expect(ask()).toBe(242, "no slot was wanted");
    setNow(now + LIFE);
    getTicket();
    addTrueCoin(4, 0);
    expect(ask()).toBe(42);
    setNow(now + 1);
    getTicket();
    addTrueCoin(4, 0);
    expect(ask()).toBe(241);
    forgetTickets();
  });

  test("answers 40 for all when one coin does not exist", () => {
    getTicket();
    addTrueCoin(4, 0);
    addTrueCoin(4, 2048);
    expect(ask()).toBe(40);
    getTicket();
    addTrueCoin(4, 0);
    addTrueCoin(6, 1024);
    expect(ask()).toBe(40);
  });

  test("answers 252 without random bytes, and asks for them", () => {
    const before = fillsAsked;
    dryRandom();
    getTicket();
    addTrueCoin(4, 0);
    expect(ask()).toBe(252);
    expect(fillsAsked).toBe(before + 1);
    fillRandom();
    expect(newTicket()).not.toBe(0);
    forgetTickets();
  });

  test("takes whole coins only", () => {
    expect(statusOfNoBody(40)).toBe(36);
    expect(statusOfSize(40, 20)).toBe(16);
    expect(statusOfSize(40, 22)).toBe(39);
  });
});

describe("validate ticket", () => {
  test("gives only the coins that still have the AN which was shown", () => {
    const ticket = newTicket();
    begin(0, 1, 20);
    addTrueCoin(4, 0);
    add16Bytes(i8x16.splat(0x51));
    expect(ask()).toBe(241);
    expect(validate(3, ticket)).toBe(250);
    expect(replyBody()).toBe("0400000001");
    begin(0, 1, 20);
    addTrueCoin(4, 1);
    add16Bytes(i8x16.splat(0x52));
    expect(ask()).toBe(241);
    expect(validate(4, ticket)).toBe(250);
    expect(replyBody()).toBe("", "its owner has given both away");
    resetCoin(4, 0);
    resetCoin(4, 1);
    expect(validate(5, ticket)).toBe(250);
    expect(replyBody()).toBe("04000000000400000001");
    forgetTickets();
  });

  test("gives the coins to each RAIDA once", () => {
    const ticket = newTicket();
    for (let raida: u32 = 0; raida < 25; raida++) {
      expect(validate(raida, ticket)).toBe(250);
      expect(replyBody()).toBe("04000000000400000001");
      expect(validate(raida, ticket)).toBe(44);
      expect(replyBody()).toBe("");
    }
    expect(validate(25, ticket)).toBe(18);
    expect(validate(255, ticket)).toBe(18);
    forgetTickets();
  });

  test("knows only tickets that are alive", () => {
    const ticket = newTicket();
    expect(validate(0, ticket + 1)).toBe(43);
    expect(validate(0, 0)).toBe(43);
    expect(validate(25, ticket + 1)).toBe(18, "who asks is looked at first");
    setNow(now + LIFE);
    expect(validate(0, ticket)).toBe(250);
    setNow(now + 1);
    expect(validate(1, ticket)).toBe(43);
  });

  test("takes five bytes", () => {
    expect(statusOfNoBody(50)).toBe(36);
    expect(statusOfSize(50, 0)).toBe(16);
    expect(statusOfSize(50, 4)).toBe(16);
    expect(statusOfSize(50, 5)).toBe(43);
    expect(statusOfSize(50, 6)).toBe(16);
  });

  test("answers long lists in a reply frame, and waits until there is one", () => {
    getTicket();
    // 48 + 850 x 5 bytes do not fit the frame of the question.
    for (let i: u32 = 0; i < 850; i++) addTrueCoin(<i32>(i >> 9) + 1, i & 511);
    expect(ask()).toBe(241);
    const ticket = bswap<u32>(load<u32>(reply, 32));
    const first = takeReplyFrame();
    const second = takeReplyFrame();
    begin(0, 2, 50);
    addByte(7);
    add32(ticket);
    hand();
    settle();
    expect(popReply() ? <u32>load<u8>(reply, 2) : 0).toBe(0);
    releaseReplyFrame(first);
    settle();
    expect(popReply()).toBe(true);
    expect(load<u8>(reply, 2)).toBe(250);
    expect(replyFlags & Flag.REPLY_FRAME).toBe(Flag.REPLY_FRAME);
    expect(replyLength).toBe(32 + 850 * 5 + 2);
    expect(toHex(reply + 32 + 849 * 5, 7)).toBe("02000001513e3e");
    expect(takeReplyFrame()).toBe(first, "the host has given it back");
    releaseReplyFrame(first);
    releaseReplyFrame(second);
    forgetTickets();
  });

  test("answers a question that waited in its small copy in a reply frame too", () => {
    getTicket();
    for (let i: u32 = 0; i < 60; i++) addTrueCoin(4, i);
    expect(ask()).toBe(241);
    begin(1, 2, 50);
    // The page of this coin has to be loaded first.
    useKeyCoin(-3, 1025);
    addByte(7);
    add32(bswap<u32>(load<u32>(reply, 32)));
    expect(ask()).toBe(250);
    expect(replyFlags & Flag.REPLY_FRAME).toBe(Flag.REPLY_FRAME);
    expect(toHex(openReplyBody(reply, 300) + 295, 5)).toBe("040000003b");
    forgetTickets();
  });

  test("lets the answer wait for the change that the ticket rests on", () => {
    fillRandom();
    setAutoCommit(false);
    begin(0, 1, 20);
    addTrueCoin(4, 9);
    add16Bytes(anOf(4, 9));
    hand();
    getTicket();
    addTrueCoin(4, 9);
    hand();
    begin(0, 2, 50);
    addByte(7);
    add32(0x01020304);
    hand();
    settle();
    expect(popReply()).toBe(false, "all three wait");
    commit();
    for (let i = 0; i < 3; i++) expect(popReply()).toBe(true);
    expect(replyBody()).toBe("0400000009");
    setAutoCommit(true);
    forgetTickets();
  });

  test("answers in the frame of the question as long as that is large enough", () => {
    getTicket();
    for (let i: u32 = 0; i < 806; i++) addTrueCoin(<i32>(i >> 9) + 1, i & 511);
    expect(ask()).toBe(241);
    // 32 + 806 x 5 + 34 bytes are exactly 4096.
    expect(validate(7, bswap<u32>(load<u32>(reply, 32)))).toBe(250);
    expect(replyFlags & Flag.REPLY_FRAME).toBe(0);
    getTicket();
    for (let i: u32 = 0; i < 807; i++) addTrueCoin(<i32>(i >> 9) + 1, i & 511);
    expect(ask()).toBe(241);
    expect(validate(7, bswap<u32>(load<u32>(reply, 32)))).toBe(250);
    expect(replyFlags & Flag.REPLY_FRAME).toBe(Flag.REPLY_FRAME);
    forgetTickets();
  });
});

describe("find", () => {
  test("tells which of both ANs is the coin's", () => {
    const other = i8x16.splat(0x77);
    find();
    addTrueCoin(4, 0);
    add16Bytes(other);
    expect(ask()).toBe(209);
    expect(replyBody()).toBe("");
    find();
    addFalseCoin(4, 0);
    add16Bytes(anOf(4, 0));
    expect(ask()).toBe(210);
    expect(replyBody()).toBe("");
    find();
    addFalseCoin(4, 0);
    add16Bytes(other);
    expect(ask()).toBe(208);
    expect(replyBody()).toBe("");
    find();
    addTrueCoin(4, 0);
    add16Bytes(anOf(4, 0));
    expect(ask()).toBe(209, "both: the AN counts");
  });

  test("answers a byte a coin when they differ", () => {
    const other = i8x16.splat(0x77);
    find();
    addTrueCoin(4, 0);
    add16Bytes(other);
    addFalseCoin(4, 1);
    add16Bytes(anOf(4, 1));
    addFalseCoin(4, 2);
    add16Bytes(other);
    addTrueCoin(4, 512);
    add16Bytes(anOf(4, 512));
    addTrueCoin(4, 3);
    add16Bytes(anOf(4, 3));
    expect(ask()).toBe(211);
    expect(replyBody()).toBe("0102000001", "a free record is nobody's");
    find();
    addFalseCoin(4, 1);
    add16Bytes(anOf(4, 1));
    addFalseCoin(4, 2);
    add16Bytes(other);
    expect(ask()).toBe(211);
    expect(replyBody()).toBe("0200");
  });

  test("answers 40 for a coin that does not exist", () => {
    find();
    addCoin(4, 2048);
    addFiller(32);
    expect(ask()).toBe(40);
    find();
    addCoin(6, 1024);
    addFiller(32);
    expect(ask()).toBe(40);
  });

  test("takes whole coins only", () => {
    expect(statusOfNoBody(60)).toBe(36);
    expect(statusOfSize(60, 36)).toBe(16);
    expect(statusOfSize(60, 38)).toBe(39);
  });
});
