import { COMMITTED, CONTROL, HEAD, STOP } from "../../core/control";
import { Control, Page, Wire } from "../../core/layout";
import { PARK_BYTES, PARKED } from "../../core/memory";
import { Status } from "../../core/status";
import { allAre, toHex } from "../../crypto/__tests__/bytes";
import { metaOf, pageKey } from "../coins";
import { discardSince, reopenWorkers, rollbackTo } from "../rollback";
import {
  add16Bytes,
  add32,
  addByte,
  addCoin,
  addTrueCoin,
  begin,
  hand,
  useKey,
  useKeyCoin,
} from "./message";
import {
  anOf,
  commit,
  fillRandom,
  framesOut,
  head,
  holds,
  keepBack,
  loads,
  MFS_OLD,
  MFS_TODAY,
  popReply,
  processNow,
  reply,
  replyHeld,
  replyLength,
  serveKept,
  setAutoCommit,
  settle,
  startNode,
  useWire,
} from "./node";

startNode(Wire.LEGACY, true);
setAutoCommit(false);

const P1: v128 = i8x16.splat(0x61);
const P2: v128 = i8x16.splat(0x62);

function pown(serial: u32, an: v128, pan: v128): void {
  begin(0, 1, 20);
  addCoin(0, serial);
  add16Bytes(an);
  add16Bytes(pan);
  hand();
  settle();
}

/** The next reply's wire status; 0: there is none. */
function status(): u32 {
  return popReply() ? <u32>load<u8>(reply, 2) : 0;
}

/** Asks for the ticket of a coin with that AN. */
function askTicket(serial: u32, an: v128): void {
  begin(0, 2, 40);
  addCoin(0, serial);
  add16Bytes(an);
  hand();
  settle();
}

function validate(raida: u32, ticket: u32): u32 {
  begin(0, 2, 50);
  addByte(raida);
  add32(ticket);
  hand();
  settle();
  return status();
}

/** Commits, and takes the replies out. */
function clear(): void {
  commit();
  while (popReply()) {}
}

describe("a rollback", () => {
  test("puts old values back, newest first, and answers 252", () => {
    const start = head();
    pown(1, anOf(0, 1), P1);
    pown(1, P1, P2);
    pown(2, anOf(0, 2), P1);
    expect(status()).toBe(0, "nobody is told before the commit");
    expect(holds(0, 1, P2, MFS_TODAY)).toBe(true);
    const end = head();
    expect(rollbackTo(start)).toBe(Status.OK);
    expect(holds(0, 1, anOf(0, 1), MFS_OLD)).toBe(true);
    expect(holds(0, 2, anOf(0, 2), MFS_OLD)).toBe(true);
    expect(load<u64>(HEAD)).toBe(end, "positions are never used again");
    expect(load<u64>(COMMITTED)).toBe(end);
    expect(load<u32>(STOP)).toBe(0);
    for (let i = 0; i < 3; i++) {
      expect(status()).toBe(252);
      expect(replyHeld).toBe(true);
      expect(replyLength).toBe(32);
    }
    expect(status()).toBe(0);
    expect(framesOut).toBe(0);
    pown(1, anOf(0, 1), P1);
    expect(head()).toBe(end + 2);
    clear();
    expect(load<u8>(reply, 2)).toBe(241);
  });

  test("leaves alone what lies before the position", () => {
    pown(3, anOf(0, 3), P1);
    const middle = head();
    pown(3, P1, P2);
    pown(4, anOf(0, 4), P1);
    expect(rollbackTo(middle)).toBe(Status.OK);
    expect(holds(0, 3, P1, MFS_TODAY)).toBe(true);
    expect(holds(0, 4, anOf(0, 4), MFS_OLD)).toBe(true);
    expect(load<u64>(metaOf(pageKey(0, 3)), Page.POSITION)).toBe(middle);
    expect(status()).toBe(241);
    expect(status()).toBe(252);
    expect(status()).toBe(252);
  });

  test("to the end undoes nothing", () => {
    pown(5, anOf(0, 5), P1);
    expect(rollbackTo(head())).toBe(Status.OK);
    expect(holds(0, 5, P1, MFS_TODAY)).toBe(true);
    expect(status()).toBe(241);
  });

  test("is refused for positions that do not exist; work goes on", () => {
    pown(6, anOf(0, 6), P1);
    const committed = load<u64>(COMMITTED);
    expect(rollbackTo(committed - 1)).toBe(Status.INVALID_ARGUMENT);
    expect(rollbackTo(head() + 1)).toBe(Status.INVALID_ARGUMENT);
    expect(holds(0, 6, P1, MFS_TODAY)).toBe(true);
    expect(load<u64>(COMMITTED)).toBe(committed);
    expect(load<u32>(STOP)).toBe(0);
    expect(status()).toBe(0);
    commit();
    expect(status()).toBe(241);
  });

  test("does not undo pads, nor the coins that a group left out", () => {
    const start = head();
    begin(0, 1, 20);
    addTrueCoin(0, 600);
    add16Bytes(P1);
    addTrueCoin(0, 7);
    add16Bytes(P1);
    addTrueCoin(0, 7);
    add16Bytes(P2);
    hand();
    settle();
    expect(holds(0, 7, P1, MFS_TODAY)).toBe(true);
    rollbackTo(start);
    expect(holds(0, 7, anOf(0, 7), MFS_OLD)).toBe(true);
    expect(holds(0, 600, anOf(0, 600), 0)).toBe(true);
    expect(status()).toBe(252);
  });
});

describe("a held reply that is undone", () => {
  test("loses its body, in each wire", () => {
    const start = head();
    begin(0, 1, 20);
    addTrueCoin(0, 8);
    add16Bytes(P1);
    addTrueCoin(0, 601);
    add16Bytes(P1);
    hand();
    settle();
    rollbackTo(start);
    expect(status()).toBe(252);
    expect(toHex(reply, replyLength)).toBe(
      "0e00fc010001c6c7" + "0000000000000007" + "a0a1a2a3a4a5a6a7a8a9aaab3e18aef6",
    );
    useWire(Wire.SPEC, true);
    fillRandom();
    const next = head();
    begin(0, 1, 20);
    addTrueCoin(0, 8);
    add16Bytes(P1);
    addTrueCoin(0, 601);
    add16Bytes(P1);
    hand();
    settle();
    rollbackTo(next);
    expect(status()).toBe(252);
    expect(toHex(reply, replyLength)).toBe(
      "0e00fc010001c6c7" + "0000000200000007" + "0102030405060708090a0b0c00000000" + "3e3e",
    );
    const last = head();
    begin(4, 1, 20);
    useKeyCoin(1, 5);
    addTrueCoin(0, 8);
    add16Bytes(P1);
    addTrueCoin(0, 601);
    add16Bytes(P1);
    hand();
    settle();
    rollbackTo(last);
    expect(status()).toBe(252);
    expect(toHex(reply, 16)).toBe("0e00fc01000000070000000000000000");
    expect(replyLength).toBe(48);
    useWire(Wire.LEGACY, true);
  });

  test("is rewritten where it lies, also in the frame of its question", () => {
    const start = head();
    pown(9, anOf(0, 9), P1);
    begin(0, 1, 10);
    // A bitmap of 225 bytes makes a reply that is too long to be copied.
    for (let i: u32 = 0; i < 1800; i++) {
      addCoin(0, i === 0 ? 9 : 700);
      add16Bytes(P1);
    }
    hand();
    settle();
    expect(status()).toBe(0);
    expect(framesOut).toBe(1);
    rollbackTo(start);
    expect(status()).toBe(252);
    expect(status()).toBe(252);
    expect(replyLength).toBe(32);
    expect(framesOut).toBe(0);
  });

  test("may have rested on the change without making it", () => {
    const start = head();
    pown(10, anOf(0, 10), P1);
    begin(0, 1, 10);
    addCoin(0, 11);
    add16Bytes(anOf(0, 11));
    hand();
    settle();
    begin(0, 1, 10);
    addTrueCoin(1, 11);
    hand();
    settle();
    expect(status()).toBe(241, "a page that nobody has changed");
    expect(replyHeld).toBe(false);
    rollbackTo(start);
    expect(status()).toBe(252);
    expect(status()).toBe(252, "it read the page");
  });
});

describe("a parked request", () => {
  test("that was decrypted under an undone key is answered 252", () => {
    const start = head();
    pown(20, anOf(0, 20), P1);
    keepBack(pageKey(2, 1));
    begin(1, 1, 20);
    useKeyCoin(0, 20);
    useKey(P1);
    addTrueCoin(2, 1);
    add16Bytes(P2);
    hand();
    settle();
    rollbackTo(start);
    serveKept();
    settle();
    expect(status()).toBe(252, "the pown");
    expect(status()).toBe(252, "the parked one");
    expect(holds(2, 1, anOf(2, 1), MFS_OLD)).toBe(true, "it was not done");
    expect(allAre(PARKED, 4 * PARK_BYTES, 0)).toBe(true);
  });

  test("that was decrypted under another key is done", () => {
    const start = head();
    pown(20, anOf(0, 20), P1);
    keepBack(pageKey(2, 1025));
    begin(1, 1, 20);
    useKeyCoin(1, 20);
    addTrueCoin(2, 1025);
    add16Bytes(P2);
    hand();
    settle();
    rollbackTo(start);
    serveKept();
    settle();
    expect(status()).toBe(252);
    commit();
    expect(status()).toBe(241);
    expect(holds(2, 1025, P2, MFS_TODAY)).toBe(true);
  });
});

describe("a ticket", () => {
  test("for a coin whose change is undone is gone; others stay", () => {
    // Numbers are drawn from a known pool: the host is never told that of a held reply.
    fillRandom();
    askTicket(30, anOf(0, 30));
    expect(status()).toBe(241);
    pown(31, anOf(0, 31), P1);
    askTicket(31, P1);
    clear();
    expect(validate(1, 0x05060708)).toBe(250, "the twin, committed");
    const start = head();
    pown(31, P1, P2);
    askTicket(31, P2);
    rollbackTo(start);
    expect(status()).toBe(252);
    expect(status()).toBe(252);
    expect(validate(2, 0x090a0b0c)).toBe(43);
    expect(validate(2, 0x05060708)).toBe(250);
    expect(validate(2, 0x01020304)).toBe(250);
  });
});

describe("discard", () => {
  test("drops what was changed; it is read again when the workers go on", () => {
    const start = head();
    pown(40, anOf(0, 40), P1);
    expect(discardSince(start)).toBe(Status.OK);
    expect(metaOf(pageKey(0, 40))).toBe(0);
    expect(metaOf(pageKey(1, 20))).not.toBe(0, "a page without changes");
    expect(load<u64>(COMMITTED)).toBe(head());
    expect(status()).toBe(252);
    begin(0, 1, 10);
    addTrueCoin(0, 40);
    hand();
    expect(processNow(8)).toBe(0, "stopped");
    expect(discardSince(head() + 1)).toBe(Status.INVALID_ARGUMENT);
    expect(rollbackTo(head() + 1)).toBe(Status.INVALID_ARGUMENT);
    settle();
    expect(popReply()).toBe(false, "still stopped");
    const before = loads;
    reopenWorkers();
    settle();
    expect(status()).toBe(241, "the state of the store");
    expect(loads).toBe(before + 1);
  });

  test("is refused for positions that do not exist; work goes on", () => {
    pown(41, anOf(0, 41), P1);
    expect(discardSince(load<u64>(COMMITTED) - 1)).toBe(Status.INVALID_ARGUMENT);
    expect(discardSince(head() + 1)).toBe(Status.INVALID_ARGUMENT);
    expect(load<u32>(STOP)).toBe(0);
    expect(CONTROL + Control.STOP).toBe(STOP);
    expect(holds(0, 41, P1, MFS_TODAY)).toBe(true);
    clear();
    expect(load<u8>(reply, 2)).toBe(241);
  });
});
