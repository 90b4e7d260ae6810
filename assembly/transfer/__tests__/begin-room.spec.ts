/** Streams of either side begin, whatever lies unread of the other's. */
import { OpenRefusal, TransferEventKind } from "../../core/transfer";
import { Pool } from "../../core/transfer-memory";
import { now, resetClock } from "../clock";
import { giveShared, shareHeld, shareLeft, takeShared, urgentLeft } from "../pool-share";
import { consumed, nextReadable, readOffset } from "../receive-side";
import { finishStream } from "../send-side";
import { Part, partOf, Stream, streamOf } from "../stream";
import { acceptStream, openRefusal, openStream } from "../stream-open";
import { findStream, firstStream, freeStream } from "../stream-table";
import { onStreamTimer, stopStream } from "../streams";
import { Handled } from "../verdict";
import { below, configureTransfer, seed } from "./configured";
import { dropEvents, endEnd, exchange, handle, isClean, newEnd, nextKind } from "./stream-ends";
import { closes, data, opens } from "./stream-frames";
import { put } from "./stream-io";

/** One session: all is its share, 60 blocks and 20 places, and 4 spare ones of each. */
configureTransfer(1, 64, 24);

const BLOCK: u32 = 16384;

let a: usize = 0;
const held: u32[] = [];

beforeEach(() => {
  resetClock(now + 5000000);
  a = newEnd(true, 1000);
});
afterEach(() => {
  while (held.length) giveShared(a, Pool.BLOCKS, held.pop());
  endEnd(a);
  dropEvents();
  expect(isClean()).toBe(true, "nothing is left");
});

/** Streams that go both ways, of ours, that can be opened. */
function openAll(): u32 {
  let opened: u32 = 0;
  while (openStream(a, 1, 9, false, 0, 0)) opened++;
  assert(openRefusal == OpenRefusal.ROOM);
  return opened;
}

/** Reads and gives back what there is. */
function drink(stream: usize): void {
  const handle = load<u32>(stream, Stream.HANDLE);
  while (load<u32>(stream, Stream.HANDLE) == handle) {
    const bytes = nextReadable(stream);
    if (bytes == 0) return;
    consumed(stream, readOffset, bytes);
  }
}

/** The peer sends all that finds room, of a stream whose first block its reader waits for. */
function fill(number: u32): void {
  const stream = findStream(a, number);
  store<u64>(stream, 1 << 40, Stream.GRANTED);
  store<u64>(partOf(a), 1 << 40, Part.GRANTED);
  assert(nextReadable(stream) == 0);
  for (let at: u64 = BLOCK; handle(a, data(number, at, BLOCK), 0) == Handled.OK; ) at += BLOCK;
}

/** The peer opens streams and ends each after a byte, as many as find room; how many. */
function fillWithShort(): u32 {
  let number: u32 = 2;
  for (; handle(a, opens(number), 0) == Handled.OK; number += 2) {
    acceptStream(a);
    dropEvents();
    assert(handle(a, data(number, 0, 1), 0) == Handled.OK);
    assert(handle(a, closes(number, 1), 0) == Handled.OK);
  }
  return number / 2 - 1;
}

describe("streams of ours", () => {
  test("can be opened beside long ones that nobody reads, so many as are kept and no more", () => {
    assert(handle(a, opens(2), 0) == Handled.OK);
    fill(2);
    expect(openAll()).toBe(2);
    expect(load<u32>(partOf(a), Part.LOCAL_OWN)).toBe(4);
    freeStream(findStream(a, 1));
    expect(openAll()).toBe(1, "in place of one that is over");
    stopStream(findStream(a, 2));
    expect(openAll()).toBeGreaterThan(2, "nothing lies unread any more");
  });

  test("can be beside short ones, which have all come and are not read", () => {
    expect(fillWithShort()).toBe(24 - 3);
    expect(openAll()).toBe(3, "an eighth of the places");
    expect(handle(a, opens(60), 0)).toBe(Handled.NO_ROOM);
    drink(findStream(a, 2));
    expect(handle(a, opens(60), 0)).toBe(Handled.OK);
  });

  test("can be beside those of ours that the peer does not read", () => {
    for (let i = 0; i < 2; i++) {
      const stream = streamOf(openStream(a, 0, 9, false, 0, 0));
      store<u64>(stream, 1 << 40, Stream.SEND_LIMIT);
      put(stream, 0, 100 * BLOCK);
    }
    const left = urgentLeft(a, Pool.BLOCKS);
    expect(left).toBeGreaterThan(5, "two for ours, four for the peer's");
    while (shareLeft(a, Pool.BLOCKS)) held.push(takeShared(a, Pool.BLOCKS));
    expect(openAll()).toBe(1, "as the others count");
  });

  test("count until their last block has been acked", () => {
    const stream = streamOf(openStream(a, 0, 9, false, 0, 0));
    put(stream, 0, 10);
    finishStream(stream);
    expect(load<u32>(partOf(a), Part.LOCAL_OWN)).toBe(1, "it holds its block");
    const peer = newEnd(false);
    exchange(a, peer);
    expect(load<u32>(partOf(a), Part.LOCAL_OWN)).toBe(0);
    expect(load<u32>(partOf(peer), Part.PEER_OWN)).toBe(1, "it is not read");
    drink(findStream(peer, 1));
    expect(load<u32>(partOf(peer), Part.PEER_OWN)).toBe(0);
    endEnd(peer);
  });
});

describe("streams of the peer's", () => {
  test("begin beside all of ours, two both ways at the least", () => {
    openAll();
    while (shareLeft(a, Pool.BLOCKS)) held.push(takeShared(a, Pool.BLOCKS));
    expect(handle(a, opens(2, 1), 0)).toBe(Handled.OK);
    expect(handle(a, opens(4, 1), 0)).toBe(Handled.OK);
    expect(handle(a, opens(6, 1), 0)).toBe(Handled.NO_ROOM);
    expect(findStream(a, 6)).toBe(0);
  });

  test("begin beside what they sent before, and leave ours what is kept for these", () => {
    assert(handle(a, opens(2), 0) == Handled.OK);
    fill(2);
    let number: u32 = 4;
    while (handle(a, opens(number, 1), 0) == Handled.OK) number += 2;
    expect(number).toBeGreaterThan(4);
    expect(urgentLeft(a, Pool.BLOCKS)).toBeGreaterThan(3);
    expect(openAll()).toBe(2);
    expect(openStream(a, 0, 9, false, 0, 0)).toBe(0);
  });
});

describe("a share that has shrunk to less than what lies unread", () => {
  test("leaves room for one both ways of each side", () => {
    while (shareLeft(a, Pool.BLOCKS)) held.push(takeShared(a, Pool.BLOCKS));
    expect(openAll()).toBe(1);
    expect(handle(a, opens(2, 1), 0)).toBe(Handled.OK);
    expect(handle(a, opens(4, 1), 0)).toBe(Handled.NO_ROOM);
    freeStream(findStream(a, 1));
    expect(handle(a, opens(4, 1), 0)).toBe(Handled.NO_ROOM, "it is for ours");
    freeStream(findStream(a, 2));
    expect(openAll()).toBe(1, "and this for the peer's");
    expect(handle(a, opens(4, 1), 0)).toBe(Handled.OK);
  });
});

describe("a host that was refused a stream", () => {
  test("is told when there is room for it, not for a greater one", () => {
    while (shareLeft(a, Pool.BLOCKS)) held.push(takeShared(a, Pool.BLOCKS));
    const one = openStream(a, 0, 9, false, 0, 0);
    assert(openStream(a, 0, 9, false, 0, 0) != 0);
    for (let halves: u32 = 2; halves; halves--) {
      assert(openStream(a, halves - 1, 9, false, 0, 0) == 0);
      if (halves == 2) freeStream(streamOf(one));
      resetClock(now + 10000);
      onStreamTimer(a);
      if (halves == 2) expect(nextKind()).toBe(0, "there is room for one half");
      if (halves == 2) assert(openStream(a, 0, 9, false, 0, 0) != 0);
    }
    freeStream(firstStream(a));
    resetClock(now + 10000);
    onStreamTimer(a);
    expect(nextKind()).toBe(TransferEventKind.STREAMS_AVAILABLE);
  });
});

/** What a host and a peer may do next to a session, at random. */
function step(): void {
  const number = 2 + 2 * below(30),
    theirs = findStream(a, number),
    ours = findStream(a, 1 + 2 * below(30));
  switch (below(8)) {
    case 0:
      handle(a, opens(number, <u8>((number >> 1) & 1)), 0);
      acceptStream(a);
      break;
    case 1:
    case 2:
      if (theirs) store<u64>(theirs, 1 << 40, Stream.GRANTED);
      handle(a, data(number, below(4000000), 1000), 0);
      break;
    case 3:
      if (theirs && below(4) == 0) drink(theirs);
      break;
    case 4:
      openStream(a, below(2), 9, false, 0, 0);
      break;
    case 5:
      if (ours) store<u64>(ours, 1 << 40, Stream.SEND_LIMIT);
      if (ours) put(ours, below(4000000), 40000);
      break;
    case 6:
      if (ours && below(2)) finishStream(ours);
      break;
    case 7:
      if (theirs && below(8) == 0) freeStream(theirs);
      else if (ours && below(8) == 0) freeStream(ours);
  }
  dropEvents();
}

function lacking(kept: u32, held: u32): u32 {
  return kept > held ? kept - held : 0;
}

describe("room for streams that begin", () => {
  test("is there whatever is done (seed 410)", () => {
    seed(410);
    store<u64>(partOf(a), 1 << 40, Part.GRANTED);
    let wrong = 0,
      full = 0,
      crowded = 0;
    for (let i = 0; i < 30000; i++) {
      step();
      const part = partOf(a),
        left = urgentLeft(a, Pool.BLOCKS),
        ours = load<u32>(part, Part.LOCAL_OWN),
        theirs = load<u32>(part, Part.PEER_OWN),
        places = load<u32>(part, Part.LOCAL_COUNT),
        theirPlaces = load<u32>(part, Part.COUNT) - places;
      if (left < lacking(4, ours) + lacking(4, theirs)) wrong++;
      if (urgentLeft(a, Pool.STREAMS) < lacking(3, places) + lacking(2, theirPlaces)) wrong++;
      if (ours + theirs > shareHeld(a, Pool.BLOCKS)) wrong++;
      if (left < 10) full++;
      if (urgentLeft(a, Pool.STREAMS) < 5) crowded++;
    }
    expect(wrong).toBe(0);
    expect(full).toBeGreaterThan(1000, "blocks were all taken again and again");
    expect(crowded).toBeGreaterThan(1000, "and places");
  });
});
