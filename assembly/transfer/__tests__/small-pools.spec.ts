import { TRANSFER_BLOCK_BYTES } from "../../core/limits";
import { FrameHead, FrameType } from "../../core/transfer";
import { Pool } from "../../core/transfer-memory";
import { now, resetClock } from "../clock";
import { giveShared, takeShared, urgentLeft } from "../pool-share";
import { consumed, nextReadable, readOffset } from "../receive-side";
import { streamOf } from "../stream";
import { openStream, setPriority } from "../stream-open";
import { streamContentAcked } from "../stream-outcome";
import { writeStreamFrame } from "../stream-output";
import { probeControl, probeLost } from "../stream-probe";
import { findStream } from "../stream-table";
import { Handled } from "../verdict";
import { configureTransfer } from "./configured";
import {
  dropEvents,
  endEnd,
  frameOf,
  handle,
  isClean,
  lose,
  newEnd,
  ROOM,
  recordOf,
  send,
  typeOf,
} from "./stream-ends";
import { data, opens as opening } from "./stream-frames";
import { put } from "./stream-io";

configureTransfer(2, 1024);

let a: usize = 0;
let b: usize = 0;
const held = new StaticArray<u32>(4096);
let taken: u32 = 0;

beforeEach(() => {
  resetClock(now + 5000000);
  a = newEnd(true);
  b = newEnd(false);
  taken = 0;
});
afterEach(() => {
  while (taken) giveShared(b, Pool.BLOCKS, held[--taken]);
  endEnd(a);
  endEnd(b);
  dropEvents();
  expect(isClean()).toBe(true, "nothing is left");
});

/** Leaves a session so many blocks for what a reader waits for. */
function leave(session: usize, blocks: u32): void {
  while (urgentLeft(session, Pool.BLOCKS) > blocks)
    held[taken++] = takeShared(session, Pool.BLOCKS);
}

function numberOf(packet: u32): u32 {
  return bswap<u16>(load<u16>(frameOf(packet), FrameHead.STREAM));
}

/** A stream whose STREAM_OPEN has arrived. */
function opened(priority: u32): usize {
  const stream = streamOf(openStream(a, 0, priority, false, 0, 0));
  expect(send(a, 0)).not.toBe(0);
  streamContentAcked(a, recordOf(0));
  return stream;
}

/** Sends `length` bytes of a stream, and all is lost. */
function lost(stream: usize, length: u32): usize {
  expect(put(stream, 0, length)).toBe(length);
  let packets: u32 = 0;
  while (send(a, packets)) packets++;
  while (packets) lose(a, --packets);
  return stream;
}

describe("a receiver with few blocks left", () => {
  test("takes what is read up to the border of a block, and so gets that block back", () => {
    assert(handle(b, opening(1), 0) == Handled.OK);
    const stream = findStream(b, 1),
      start = TRANSFER_BLOCK_BYTES - 100;
    for (let at: u32 = 0; at < start; at += 1024) {
      const bytes = min<u32>(1024, start - at);
      expect(handle(b, data(1, at, bytes), 0)).toBe(Handled.OK);
      expect(nextReadable(stream)).toBe(bytes);
      expect(consumed(stream, readOffset, bytes)).toBe(true);
    }
    leave(b, 1);
    expect(handle(b, data(1, start, 300), 0)).toBe(Handled.NO_ROOM, "it comes again");
    expect(nextReadable(stream)).toBe(100);
    expect(handle(b, data(1, start, 300), 0)).toBe(Handled.NO_ROOM, "while it is read");
    expect(consumed(stream, readOffset, 100)).toBe(true);
    expect(handle(b, data(1, start, 300), 0)).toBe(Handled.OK);
    expect(nextReadable(stream)).toBe(200);
    expect(readOffset).toBe(TRANSFER_BLOCK_BYTES);
    expect(consumed(stream, readOffset, 200)).toBe(true);
  });

  test("takes nothing of what no reader waits for", () => {
    assert(handle(b, opening(1), 0) == Handled.OK);
    const stream = findStream(b, 1);
    leave(b, 1);
    expect(handle(b, data(1, TRANSFER_BLOCK_BYTES - 100, 300), 0)).toBe(Handled.NO_ROOM);
    expect(handle(b, data(3, 0, 1), 0)).toBe(Handled.NO_ROOM, "nor before STREAM_OPEN");
    expect(handle(b, data(1, 0, 1), 0)).toBe(Handled.OK, "the next byte of one that is open");
    expect(nextReadable(stream)).toBe(1);
    expect(consumed(stream, 0, 1)).toBe(true);
  });
});

describe("a probe", () => {
  test("carries control before lost bytes; other packets do not", () => {
    setPriority(lost(opened(9), 100), 8, true);
    expect(writeStreamFrame(a, frameOf(0), ROOM)).toBeGreaterThan(0);
    expect(typeOf(0)).toBe(FrameType.DATA);
    expect(probeControl(a, frameOf(0), ROOM)).toBeGreaterThan(0);
    expect(typeOf(0)).toBe(FrameType.CONTROL);
    expect(probeControl(a, frameOf(0), ROOM)).toBe(0);
    expect(probeControl(a, frameOf(0), FrameHead.BYTES)).toBe(0);
  });

  test("carries lost bytes of one stream after the other, whatever their priority", () => {
    const streams = [opened(200), opened(10), opened(90)];
    for (let i = 0; i < streams.length; i++) expect(put(streams[i], 0, 5000)).toBe(5000);
    let packets: u32 = 0;
    while (send(a, packets)) packets++;
    while (packets) lose(a, --packets);
    let seen: u32 = 0;
    for (let i = 0; i < 3; i++) {
      expect(probeLost(a, frameOf(0), ROOM)).toBeGreaterThan(0);
      expect(typeOf(0)).toBe(FrameType.DATA);
      seen |= 1 << numberOf(0);
    }
    expect(popcnt(seen)).toBe(3);
    expect(probeLost(a, frameOf(0), FrameHead.BYTES)).toBe(0);
    for (let i = 0; i < 3; i++) {
      send(a, 0);
      if (typeOf(0) == FrameType.DATA) expect(numberOf(0)).toBe(1, "the highest priority");
    }
  });
});
