import { ControlType, FrameType, OpenRefusal } from "../../core/transfer";
import { Pool } from "../../core/transfer-memory";
import { blockCount, Side } from "../blocks";
import { now, resetClock } from "../clock";
import { goAway } from "../goaway";
import { entriesLeft } from "../pool";
import { giveShared, shareHeld, shareLeft, takeShared, urgentLeft } from "../pool-share";
import { consumed, nextReadable, readOffset, setUnordered } from "../receive-side";
import { finishStream, giveUpSending } from "../send-side";
import { Part, partOf, Stream, streamOf } from "../stream";
import { openRefusal, openStream } from "../stream-open";
import { findStream } from "../stream-table";
import { cutOffStreams, stopStream, streamCount } from "../streams";
import { Handled } from "../verdict";
import { configureTransfer } from "./configured";
import {
  arrive,
  dropEvents,
  endEnd,
  exchange,
  forge,
  handle,
  isClean,
  newEnd,
  nextKind,
  offsetOf,
  payloadOf,
  send,
  typeOf,
  WINDOW,
} from "./stream-ends";
import { closes, data, opens, resets, windowUpdate } from "./stream-frames";
import { put, take } from "./stream-io";

configureTransfer(2, 64, 32);

const BLOCK: u32 = 16384;
const PIECE: u32 = 1000;

let a: usize = 0;
let b: usize = 0;
const held: u32[] = [];

beforeEach(() => {
  resetClock(now + 5000000);
  a = newEnd(true);
  b = newEnd(false);
});
afterEach(() => {
  while (held.length) giveShared(b, Pool.BLOCKS, held.pop());
  endEnd(a);
  endEnd(b);
  dropEvents();
  expect(isClean()).toBe(true, "nothing is left");
});

/** Reads and gives back what there is. */
function drink(stream: usize): u32 {
  let sum: u32 = 0;
  for (let bytes = nextReadable(stream); bytes; bytes = nextReadable(stream)) {
    consumed(stream, readOffset, bytes);
    sum += bytes;
  }
  return sum;
}

/** Sends `b` the bytes of stream `number` from `at` on, in order, until they find no room. */
function fill(number: u32, at: u64): u64 {
  store<u64>(findStream(b, number), 1 << 30, Stream.GRANTED);
  while (handle(b, data(number, at, PIECE), 0) == Handled.OK) at += PIECE;
  return at;
}

/** Leaves `b` no block but those of its streams and `left` more. */
function shrink(left: u32): void {
  while (urgentLeft(b, Pool.BLOCKS) > left) held.push(takeShared(b, Pool.BLOCKS));
}

describe("a stream that is read", () => {
  test("goes on whatever lies unread, which has its share and no more", () => {
    store<u64>(partOf(b), 1 << 40, Part.GRANTED);
    for (let number: u32 = 1; number < 11; number += 2) {
      assert(handle(b, opens(number), 0) == Handled.OK);
    }
    const ends: u64[] = [];
    for (let number: u32 = 1; number < 9; number += 2) ends.push(fill(number, 0));
    const lying = shareHeld(b, Pool.BLOCKS),
      stream = findStream(b, 9);
    let at: u64 = 0,
      read: u64 = 0;
    while (at < 40 * BLOCK) {
      const room = fill(9, at);
      expect(room).toBeGreaterThan(at);
      at = room;
      read += drink(stream);
      // What lay across a border came up to it, and comes again.
      expect(read).toBeGreaterThan(at - 1);
    }
    for (let i = 0; i < ends.length; i++) {
      const number = 2 * i + 1;
      expect(handle(b, data(number, ends[i], PIECE), 0)).toBe(Handled.NO_ROOM);
    }
    expect(shareHeld(b, Pool.BLOCKS)).toBe(lying, "a block at a time");
    expect(shareLeft(a, Pool.BLOCKS)).toBeGreaterThan(13, "what is promised to others");
  });

  test("goes on in any order as well", () => {
    handle(b, opens(1), 0);
    const stream = findStream(b, 1);
    setUnordered(stream);
    store<u64>(stream, 1 << 30, Stream.GRANTED);
    shrink(0);
    for (let index: u64 = 40; index; index -= 2) {
      expect(handle(b, data(1, index * BLOCK, PIECE), 0)).toBe(Handled.OK);
      expect(handle(b, data(1, (index + 1) * BLOCK, 1), 0)).toBe(Handled.NO_ROOM, "one is filled");
      expect(drink(stream)).toBe(PIECE);
    }
  });

  test("has blocks of the last eighth, which those that nobody reads have not", () => {
    handle(b, opens(1), 0);
    handle(b, opens(3), 0);
    expect(nextReadable(findStream(b, 3))).toBe(0);
    let index: u64 = 1;
    while (handle(b, data(1, index * BLOCK, 1), 0) == Handled.OK) index++;
    // And besides the spare ones two that are kept for streams that begin.
    expect(shareLeft(b, Pool.BLOCKS)).toBe(
      ((shareLeft(b, Pool.BLOCKS) + shareHeld(b, Pool.BLOCKS)) >> 3) + 2,
    );
    expect(handle(b, data(3, BLOCK, 1), 0)).toBe(Handled.OK);
  });

  test("is told of to a peer whose bytes found no room", () => {
    handle(b, opens(1), 0);
    const stream = findStream(b, 1);
    shrink(0);
    expect(handle(b, data(1, 0, BLOCK), 0)).toBe(Handled.OK);
    expect(handle(b, data(1, BLOCK, 1), 0)).toBe(Handled.NO_ROOM);
    expect(handle(b, closes(1, BLOCK + 1), 0)).toBe(Handled.OK);
    expect(nextReadable(stream)).toBe(BLOCK);
    expect(consumed(stream, 0, 1)).toBe(true);
    expect(send(b, 0)).toBe(0, "there is none yet");
    expect(consumed(stream, 1, BLOCK - 1)).toBe(true);
    expect(send(b, 0)).toBeGreaterThan(0);
    expect(typeOf(0)).toBe(FrameType.WINDOW_UPDATE);
    expect(offsetOf(0)).toBe(WINDOW + BLOCK);
    expect(send(b, 0)).toBe(0, "once");
  });
});

describe("a stream that is written to", () => {
  test("goes on whatever is not acked of others, whose writers wait", () => {
    const stuck: usize[] = [];
    for (let i = 0; i < 4; i++) stuck.push(streamOf(openStream(a, 0, 9, false, 0, 0)));
    const going = streamOf(openStream(a, 0, 9, false, 0, 0));
    exchange(a, b);
    store<u64>(partOf(a), 1 << 30, Part.SEND_LIMIT);
    const ends: u64[] = [];
    for (let i = 0; i < 4; i++) ends.push(put(stuck[i], 0, 100 * BLOCK));
    for (let packet: u32 = 0; send(a, 0); packet++);
    for (let i: u64 = 0; i < 20; i++) {
      store<u64>(going, 1 << 30, Stream.SEND_LIMIT);
      expect(put(going, i * BLOCK, BLOCK)).toBe(BLOCK);
      expect(put(going, (i + 1) * BLOCK, 1)).toBe(0, "its own is in use");
      for (let packet: u32 = 0; send(a, packet); packet++) arrive(a, b, packet, 0);
      expect(take(findStream(b, 9))).toBe(BLOCK);
    }
    for (let i = 0; i < 4; i++) expect(put(stuck[i], ends[i], 1)).toBe(0);
  });

  test("holds no more than the peer lets it send, and 64 KiB", () => {
    const stream = streamOf(openStream(a, 0, 9, false, 0, 0));
    exchange(a, b);
    dropEvents();
    expect(put(stream, 0, 100 * BLOCK)).toBe(2 * WINDOW);
    expect(handle(a, windowUpdate(1, WINDOW), 0)).toBe(Handled.OK);
    expect(nextKind()).toBe(0, "as before");
    expect(handle(a, windowUpdate(1, WINDOW + 2 * BLOCK), 0)).toBe(Handled.OK);
    expect(nextKind()).not.toBe(0, "STREAM_WRITABLE");
    expect(put(stream, 2 * WINDOW, 100 * BLOCK)).toBe(2 * BLOCK);
  });
});

describe("own blocks", () => {
  test("are two of one that goes both ways, and all or none is taken in", () => {
    const before = entriesLeft(Pool.BLOCKS);
    expect(handle(b, opens(1), 0)).toBe(Handled.OK);
    expect(entriesLeft(Pool.BLOCKS)).toBe(before - 1);
    expect(handle(b, opens(3, 1), 0)).toBe(Handled.OK);
    expect(entriesLeft(Pool.BLOCKS)).toBe(before - 3);
    // Four of them are kept for streams of ours.
    shrink(5);
    const last = entriesLeft(Pool.BLOCKS);
    expect(handle(b, opens(5, 1), 0)).toBe(Handled.NO_ROOM);
    expect(handle(b, data(7, 0, 1), 0)).toBe(Handled.NO_ROOM, "nor by its bytes");
    expect(streamCount(b)).toBe(2);
    expect(entriesLeft(Pool.BLOCKS)).toBe(last);
    giveShared(b, Pool.BLOCKS, held.pop());
    expect(handle(b, data(7, 0, 1), 0)).toBe(Handled.OK);
    expect(handle(b, opens(7, 1), 0)).toBe(Handled.OK, "it has both by then");
  });

  test("of streams of ours leave half of the share to the peer's", () => {
    const most = urgentLeft(a, Pool.BLOCKS);
    let own: u32 = 0;
    store<u32>(partOf(a), 1000, Part.LIMIT_LOCAL);
    while (openStream(a, 1, 9, false, 0, 0)) own += 2;
    expect(openRefusal).toBe(OpenRefusal.ROOM);
    expect(own).toBe((most - (most >> 1)) & ~1);
    expect(load<u32>(partOf(a), Part.LOCAL_OWN)).toBe(own);
    expect(handle(a, opens(2, 1), 0)).toBe(Handled.OK);
  });

  test("come back when a stream has ended, however it does", () => {
    const before = entriesLeft(Pool.BLOCKS);
    for (let way = 0; way < 7; way++) {
      const mine = streamOf(openStream(a, way == 1 ? 1 : 0, 9, false, 0, 0)),
        number = load<u16>(mine, Stream.NUMBER);
      put(mine, 0, 20000);
      exchange(a, b);
      const theirs = findStream(b, number);
      if (way == 1) {
        finishStream(theirs);
        exchange(a, b);
        expect(entriesLeft(Pool.BLOCKS)).toBeLessThan(before);
      }
      if (way == 2) giveUpSending(mine, 0);
      else if (way == 3) stopStream(theirs);
      else if (way == 4) nextReadable(theirs);
      if (way != 2) finishStream(mine);
      exchange(a, b);
      if (way == 4) consumed(theirs, 0, BLOCK);
      if (way < 2 || way > 3) take(theirs);
      exchange(a, b);
      expect(streamCount(a) + streamCount(b)).toBe(0);
      expect(entriesLeft(Pool.BLOCKS)).toBe(before, "way " + way.toString());
    }
    expect(load<u32>(partOf(a), Part.LOCAL_OWN)).toBe(0);
  });

  test("come back when nothing more can come, though what came is not read yet", () => {
    const before = entriesLeft(Pool.BLOCKS);
    handle(b, opens(1), 0);
    handle(b, data(1, 0, 5), 0);
    handle(b, closes(1, 5), 0);
    expect(entriesLeft(Pool.BLOCKS)).toBe(before - 1, "all has come");
    handle(b, opens(3), 0);
    handle(b, resets(3, 0, 5), 0);
    expect(entriesLeft(Pool.BLOCKS)).toBe(before - 1, "it was given up");
    handle(b, opens(5, 1), 0);
    handle(b, data(5, 0, 5), 0);
    expect(entriesLeft(Pool.BLOCKS)).toBe(before - 3);
    cutOffStreams(b);
    expect(entriesLeft(Pool.BLOCKS)).toBe(before - 2, "the session is over");
    expect(findStream(b, 1)).toBe(0, "its number is gone");
  });

  test("are not for streams that GOAWAY refuses", () => {
    const before = entriesLeft(Pool.BLOCKS);
    expect(goAway(b, 0, 0, 0)).toBe(true);
    expect(handle(b, opens(1, 1), 0)).toBe(Handled.OK);
    expect(handle(b, data(1, 0, 5), 0)).toBe(Handled.OK);
    expect(entriesLeft(Pool.BLOCKS)).toBe(before);
  });
});

/** The limit of the session that `b` tells when it hears DATA_BLOCKED. */
function answer(limit: u64): u64 {
  const frame = forge(FrameType.CONTROL, 0, 0, 0, 10);
  store<u16>(frame, bswap<u16>(<u16>ControlType.DATA_BLOCKED), 28);
  store<u64>(frame, bswap<u64>(limit), 30);
  assert(handle(b, frame, 0) == Handled.OK);
  assert(send(b, 0) != 0 && typeOf(0) == FrameType.WINDOW_UPDATE);
  return offsetOf(0);
}

describe("the session's limit", () => {
  test("is raised for a reader that waits, beyond what lies unread", () => {
    handle(b, opens(1), 0);
    handle(b, data(1, 0, 5), 0);
    const limit: u64 = 4 * WINDOW;
    expect(answer(limit)).toBe(limit, "nobody waits");
    handle(b, opens(3), 0);
    expect(answer(limit)).toBe(limit + 65536);
    expect(bswap<u64>(load<u64>(payloadOf(0)))).toBe(65536, "the increment");
    expect(answer(limit)).toBe(limit + 65536, "an old limit: it is under way");
    expect(answer(limit + 65536)).toBe(limit + 2 * 65536);
    handle(b, closes(3, 0), 0);
    expect(answer(limit + 2 * 65536)).toBe(limit + 2 * 65536);
    expect(blockCount(findStream(b, 1), Side.RECEIVE)).toBe(1);
  });
});
