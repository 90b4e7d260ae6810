import { PIN_TOKEN } from "../../core/control";
import { Descriptor, Page, Ring, Wire } from "../../core/layout";
import { PARK_BYTES, PARKED, READY } from "../../core/memory";
import { entryAt, used } from "../../core/rings";
import { CHALLENGE_HASH, COUNTER_BLOCK, KEY } from "../../core/scratch";
import { allAre, GUARD, toHex } from "../../crypto/__tests__/bytes";
import { metaOf, pageKey } from "../coins";
import { firstParked, markUndone, parkedCount, parkedRoom, undone } from "../parked";
import {
  add16Bytes,
  addFalseCoin,
  addFiller,
  addTrueCoin,
  begin,
  hand,
  messageBytes,
  openReplyBody,
  useKeyCoin,
} from "./message";
import {
  anOf,
  clearRings,
  framesOut,
  head,
  holds,
  keepBack,
  MFS_TODAY,
  popReply,
  processNow,
  reply,
  replyLength,
  replyPeer,
  serveEffects,
  serveKept,
  settle,
  startNode,
  stepNow,
} from "./node";

// Each test uses pages of its own, which nobody has loaded yet.
startNode(Wire.LEGACY, true);
clearRings();

/** All that a free slot still holds is the next free one. */
function allWiped(): bool {
  if (parkedCount() !== 0) return false;
  for (let slot = PARKED; slot < PARKED + 4 * PARK_BYTES; slot += PARK_BYTES) {
    if (!allAre(slot, 76, 0) || !allAre(slot + 80, <u32>PARK_BYTES - 80, 0)) return false;
  }
  return true;
}

/** The next reply's wire status; 0: there is none. */
function status(): u32 {
  return popReply() ? <u32>load<u8>(reply, 2) : 0;
}

/** Hands over a detect of one coin whose page is not here. */
function detectOn(denomination: i32, serial: u32): u32 {
  begin(0, 1, 10);
  addTrueCoin(denomination, serial);
  return hand();
}

function pins(denomination: i32, serial: u32): u32 {
  return load<u32>(metaOf(pageKey(denomination, serial)), Page.PINS);
}

/** An echo of `bytes` bytes in all, encrypted under a coin whose page is not here. */
function echoOf(bytes: u32, denomination: i32, serial: u32): void {
  begin(1, 0, 0);
  useKeyCoin(denomination, serial);
  addFiller(bytes - 50);
  hand();
}

describe("a small request that waits", () => {
  test("is copied, so that its frame returns in the same batch", () => {
    detectOn(0, 1);
    expect(processNow(8)).toBe(1);
    expect(parkedCount()).toBe(1);
    expect(framesOut).toBe(1);
    const back = entryAt(READY, load<u32>(READY, Ring.TAIL));
    const frame = <usize>load<u32>(back, Descriptor.FRAME);
    expect(load<u32>(back, Descriptor.LENGTH)).toBe(0);
    expect(load<u32>(back, Descriptor.FLAGS)).toBe(0);
    expect(popReply()).toBe(false);
    expect(framesOut).toBe(0);
    memory.fill(frame, GUARD, 4096);
    serveEffects();
    expect(processNow(8)).toBe(0);
    expect(status()).toBe(241);
    expect(replyLength).toBe(32);
    expect(framesOut).toBe(0, "given back once");
    expect(allWiped()).toBe(true);
  });

  test("has 256 bytes at the most; a larger one waits in its frame", () => {
    echoOf(256, 0, 1025);
    expect(messageBytes).toBe(256);
    processNow(8);
    expect(used(READY)).toBe(1);
    settle();
    expect(status()).toBe(250);
    echoOf(257, 1, 1);
    processNow(8);
    expect(used(READY)).toBe(0);
    expect(framesOut).toBe(1);
    settle();
    expect(status()).toBe(250);
    expect(framesOut).toBe(0);
    expect(allWiped()).toBe(true);
  });
});

describe("the progress of a request", () => {
  test("is kept: body, key, counter and challenge; and wiped at the end", () => {
    // A coin of the key's own page, and one of a page that takes its time.
    keepBack(pageKey(2, 1025));
    begin(1, 1, 10);
    useKeyCoin(2, 1);
    addTrueCoin(2, 2);
    addFalseCoin(2, 1025);
    hand();
    processNow(8);
    const slot = firstParked();
    expect(load<u32>(slot, 4)).toBe(0, "waits for its key");
    expect(allAre(slot + 80, 32, 0)).toBe(true);
    serveEffects();
    processNow(8);
    expect(parkedCount()).toBe(1);
    expect(load<u32>(slot, 4)).toBe(1, "waits with its body open");
    expect(v128.any_true(v128.xor(v128.load(slot + 80), anOf(2, 1)))).toBe(false);
    expect(toHex(slot + 112, 16)).toBe("c0c1c2c3c4c5c6c70000000000000000");
    expect(allAre(slot + 128, 16, 0)).toBe(false);
    // Between batches no secret stays in the scratch.
    expect(allAre(KEY, 32, 0)).toBe(true);
    expect(allAre(COUNTER_BLOCK, 16, 0)).toBe(true);
    expect(allAre(CHALLENGE_HASH, 16, 0)).toBe(true);
    processNow(8);
    stepNow();
    stepNow();
    expect(popReply()).toBe(false);
    serveEffects();
    serveKept();
    processNow(8);
    expect(status()).toBe(243, "decrypted once, whatever the number of runs");
    expect(load<u8>(openReplyBody(reply, 1))).toBe(1);
    v128.store(reply + 16, v128.xor(v128.load(reply + 16), anOf(2, 1)));
    expect(load<u32>(reply, 16)).toBe(0xa3a2a1a0);
    expect(allWiped()).toBe(true);
  });

  test("is the same for types 4 and 5, in a frame of its own", () => {
    keepBack(pageKey(3, 1025));
    begin(5, 1, 20);
    for (let i: u32 = 0; i < 9; i++) {
      addTrueCoin(3, 1024 + i);
      add16Bytes(i8x16.splat(<i8>i));
    }
    hand();
    settle();
    expect(parkedCount()).toBe(1);
    expect(load<u32>(firstParked(), 4)).toBe(1);
    serveKept();
    settle();
    expect(status()).toBe(241);
    expect(holds(3, 1032, i8x16.splat(8), MFS_TODAY)).toBe(true);
    expect(head()).toBe(10, "powned once");
    expect(allWiped()).toBe(true);
  });
});

describe("the park", () => {
  test("is full at four; the fifth waits outside", () => {
    for (let i: i32 = 0; i < 5; i++) detectOn(-8 + i, 1);
    expect(processNow(64)).toBe(4);
    expect(parkedRoom()).toBe(false);
    expect(processNow(64)).toBe(0);
    for (let i = 0; i < 4; i++) expect(popReply()).toBe(false);
    settle();
    for (let i = 0; i < 5; i++) expect(status()).toBe(241);
    expect(status()).toBe(0);
    expect(allWiped()).toBe(true);
  });

  test("has room again for each request that ends, also behind one that waits", () => {
    keepBack(pageKey(4, 1025));
    const slow = detectOn(4, 1025);
    for (let round = 0; round < 3; round++) {
      for (let i: i32 = 0; i < 3; i++) detectOn(-3 + i, 1 + round * 2);
      processNow(8);
      serveEffects();
      settle();
      for (let i = 0; i < 3; i++) expect(status()).toBe(241);
    }
    expect(parkedRoom()).toBe(true);
    serveKept();
    settle();
    expect(status()).toBe(241);
    expect(replyPeer).toBe(slow);
    expect(allWiped()).toBe(true);
  });

  test("lets the oldest go first, but no one waits for another's page", () => {
    keepBack(pageKey(-8, 1025));
    const first = detectOn(-8, 1025);
    const second = detectOn(-7, 1025);
    const third = detectOn(-6, 1025);
    settle();
    expect(status()).toBe(241);
    expect(replyPeer).toBe(second);
    expect(status()).toBe(241);
    expect(replyPeer).toBe(third);
    expect(status()).toBe(0);
    const fourth = detectOn(-5, 1025);
    processNow(8);
    serveEffects();
    serveKept();
    processNow(8);
    expect(status()).toBe(241);
    expect(replyPeer).toBe(first);
    expect(status()).toBe(241);
    expect(replyPeer).toBe(fourth);
    expect(allWiped()).toBe(true);
  });

  test("serves any number of requests for one page with one load", () => {
    for (let i: u32 = 0; i < 4; i++) detectOn(-4, 1025 + i);
    processNow(8);
    expect(serveEffects()).toBe(1);
    processNow(8);
    for (let i = 0; i < 4; i++) expect(status()).toBe(241);
    expect(allWiped()).toBe(true);
  });
});

describe("the pin token", () => {
  test("lets the oldest request pin its pages, until it is answered", () => {
    keepBack(pageKey(5, 1));
    detectOn(5, 1);
    detectOn(5, 1025);
    processNow(8);
    expect(load<u32>(PIN_TOKEN)).toBe(0);
    stepNow();
    expect(load<u32>(PIN_TOKEN)).toBe(1);
    expect(pins(5, 1)).toBe(1);
    expect(pins(5, 1025)).toBe(0);
    stepNow();
    expect(pins(5, 1)).toBe(1);
    serveEffects();
    serveKept();
    processNow(8);
    expect(status()).toBe(241);
    expect(status()).toBe(241);
    expect(load<u32>(PIN_TOKEN)).toBe(0);
    expect(pins(5, 1)).toBe(0);
    expect(pins(5, 1025)).toBe(0);
  });

  test("keeps no page of the key once the key is known", () => {
    keepBack(pageKey(6, 1025));
    begin(1, 1, 10);
    useKeyCoin(6, 1);
    addTrueCoin(6, 1025);
    hand();
    processNow(8);
    stepNow();
    expect(pins(6, 1)).toBe(1);
    serveEffects();
    stepNow();
    expect(pins(6, 1)).toBe(0);
    stepNow();
    expect(pins(6, 1025)).toBe(1);
    serveEffects();
    serveKept();
    settle();
    expect(status()).toBe(241);
    expect(pins(6, 1025)).toBe(0);
    expect(allWiped()).toBe(true);
  });

  test("is left to another worker that holds it", () => {
    store<u32>(PIN_TOKEN, 2);
    keepBack(pageKey(4, 1));
    detectOn(4, 1);
    processNow(8);
    stepNow();
    expect(pins(4, 1)).toBe(0);
    serveEffects();
    serveKept();
    settle();
    expect(status()).toBe(241);
    expect(load<u32>(PIN_TOKEN)).toBe(2);
    store<u32>(PIN_TOKEN, 0);
  });
});

describe("a rollback", () => {
  test("marks what was decrypted under a change that it undid, and nothing else", () => {
    const slot = PARKED;
    memory.fill(slot, 0, 4 * PARK_BYTES);
    for (let i: usize = 0; i < 4; i++) {
      store<u32>(slot + i * PARK_BYTES, i === 3 ? 0 : 1);
      store<u32>(slot + i * PARK_BYTES, i === 2 ? 0 : 1, 4);
      store<u64>(slot + i * PARK_BYTES, i === 0 ? 10 : 11, 40);
    }
    markUndone(0, 10);
    expect(undone(slot)).toBe(false, "committed");
    expect(undone(slot + PARK_BYTES)).toBe(true);
    expect(undone(slot + 2 * PARK_BYTES)).toBe(false, "not decrypted yet");
    expect(undone(slot + 3 * PARK_BYTES)).toBe(false, "no request");
    memory.fill(slot, 0, 4 * PARK_BYTES);
  });
});
