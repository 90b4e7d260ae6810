import { TransferEventKind } from "../../core/transfer";
import { guarded } from "../../crypto/__tests__/bytes";
import { consumed, nextReadable, readAt, readOffset } from "../receive-side";
import { finishStream, roomAt, writeRoom, written } from "../send-side";
import { Stream, streamOf } from "../stream";
import { openStream } from "../stream-open";
import { streamCount } from "../streams";
import { configureTransfer } from "./configured";
import {
  dropEvents,
  endEnd,
  eventCode,
  eventNumber,
  eventStream,
  eventValue,
  exchange,
  isClean,
  newEnd,
  nextKind,
} from "./stream-ends";

configureTransfer();
const TEXT = guarded(2048);

/** Byte `offset` of every stream here. */
function byteAt(offset: u64): u8 {
  return <u8>(offset * 31 + (offset >> 8) * 7 + 3);
}

/** Writes `length` bytes from `offset` on; how many found room. */
function put(stream: usize, offset: u64, length: u32): u32 {
  let done: u32 = 0;
  while (done < length) {
    const bytes = writeRoom(stream, offset + done, length - done);
    if (bytes == 0) break;
    for (let i: u32 = 0; i < bytes; i++) store<u8>(roomAt + i, byteAt(offset + done + i));
    assert(written(stream, offset + done, bytes));
    done += bytes;
  }
  return done;
}

/** Reads all there is; how many bytes, each looked at. */
function take(stream: usize): u64 {
  let sum: u64 = 0;
  for (let bytes = nextReadable(stream); bytes; bytes = nextReadable(stream)) {
    for (let i: u32 = 0; i < bytes; i++) {
      if (load<u8>(readAt + i) != byteAt(readOffset + i)) assert(false, "another byte");
    }
    sum += bytes;
    assert(consumed(stream, readOffset, bytes));
    if (load<u32>(stream, Stream.HANDLE) == 0) break;
  }
  return sum;
}

describe("a stream", () => {
  test("goes one way from its opening to its end", () => {
    const a = newEnd(true),
      b = newEnd(false);
    memory.fill(TEXT, 0x41, 1000);
    const handle = openStream(a, 0, 7, false, TEXT, 1000),
      stream = streamOf(handle);
    expect(handle).not.toBe(0);
    expect(put(stream, 0, 40000)).toBe(40000);
    exchange(a, b);
    expect(nextKind()).toBe(TransferEventKind.STREAM_OPENED);
    expect(eventNumber()).toBe(1);
    expect(eventCode()).toBe(7);
    const theirs = streamOf(eventStream());
    expect(nextKind()).toBe(TransferEventKind.STREAM_READABLE);
    expect(nextKind()).toBe(0);
    expect(take(theirs)).toBe(40000);
    expect(put(stream, 40000, 10)).toBe(10);
    expect(finishStream(stream)).toBe(true);
    expect(finishStream(stream)).toBe(false);
    exchange(a, b);
    expect(nextKind()).toBe(TransferEventKind.STREAM_READABLE);
    expect(nextKind()).toBe(TransferEventKind.STREAM_FINISHED);
    expect(eventValue()).toBe(40010);
    expect(nextKind()).toBe(TransferEventKind.STREAM_GONE, "ours");
    expect(streamOf(handle)).toBe(0);
    expect(streamCount(b)).toBe(1);
    expect(take(theirs)).toBe(10);
    expect(nextKind()).toBe(TransferEventKind.STREAM_GONE, "theirs");
    expect(streamCount(b)).toBe(0);
    endEnd(a);
    endEnd(b);
    dropEvents();
    expect(isClean()).toBe(true);
  });
});
