import { TRANSFER_METADATA_BYTES_MAX } from "../../core/limits";
import { CloseError, FrameType, OpenRefusal, TransferEventKind } from "../../core/transfer";
import { guarded } from "../../crypto/__tests__/bytes";
import { consumed, nextReadable } from "../receive-side";
import { finishStream } from "../send-side";
import { Part, partOf, Stream, streamOf } from "../stream";
import { acceptStream, openRefusal, openStream, raisePeerLimit } from "../stream-open";
import { findStream } from "../stream-table";
import { streamCount, streamsEpoch, wantsNumbers } from "../streams";
import { Handled } from "../verdict";
import { configureTransfer } from "./configured";
import {
  arrive,
  dropEvents,
  exchange,
  handle,
  lose,
  nextKind,
  payloadOf,
  send,
  typeOf,
} from "./stream-ends";
import { closes, data, opens } from "./stream-frames";
import { a, b, beginAnew, eachTestHasTwoEnds } from "./stream-pair";

configureTransfer(2);
const TEXT = guarded(2048);
const PROTOCOL: u32 = Handled.CLOSE + CloseError.PROTOCOL;

eachTestHasTwoEnds();

describe("numbers of streams", () => {
  test("are limited on both sides, and the limit is raised", () => {
    for (let i: u32 = 0; i < 64; i++) expect(openStream(a, 0, 0, false, 0, 0)).not.toBe(0);
    expect(openStream(a, 0, 0, true, 0, 0)).not.toBe(0, "expedited ones count apart");
    expect(openStream(a, 0, 0, false, 0, 0)).toBe(0);
    expect(openRefusal).toBe(OpenRefusal.LIMIT);
    expect(openStream(a, 0, 0, true, TEXT, TRANSFER_METADATA_BYTES_MAX + 1)).toBe(0);
    expect(openRefusal).toBe(OpenRefusal.METADATA);
    expect(send(a, 0)).not.toBe(0);
    expect(typeOf(0)).toBe(FrameType.CONTROL);
    expect(load<u16>(payloadOf(0))).toBe(bswap<u16>(4), "STREAMS_BLOCKED");
    exchange(a, b);
    expect(handle(b, data(131, 0, 1), 0)).toBe(Handled.CLOSE + CloseError.STREAM_LIMIT);
    dropEvents();
    raisePeerLimit(b, 66);
    exchange(a, b);
    expect(nextKind()).toBe(TransferEventKind.STREAMS_AVAILABLE);
    expect(openStream(a, 0, 0, false, 0, 0)).not.toBe(0);
    exchange(a, b);
    expect(handle(b, data(131, 0, 1), 0)).toBe(Handled.OK);
    finishStream(findStream(a, 3));
    exchange(a, b);
    expect(findStream(b, 3)).toBe(0);
  });

  test("make room before the ack of our end is back", () => {
    beginAnew(1);
    finishStream(streamOf(openStream(a, 1, 0, false, 0, 0)));
    exchange(a, b);
    finishStream(findStream(b, 1));
    expect(openStream(a, 0, 0, false, 0, 0)).toBe(0);
    expect(send(b, 0)).not.toBe(0);
    expect(typeOf(0)).toBe(FrameType.STREAM_CLOSE);
    expect(handle(b, opens(3, 0, 0, 0), 0)).toBe(Handled.OK, "the ack is under way");
    lose(b, 0);
    expect(send(b, 1)).not.toBe(0);
    expect(typeOf(1)).toBe(FrameType.STREAM_CLOSE);
    expect(handle(b, opens(5, 0, 0, 0), 0)).toBe(Handled.CLOSE + CloseError.STREAM_LIMIT);
  });

  test("come again two epochs later", () => {
    const numbers: u32 = 16384;
    store<u32>(partOf(a), numbers - 2, Part.NEXT);
    for (let i: u32 = 0; i < 3; i++) {
      const mine = streamOf(openStream(a, 0, 0, false, 0, 0));
      expect(load<u16>(mine, Stream.NUMBER)).toBe(<u16>(i == 2 ? 1 : 32765 + 2 * i));
      finishStream(mine);
      if (i != 2) exchange(a, b);
    }
    store<u32>(partOf(a), 2 * numbers - 2, Part.NEXT);
    streamsEpoch(a, 1);
    const next = streamOf(openStream(a, 0, 0, false, 0, 0));
    expect(load<u16>(next, Stream.NUMBER)).toBe(3, "two are too young, 1 is in use");
    streamsEpoch(a, 2);
    store<u32>(partOf(a), 3 * numbers - 1, Part.NEXT);
    const again = streamOf(openStream(a, 0, 0, false, 0, 0));
    expect(load<u16>(again, Stream.NUMBER)).toBe(32767);
    expect(handle(b, opens(32767, 0, 0, 0), 1)).toBe(Handled.OK, "late");
    expect(findStream(b, 32767)).toBe(0);
    expect(handle(b, opens(32767, 0, 0, 0), 2)).toBe(Handled.OK);
    expect(findStream(b, 32767)).not.toBe(0);
  });

  test("that all were used want another epoch", () => {
    store<u32>(partOf(b), 16382, Part.NEXT_EXPEDITED);
    for (let i: u32 = 0; i < 16384; i++) {
      const mine = streamOf(openStream(b, 0, 0, true, 0, 0));
      if (mine == 0) break;
      if (i == 0) expect(load<u16>(mine, Stream.NUMBER)).toBe(0xfffe);
      if (i == 1) expect(load<u16>(mine, Stream.NUMBER)).toBe(0x8002);
      finishStream(mine);
      exchange(a, b);
      acceptStream(a);
      dropEvents();
    }
    expect(openRefusal).toBe(OpenRefusal.NUMBERS);
    expect(wantsNumbers(b)).toBe(true);
    streamsEpoch(b, 1);
    expect(wantsNumbers(b)).toBe(false);
    expect(nextKind()).toBe(TransferEventKind.STREAMS_AVAILABLE);
    expect(openStream(b, 0, 0, true, 0, 0)).toBe(0);
    expect(wantsNumbers(b)).toBe(true, "and a second one");
    expect(openStream(b, 0, 0, false, 0, 0)).not.toBe(0, "plain ones have numbers of their own");
    streamsEpoch(b, 2);
    expect(openStream(b, 0, 0, true, 0, 0)).not.toBe(0);
    expect(wantsNumbers(b)).toBe(false);
  });

  test("that come again take no frame of the stream before", () => {
    store<u32>(partOf(a), 16384, Part.NEXT);
    const first = streamOf(openStream(a, 1, 0, false, 0, 0));
    expect(load<u16>(first, Stream.NUMBER)).toBe(1);
    finishStream(first);
    exchange(a, b);
    acceptStream(b);
    finishStream(findStream(b, 1));
    exchange(a, b);
    expect(findStream(a, 1)).toBe(0);
    expect(findStream(b, 1)).toBe(0);
    streamsEpoch(a, 2);
    streamsEpoch(b, 2);
    store<u32>(partOf(a), 2 * 16384, Part.NEXT);
    const mine = streamOf(openStream(a, 1, 0, false, 0, 0));
    expect(load<u16>(mine, Stream.NUMBER)).toBe(1);
    expect(send(a, 0)).not.toBe(0);
    expect(arrive(a, b, 0, 2)).toBe(Handled.OK);
    const theirs = findStream(b, 1);
    for (let epoch: u32 = 1; epoch < 3; epoch++) {
      expect(handle(a, data(1, 0, 7), epoch)).toBe(Handled.OK);
      expect(nextReadable(mine)).toBe(epoch == 2 ? 7 : 0);
      expect(handle(b, data(1, 0, 9), epoch)).toBe(Handled.OK);
      expect(nextReadable(theirs)).toBe(epoch == 2 ? 9 : 0);
    }
  });

  test("of a stream that the host still reads may name another", () => {
    expect(handle(b, opens(1, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(handle(b, data(1, 0, 10), 0)).toBe(Handled.OK);
    expect(handle(b, closes(1, 10), 0)).toBe(Handled.OK);
    const old = findStream(b, 1);
    streamsEpoch(b, 2);
    expect(handle(b, opens(1, 0, 0, 0), 1)).toBe(Handled.OK, "the old one's");
    expect(findStream(b, 1)).toBe(old);
    expect(handle(b, opens(1, 0, 0, 0), 2)).toBe(Handled.OK);
    expect(findStream(b, 1)).not.toBe(old);
    expect(nextReadable(old)).toBe(10);
    expect(consumed(old, 0, 10)).toBe(true);
    expect(streamCount(b)).toBe(1);
  });
});
