import { CloseError, ControlType, FrameFlag, FrameHead, FrameType } from "../../core/transfer";
import { now, resetClock } from "../clock";
import { contentKind } from "../content";
import { consumed, nextReadable, readOffset, setUnordered } from "../receive-side";
import { finishStream, writeRoom } from "../send-side";
import { Part, partOf, Stream, streamOf } from "../stream";
import { openStream, setPriority } from "../stream-open";
import { streamContentAcked } from "../stream-outcome";
import { hasStreamOutput } from "../stream-output";
import { findStream } from "../stream-table";
import { noteRoundTrip, onStreamTimer, streamCount, streamDeadline } from "../streams";
import { Handled } from "../verdict";
import { configureTransfer } from "./configured";
import {
  arrive,
  dropEvents,
  endEnd,
  forge,
  frameOf,
  handle,
  isClean,
  lengthOf,
  lose,
  newEnd,
  offsetOf,
  payloadOf,
  recordOf,
  send,
  typeOf,
  WINDOW,
} from "./stream-ends";
import { data, opens as opening, windowUpdate } from "./stream-frames";
import { put, take } from "./stream-io";

configureTransfer();
const FLOW: u32 = Handled.CLOSE + CloseError.FLOW_CONTROL;
const CHUNK: u64 = 262144;

let a: usize = 0;
let b: usize = 0;

/** STREAM_BLOCKED of a stream at a limit. */
function blocked(number: u32, limit: u64): usize {
  const frame = forge(FrameType.CONTROL, 0, number, 0, 10);
  store<u16>(frame, bswap<u16>(<u16>ControlType.STREAM_BLOCKED), 28);
  store<u64>(frame, bswap<u64>(limit), 30);
  return frame;
}

beforeEach(() => {
  resetClock(now + 5000000);
  a = newEnd(true);
  b = newEnd(false);
});
afterEach(() => {
  endEnd(a);
  endEnd(b);
  dropEvents();
  expect(isClean()).toBe(true, "nothing is left");
});

function numberOf(packet: u32): u32 {
  return bswap<u16>(load<u16>(frameOf(packet), FrameHead.STREAM));
}
function controlOf(packet: u32): u32 {
  return typeOf(packet) == FrameType.CONTROL ? bswap<u16>(load<u16>(payloadOf(packet))) : 0;
}
/** Sends what there is, which arrives; frames of this type among it. */
function flush(from: usize, to: usize, type: u32): u32 {
  let found: u32 = 0;
  while (send(from, 0)) {
    if (typeOf(0) == type) found++;
    assert(arrive(from, to, 0, 0) == Handled.OK);
  }
  return found;
}
function opens(number: u32): void {
  assert(handle(b, opening(number), 0) == Handled.OK);
}
/** A new stream of a's; b knows it. */
function opened(type: u32, priority: u32, expedited: bool): usize {
  const stream = streamOf(openStream(a, type, priority, expedited, 0, 0));
  flush(a, b, 0);
  return stream;
}

describe("the window of a stream", () => {
  test("stops a sender, who says so once for each limit and then by PTO", () => {
    const mine = opened(0, 0, false);
    expect(put(mine, 0, WINDOW + 500)).toBe(WINDOW + 500);
    flush(a, b, FrameType.DATA);
    expect(load<u64>(mine, Stream.SENT_SUM)).toBe(WINDOW);
    expect(hasStreamOutput(a)).toBe(false);
    expect(streamDeadline(a)).toBe(now + 300000);
    onStreamTimer(a);
    expect(hasStreamOutput(a)).toBe(false, "not yet");
    noteRoundTrip(a, 50000, 120000);
    resetClock(now + 300000);
    onStreamTimer(a);
    expect(send(a, 0)).not.toBe(0);
    expect(controlOf(0)).toBe(ControlType.STREAM_BLOCKED);
    expect(load<u64>(payloadOf(0), 2)).toBe(bswap<u64>(WINDOW));
    expect(streamDeadline(a)).toBe(now + 120000);
    // The answer is the window as it is now.
    expect(arrive(a, b, 0, 0)).toBe(Handled.OK);
    flush(b, a, 0);
    expect(send(a, 0)).toBe(0, "nothing was read");
    const theirs = findStream(b, 1);
    expect(take(theirs)).toBe(WINDOW);
    expect(flush(b, a, FrameType.WINDOW_UPDATE)).toBe(1, "of the session only half of a half");
    expect(flush(a, b, FrameType.DATA)).toBe(1);
    expect(take(theirs)).toBe(500);
    resetClock(now + 500000);
    onStreamTimer(a);
    expect(hasStreamOutput(a)).toBe(false);
    expect(streamDeadline(a)).toBe(u64.MAX_VALUE);
  });

  test("moves when half of it is consumed, and no one shrinks it", () => {
    const mine = opened(0, 0, false);
    put(mine, 0, WINDOW);
    flush(a, b, FrameType.DATA);
    const theirs = findStream(b, 1);
    resetClock(now + 10000000);
    expect(nextReadable(theirs)).toBe(16384);
    expect(consumed(theirs, 0, 16384)).toBe(true);
    expect(send(b, 0)).toBe(0);
    expect(nextReadable(theirs)).toBe(16384);
    expect(consumed(theirs, readOffset, 16383)).toBe(true);
    expect(send(b, 0)).toBe(0);
    expect(consumed(theirs, readOffset + 16383, 1)).toBe(true);
    expect(send(b, 0)).not.toBe(0);
    expect(typeOf(0)).toBe(FrameType.WINDOW_UPDATE);
    expect(offsetOf(0)).toBe(WINDOW + 32768);
    expect(load<u64>(payloadOf(0))).toBe(bswap<u64>(32768));
    lose(b, 0);
    expect(send(b, 1)).not.toBe(0);
    expect(offsetOf(1)).toBe(WINDOW + 32768, "the newest, again");
    expect(take(theirs)).toBe(32768);
    expect(send(b, 2)).not.toBe(0);
    expect(offsetOf(2)).toBe(2 * WINDOW);
    lose(b, 1);
    expect(send(b, 3)).toBe(0, "an older one is not sent again");
    expect(arrive(b, a, 2, 0)).toBe(Handled.OK);
    expect(arrive(b, a, 0, 0)).toBe(Handled.OK);
    expect(load<u64>(mine, Stream.SEND_LIMIT)).toBe(2 * WINDOW);
    expect(handle(a, windowUpdate(1, ((<u64>1) << 62) - 1), 0)).toBe(Handled.OK);
    expect(handle(a, windowUpdate(1, (<u64>1) << 62), 0)).toBe(FLOW);
    expect(handle(a, windowUpdate(0, (<u64>1) << 62), 0)).toBe(FLOW);
    expect(handle(a, windowUpdate(0, 5), 0)).toBe(Handled.OK);
    expect(load<u64>(partOf(a), Part.SEND_LIMIT)).toBe(4 * WINDOW);
    const raise = windowUpdate(0, 4 * WINDOW + 5);
    store<u64>(raise, bswap<u64>((<u64>1) << 63), FrameHead.BYTES);
    expect(handle(a, raise, 0)).toBe(Handled.OK);
    expect(load<u64>(partOf(a), Part.SEND_LIMIT)).toBe(4 * WINDOW + 5, "no increment counts");
    expect(handle(a, windowUpdate(3, 5), 0)).toBe(Handled.CLOSE + CloseError.PROTOCOL);
    expect(handle(a, windowUpdate(2, 5), 0)).toBe(Handled.NO_ROOM, "before it opens");
    opens(3);
    expect(handle(b, windowUpdate(3, 5), 0)).toBe(Handled.CLOSE + CloseError.PROTOCOL);
  });

  test("doubles while it is used up within two round trips, to 16 MiB, the session's to 64", () => {
    noteRoundTrip(b, 100000, 300000);
    const mine = opened(0, 0, false);
    let offset: u64 = 0,
      window: u64 = 0;
    for (let i = 0; i < 700; i++) {
      offset += put(mine, offset, 262144);
      flush(a, b, 0);
      take(findStream(b, 1));
      flush(b, a, 0);
      resetClock(now + 100);
      dropEvents();
      window = load<u64>(findStream(b, 1), Stream.WINDOW);
    }
    expect(window).toBe(16 << 20);
    expect(load<u64>(partOf(b), Part.WINDOW)).toBeGreaterThan(16 << 20);
    expect(load<u64>(partOf(b), Part.WINDOW)).toBeLessThan((64 << 20) + 1);
    expect(offset).toBeGreaterThan(100 << 20);
    const slow = opened(0, 0, false);
    for (let i: u32 = 0; i < 8; i++) {
      resetClock(now + 100001);
      put(slow, i * 32768, 32768);
      flush(a, b, 0);
      take(findStream(b, 3));
      flush(b, a, 0);
    }
    expect(load<u64>(findStream(b, 3), Stream.WINDOW)).toBe(WINDOW);
  });

  test("is overrun by a chunk at most", () => {
    opens(1);
    setUnordered(findStream(b, 1));
    let offset: u64 = 0;
    const limit = WINDOW + CHUNK;
    for (; offset + 1024 <= limit; offset += 1024) {
      if (handle(b, data(1, offset, 1024), 0) != Handled.OK) break;
    }
    expect(offset).toBe(limit);
    expect(handle(b, data(1, offset - 1, 1), 0)).toBe(Handled.OK, "nothing new");
    expect(handle(b, data(1, offset, 1), 0)).toBe(FLOW);
    expect(handle(b, forge(FrameType.STREAM_RESET, 0, 1, 0, 12), 0)).not.toBe(FLOW);
    const frame = forge(FrameType.STREAM_RESET, 0, 1, 0, 12);
    store<u64>(frame, bswap<u64>(limit + 1), 32);
    expect(handle(b, frame, 0)).toBe(FLOW, "a sum counts as what it sums");
  });
});

describe("the window of the session", () => {
  test("is the sum over its streams", () => {
    for (let i = 0; i < 5; i++) put(opened(0, 0, false), 0, WINDOW);
    while (send(a, 0)) {
      expect(controlOf(0)).not.toBe(ControlType.STREAM_BLOCKED);
      if (controlOf(0) == ControlType.DATA_BLOCKED) break;
      arrive(a, b, 0, 0);
    }
    expect(controlOf(0)).toBe(ControlType.DATA_BLOCKED);
    expect(load<u64>(payloadOf(0), 2)).toBe(bswap<u64>(4 * WINDOW));
    expect(load<u64>(partOf(a), Part.SENT_SUM)).toBe(4 * WINDOW);
    expect(send(a, 1)).toBe(0, "told once");
    resetClock(now + 300000);
    onStreamTimer(a);
    expect(send(a, 1)).not.toBe(0);
    expect(controlOf(1)).toBe(ControlType.DATA_BLOCKED, "and again");
    dropEvents();
    for (let number: u32 = 1; number < 10; number += 2) take(findStream(b, number));
    expect(flush(b, a, FrameType.WINDOW_UPDATE)).toBeGreaterThan(4);
    expect(flush(a, b, FrameType.DATA)).toBeGreaterThan(50);
    expect(take(findStream(b, 9))).toBe(WINDOW);
  });

  test("doubles for a peer that is blocked while nothing is left unread", () => {
    opened(0, 0, false);
    flush(a, b, 0);
    const theirs = findStream(b, 1);
    // What is behind a lost packet cannot be read.
    expect(handle(b, data(1, 100, 900), 0)).toBe(Handled.OK);
    resetClock(now + 10000000);
    expect(handle(b, blocked(1, WINDOW - 1), 0)).toBe(Handled.OK);
    expect(load<u64>(theirs, Stream.WINDOW)).toBe(WINDOW, "an older limit");
    handle(b, blocked(1, WINDOW), 0);
    handle(b, blocked(1, WINDOW), 0);
    expect(load<u64>(theirs, Stream.WINDOW)).toBe(2 * WINDOW, "once a round trip");
    expect(flush(b, a, FrameType.WINDOW_UPDATE)).toBe(1);
    expect(load<u64>(theirs, Stream.GRANTED)).toBe(2 * WINDOW);
    expect(handle(b, data(1, 0, 100), 0)).toBe(Handled.OK);
    resetClock(now + 10000000);
    handle(b, blocked(1, 2 * WINDOW), 0);
    expect(load<u64>(theirs, Stream.WINDOW)).toBe(2 * WINDOW, "the host does not read");
  });

  test("does not count expedited streams, which are short", () => {
    const mine = opened(1, 0, true);
    expect(load<u16>(mine, Stream.NUMBER)).toBe(0x8001);
    expect(put(mine, 0, 70000)).toBe(65536);
    expect(writeRoom(mine, 65536, 1)).toBe(0);
    expect(send(a, 0)).not.toBe(0);
    expect(load<u8>(frameOf(0), FrameHead.FLAGS)).toBe(<u8>FrameFlag.PRI);
    expect(arrive(a, b, 0, 0)).toBe(Handled.OK);
    flush(a, b, 0);
    expect(take(findStream(b, 0x8001))).toBe(65536);
    expect(load<u64>(partOf(a), Part.SENT_SUM)).toBe(0);
    expect(load<u64>(partOf(b), Part.RECEIVED_SUM)).toBe(0);
    expect(load<u64>(partOf(b), Part.CONSUMED)).toBe(0);
    expect(send(b, 0)).toBe(0, "no window moves");
    expect(handle(b, data(0x8001, 65535, 1), 0)).toBe(Handled.OK);
    expect(handle(b, data(0x8001, 65535, 2), 0)).toBe(FLOW);
    const frame = forge(FrameType.STREAM_CLOSE, FrameFlag.FIN, 0x8001, 0, 12);
    store<u64>(frame, bswap<u64>(65537), 32);
    expect(handle(b, frame, 0)).toBe(FLOW);
  });
});

describe("the order of frames", () => {
  test("is lost data, control, expedited, then by priority, equals in turn", () => {
    const low = opened(0, 1, false),
      one = opened(0, 5, false),
      two = opened(0, 5, false),
      swift = opened(0, 0, true);
    put(low, 0, 3000);
    put(one, 0, 3000);
    put(two, 0, 3000);
    put(swift, 0, 10);
    expect(send(a, 0)).not.toBe(0);
    expect(numberOf(0)).toBe(0x8001);
    for (let i: u32 = 1; i < 5; i++) {
      expect(send(a, i)).toBe(1200);
      expect(numberOf(i)).toBe(i % 2 ? 3 : 5, "in turn");
    }
    lose(a, 1);
    lose(a, 0);
    setPriority(low, 9, true);
    expect(send(a, 5)).not.toBe(0);
    expect(numberOf(5)).toBe(3, "lost, of the higher priority");
    expect(offsetOf(5)).toBe(0);
    expect(send(a, 6)).not.toBe(0);
    expect(numberOf(6)).toBe(0x8001);
    expect(send(a, 7)).not.toBe(0);
    expect(controlOf(7)).toBe(ControlType.PRIORITY_UPDATE);
    expect(load<u8>(payloadOf(7), 2)).toBe(9);
    expect(send(a, 8)).not.toBe(0);
    expect(numberOf(8)).toBe(1, "it is the highest now");
    expect(arrive(a, b, 7, 0)).toBe(Handled.OK);
    expect(load<u8>(findStream(b, 1), Stream.PRIORITY)).toBe(9);
    expect(handle(b, forge(FrameType.CONTROL, 0, 1, 0, 2), 0)).toBe(Handled.OK, "type 0 is none");
  });

  test("sends by ranges what was lost and not acked since", () => {
    const mine = opened(0, 0, false);
    put(mine, 0, 1172 * 4);
    finishStream(mine);
    for (let i: u32 = 0; i < 5; i++) expect(send(a, i)).not.toBe(0);
    expect(typeOf(4)).toBe(FrameType.STREAM_CLOSE);
    expect(load<u8>(frameOf(3), FrameHead.FLAGS)).toBe(<u8>FrameFlag.FIN);
    expect(load<u8>(frameOf(2), FrameHead.FLAGS)).toBe(0);
    lose(a, 1);
    lose(a, 2);
    lose(a, 4);
    streamContentAcked(a, recordOf(1));
    expect(send(a, 5)).not.toBe(0);
    expect(offsetOf(5)).toBe(2 * 1172);
    expect(lengthOf(5)).toBe(1172);
    expect(send(a, 6)).not.toBe(0);
    expect(typeOf(6)).toBe(FrameType.STREAM_CLOSE);
    expect(send(a, 7)).toBe(0);
    streamContentAcked(a, recordOf(6));
    streamContentAcked(a, recordOf(0));
    streamContentAcked(a, recordOf(3));
    expect(streamCount(a)).toBe(1);
    streamContentAcked(a, recordOf(2));
    expect(streamCount(a)).toBe(0, "acked, though it was given up");
    lose(a, 5);
    streamContentAcked(a, recordOf(5));
    expect(contentKind).not.toBe(0);
  });
});
