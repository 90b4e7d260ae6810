import { Flag, Wire } from "../../core/layout";
import { COUNTER_BLOCK, KEY, WORK } from "../../core/scratch";
import { Status } from "../../core/status";
import { allAre, GUARD, guarded, toHex } from "../../crypto/__tests__/bytes";
import { sha256 } from "../../crypto/sha256";
import { pageKey } from "../coins";
import * as context from "../context";
import { findKey, KEY_PARKED } from "../key";
import {
  add16Bytes,
  addTrueCoin,
  ask,
  begin,
  hand,
  message,
  messageBytes,
  openReplyBody,
  seal,
  setByte,
  useKey,
  useKeyCoin,
} from "./message";
import {
  anOf,
  commit,
  head,
  popReply,
  reply,
  replyHeld,
  replyPosition,
  resetCoin,
  serveEffects,
  setAbsentPage,
  setAutoCommit,
  settle,
  startNode,
  useWire,
} from "./node";

startNode(Wire.LEGACY, true);
setAbsentPage(pageKey(6, 1024));

const digest = guarded(32);
const ans = guarded(32);

/** Looks the key of the sealed message up, and again when its pages have come. */
function find(bytes: u32): u32 {
  memory.fill(KEY, GUARD, 32);
  memory.fill(COUNTER_BLOCK, GUARD, 16);
  context.setMessage(message, messageBytes, 0, 0, 0, 0, 4096);
  context.setHeader(load<u8>(message, 16), 0, bytes);
  let found = findKey(false);
  if (found === KEY_PARKED) {
    serveEffects();
    found = findKey(false);
  }
  return found;
}

function sameAsKey(at: usize, bytes: usize): bool {
  return memory.compare(KEY, at, bytes) === 0;
}

describe("type 1", () => {
  test("takes the AN, and 8 bytes of the header on wire legacy", () => {
    begin(1, 0, 0);
    useKeyCoin(2, 1500);
    seal();
    expect(find(32)).toBe(Status.OK);
    v128.store(ans, anOf(2, 1500));
    expect(sameAsKey(ans, 16)).toBe(true);
    expect(toHex(COUNTER_BLOCK, 16)).toBe("c0c1c2c3c4c5c6c70000000000000000");
  });

  test("takes 12 bytes of the header on wire spec: serial, size, nonce, echo", () => {
    useWire(Wire.SPEC, true);
    begin(1, 0, 0);
    useKeyCoin(2, 1500);
    seal();
    expect(find(32)).toBe(Status.OK);
    expect(toHex(COUNTER_BLOCK, 16)).toBe("05dc0012c0c1c2c3c4c5c6c700000000");
    useWire(Wire.LEGACY, true);
  });

  test("takes a free record too: the look-up does not ask for the MFS", () => {
    begin(1, 0, 1);
    useKeyCoin(2, 600);
    expect(ask()).toBe(250);
    expect(toHex(openReplyBody(reply, 8), 8)).toBe("3230323530333233");
  });

  test("is 34 for a coin that does not exist", () => {
    begin(1, 0, 0);
    useKeyCoin(2, 2048);
    expect(ask()).toBe(34);
    begin(1, 0, 0);
    useKeyCoin(7, 0);
    expect(ask()).toBe(34);
    begin(1, 0, 0);
    useKeyCoin(-9, 0);
    expect(ask()).toBe(34);
    begin(1, 0, 0);
    useKeyCoin(6, 1024);
    expect(ask()).toBe(34, "a page that the store has not");
    begin(1, 0, 0);
    useKeyCoin(6, 1023);
    expect(ask()).toBe(250);
  });

  test("opens no body with another key: 37", () => {
    begin(1, 0, 0);
    useKey(anOf(0, 2));
    expect(ask()).toBe(37);
  });
});

describe("type 2", () => {
  test("is 34: there are no lockers", () => {
    begin(2, 0, 0);
    expect(ask()).toBe(34);
  });
});

describe("types 4 and 5", () => {
  test("take the SHA-256 of one AN or two, and 16 bytes of the nonce", () => {
    v128.store(ans, anOf(0, 1));
    v128.store(ans, anOf(1, 2), 16);
    memory.fill(WORK, GUARD, 64);
    begin(4, 0, 0);
    seal();
    expect(find(48)).toBe(Status.OK);
    sha256(ans, 16, digest);
    expect(sameAsKey(digest, 32)).toBe(true);
    expect(toHex(COUNTER_BLOCK, 16)).toBe("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf");
    expect(allAre(WORK, 32, 0)).toBe(true, "the ANs are wiped");
    begin(5, 0, 0);
    seal();
    expect(find(48)).toBe(Status.OK);
    sha256(ans, 32, digest);
    expect(sameAsKey(digest, 32)).toBe(true);
    expect(toHex(COUNTER_BLOCK, 16)).toBe("0100000002c5c6c7c8c9cacbcccdcecf");
  });

  test("are 25 for a coin that does not exist", () => {
    begin(4, 0, 0);
    useKeyCoin(0, 2048);
    expect(ask()).toBe(25);
    begin(4, 0, 0);
    useKeyCoin(6, 1024);
    expect(ask()).toBe(25, "a page that the store has not");
    begin(5, 0, 0);
    useKeyCoin(0, 2048);
    expect(ask()).toBe(25);
    begin(5, 0, 0);
    seal();
    setByte(24, 7);
    expect(find(48)).toBe(Status.ENCRYPTION_COIN_NOT_FOUND, "the second one");
    setByte(24, 6);
    setByte(27, 4);
    expect(find(48)).toBe(Status.ENCRYPTION_COIN_NOT_FOUND, "on a page that the store has not");
    begin(5, 0, 0);
    expect(ask()).toBe(250);
  });

  test("look at one coin only when the type names one", () => {
    begin(4, 0, 0);
    setByte(24, 0x99);
    expect(ask()).toBe(250);
  });
});

describe("the key's page", () => {
  test("counts as touched: the answer waits for what was done to the coin", () => {
    setAutoCommit(false);
    begin(0, 1, 20);
    addTrueCoin(3, 3);
    add16Bytes(i8x16.splat(0x44));
    hand();
    settle();
    expect(popReply()).toBe(false);
    begin(1, 0, 0);
    useKeyCoin(3, 3);
    useKey(i8x16.splat(0x44));
    hand();
    settle();
    expect(popReply()).toBe(false);
    commit();
    expect(popReply()).toBe(true);
    expect(popReply()).toBe(true);
    expect(replyHeld).toBe(true);
    expect(replyPosition).toBe(head());
    expect(load<u8>(reply, 2)).toBe(250);
    resetCoin(3, 3);
    setAutoCommit(true);
  });

  test("may change under the request: the answer is encrypted as the question was", () => {
    begin(1, 1, 20);
    useKeyCoin(4, 4);
    addTrueCoin(4, 4);
    add16Bytes(i8x16.splat(0x45));
    addTrueCoin(4, 5);
    add16Bytes(i8x16.splat(0x46));
    addTrueCoin(4, 512);
    add16Bytes(i8x16.splat(0x47));
    expect(ask()).toBe(243);
    expect(load<u8>(openReplyBody(reply, 1))).toBe(3);
    resetCoin(4, 4);
    resetCoin(4, 5);
  });

  test("is waited for, and loaded once", () => {
    begin(1, 0, 0);
    useKeyCoin(-4, 1);
    seal();
    context.setMessage(message, messageBytes, 0, 0, Flag.LOCAL, 0, 4096);
    context.setHeader(1, 18, 32);
    expect(findKey(false)).toBe(KEY_PARKED);
    expect(findKey(false)).toBe(KEY_PARKED);
    expect(serveEffects()).toBe(1);
    expect(findKey(false)).toBe(Status.OK);
    expect(serveEffects()).toBe(0);
  });
});
