import { setWord } from "../core/__tests__/configuration";
import { COMMITTED, STOP } from "../core/control";
import { Config, Descriptor, Flag, Ring, Wire } from "../core/layout";
import { FRAMES, LARGE_FRAMES, READY, RX } from "../core/memory";
import { entryAt, used } from "../core/rings";
import { AES_KEYS, CHALLENGE_HASH, COUNTER_BLOCK, KEY, REPLY_NONCE } from "../core/scratch";
import { Status } from "../core/status";
import { allAre } from "../crypto/__tests__/bytes";
import { attachEngine, configureEngine } from "../engine";
import {
  add16Bytes,
  addCoin,
  addFiller,
  addTrueCoin,
  begin,
  hand,
  seal,
  useKeyCoin,
} from "../raida/__tests__/message";
import {
  anOf,
  clearRings,
  commit,
  framesOut,
  head,
  holds,
  MFS_TODAY,
  popReply,
  processNow,
  push,
  reply,
  replyFlags,
  replyLength,
  replyPeer,
  serveEffects,
  setAutoCommit,
  settle,
  startNode,
  stepNow,
} from "../raida/__tests__/node";
import { metaOf, pageKey } from "../raida/coins";

startNode(Wire.SPEC, true);

/** The next reply's wire status; 0: there is none. */
function status(): u32 {
  return popReply() ? <u32>load<u8>(reply, 2) : 0;
}

function echo(): u32 {
  begin(0, 0, 0);
  return hand();
}

describe("an engine", () => {
  test("is configured once; every instance may attach", () => {
    expect(configureEngine()).toBe(Status.WRONG_STATE);
    expect(attachEngine()).toBe(Status.OK);
    setWord(Config.WORKERS, 0);
    expect(attachEngine()).toBe(Status.INVALID_ARGUMENT);
    setWord(Config.WORKERS, 1);
    expect(attachEngine()).toBe(Status.OK);
  });
});

describe("a batch", () => {
  test("answers in order, as many as it may", () => {
    clearRings();
    const first = echo();
    for (let i = 0; i < 4; i++) echo();
    expect(processNow(3)).toBe(3);
    expect(used(READY)).toBe(3);
    expect(used(RX)).toBe(2);
    expect(processNow(0)).toBe(0);
    expect(processNow(64)).toBe(2);
    expect(processNow(64)).toBe(0);
    for (let i: u32 = 0; i < 5; i++) {
      expect(status()).toBe(250);
      expect(replyPeer).toBe(first + i);
    }
    expect(framesOut).toBe(0);
  });

  test("ends after 256 KiB", () => {
    clearRings();
    begin(0, 0, 0);
    addFiller(65517);
    seal();
    for (let i = 0; i < 6; i++) hand();
    // The fifth passes 262144 bytes; the two frames of this node hold six equal messages.
    expect(processNow(64)).toBe(4);
    expect(processNow(64)).toBe(2);
    clearRings();
  });

  test("leaves no secret in the scratch", () => {
    clearRings();
    begin(1, 0, 1);
    hand();
    settle();
    expect(status()).toBe(250);
    begin(4, 0, 1);
    hand();
    processNow(8);
    expect(status()).toBe(250);
    expect(allAre(KEY, 32, 0)).toBe(true);
    expect(allAre(COUNTER_BLOCK, 16, 0)).toBe(true);
    expect(allAre(CHALLENGE_HASH, 16, 0)).toBe(true);
    expect(allAre(REPLY_NONCE, 24, 0)).toBe(true);
    expect(allAre(AES_KEYS, 2688, 0)).toBe(true);
  });

  test("takes nothing while the workers are stopped", () => {
    clearRings();
    echo();
    store<u32>(STOP, 1);
    expect(processNow(8)).toBe(0);
    expect(stepNow()).toBe(0);
    expect(used(READY)).toBe(0);
    store<u32>(STOP, 0);
    expect(processNow(8)).toBe(1);
    expect(status()).toBe(250);
  });
});

describe("room", () => {
  test("for frame and reply must be there before a request is taken", () => {
    clearRings();
    for (let i = 0; i < 16; i++) echo();
    expect(processNow(64)).toBe(15, "one entry of READY is left");
    for (let i = 0; i < 15; i++) expect(status()).toBe(250);
    expect(processNow(64)).toBe(1);
    expect(status()).toBe(250);
  });

  test("is awaited by parked requests too", () => {
    clearRings();
    for (let i: u32 = 0; i < 2; i++) {
      begin(0, 1, 10);
      addTrueCoin(-5, i);
      hand();
    }
    processNow(8);
    expect(popReply()).toBe(false);
    for (let i = 0; i < 13; i++) echo();
    expect(processNow(64)).toBe(13);
    expect(used(READY)).toBe(13);
    serveEffects();
    expect(processNow(64)).toBe(0);
    expect(used(READY)).toBe(15, "both, and no room for more");
    for (let i = 0; i < 15; i++) expect(popReply()).toBe(true);
    expect(popReply()).toBe(false);
  });

  test("that comes back is noticed without a load or a commit", () => {
    clearRings();
    begin(0, 1, 10);
    addTrueCoin(-5, 1024);
    hand();
    processNow(8);
    expect(popReply()).toBe(false);
    for (let i = 0; i < 15; i++) echo();
    processNow(64);
    expect(used(READY)).toBe(15);
    serveEffects();
    expect(processNow(64)).toBe(0, "no room: the parked one waits");
    for (let i = 0; i < 15; i++) expect(status()).toBe(250);
    processNow(64);
    expect(status()).toBe(241);
    expect(popReply()).toBe(false);
  });
});

describe("a descriptor that names no frame of this worker", () => {
  test("is given back in silence, unread", () => {
    clearRings();
    begin(0, 0, 0);
    seal();
    push(FRAMES, FRAMES, 4097, 0);
    push(FRAMES + 4096, FRAMES, 32, 0);
    push(LARGE_FRAMES, LARGE_FRAMES + 65664, 1, 0);
    push(0, FRAMES, 32, 0);
    push(64, 64, 32, Flag.LOCAL);
    expect(processNow(8)).toBe(5);
    for (let i = 0; i < 5; i++) {
      expect(popReply()).toBe(true);
      expect(replyLength).toBe(0);
      expect(replyFlags).toBe(Flag.SILENT);
    }
    clearRings();
  });
});

/** Hands over a pown sum of 4096 coins that moves their ANs by `delta`; half the journal. */
function pownMany(delta: v128, moved: v128): void {
  begin(0, 1, 21);
  let sum: v128 = i64x2.splat(0);
  for (let i: u32 = 0; i < 4096; i++) {
    const denomination = <i32>(i >> 9) - 8;
    addCoin(denomination, i & 511);
    sum = v128.xor(sum, v128.xor(anOf(denomination, i & 511), moved));
  }
  add16Bytes(sum);
  add16Bytes(delta);
  hand();
}

const ZERO: v128 = i64x2.splat(0);
const DELTA: v128 = i8x16.splat(0x21);

describe("a full journal", () => {
  test("stops new requests until a commit; nothing is lost or done twice", () => {
    clearRings();
    setAutoCommit(false);
    const start = head();
    pownMany(DELTA, ZERO);
    settle();
    expect(head()).toBe(start + 4097);
    pownMany(DELTA, DELTA);
    echo();
    expect(processNow(8)).toBe(1, "nothing new is begun");
    expect(head()).toBe(start + 4097, "no room: it waits");
    expect(processNow(8)).toBe(0);
    expect(stepNow()).toBe(1);
    expect(processNow(8)).toBe(0);
    expect(load<u32>(metaOf(pageKey(0, 1)))).toBe(0, "it holds no lock");
    store<u64>(COMMITTED, start + 1);
    expect(processNow(8)).toBe(0, "one record short");
    store<u64>(COMMITTED, start + 2);
    expect(processNow(8)).toBe(1, "the waiting one, then the echo");
    expect(head()).toBe(start + 8194);
    expect(holds(-8, 1, anOf(-8, 1), MFS_TODAY)).toBe(true, "moved twice");
    commit();
    expect(status()).toBe(250);
    expect(status()).toBe(241);
    expect(status()).toBe(241);
    expect(status()).toBe(0);
    expect(framesOut).toBe(0);
    setAutoCommit(true);
  });
});

describe("an encrypted request", () => {
  test("is answered in the same call when its pages are here", () => {
    clearRings();
    begin(1, 1, 10);
    useKeyCoin(4, 1);
    addTrueCoin(4, 2);
    hand();
    settle();
    expect(status()).toBe(241);
    begin(1, 1, 10);
    useKeyCoin(4, 1);
    addTrueCoin(4, 3);
    const peer = hand();
    expect(processNow(8)).toBe(1);
    const entry = entryAt(READY, load<u32>(READY, Ring.TAIL));
    expect(load<u32>(entry, Descriptor.STATUS)).toBe(241);
    expect(load<u32>(entry, Descriptor.LENGTH)).toBe(34);
    // What the host's statistics need to know of it.
    expect(load<u32>(entry, Descriptor.PEER)).toBe(peer);
    expect(load<u32>(entry, Descriptor.FLAGS)).toBe(Flag.DATAGRAM | Flag.LOCAL);
    expect(load<u32>(entry, Descriptor.KIND)).toBe(
      0x0a010401,
      "type, denomination, group, command",
    );
    expect(load<u32>(entry, Descriptor.SERIAL)).toBe(1);
    expect(load<u32>(entry, Descriptor.EXECUTION)).toBe(7);
    expect(load<u64>(entry, Descriptor.ARRIVAL)).not.toBe(0);
    expect(status()).toBe(241);
  });
});
