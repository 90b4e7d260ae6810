import { FrameHead, FrameType } from "../../core/transfer";
import { Pool } from "../../core/transfer-memory";
import { now, resetClock } from "../clock";
import { giveShared, takeShared, urgentLeft } from "../pool-share";
import { setUnordered } from "../receive-side";
import { findStream } from "../stream-table";
import { Handled } from "../verdict";
import { below, configureTransfer, seed } from "./configured";
import { dropEvents, endEnd, forge, handle, isClean, newEnd } from "./stream-ends";
import { opens } from "./stream-frames";
import { byteAt, take } from "./stream-io";

configureTransfer(2);

let session: usize = 0;
const held = new StaticArray<u32>(4096);
let taken: u32 = 0;

beforeEach(() => {
  resetClock(now + 5000000);
  session = newEnd(false);
  taken = 0;
});
afterEach(() => {
  giveBack();
  endEnd(session);
  dropEvents();
  expect(isClean()).toBe(true, "nothing is left");
});

function giveBack(): void {
  while (taken) giveShared(session, Pool.RANGES, held[--taken]);
}

/** Leaves the session so many ranges for what a reader waits for. */
function leave(ranges: u32): void {
  while (urgentLeft(session, Pool.RANGES) > ranges) {
    held[taken++] = takeShared(session, Pool.RANGES);
  }
}

/** DATA of stream 1 with the bytes that belong there. */
function give(first: u32, end: u32): u32 {
  const frame = forge(FrameType.DATA, 0, 1, first, end - first);
  for (let at = first; at < end; at++) {
    store<u8>(frame + FrameHead.BYTES + (at - first), byteAt(1, at));
  }
  return handle(session, frame, 0);
}

function newStream(unordered: bool): usize {
  assert(handle(session, opens(1), 0) == Handled.OK);
  const stream = findStream(session, 1);
  if (unordered) assert(setUnordered(stream));
  return stream;
}

/** Two pieces that were read, and a packet that has all around them: three pieces that are new. */
function readPieces(stream: usize): void {
  assert(give(100, 200) == Handled.OK);
  assert(give(300, 400) == Handled.OK);
  assert(take(stream) == 200);
}

describe("a packet with three pieces that are new", () => {
  test("is taken at once when there are ranges", () => {
    const stream = newStream(true);
    readPieces(stream);
    leave(3);
    expect(give(0, 500)).toBe(Handled.OK);
    expect(take(stream)).toBe(300);
  });

  test("is taken piece by piece when there are two, and acked with the last", () => {
    const stream = newStream(true);
    readPieces(stream);
    leave(2);
    expect(give(0, 500)).toBe(Handled.NO_ROOM);
    expect(take(stream)).toBe(200);
    expect(give(0, 500)).toBe(Handled.OK);
    expect(take(stream)).toBe(100);
  });

  test("wants no ranges for a reader in order", () => {
    const stream = newStream(false);
    assert(give(100, 200) == Handled.OK);
    assert(give(300, 400) == Handled.OK);
    expect(take(stream)).toBe(0);
    leave(2);
    expect(give(0, 500)).toBe(Handled.OK);
    expect(take(stream)).toBe(500);
  });
});

/** Pieces of any place and length, more than there are ranges for, and then all of them again. */
function scatter(number: u32): void {
  seed(number);
  const stream = newStream(true),
    length: u32 = 100 + below(40000);
  let sum: u64 = 0;
  leave(2 + below(30));
  for (let packets = 10 + below(60); packets; packets--) {
    const first = below(length);
    give(first, min(length, first + 1 + below(1200)));
    if (below(2)) sum += take(stream);
  }
  giveBack();
  for (let first: u32 = 0; first < length; first += 1200) {
    assert(give(first, min(length, first + 1200)) == Handled.OK);
  }
  sum += take(stream);
  if (sum != length) expect(sum).toBe(length, `seed ${number}`);
}

describe("what comes when ranges run out, in whatever order", () => {
  test("is read once, in 1000 seeds", () => {
    for (let number: u32 = 1; number <= 1000; number++) {
      scatter(number);
      endEnd(session);
      session = newEnd(false);
      dropEvents();
    }
  });
});

describe("with no range left", () => {
  test("what follows on what came is taken, and nothing else", () => {
    const stream = newStream(false);
    assert(give(0, 100) == Handled.OK);
    leave(0);
    expect(give(100, 200)).toBe(Handled.OK);
    expect(give(300, 400)).toBe(Handled.NO_ROOM);
    expect(take(stream)).toBe(200);
  });

  test("an unordered stream waits for one to hand over, and then takes a piece", () => {
    const stream = newStream(true);
    assert(give(0, 100) == Handled.OK);
    expect(take(stream)).toBe(100);
    leave(0);
    expect(give(100, 200)).toBe(Handled.NO_ROOM);
    giveShared(session, Pool.RANGES, held[--taken]);
    expect(give(300, 400)).toBe(Handled.NO_ROOM);
    expect(give(100, 200)).toBe(Handled.OK);
    expect(take(stream)).toBe(100);
  });
});
