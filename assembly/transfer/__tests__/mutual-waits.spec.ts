import { OpenRefusal } from "../../core/transfer";
import { Pool } from "../../core/transfer-memory";
import { blockCount, blocksFree, Side } from "../blocks";
import { now, resetClock } from "../clock";
import { dropMessages, keepBytes, newMessage, queueMessage } from "../messages";
import { entriesLeft, giveEntry, takeEntry } from "../pool";
import { giveShared, shareLeft, shareSize, takeShared, urgentLeft } from "../pool-share";
import { consumed, nextReadable, readOffset, setUnordered } from "../receive-side";
import { Part, partOf, streamOf } from "../stream";
import { openRefusal, openStream } from "../stream-open";
import { streamContentAcked } from "../stream-outcome";
import { hasStreamOutput } from "../stream-output";
import { probeLost } from "../stream-probe";
import { findStream, freeStream } from "../stream-table";
import { stopStream, streamDeadline } from "../streams";
import { Handled } from "../verdict";
import { configureTransfer } from "./configured";
import {
  arrive,
  dropEvents,
  endEnd,
  exchange,
  frameOf,
  handle,
  isClean,
  lose,
  newEnd,
  ROOM,
  recordOf,
  send,
} from "./stream-ends";
import { data, opens } from "./stream-frames";
import { put } from "./stream-io";

configureTransfer(2, 64, 32);

/** Frames of what `openLost()` has sent lie from here on. */
const KEPT: u32 = 100;
const BLOCK: u32 = 16384;

let a: usize = 0;
let b: usize = 0;
const held: u32[] = [];
let hogged: Pool = Pool.COUNT;

beforeEach(() => {
  resetClock(now + 5000000);
  a = newEnd(true, 1000);
  b = newEnd(false, 1000);
});
afterEach(() => {
  release();
  endEnd(a);
  endEnd(b);
  dropEvents();
  expect(isClean()).toBe(true, "nothing is left");
});

/** Takes the whole share of `a`, as if others had left it no more than it holds. */
function shrink(pool: Pool): void {
  hogged = pool;
  while (shareLeft(a, pool)) held.push(takeShared(a, pool));
}
function release(): void {
  while (held.length) giveShared(a, hogged, held.pop());
}

/** A stream of `a`, which the peer has taken in if `acked`. */
function newStream(acked: bool): usize {
  const stream = streamOf(openStream(a, 0, 9, false, 0, 0));
  if (acked) {
    assert(send(a, 0) != 0);
    assert(arrive(a, b, 0, 0) == Handled.OK);
  }
  return stream;
}

describe("streams of ours", () => {
  test("leave half of the share to the peer's", () => {
    const most = urgentLeft(a, Pool.STREAMS);
    let own: u32 = 0;
    while (openStream(a, 0, 0, own % 2 == 0, 0, 0)) own++;
    expect(openRefusal).toBe(OpenRefusal.ROOM);
    expect(own).toBe(most - (most >> 1));
    expect(handle(a, opens(2), 0)).toBe(Handled.OK);
    freeStream(findStream(a, 1));
    expect(openStream(a, 0, 0, false, 0, 0)).not.toBe(0, "in place of one that is over");
    expect(openStream(a, 0, 0, false, 0, 0)).toBe(0);
  });

  test("leave two to the peer though the share has shrunk to what they hold", () => {
    newStream(false);
    shrink(Pool.STREAMS);
    expect(openStream(a, 0, 0, false, 0, 0)).not.toBe(0, "two are kept for ours as well");
    expect(openStream(a, 0, 0, false, 0, 0)).toBe(0);
    expect(openRefusal).toBe(OpenRefusal.ROOM);
    expect(handle(a, opens(2), 0)).toBe(Handled.OK);
    expect(handle(a, opens(4), 0)).toBe(Handled.OK);
    expect(handle(a, opens(6), 0)).toBe(Handled.OK, "ours have theirs");
    expect(handle(a, opens(8), 0)).toBe(Handled.NO_ROOM, "four are kept");
    expect(findStream(a, 8)).toBe(0);
  });

  test("leave slots to what comes: their metadata take none of the last", () => {
    shrink(Pool.MESSAGES);
    expect(openStream(a, 0, 0, false, recordOf(0), 10)).toBe(0);
    expect(openRefusal).toBe(OpenRefusal.ROOM);
    expect(openStream(a, 0, 0, false, recordOf(0), 0)).not.toBe(0, "without metadata");
    const message = newMessage(a, 3);
    expect(message).not.toBe(0, "one that goes");
    queueMessage(a, message, 0);
    expect(newMessage(a, 3)).toBe(0, "and no other");
    expect(handle(a, opens(2, 0, 0, 10), 0)).toBe(Handled.OK, "one that comes");
    expect(keepBytes(a, recordOf(0), 10)).toBe(0);
    dropMessages(a);
  });
});

describe("blocks", () => {
  test("of streams that the peer has not taken in are a quarter of the share", () => {
    const taken = newStream(true),
      early = newStream(false),
      most = (shareSize(a, Pool.BLOCKS) >> 2) * BLOCK;
    expect(put(early, 0, 100 * BLOCK)).toBe(most);
    const last = newStream(false);
    expect(put(last, 0, 2 * BLOCK)).toBe(BLOCK, "all of them together, but their own");
    expect(put(taken, 0, 2 * BLOCK)).toBe(2 * BLOCK);
    expect(load<u32>(partOf(a), Part.EARLY_BLOCKS)).toBe(most / BLOCK + 1);
    exchange(a, b);
    expect(load<u32>(partOf(a), Part.EARLY_BLOCKS)).toBe(0, "they have been taken in");
    expect(put(early, most, BLOCK)).toBe(BLOCK);
    const other = newStream(false);
    expect(put(other, 0, BLOCK)).toBe(BLOCK);
    expect(load<u32>(partOf(a), Part.EARLY_BLOCKS)).toBe(1);
  });

  test("are there for each that goes, and each that comes, whatever else holds them", () => {
    const one = newStream(true),
      early = newStream(false);
    handle(a, opens(2), 0);
    shrink(Pool.BLOCKS);
    expect(put(early, 0, BLOCK + 1)).toBe(BLOCK, "one block, not two");
    expect(put(one, 0, BLOCK + 1)).toBe(BLOCK);
    expect(blocksFree(one, Side.SEND, 1, false)).toBe(false);
    expect(handle(a, data(2, 0, 100), 0)).toBe(Handled.OK, "the next bytes");
    expect(handle(a, data(2, BLOCK, 100), 0)).toBe(Handled.NO_ROOM);
    for (let packet: u32 = KEPT; send(a, packet); packet++) arrive(a, b, packet, 0);
    expect(blockCount(one, Side.SEND)).toBe(0, "it has arrived");
    expect(put(one, BLOCK, BLOCK + 1)).toBe(BLOCK, "it is there again");
    expect(nextReadable(findStream(a, 2))).toBe(100);
    expect(consumed(findStream(a, 2), 0, 100)).toBe(true);
  });

  test("are there for one that is read in any order", () => {
    handle(a, opens(2), 0);
    const stream = findStream(a, 2);
    expect(setUnordered(stream)).toBe(true);
    shrink(Pool.BLOCKS);
    const border = BLOCK - 100;
    expect(handle(a, data(2, border, 300), 0)).toBe(Handled.NO_ROOM, "its head is kept");
    expect(nextReadable(stream)).toBe(100);
    expect(readOffset).toBe(border);
    expect(consumed(stream, border, 100)).toBe(true);
    expect(blockCount(stream, Side.RECEIVE)).toBe(0, "all that came has been read");
    expect(handle(a, data(2, border, 300), 0)).toBe(Handled.OK);
    expect(nextReadable(stream)).toBe(200);
    expect(handle(a, data(2, 5 * BLOCK, 100), 0)).toBe(
      Handled.NO_ROOM,
      "one block is being filled",
    );
    expect(handle(a, data(2, BLOCK + 300, 100), 0)).toBe(Handled.OK, "this one");
    expect(stopStream(stream)).toBe(true);
    expect(consumed(stream, BLOCK, 200)).toBe(true);
  });
});

/** A stream all of whose first packets are lost; how many were sent. */
function openLost(stream: usize): u32 {
  expect(put(stream, 0, 3000)).toBe(3000);
  let packets: u32 = 0;
  while (send(a, KEPT + packets)) packets++;
  for (let i: u32 = 0; i < packets; i++) lose(a, KEPT + i);
  return packets;
}

describe("bytes of a stream whose STREAM_OPEN was lost", () => {
  test("wait until it is acked", () => {
    const stream = newStream(false);
    expect(openLost(stream)).toBe(4);
    expect(probeLost(a, frameOf(0), ROOM)).toBe(0);
    expect(send(a, 0)).not.toBe(0, "STREAM_OPEN");
    expect(hasStreamOutput(a)).toBe(false);
    expect(put(stream, 3000, 10)).toBe(10);
    expect(hasStreamOutput(a)).toBe(false, "nor what was not sent yet");
    expect(arrive(a, b, 0, 0)).toBe(Handled.OK);
    expect(hasStreamOutput(a)).toBe(true);
    expect(probeLost(a, frameOf(0), ROOM)).toBeGreaterThan(0);
  });

  test("and those of others do not", () => {
    const taken = newStream(true);
    openLost(newStream(false));
    expect(put(taken, 0, 100)).toBe(100);
    send(a, 0);
    expect(send(a, 1)).toBe(128, "behind STREAM_OPEN");
    lose(a, 1);
    expect(send(a, 2)).toBe(128);
    expect(probeLost(a, frameOf(3), ROOM)).toBe(0);
    expect(hasStreamOutput(a)).toBe(false);
  });

  test("go at once if it had arrived after all", () => {
    const stream = newStream(false);
    openLost(stream);
    streamContentAcked(a, recordOf(KEPT));
    expect(hasStreamOutput(a)).toBe(true);
  });
});

describe("who waits for room", () => {
  test("is not given any that is refused when it has written", () => {
    const stream = newStream(true),
      others: u32[] = [];
    while (entriesLeft(Pool.RANGES) > 1) others.push(takeEntry(Pool.RANGES));
    expect(put(stream, 0, 1)).toBe(0);
    expect(streamDeadline(a)).toBe(now + 10000, "it is looked for");
    giveEntry(Pool.RANGES, others.pop());
    expect(put(stream, 0, 1)).toBe(1);
    while (others.length) giveEntry(Pool.RANGES, others.pop());
  });

  test("is told in time though others ask again and again", () => {
    const stream = newStream(true);
    shrink(Pool.BLOCKS);
    const began = now;
    expect(put(stream, 0, BLOCK + 1)).toBe(BLOCK);
    for (let i: u64 = 1; i < 9; i++) {
      resetClock(began + 1000 * i);
      expect(put(stream, BLOCK, 1)).toBe(0);
      expect(openStream(a, 0, 0, false, recordOf(0), 1001)).toBe(0);
      expect(streamDeadline(a)).toBe(began + 10000);
    }
  });
});
