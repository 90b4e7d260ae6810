import { TRANSFER } from "../../core/memory";
import { Status } from "../../core/status";
import { PathField, SessionState, TransferBlock, TransferEventKind } from "../../core/transfer";
import { migrate, ping } from "../exports";
import { currentPath } from "../path-slots";
import { sessionState } from "../session";
import { sessionOfEntry } from "../session-head";
import { configureTransfer } from "./configured";
import {
  deliver,
  drain,
  FAR_OURS,
  FAR_THEIRS,
  farOf,
  flush,
  openBoth,
  ours,
  senderOf,
  setTime,
  settleDown,
  theirs,
  told,
} from "./session-ends";

configureTransfer();
let time: u64 = 1000000000;

function sessionOf(handle: u32): usize {
  return sessionOfEntry(handle & 0xffff);
}
function localOf(handle: u32): u32 {
  return load<u16>(currentPath(sessionOf(handle)), PathField.LOCAL);
}

/** A far end, whose packets came to the host's address of this number. */
function cameTo(far: usize, local: u16): usize {
  const copy = farOf(0, 0);
  memory.copy(copy, far, PathField.BYTES);
  store<u16>(copy, local, PathField.LOCAL);
  return copy;
}

function start(): void {
  time += 100000000;
  setTime(time);
  openBoth();
  settleDown(1000);
  drain();
}

/** One packet from a side to the other, which sees it come from `far`. */
function carryOne(from: u32, far: usize): void {
  expect(ping(from)).toBe(Status.OK);
  const count = flush();
  for (let i: u32 = 0; i < count; i++) if (senderOf(i) == from) deliver(i, far);
}

describe("the address that was called", () => {
  test("is what whoever was called answers from, and another one is another way", () => {
    start();
    carryOne(ours, cameTo(FAR_OURS, 3));
    expect(localOf(theirs)).toBe(3);
    expect(sessionState(sessionOf(theirs))).toBe(SessionState.MIGRATING, "it is asked first");
    settleDown(1000);
    // What followed came without a number again, to where the packets before came.
    expect(localOf(theirs)).toBe(0);
    drain();
    expect(told(theirs, TransferEventKind.MIGRATED)).toBeGreaterThan(0);
  });

  test("goes with a move of ours: the peer knows us by it", () => {
    start();
    carryOne(ours, cameTo(FAR_OURS, 3));
    const argument = TRANSFER + TransferBlock.ARGUMENTS;
    memory.copy(argument, cameTo(farOf(7, 5000), 9), PathField.BYTES);
    expect(migrate(theirs)).toBe(Status.OK);
    let asked = false;
    const count = flush();
    for (let i: u32 = 0; i < count; i++) {
      const path = TRANSFER + TransferBlock.SENT + <usize>i * 64 + 8;
      if (senderOf(i) != theirs || load<u8>(path, 15) != 7) continue;
      asked = true;
      expect(load<u16>(path, PathField.LOCAL)).toBe(3);
    }
    expect(asked).toBe(true);
  });

  test("is nothing to whoever called, who goes on from wherever the system lets it", () => {
    start();
    for (let local: u16 = 1; local < 4; local++) {
      carryOne(theirs, cameTo(FAR_THEIRS, local));
      expect(localOf(ours)).toBe(0);
      expect(sessionState(sessionOf(ours))).toBe(SessionState.ESTABLISHED);
    }
    carryOne(theirs, farOf(2, 4001));
    expect(sessionState(sessionOf(ours))).toBe(SessionState.MIGRATING, "another place is one");
  });
});
