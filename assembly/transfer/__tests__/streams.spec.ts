import { TransferEventKind } from "../../core/transfer";
import { guarded } from "../../crypto/__tests__/bytes";
import { finishStream } from "../send-side";
import { streamOf } from "../stream";
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
import { put, take } from "./stream-io";

configureTransfer();
const TEXT = guarded(2048);

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
