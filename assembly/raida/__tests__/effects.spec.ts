import { PIN_TOKEN } from "../../core/control";
import { EffectBlock, EffectKind, EffectStatus, Page, Ring, Wire } from "../../core/layout";
import { EFFECTS } from "../../core/memory";
import { Status } from "../../core/status";
import { metaOf, pageKey } from "../coins";
import { completeEffect, parkedCount, parkedRoom } from "../parked";
import { discardSince, reopenWorkers, rollbackTo } from "../rollback";
import {
  allFramesFree,
  askedKind,
  blockAt,
  effectNumber,
  effectSlot,
  finish,
  finishWith,
  framesWiped,
  isSound,
  resultAt,
  status,
} from "./effect-host";
import {
  add16Bytes,
  add32,
  addCoin,
  addFiller,
  addTrueCoin,
  ask,
  begin,
  hand,
  useKey,
  useKeyCoin,
} from "./message";
import {
  anOf,
  commit,
  deskCount,
  head,
  keepBack,
  popReply,
  processNow,
  reply,
  replyPeer,
  serveEffects,
  serveKept,
  setAutoCommit,
  settle,
  startNode,
  stepNow,
} from "./node";

startNode(Wire.LEGACY, true);

const PAN: v128 = i8x16.splat(0x61);

/** A get key, which reads one file and touches no page. */
function getKey(type: u32): void {
  begin(type, 4, 43);
  addFiller(37);
}
function handGet(): u32 {
  getKey(0);
  const peer = hand();
  settle();
  return peer;
}

/** A fix that asks 13 servers. */
function beginFix(denomination: i32, serial: u32): void {
  begin(0, 2, 80);
  addCoin(denomination, serial);
  add16Bytes(PAN);
  for (let r: u32 = 0; r < 25; r++) add32(r < 13 ? 9 : 0);
}

describe("an effect", () => {
  test("lies whole in a frame of its request, and is told of once", () => {
    handGet();
    expect(deskCount).toBe(1);
    expect(isSound()).toBe(true);
    expect(effectNumber()).toBe(0);
    expect(load<u32>(blockAt(), EffectBlock.NAME_BYTES)).toBe(32);
    stepNow();
    settle();
    expect(deskCount).toBe(1);
    expect(parkedCount()).toBe(1);
    finishWith("0102");
    expect(status()).toBe(250);
    expect(parkedCount()).toBe(0);
    expect(deskCount).toBe(0);
  });

  test("is ended once, in its slot, with no more than fits", () => {
    handGet();
    const slot = effectSlot();
    expect(completeEffect(slot + 1, 0, 0)).toBe(Status.INVALID_ARGUMENT);
    expect(completeEffect(4096, 0, 0)).toBe(Status.INVALID_ARGUMENT);
    expect(completeEffect(u32.MAX_VALUE, 0, 0)).toBe(Status.INVALID_ARGUMENT);
    expect(completeEffect(slot, 0, 1048577)).toBe(Status.INVALID_ARGUMENT);
    expect(status()).toBe(0, "it waits on");
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(250);
    expect(completeEffect(slot, 0, 0)).toBe(Status.INVALID_ARGUMENT, "nobody waits there");
  });

  test("is no end of a page's waiting", () => {
    keepBack(pageKey(5, 1));
    begin(0, 1, 10);
    addTrueCoin(5, 1);
    hand();
    settle();
    for (let slot: u32 = 0; slot < 4; slot++)
      expect(completeEffect(slot, 0, 0)).toBe(Status.INVALID_ARGUMENT);
    serveKept();
    settle();
    expect(status()).toBe(241);
  });

  test("needs room in the ring, else 254", () => {
    const tail = load<u32>(EFFECTS, Ring.TAIL);
    store<u32>(EFFECTS, tail + 16, Ring.HEAD);
    getKey(0);
    hand();
    processNow(8);
    store<u32>(EFFECTS, tail, Ring.HEAD);
    expect(status()).toBe(254);
    expect(allFramesFree()).toBe(true);
  });
});

describe("a request that waits for an effect", () => {
  test("lets others by, whichever ends first", () => {
    const first = handGet();
    const firstResult = resultAt();
    begin(0, 1, 10);
    addTrueCoin(0, 1);
    expect(ask()).toBe(241);
    const second = handGet();
    expect(deskCount).toBe(2);
    expect(resultAt()).toBe(firstResult, "the oldest");
    getKey(0);
    expect(ask()).toBe(254, "there are two frames");
    finish(EffectStatus.OK, 1);
    expect(status()).toBe(250);
    expect(replyPeer).toBe(first);
    finish(EffectStatus.MISSING, 0);
    expect(status()).toBe(194);
    expect(replyPeer).toBe(second);
    expect(allFramesFree()).toBe(true);
  });

  test("takes a place in the park, which is full at four", () => {
    handGet();
    handGet();
    keepBack(pageKey(4, 1));
    for (let i: u32 = 0; i < 3; i++) {
      begin(0, 1, 10);
      addTrueCoin(4, 1 + i);
      hand();
    }
    settle();
    expect(parkedRoom()).toBe(false);
    expect(status()).toBe(0);
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(250);
    expect(parkedRoom()).toBe(false, "the one outside has come in");
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(250);
    serveKept();
    settle();
    for (let i = 0; i < 3; i++) expect(status()).toBe(241);
    expect(parkedCount()).toBe(0);
  });

  test("leaves a frame to files when the slow ones have theirs", () => {
    beginFix(0, 300);
    hand();
    settle();
    expect(askedKind()).toBe(EffectKind.ASK_SERVERS);
    beginFix(0, 301);
    expect(ask()).toBe(254);
    handGet();
    expect(deskCount).toBe(2);
    finish(EffectStatus.UNREACHABLE, 0);
    expect(status()).toBe(242);
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(250);
    beginFix(0, 301);
    hand();
    settle();
    finish(EffectStatus.FAILED, 0);
    expect(status()).toBe(242);
  });

  test("holds neither pins nor the pin token", () => {
    keepBack(pageKey(3, 1));
    begin(0, 2, 80);
    addCoin(2, 1);
    addCoin(3, 1);
    add16Bytes(PAN);
    for (let r: u32 = 0; r < 25; r++) add32(9);
    hand();
    processNow(8);
    serveEffects();
    stepNow();
    expect(load<u32>(PIN_TOKEN)).toBe(1);
    expect(load<u32>(metaOf(pageKey(2, 1)), Page.PINS)).toBe(1);
    serveKept();
    settle();
    expect(askedKind()).toBe(EffectKind.ASK_SERVERS);
    expect(load<u32>(PIN_TOKEN)).toBe(0);
    expect(load<u32>(metaOf(pageKey(2, 1)), Page.PINS)).toBe(0);
    expect(load<u32>(metaOf(pageKey(3, 1)), Page.PINS)).toBe(0);
    expect(load<u32>(metaOf(pageKey(3, 1)), Page.LOCK)).toBe(0);
    finish(EffectStatus.UNREACHABLE, 0);
    expect(status()).toBe(242);
  });

  test("is 252 when its key is undone meanwhile, and leaves nothing behind", () => {
    for (let round = 0; round < 2; round++) {
      // So that nobody waits for the page.
      begin(0, 1, 10);
      addTrueCoin(1, 310);
      expect(ask()).toBe(241);
      setAutoCommit(false);
      commit();
      const start = head();
      begin(0, 1, 20);
      addCoin(1, 310);
      add16Bytes(anOf(1, 310));
      add16Bytes(PAN);
      hand();
      getKey(1);
      useKeyCoin(1, 310);
      useKey(PAN);
      hand();
      // In clear text: it rests on nothing.
      handGet();
      expect(deskCount).toBe(2);
      if (round) {
        discardSince(start);
        reopenWorkers();
      } else {
        rollbackTo(start);
      }
      finishWith("0000000834030405");
      expect(popReply()).toBe(true);
      expect(load<u8>(reply, 2)).toBe(252);
      expect(load<u8>(reply, 3)).toBe(4);
      expect(status()).toBe(252, "the pown");
      finishWith("0000000834030405");
      expect(status()).toBe(250);
      expect(allFramesFree()).toBe(true);
      setAutoCommit(true);
      settle();
    }
  });

  test("has its frame wiped when nothing of it leaves", () => {
    // The replies before lay in frames of theirs.
    for (let i = 0; i < 2; i++) handGet();
    memory.fill(resultAt() - 32, 0, 4096);
    finish(EffectStatus.MISSING, 0);
    memory.fill(resultAt() - 32, 0, 4096);
    finish(EffectStatus.MISSING, 0);
    while (popReply()) {}
    handGet();
    memory.fill(resultAt(), 0x5a, 512);
    finish(EffectStatus.TOO_LARGE, 512);
    expect(status()).toBe(194);
    expect(framesWiped()).toBe(true);
  });
});
