import { setCounters, setWord } from "../../core/__tests__/configuration";
import { unlock } from "../../core/atomics";
import { CLOCK_HAND, COMMITTED, LOADS } from "../../core/control";
import { Config, Effect, EffectKind, Page, PageState, Ring, Wire } from "../../core/layout";
import { EFFECTS, PAGE_DATA, PAGE_META } from "../../core/memory";
import { emitEffect, entryAt, room, used } from "../../core/rings";
import { Status } from "../../core/status";
import { allAre, GUARD } from "../../crypto/__tests__/bytes";
import * as coins from "../coins";
import { startNode, useWire } from "./node";

startNode(Wire.LEGACY, false);

/** Pages that the specs below move in and out of three slots. */
const A: u32 = 3;
const B: u32 = 4;
const C: u32 = 5;
const D: u32 = 6;
const E: u32 = 7;

/** No page is here; `slots` slots, which configure would refuse: so that something is evicted. */
function emptyCache(slots: u32): void {
  setWord(Config.PAGE_SLOTS, 30);
  useWire(Wire.LEGACY, false);
  for (let key: u32 = 0; key < 30; key++) {
    const meta = coins.metaOf(key);
    if (meta) store<u64>(meta, 2, Page.POSITION);
  }
  coins.dropChangedSince(1);
  store<u64>(COMMITTED, 0);
  store<u32>(CLOCK_HAND, 0);
  setCounters(EFFECTS, 0);
  setWord(Config.PAGE_SLOTS, slots);
  useWire(Wire.LEGACY, false);
}

/** Wants a page and has it loaded; false: it got no slot. */
function bring(key: u32): bool {
  coins.want(key);
  const meta = coins.metaOf(key);
  if (!meta) return false;
  coins.pageLoaded(<u32>((meta - PAGE_META) / Page.BYTES), 0);
  setCounters(EFFECTS, 0);
  return true;
}

/** As a request that touches the page. */
function touch(key: u32): void {
  unlock(coins.hold(key));
}

function here(key: u32): bool {
  return coins.metaOf(key) !== 0;
}

function setPosition(key: u32, position: u64): void {
  store<u64>(coins.metaOf(key), position, Page.POSITION);
}

describe("the page of a coin", () => {
  test("is one of its denomination's, for serial numbers that exist", () => {
    expect(coins.pageKey(-8, 0)).toBe(0);
    expect(coins.pageKey(-8, 1023)).toBe(0);
    expect(coins.pageKey(-8, 1024)).toBe(1);
    expect(coins.pageKey(-7, 0)).toBe(2);
    expect(coins.pageKey(6, 2047)).toBe(29);
  });

  test("is none beyond, and no other coin's", () => {
    expect(coins.pageKey(6, 2048)).toBe(coins.NO_PAGE);
    expect(coins.pageKey(-9, 0)).toBe(coins.NO_PAGE);
    expect(coins.pageKey(7, 0)).toBe(coins.NO_PAGE);
    expect(coins.pageKey(-128, 0)).toBe(coins.NO_PAGE);
    expect(coins.pageKey(127, 0)).toBe(coins.NO_PAGE);
    expect(coins.pageKey(0, 1 << 26)).toBe(coins.NO_PAGE, "the peer takes it for serial 0");
    expect(coins.pageKey(0, 0xffffffff)).toBe(coins.NO_PAGE);
    expect(coins.pageKey(-8, 0x80000000)).toBe(coins.NO_PAGE);
  });
});

describe("a page that is wanted", () => {
  test("is asked for once, and here when it has come", () => {
    emptyCache(3);
    memory.fill(PAGE_DATA, GUARD, 17408);
    coins.want(A);
    coins.want(A);
    expect(used(EFFECTS)).toBe(1);
    const effect = entryAt(EFFECTS, 0);
    expect(load<u32>(effect, Effect.KIND)).toBe(EffectKind.LOAD_PAGE);
    expect(load<u32>(effect, Effect.KEY)).toBe(A);
    const slot = load<u32>(effect, Effect.SLOT);
    expect(load<u32>(effect, Effect.OFFSET)).toBe(<u32>PAGE_DATA + slot * 17408);
    expect(coins.resident(A)).toBe(false);
    expect(coins.hold(A)).toBe(0, "not while it loads");
    const loads = load<u32>(LOADS);
    expect(coins.pageLoaded(slot, 0)).toBe(Status.OK);
    expect(load<u32>(LOADS)).toBe(loads + 1);
    expect(coins.resident(A)).toBe(true);
    const meta = coins.hold(A);
    expect(meta).toBe(coins.metaOf(A));
    expect(coins.isReady(meta)).toBe(true);
    expect(coins.positionOf(meta)).toBe(0);
    const data = PAGE_DATA + <usize>slot * 17408;
    expect(coins.recordOf(meta, 1024 + 1023)).toBe(data + 1023 * 17);
    expect(coins.recordOf(meta, 2)).toBe(data + 34);
    unlock(meta);
  });

  test("may turn out not to exist", () => {
    emptyCache(3);
    coins.want(B);
    expect(coins.pageLoaded(load<u32>(entryAt(EFFECTS, 0), Effect.SLOT), 1)).toBe(Status.OK);
    expect(coins.resident(B)).toBe(true);
    const meta = coins.hold(B);
    expect(coins.isReady(meta)).toBe(false);
    unlock(meta);
    coins.want(B);
    expect(used(EFFECTS)).toBe(1, "it is not asked for again");
  });

  test("is asked for later when there is no room to ask", () => {
    emptyCache(3);
    while (room(EFFECTS) !== 0) emitEffect(EffectKind.FILL_RANDOM, 0, 0, 0);
    coins.want(A);
    expect(here(A)).toBe(false);
    store<u32>(EFFECTS, 1, Ring.TAIL);
    coins.want(A);
    expect(here(A)).toBe(true);
  });
});

describe("the report of a load", () => {
  test("must name a slot that loads", () => {
    emptyCache(3);
    expect(coins.pageLoaded(0, 0)).toBe(Status.INVALID_ARGUMENT, "free");
    coins.want(A);
    const slot = load<u32>(entryAt(EFFECTS, 0), Effect.SLOT);
    expect(coins.pageLoaded(3, 0)).toBe(Status.INVALID_ARGUMENT, "no such slot");
    expect(coins.pageLoaded(0xffffffff, 0)).toBe(Status.INVALID_ARGUMENT);
    expect(coins.pageLoaded(slot, 2)).toBe(Status.INVALID_ARGUMENT, "no such status");
    const loads = load<u32>(LOADS);
    expect(coins.resident(A)).toBe(false);
    expect(coins.pageLoaded(slot, 0)).toBe(Status.OK);
    expect(coins.pageLoaded(slot, 0)).toBe(Status.INVALID_ARGUMENT, "a second time");
    expect(load<u32>(LOADS)).toBe(loads + 1);
  });
});

describe("eviction", () => {
  test("spares what was used since the hand came by", () => {
    emptyCache(3);
    bring(A);
    bring(B);
    bring(C);
    bring(D);
    expect(here(A)).toBe(false, "all were used: the first goes");
    touch(B);
    bring(E);
    expect(here(B)).toBe(true);
    expect(here(C)).toBe(false);
    expect(here(D)).toBe(true);
    expect(here(E)).toBe(true);
    expect(coins.hold(C)).toBe(0);
  });

  test("gives a new page a clean entry", () => {
    emptyCache(1);
    bring(A);
    setPosition(A, 9);
    store<u64>(COMMITTED, 9);
    bring(B);
    const meta = coins.hold(B);
    expect(coins.positionOf(meta)).toBe(0);
    expect(here(A)).toBe(false);
    unlock(meta);
  });

  test("never takes a page that loads", () => {
    emptyCache(2);
    bring(A);
    coins.want(B);
    expect(bring(C)).toBe(true);
    expect(here(A)).toBe(false);
    emptyCache(1);
    coins.want(B);
    expect(bring(C)).toBe(false);
    expect(load<u32>(coins.metaOf(B), Page.STATE)).toBe(PageState.LOADING);
  });

  test("never takes a page that is not committed", () => {
    emptyCache(2);
    bring(A);
    bring(B);
    setPosition(A, 7);
    setPosition(B, 8);
    store<u64>(COMMITTED, 6);
    expect(bring(C)).toBe(false);
    expect(used(EFFECTS)).toBe(0);
    expect(load<u32>(coins.metaOf(A), Page.LOCK)).toBe(0, "nor keeps its lock");
    store<u64>(COMMITTED, 7);
    expect(bring(C)).toBe(true);
    expect(here(A)).toBe(false);
    expect(here(B)).toBe(true);
  });

  test("never takes a page that is locked", () => {
    emptyCache(1);
    bring(A);
    const meta = coins.hold(A);
    expect(bring(B)).toBe(false);
    unlock(meta);
    expect(bring(B)).toBe(true);
  });

  test("never takes a pinned page, loading or here, until all are let go", () => {
    emptyCache(2);
    coins.pin(A);
    expect(here(A)).toBe(false, "a page without a slot cannot be pinned");
    coins.want(A);
    coins.pin(A);
    coins.pin(A);
    expect(load<u32>(coins.metaOf(A), Page.PINS)).toBe(1, "once is enough");
    bring(A);
    coins.pageLoaded(<u32>((coins.metaOf(A) - PAGE_META) / Page.BYTES), 0);
    bring(B);
    coins.pin(B);
    expect(bring(C)).toBe(false);
    coins.unpinAll();
    expect(load<u32>(coins.metaOf(A), Page.PINS)).toBe(0);
    coins.unpinAll();
    expect(load<u32>(coins.metaOf(A), Page.PINS)).toBe(0);
    expect(bring(C)).toBe(true);
    expect(bring(D)).toBe(true);
    expect(here(A)).toBe(false);
    expect(here(B)).toBe(false);
  });

  test("may take a page that the store does not have", () => {
    emptyCache(1);
    coins.want(A);
    coins.pageLoaded(0, 1);
    expect(bring(B)).toBe(true);
    expect(here(A)).toBe(false);
  });
});

describe("a changed record", () => {
  test("raises its page to the position of the group, and no other page", () => {
    emptyCache(3);
    bring(A);
    bring(B);
    const meta = coins.hold(A);
    const other = coins.hold(B);
    const record = coins.recordOf(meta, 5);
    memory.fill(record - 17, GUARD, 51);
    coins.writeRecord(meta, record, i8x16.splat(0x66), 45);
    expect(allAre(record, 16, 0x66)).toBe(true);
    expect(load<u8>(record, 16)).toBe(45);
    expect(allAre(record - 17, 17, GUARD)).toBe(true);
    expect(allAre(record + 17, 17, GUARD)).toBe(true);
    coins.settle(meta, 33);
    coins.settle(other, 33);
    expect(coins.positionOf(meta)).toBe(33);
    expect(coins.positionOf(other)).toBe(0);
    coins.settle(meta, 44);
    expect(coins.positionOf(meta)).toBe(33, "settled already");
    unlock(meta);
    unlock(other);
  });

  test("is found for a rollback, and its page gets the position", () => {
    emptyCache(3);
    bring(A);
    const meta = coins.metaOf(A);
    setPosition(A, 50);
    // Page 3 is the second one of denomination index 1.
    expect(coins.recordToRestore(1, 1024 + 5, 20)).toBe(coins.recordOf(meta, 1024 + 5));
    expect(coins.positionOf(meta)).toBe(20);
    expect(coins.recordToRestore(4, 5, 20)).toBe(0);
    expect(coins.metaOf(8)).toBe(0, "a page that is not here");
  });
});

describe("after an unknown outcome", () => {
  test("changed pages are dropped and wiped, the others stay", () => {
    emptyCache(3);
    bring(A);
    bring(B);
    bring(C);
    coins.pin(B);
    const data = coins.recordOf(coins.metaOf(B), 0);
    memory.fill(data, GUARD, 17408);
    setPosition(A, 10);
    setPosition(B, 11);
    setPosition(C, 0x100000000);
    expect(coins.dropChangedSince(10)).toBe(2);
    expect(here(A)).toBe(true);
    expect(here(B)).toBe(false);
    expect(here(C)).toBe(false);
    expect(allAre(data, 17408, 0)).toBe(true);
    coins.unpinAll();
    expect(coins.dropChangedSince(10)).toBe(0);
    expect(bring(B)).toBe(true);
    expect(bring(C)).toBe(true);
    expect(here(A)).toBe(true, "in the slots that were dropped");
  });
});
