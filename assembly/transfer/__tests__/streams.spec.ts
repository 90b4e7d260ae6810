import { TRANSFER_METADATA_BYTES_MAX } from "../../core/limits";
import {
  CloseError,
  FrameType,
  StreamCloseError,
  StreamResetError,
  TransferEventKind,
} from "../../core/transfer";
import { guarded } from "../../crypto/__tests__/bytes";
import { resetClock } from "../clock";
import { eventRoom } from "../events";
import { consumed, nextReadable, readOffset, setUnordered } from "../receive-side";
import { finishStream, giveUpSending, writeRoom, written } from "../send-side";
import { Part, partOf, Stream, streamOf } from "../stream";
import { mark } from "../stream-events";
import { openStream } from "../stream-open";
import { findStream } from "../stream-table";
import { onStreamTimer, stopStream, streamCount, streamDeadline } from "../streams";
import { Handled } from "../verdict";
import { configureTransfer } from "./configured";
import {
  dropEvents,
  eventCode,
  eventNumber,
  eventStream,
  eventValue,
  exchange,
  handle,
  lose,
  nextKind,
  send,
  typeOf,
  WINDOW,
} from "./stream-ends";
import { closes, data, ends, opens, resets } from "./stream-frames";
import { put, take } from "./stream-io";
import { a, b, eachTestHasTwoEnds } from "./stream-pair";

configureTransfer();
const TEXT = guarded(2048);
const PROTOCOL: u32 = Handled.CLOSE + CloseError.PROTOCOL;

eachTestHasTwoEnds();

describe("a stream", () => {
  test("goes one way from its opening to its end", () => {
    memory.fill(TEXT, 0x41, TRANSFER_METADATA_BYTES_MAX);
    const handleA = openStream(a, 0, 7, false, TEXT, TRANSFER_METADATA_BYTES_MAX),
      stream = streamOf(handleA);
    expect(handleA).not.toBe(0);
    expect(put(stream, 0, 40000)).toBe(40000);
    exchange(a, b);
    expect(nextKind()).toBe(TransferEventKind.STREAM_OPENED);
    expect(eventNumber()).toBe(1);
    expect(eventCode()).toBe(7);
    expect(eventValue()).toBe(0);
    const theirs = streamOf(eventStream());
    expect(nextKind()).toBe(TransferEventKind.STREAM_READABLE);
    expect(nextKind()).toBe(0);
    expect(take(theirs)).toBe(40000);
    expect(put(stream, 40000, 10)).toBe(10);
    expect(finishStream(stream)).toBe(true);
    expect(finishStream(stream)).toBe(false);
    expect(writeRoom(stream, 50000, 1)).toBe(0, "it has ended");
    exchange(a, b);
    expect(nextKind()).toBe(TransferEventKind.STREAM_READABLE);
    expect(nextKind()).toBe(TransferEventKind.STREAM_FINISHED);
    expect(eventValue()).toBe(40010);
    expect(nextKind()).toBe(TransferEventKind.STREAM_GONE, "ours");
    expect(streamOf(handleA)).toBe(0);
    expect(streamCount(b)).toBe(1);
    expect(take(theirs)).toBe(10);
    expect(nextKind()).toBe(TransferEventKind.STREAM_GONE, "theirs");
    expect(streamCount(b)).toBe(0);
  });

  test("goes both ways, each half to its own end", () => {
    const mine = streamOf(openStream(b, 1, 0, false, 0, 0));
    expect(put(mine, 0, 5)).toBe(5);
    expect(finishStream(mine)).toBe(true);
    exchange(b, a);
    expect(nextKind()).toBe(TransferEventKind.STREAM_OPENED);
    expect(eventNumber()).toBe(2);
    expect(eventValue()).toBe(1);
    const theirs = streamOf(eventStream());
    expect(take(theirs)).toBe(5);
    expect(put(theirs, 0, 70000)).toBe(70000);
    finishStream(theirs);
    exchange(a, b);
    expect(load<u64>(theirs, Stream.SENT_SUM)).toBe(WINDOW, "the window of STREAM_OPEN");
    expect(take(mine)).toBe(WINDOW);
    exchange(a, b);
    expect(take(mine)).toBe(70000 - WINDOW);
    expect(streamCount(a) + streamCount(b)).toBe(0);
  });

  test("without a byte ends too", () => {
    const mine = streamOf(openStream(a, 0, 0, false, 0, 0));
    finishStream(mine);
    exchange(a, b);
    expect(nextKind()).toBe(TransferEventKind.STREAM_OPENED);
    expect(nextKind()).toBe(TransferEventKind.STREAM_FINISHED);
    expect(eventValue()).toBe(0);
    expect(streamCount(a) + streamCount(b)).toBe(0);
  });

  test("is opened, closed and reset twice without harm, and not as another", () => {
    expect(handle(b, opens(1, 0, 0, 10), 0)).toBe(Handled.OK);
    expect(handle(b, opens(1, 0, 0, 10), 0)).toBe(Handled.OK);
    expect(handle(b, opens(1, 1, 0, 10), 0)).toBe(PROTOCOL, "another type");
    expect(nextKind()).toBe(TransferEventKind.STREAM_OPENED);
    expect(nextKind()).toBe(0);
    expect(handle(b, data(1, 0, 10), 0)).toBe(Handled.OK);
    expect(handle(b, closes(1, 9), 0)).toBe(PROTOCOL, "less than came");
    expect(handle(b, closes(1, 20), 0)).toBe(Handled.OK);
    expect(handle(b, closes(1, 20), 0)).toBe(Handled.OK);
    expect(handle(b, closes(1, 21), 0)).toBe(PROTOCOL);
    expect(handle(b, data(1, 10, 11), 0)).toBe(PROTOCOL, "more than the sum");
    expect(handle(b, data(1, 10, 10), 0)).toBe(Handled.OK);
    expect(handle(b, resets(1, 1, 20), 0)).toBe(Handled.OK, "too late to matter");
    dropEvents();
    const stream = findStream(b, 1);
    expect(nextReadable(stream)).toBe(20);
    expect(consumed(stream, 0, 20)).toBe(true);
    expect(nextKind()).toBe(TransferEventKind.STREAM_GONE);
    expect(handle(b, opens(1, 0, 0, 10), 0)).toBe(Handled.OK, "late, and acked");
    expect(handle(b, closes(1, 20), 1)).toBe(Handled.OK);
    expect(handle(b, data(1, 0, 10), 1)).toBe(Handled.OK);
    expect(streamCount(b)).toBe(0);
    expect(nextKind()).toBe(0);
  });

  test("may begin with its data, its end or its reset, and is told when it opens", () => {
    expect(handle(b, data(3, 100, 50), 0)).toBe(Handled.OK);
    expect(handle(b, data(3, 0, 100), 0)).toBe(Handled.OK);
    expect(handle(b, closes(3, 150), 0)).toBe(Handled.OK);
    expect(handle(b, data(5, WINDOW, 1), 0)).toBe(Handled.OK, "a sum of one");
    for (let i: u32 = 0; i < WINDOW / 1024 - 1; i++) handle(b, data(5, i * 1024, 1024), 0);
    expect(handle(b, data(5, WINDOW - 1024, 1023), 0)).toBe(Handled.OK);
    expect(handle(b, data(5, WINDOW - 1, 1), 0)).toBe(Handled.NO_ROOM, "more than the window");
    expect(handle(b, resets(7, 3, 500), 0)).toBe(Handled.OK);
    expect(handle(b, ends(FrameType.STREAM_CLOSE, 0, 9, 2, 0), 0)).toBe(Handled.NO_ROOM);
    expect(nextKind()).toBe(0);
    expect(streamCount(b)).toBe(3);
    expect(handle(b, opens(3, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(nextKind()).toBe(TransferEventKind.STREAM_OPENED);
    expect(nextKind()).toBe(TransferEventKind.STREAM_FINISHED);
    expect(eventValue()).toBe(150);
    expect(nextKind()).toBe(TransferEventKind.STREAM_READABLE);
    expect(handle(b, opens(7, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(nextKind()).toBe(TransferEventKind.STREAM_OPENED);
    expect(nextKind()).toBe(TransferEventKind.STREAM_RESET);
    expect(eventCode()).toBe(StreamResetError.INTEGRITY);
    expect(nextKind()).toBe(TransferEventKind.STREAM_GONE);
    expect(handle(b, opens(5, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(handle(b, data(5, WINDOW - 1, 1), 0)).toBe(Handled.OK, "within the slack");
  });

  test("reset takes its credit with it", () => {
    const part = partOf(b);
    expect(handle(b, opens(1, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(handle(b, data(1, 0, 1000), 0)).toBe(Handled.OK);
    dropEvents();
    const stream = findStream(b, 1);
    expect(nextReadable(stream)).toBe(1000);
    expect(handle(b, resets(1, 2, 5000), 0)).toBe(Handled.OK);
    expect(handle(b, resets(1, 2, 5000), 0)).toBe(Handled.OK);
    expect(handle(b, resets(1, 2, 5001), 0)).toBe(PROTOCOL);
    expect(handle(b, data(1, 1000, 1000), 0)).toBe(Handled.OK, "ignored");
    expect(nextKind()).toBe(TransferEventKind.STREAM_RESET);
    expect(nextKind()).toBe(0, "the host still holds bytes");
    expect(load<u64>(part, Part.RECEIVED_SUM)).toBe(5000);
    expect(load<u64>(part, Part.CONSUMED)).toBe(4000);
    expect(nextReadable(stream)).toBe(0);
    expect(consumed(stream, 0, 1001)).toBe(false);
    expect(consumed(stream, 0, 1000)).toBe(true);
    expect(nextKind()).toBe(TransferEventKind.STREAM_GONE);
    expect(load<u64>(part, Part.CONSUMED)).toBe(5000);
  });

  test("that is reset after all it had sent has come is cut off, not finished", () => {
    expect(handle(b, opens(1, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(handle(b, data(1, 0, 1000), 0)).toBe(Handled.OK);
    dropEvents();
    expect(handle(b, resets(1, 2, 1000), 0)).toBe(Handled.OK);
    expect(nextKind()).toBe(TransferEventKind.STREAM_RESET);
    expect(eventCode()).toBe(StreamResetError.RESOURCE_LIMIT);
    expect(nextKind()).toBe(TransferEventKind.STREAM_GONE);
    expect(load<u64>(partOf(b), Part.CONSUMED)).toBe(1000);
  });

  test("that is stopped is given up by its sender", () => {
    const mine = streamOf(openStream(a, 0, 0, false, 0, 0));
    put(mine, 0, 3000);
    exchange(a, b);
    const theirs = findStream(b, 1);
    expect(stopStream(theirs)).toBe(true);
    expect(stopStream(theirs)).toBe(false);
    expect(nextReadable(theirs)).toBe(0);
    put(mine, 3000, 3000);
    dropEvents();
    exchange(a, b);
    expect(streamCount(a) + streamCount(b)).toBe(0);
    let stopped: u32 = 0;
    for (let kind = nextKind(); kind; kind = nextKind()) {
      if (kind != TransferEventKind.STREAM_STOPPED) continue;
      stopped++;
      expect(eventCode()).toBe(StreamCloseError.STOPPED);
    }
    expect(stopped).toBe(1);
    const sent = load<u64>(partOf(a), Part.SENT_SUM);
    expect(load<u64>(partOf(b), Part.RECEIVED_SUM)).toBe(sent);
    expect(load<u64>(partOf(b), Part.CONSUMED)).toBe(sent);
  });

  test("that is cancelled ends both ways", () => {
    expect(handle(b, opens(1, 1, WINDOW, 0), 0)).toBe(Handled.OK);
    put(findStream(b, 1), 0, 100);
    dropEvents();
    expect(handle(b, ends(FrameType.STREAM_CLOSE, 0, 1, 1, 700), 0)).toBe(Handled.OK);
    expect(nextKind()).toBe(TransferEventKind.STREAM_RESET);
    expect(nextKind()).toBe(TransferEventKind.STREAM_STOPPED);
    expect(eventCode()).toBe(StreamCloseError.CANCEL);
    expect(send(b, 0)).not.toBe(0);
    expect(typeOf(0)).toBe(FrameType.STREAM_RESET);
    lose(b, 0);
    expect(send(b, 0)).not.toBe(0);
    expect(typeOf(0)).toBe(FrameType.STREAM_RESET, "again");
    expect(load<u64>(partOf(b), Part.RECEIVED_SUM)).toBe(700);
  });

  test("of our own is nobody else's", () => {
    expect(handle(b, data(0, 0, 1), 0)).toBe(PROTOCOL);
    expect(handle(b, data(0x8000, 0, 1), 0)).toBe(PROTOCOL);
    expect(handle(b, data(2, 0, 1), 0)).toBe(PROTOCOL, "never given");
    expect(handle(b, opens(2, 0, 0, 0), 0)).toBe(PROTOCOL);
    expect(handle(b, closes(0x8002, 0), 0)).toBe(PROTOCOL);
    const mine = streamOf(openStream(b, 0, 0, false, 0, 0));
    expect(handle(b, data(2, 0, 1), 0)).toBe(PROTOCOL, "it only goes");
    expect(handle(b, closes(2, 0), 0)).toBe(PROTOCOL);
    expect(handle(b, resets(2, 0, 0), 0)).toBe(PROTOCOL);
    expect(handle(b, opens(2, 0, 0, 0), 0)).toBe(PROTOCOL);
    finishStream(mine);
    exchange(a, b);
    expect(streamCount(b)).toBe(0);
    expect(handle(b, ends(FrameType.STREAM_CLOSE, 0, 2, 2, 0), 0)).toBe(Handled.OK, "late");
    expect(handle(b, opens(1, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(handle(b, ends(FrameType.STREAM_CLOSE, 0, 1, 2, 0), 0)).toBe(PROTOCOL, "it only comes");
  });

  test("waits for a host that has its blocks", () => {
    const mine = streamOf(openStream(a, 0, 0, false, 0, 0));
    expect(writeRoom(mine, 0, 100)).toBe(100);
    expect(writeRoom(mine, 200, 100)).toBe(100, "anywhere");
    expect(written(mine, 0, 100)).toBe(true);
    expect(writeRoom(mine, 50, 10)).toBe(0, "written before");
    expect(giveUpSending(mine, StreamResetError.TIMEOUT)).toBe(true);
    expect(giveUpSending(mine, StreamResetError.TIMEOUT)).toBe(false);
    exchange(a, b);
    expect(streamCount(a)).toBe(1);
    expect(written(mine, 200, 100)).toBe(false);
    expect(streamCount(a)).toBe(0);
    expect(streamCount(b)).toBe(0);
  });

  test("is read out of order only if that is asked for in time", () => {
    expect(handle(b, opens(1, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(handle(b, opens(3, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(handle(b, data(1, 500, 100), 0)).toBe(Handled.OK);
    expect(handle(b, data(3, 500, 100), 0)).toBe(Handled.OK);
    const ordered = findStream(b, 1),
      unordered = findStream(b, 3);
    expect(nextReadable(ordered)).toBe(0);
    expect(setUnordered(unordered)).toBe(true);
    expect(setUnordered(unordered)).toBe(true);
    expect(nextReadable(unordered)).toBe(100);
    expect(readOffset).toBe(500);
    expect(nextReadable(unordered)).toBe(0);
    expect(handle(b, data(3, 450, 200), 0)).toBe(Handled.OK);
    expect(nextReadable(unordered)).toBe(50);
    expect(readOffset).toBe(450);
    expect(nextReadable(unordered)).toBe(50);
    expect(readOffset).toBe(600);
    expect(handle(b, data(1, 0, 500), 0)).toBe(Handled.OK);
    expect(nextReadable(ordered)).toBe(600);
    expect(setUnordered(ordered)).toBe(false);
    expect(handle(b, data(1, u64.MAX_VALUE - 3, 10), 0)).toBe(
      Handled.CLOSE + CloseError.FRAME_ENCODING,
    );
  });
});

describe("events of streams", () => {
  test("that find no room are told later, and no stream opens unheard of", () => {
    expect(handle(b, opens(1, 0, 0, 0), 0)).toBe(Handled.OK);
    const stream = findStream(b, 1);
    while (eventRoom()) mark(stream, 16);
    expect(handle(b, opens(3, 0, 0, 0), 0)).toBe(Handled.NO_ROOM);
    expect(streamCount(b)).toBe(1);
    expect(handle(b, data(1, 0, 10), 0)).toBe(Handled.OK);
    expect(handle(b, closes(1, 10), 0)).toBe(Handled.OK);
    expect(nextReadable(stream)).toBe(10);
    expect(consumed(stream, 0, 10)).toBe(true);
    expect(streamCount(b)).toBe(1, "it is not gone before that is told");
    expect(streamDeadline(b)).toBe(5001000);
    dropEvents();
    onStreamTimer(b);
    expect(nextKind()).toBe(0, "not yet");
    resetClock(5001000);
    onStreamTimer(b);
    expect(nextKind()).toBe(TransferEventKind.STREAM_READABLE);
    expect(nextKind()).toBe(TransferEventKind.STREAM_FINISHED);
    expect(nextKind()).toBe(TransferEventKind.STREAM_GONE);
    expect(streamDeadline(b)).toBe(u64.MAX_VALUE);
  });

  test("want a slot for metadata", () => {
    for (let i: u32 = 0; i < 32; i++) handle(b, opens(1 + 2 * i, 0, 0, 1), 0);
    expect(handle(b, opens(101, 0, 0, 1), 0)).toBe(Handled.NO_ROOM);
    expect(findStream(b, 101)).toBe(0);
    expect(handle(b, opens(101, 0, 0, 0), 0)).toBe(Handled.OK);
  });
});
