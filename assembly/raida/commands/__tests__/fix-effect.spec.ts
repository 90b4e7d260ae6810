import { claim } from "../../../core/journal";
import { EffectKind, Page, Wire } from "../../../core/layout";
import { SEEN } from "../../../core/memory";
import { allAre } from "../../../crypto/__tests__/bytes";
import {
  allFramesFree,
  askedKind,
  framesWiped,
  giveFramesBack,
  status,
  takeFrames,
} from "../../__tests__/effect-host";
import { add16Bytes, addCoin, ask, begin, hand, useKey, useKeyCoin } from "../../__tests__/message";
import {
  anOf,
  commit,
  head,
  holds,
  MFS_OLD,
  MFS_TODAY,
  reply,
  resetCoin,
  setAutoCommit,
  settle,
  startNode,
} from "../../__tests__/node";
import { metaOf, pageKey } from "../../coins";
import { parkedCount } from "../../parked";
import { discardSince, reopenWorkers, rollbackTo } from "../../rollback";
import {
  addTickets,
  anHex,
  finishAll,
  fixOne,
  handFix,
  NEW_0_300,
  PG,
  THIRTEEN,
  vouch,
} from "./votes";

startNode(Wire.LEGACY, true);

describe("while a fix waits", () => {
  test("nothing is held: its page changes, and a change that was told is not overwritten", () => {
    handFix(0, 300, THIRTEEN);
    const meta = metaOf(pageKey(0, 300));
    expect(load<u32>(meta, Page.LOCK)).toBe(0);
    expect(load<u32>(meta, Page.PINS)).toBe(0);
    begin(0, 1, 20);
    addCoin(0, 300);
    add16Bytes(anOf(0, 300));
    add16Bytes(PG);
    expect(ask()).toBe(241);
    expect(parkedCount()).toBe(1);
    vouch(THIRTEEN, 0, 300);
    finishAll();
    expect(status()).toBe(242);
    expect(holds(0, 300, PG, MFS_TODAY)).toBe(true);
    resetCoin(0, 300);
  });

  test("a coin that nobody changes is fixed, and good for each time that it is named", () => {
    begin(0, 2, 80);
    addCoin(0, 300);
    addCoin(0, 300);
    addTickets(THIRTEEN);
    hand();
    settle();
    vouch(THIRTEEN, 0, 300);
    finishAll();
    expect(status()).toBe(241);
    expect(anHex(0, 300)).toBe(NEW_0_300);
    resetCoin(0, 300);
  });

  test("leaves no coin marked, also where the bitmap lies on the list", () => {
    begin(4, 2, 80);
    for (let i: u32 = 0; i < 40; i++) addCoin(0, 300 + (i >>> 3));
    addTickets(THIRTEEN);
    hand();
    settle();
    vouch(THIRTEEN, 0, 300);
    finishAll();
    expect(status()).toBe(243);
    expect(allAre(SEEN, 128 * 15, 0)).toBe(true);
    resetCoin(0, 300);
  });

  test("a coin for which this server has given a ticket is not fixed while it is as it was", () => {
    begin(0, 2, 40);
    addCoin(0, 302);
    add16Bytes(anOf(0, 302));
    expect(ask()).toBe(241);
    handFix(0, 302, THIRTEEN);
    vouch(THIRTEEN, 0, 302);
    finishAll();
    expect(status()).toBe(242);
    expect(holds(0, 302, anOf(0, 302), MFS_OLD)).toBe(true);
    // Once it has another AN the ticket says nothing about it.
    begin(0, 1, 20);
    addCoin(0, 302);
    add16Bytes(anOf(0, 302));
    add16Bytes(PG);
    expect(ask()).toBe(241);
    handFix(0, 302, THIRTEEN);
    vouch(THIRTEEN, 0, 302);
    finishAll();
    expect(status()).toBe(241);
    resetCoin(0, 302);
  });

  test("a full journal makes it wait on, not ask again", () => {
    setAutoCommit(false);
    handFix(0, 300, THIRTEEN);
    vouch(THIRTEEN, 0, 300);
    const start = head();
    // What another request has claimed and not published yet.
    claim(8190);
    finishAll();
    expect(parkedCount()).toBe(1);
    expect(holds(0, 300, anOf(0, 300), MFS_OLD)).toBe(true);
    commit();
    settle();
    expect(askedKind()).toBe(0);
    expect(parkedCount()).toBe(0);
    commit();
    expect(status()).toBe(241);
    expect(head()).toBe(start + 8191 + 2);
    setAutoCommit(true);
    settle();
    resetCoin(0, 300);
  });

  test("a second one finds no room with slow servers, and no frame at all is 254, too", () => {
    handFix(0, 300, THIRTEEN);
    fixOne(0, 301, THIRTEEN);
    expect(ask()).toBe(254);
    vouch(THIRTEEN, 0, 300);
    finishAll();
    expect(status()).toBe(241);
    resetCoin(0, 300);
    takeFrames();
    fixOne(0, 300, THIRTEEN);
    expect(ask()).toBe(254);
    giveFramesBack();
    expect(holds(0, 300, anOf(0, 300), MFS_OLD)).toBe(true);
  });

  test("a rollback or discard of what its key rests on makes it 252", () => {
    for (let round = 0; round < 2; round++) {
      setAutoCommit(false);
      commit();
      const start = head();
      begin(0, 1, 20);
      addCoin(0, 310);
      add16Bytes(anOf(0, 310));
      add16Bytes(PG);
      hand();
      begin(1, 2, 80);
      useKeyCoin(0, 310);
      useKey(PG);
      addCoin(0, 300);
      addTickets(THIRTEEN);
      hand();
      settle();
      expect(askedKind()).toBe(EffectKind.ASK_SERVERS);
      if (round) discardSince(start);
      else rollbackTo(start);
      if (round) reopenWorkers();
      vouch(THIRTEEN, 0, 300);
      finishAll();
      expect(status()).toBe(252, "the fix");
      expect(load<u8>(reply, 3)).toBe(2);
      expect(status()).toBe(252, "the pown");
      expect(framesWiped()).toBe(true);
      expect(allFramesFree()).toBe(true);
      setAutoCommit(true);
      settle();
    }
  });
});
