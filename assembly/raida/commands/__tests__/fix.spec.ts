import { EffectKind, EffectStatus, Wire } from "../../../core/layout";
import {
  allFramesFree,
  askedKind,
  content,
  finish,
  framesWiped,
  resultAt,
  resultLimit,
  status,
} from "../../__tests__/effect-host";
import { addCoin, addFiller, ask, begin, hand, noBody } from "../../__tests__/message";
import {
  anOf,
  head,
  holds,
  MFS_OLD,
  MFS_TODAY,
  recordInMemory,
  replyBody,
  replyLength,
  resetCoin,
  setAbsentPage,
  settle,
  startNode,
} from "../../__tests__/node";
import { NO_PAGE, pageKey } from "../../coins";
import { countInUse } from "../../in-use";
import {
  addTickets,
  anHex,
  finishAll,
  fixOne,
  handFix,
  NEW_0_300,
  nameCoin,
  openAnswer,
  openAnswers,
  THIRTEEN,
  VOTE,
  vouch,
} from "./votes";

startNode(Wire.LEGACY, true);

describe("a fix that is no fix", () => {
  test("has a body, a list, and a whole number of coins", () => {
    begin(0, 2, 80);
    noBody();
    expect(ask()).toBe(36);
    const sizes: u32[] = [0, 115, 116, 120, 122, 125, 127];
    const answers: u32[] = [16, 16, 16, 16, 39, 39, 39];
    for (let i = 0; i < sizes.length; i++) {
      begin(0, 2, 80);
      addFiller(sizes[i]);
      expect(ask()).toBe(answers[i]);
    }
    begin(0, 2, 80);
    for (let i: u32 = 0; i < 4097; i++) addCoin(0, 1);
    addTickets(0);
    expect(ask()).toBe(45);
    expect(askedKind()).toBe(0);
  });

  test("names no coin that has no page", () => {
    begin(0, 2, 80);
    addCoin(0, 300);
    addCoin(7, 300);
    addTickets(THIRTEEN);
    expect(ask()).toBe(40);
    setAbsentPage(pageKey(6, 1024));
    fixOne(6, 1024, THIRTEEN);
    expect(ask()).toBe(40, "the store has no such page");
    setAbsentPage(NO_PAGE);
    expect(askedKind()).toBe(0, "and nobody is asked");
  });

  test("with fewer than 13 tickets of others is over at once", () => {
    fixOne(0, 300, 0);
    expect(ask()).toBe(242);
    fixOne(0, 300, 0xfff);
    expect(ask()).toBe(242);
    fixOne(0, 300, 0xfff | (1 << 14));
    expect(ask()).toBe(242, "this server is RAIDA 14");
    expect(askedKind()).toBe(0);
    expect(holds(0, 300, anOf(0, 300), MFS_OLD)).toBe(true);
  });
});

describe("a fix", () => {
  test("asks the servers that have a ticket, but not itself", () => {
    handFix(0, 300, THIRTEEN | (1 << 14) | (1 << 24));
    expect(askedKind()).toBe(EffectKind.ASK_SERVERS);
    let tickets = "";
    for (let r = 0; r < 25; r++) {
      const number = r < 13 || r == 24 ? 100 + r : 0;
      tickets += "000000" + (number < 16 ? "0" : "") + number.toString(16);
    }
    expect(content()).toBe(tickets);
    expect(resultLimit()).toBe(25 * <u32>VOTE);
    vouch(0, 0, 300);
    finishAll();
    expect(status()).toBe(242);
    expect(replyLength).toBe(32);
    expect(framesWiped()).toBe(true);
    expect(allFramesFree()).toBe(true);
  });

  test("needs 14 votes with its own", () => {
    handFix(0, 300, 0x3ffffff);
    vouch(0xfff, 0, 300);
    finishAll();
    expect(status()).toBe(242);
    expect(holds(0, 300, anOf(0, 300), MFS_OLD)).toBe(true);
    const start = head();
    handFix(0, 300, THIRTEEN);
    vouch(THIRTEEN, 0, 300);
    finishAll();
    expect(status()).toBe(241);
    expect(anHex(0, 300)).toBe(NEW_0_300);
    expect(load<u8>(recordInMemory(0, 300), 16)).toBe(MFS_TODAY);
    expect(head() - start).toBe(2);
    expect(framesWiped()).toBe(true);
    expect(allFramesFree()).toBe(true);
    resetCoin(0, 300);
  });

  test("brings a coin into use", () => {
    const before = countInUse(8);
    handFix(0, 600, 0x1ffffff);
    vouch(0x1ffffff, 0, 600);
    finishAll();
    expect(status()).toBe(241);
    expect(anHex(0, 600)).toBe("e9f93a41d1e2afdb7ea157bc02c978d2");
    expect(countInUse(8)).toBe(before + 1);
    resetCoin(0, 600);
  });

  test("answers a bit a coin when they differ, and counts a coin named twice once", () => {
    begin(0, 2, 80);
    addCoin(0, 300);
    addCoin(0, 301);
    addCoin(-2, 301);
    addCoin(0, 301);
    addTickets(THIRTEEN);
    hand();
    settle();
    vouch(THIRTEEN, -2, 301);
    // Twelve for one coin, though one of them says it twice, and all speak of coins we have not.
    for (let r: u32 = 0; r < 13; r++) {
      nameCoin(r, 0, 301);
      nameCoin(r, 9, 301);
      nameCoin(r, 0, 4000000);
      if (r) nameCoin(r, 0, 300);
      if (r == 1) nameCoin(r, 0, 300);
    }
    finishAll();
    expect(status()).toBe(243);
    expect(replyBody()).toBe("0e");
    expect(anHex(0, 301)).toBe("b1607abde58767171c57ab025cc77e43");
    expect(anHex(-2, 301)).toBe("679ad214f65ca2f596293cdd699f87b0");
    expect(holds(0, 300, anOf(0, 300), MFS_OLD)).toBe(true);
    resetCoin(0, 301);
    resetCoin(-2, 301);
    // No mark is left behind.
    handFix(0, 301, THIRTEEN);
    vouch(THIRTEEN, 0, 300);
    finishAll();
    expect(status()).toBe(242);
  });

  test("works with types 4 and 5, whose sizes have the HMAC in addition", () => {
    for (let type: u32 = 4; type < 6; type++) {
      begin(type, 2, 80);
      addCoin(0, 300);
      addTickets(THIRTEEN);
      hand();
      settle();
      vouch(THIRTEEN, 0, 300);
      finishAll();
      expect(status()).toBe(241);
      expect(anHex(0, 300)).toBe(NEW_0_300);
      resetCoin(0, 300);
    }
  });

  test("takes 4096 coins", () => {
    begin(0, 2, 80);
    for (let i: u32 = 0; i < 4096; i++) addCoin(<i32>(i & 3), i >>> 2);
    addTickets(THIRTEEN);
    hand();
    settle();
    openAnswers();
    for (let r: u32 = 0; r < 13; r++) {
      openAnswer(r);
      for (let i: u32 = 0; i < 4096; i++) nameCoin(r, <i32>(i & 3), i >>> 2);
    }
    finishAll();
    expect(status()).toBe(241);
    expect(anHex(1, 5)).toBe("b5f9112806e2b24fb472ea66a18131d6");
    for (let i: u32 = 0; i < 4096; i++) resetCoin(<i32>(i & 3), i >>> 2);
    expect(allFramesFree()).toBe(true);
  });
});

describe("answers that are none", () => {
  test("of servers that were not asked, or of this one", () => {
    handFix(0, 300, THIRTEEN);
    vouch(0xfff | (1 << 14) | (1 << 20), 0, 300);
    finishAll();
    expect(status()).toBe(242);
  });

  test("with another status, or more coins than a ticket has", () => {
    handFix(0, 300, THIRTEEN);
    vouch(THIRTEEN, 0, 300);
    store<u32>(resultAt(), 44);
    finishAll();
    expect(status()).toBe(242);
    handFix(0, 300, THIRTEEN);
    vouch(THIRTEEN, 0, 300);
    store<u32>(resultAt() + VOTE, 4097, 4);
    finishAll();
    expect(status()).toBe(242);
    handFix(0, 300, THIRTEEN);
    vouch(THIRTEEN, 0, 300);
    store<u32>(resultAt() + VOTE, u32.MAX_VALUE, 4);
    finishAll();
    expect(status()).toBe(242);
  });

  test("that end before their coins do", () => {
    const last = 12 * <u32>VOTE;
    const ends: u32[] = [0, 1, last, last + 7, last + 8, last + 12];
    for (let i = 0; i < ends.length; i++) {
      handFix(0, 300, THIRTEEN);
      vouch(THIRTEEN, 0, 300);
      finish(EffectStatus.OK, ends[i]);
      expect(status()).toBe(242);
    }
    handFix(0, 300, THIRTEEN);
    vouch(THIRTEEN, 0, 300);
    finish(EffectStatus.OK, last + 13);
    expect(status()).toBe(241);
    resetCoin(0, 300);
  });

  test("of a host that could ask nobody", () => {
    for (let end: u32 = 1; end < 9; end++) {
      handFix(0, 300, THIRTEEN);
      vouch(THIRTEEN, 0, 300);
      finish(<EffectStatus>end, 25 * <u32>VOTE);
      expect(status()).toBe(242);
    }
    expect(holds(0, 300, anOf(0, 300), MFS_OLD)).toBe(true);
    expect(allFramesFree()).toBe(true);
  });
});
