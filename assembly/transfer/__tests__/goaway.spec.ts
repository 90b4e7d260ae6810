import { CloseError, FrameType, OpenRefusal, TransferEventKind } from "../../core/transfer";
import { guarded } from "../../crypto/__tests__/bytes";
import { now, resetClock } from "../clock";
import { goAway, goAwayDeadline } from "../goaway";
import { dropMessages } from "../messages";
import { finishStream } from "../send-side";
import { hasFlag, Part, partOf, StreamFlag, streamOf } from "../stream";
import { openRefusal, openStream } from "../stream-open";
import { findStream } from "../stream-table";
import { dropStreams, streamCount } from "../streams";
import { Handled } from "../verdict";
import { configureTransfer } from "./configured";
import {
  dropEvents,
  endEnd,
  eventCode,
  eventNumber,
  eventStream,
  exchange,
  forge,
  handle,
  newEnd,
  nextKind,
  send,
  typeOf,
} from "./stream-ends";
import { closes, data, opens, resets } from "./stream-frames";
import { put } from "./stream-io";
import { a, b, eachTestHasTwoEnds } from "./stream-pair";

configureTransfer();
const TEXT = guarded(2048);
const PTO: u64 = 100000;
const NEVER: u64 = u64.MAX_VALUE;

eachTestHasTwoEnds();

function goesAway(last: u32): usize {
  const frame = forge(FrameType.GOAWAY, 0, 0, 0, 12);
  store<u32>(frame, bswap<u32>(last), 28);
  store<u32>(frame, bswap<u32>(2), 32);
  store<u16>(frame, bswap<u16>(2), 36);
  return frame;
}

describe("GOAWAY", () => {
  test("sent: no new streams are taken, and the old ones go on", () => {
    expect(handle(b, opens(5, 0, 0, 0), 0)).toBe(Handled.OK);
    dropEvents();
    expect(goAway(b, 1, TEXT, 257)).toBe(false, "too long a reason");
    expect(goAway(b, 1, TEXT, 4)).toBe(true);
    expect(goAway(b, 1, TEXT, 4)).toBe(false);
    expect(openStream(b, 0, 0, false, 0, 0)).toBe(0);
    expect(openRefusal).toBe(OpenRefusal.GOING_AWAY);
    expect(handle(b, opens(3, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(nextKind()).toBe(TransferEventKind.STREAM_OPENED, "it was under way");
    expect(handle(b, opens(7, 1, 100, 20), 0)).toBe(Handled.OK);
    expect(handle(b, data(7, 0, 100), 0)).toBe(Handled.OK);
    expect(nextKind()).toBe(0, "refused");
    expect(send(b, 0)).not.toBe(0);
    expect(typeOf(0)).toBe(FrameType.STREAM_RESET);
    expect(send(b, 1)).not.toBe(0);
    expect(typeOf(1)).toBe(FrameType.STREAM_CLOSE);
    expect(handle(b, resets(7, 0, 300), 0)).toBe(Handled.OK);
    expect(load<u64>(partOf(b), Part.CONSUMED)).toBe(300);
  });

  test("received: streams above it are over", () => {
    const first = openStream(a, 1, 0, false, 0, 0),
      second = openStream(a, 1, 0, false, 0, 0);
    put(streamOf(second), 0, 100);
    expect(handle(a, goesAway(1), 0)).toBe(Handled.OK);
    expect(nextKind()).toBe(TransferEventKind.GOAWAY);
    expect(eventNumber()).toBe(1);
    expect(eventCode()).toBe(2);
    expect(nextKind()).toBe(TransferEventKind.STREAM_STOPPED);
    expect(eventStream()).toBe(second);
    expect(nextKind()).toBe(TransferEventKind.STREAM_RESET);
    expect(handle(a, goesAway(1), 0)).toBe(Handled.OK);
    expect(nextKind()).toBe(0, "told once");
    expect(openStream(a, 0, 0, false, 0, 0)).toBe(0);
    expect(put(streamOf(first), 0, 10)).toBe(10);
  });

  test("speaks of one of two spaces of numbers", () => {
    // Plain 1 and expedited 0x8003, 0x8005 are there: 0x8005 is no new stream, plain 3 is.
    expect(handle(b, opens(1, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(handle(b, opens(0x8005, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(goAway(b, 1, TEXT, 0)).toBe(true);
    dropEvents();
    expect(handle(b, opens(0x8003, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(nextKind()).toBe(TransferEventKind.STREAM_OPENED, "below the highest of its kind");
    expect(handle(b, opens(3, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(handle(b, opens(0x8007, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(nextKind()).toBe(0, "refused");
    expect(hasFlag(findStream(b, 3), StreamFlag.REFUSED)).toBe(true);
    expect(hasFlag(findStream(b, 0x8007), StreamFlag.REFUSED)).toBe(true);
    const plain = openStream(a, 0, 0, false, 0, 0),
      expedited = openStream(a, 0, 0, true, 0, 0);
    expect(handle(a, goesAway(0), 0)).toBe(Handled.OK);
    expect(nextKind()).toBe(TransferEventKind.GOAWAY);
    expect(nextKind()).toBe(TransferEventKind.STREAM_STOPPED);
    expect(eventStream()).toBe(plain);
    expect(nextKind()).toBe(0, "the expedited one is answered when it comes");
    expect(handle(a, goesAway(0x8000), 0)).toBe(Handled.OK);
    expect(nextKind()).toBe(TransferEventKind.GOAWAY);
    expect(eventNumber()).toBe(0x8000);
    expect(nextKind()).toBe(TransferEventKind.STREAM_STOPPED);
    expect(eventStream()).toBe(expedited);
  });

  test("sent: the session closes when all that was promised is done", () => {
    expect(goAwayDeadline(b, PTO)).toBe(NEVER);
    expect(handle(b, opens(3, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(goAway(b, 1, TEXT, 0)).toBe(true);
    expect(goAwayDeadline(b, PTO)).toBe(NEVER, "a stream is open");
    expect(handle(b, closes(3, 0), 0)).toBe(Handled.OK);
    expect(streamCount(b)).toBe(0);
    expect(goAwayDeadline(b, PTO)).toBe(NEVER, "the peer has not acked it");
    dropMessages(b);
    expect(goAwayDeadline(b, PTO)).toBe(now + 8 * PTO, "1 is under way, or left out");
    expect(handle(b, opens(1, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(goAwayDeadline(b, PTO)).toBe(NEVER);
    expect(handle(b, closes(1, 0), 0)).toBe(Handled.OK);
    expect(goAwayDeadline(b, PTO)).toBe(now, "there can be no more");
    const mine = newEnd(false);
    expect(handle(mine, opens(0x8003, 0, 0, 0), 0)).toBe(Handled.OK);
    expect(handle(mine, closes(0x8003, 0), 0)).toBe(Handled.OK);
    expect(goAway(mine, 1, TEXT, 0)).toBe(true);
    dropMessages(mine);
    expect(goAwayDeadline(mine, PTO)).toBe(now + 8 * PTO, "nor of the expedited ones");
    endEnd(mine);
  });

  test("received: the session closes when it is quiet", () => {
    const mine = streamOf(openStream(a, 0, 0, false, 0, 0));
    expect(handle(a, goesAway(1), 0)).toBe(Handled.OK);
    expect(goAwayDeadline(a, PTO)).toBe(NEVER);
    finishStream(mine);
    exchange(a, b);
    expect(goAwayDeadline(a, PTO)).toBe(now + 8 * PTO, "one of the peer's may be under way");
    resetClock(now + 7 * PTO);
    expect(goAwayDeadline(a, PTO)).toBe(now + PTO);
    expect(handle(a, opens(2, 0, 0, 0), 0)).toBe(Handled.OK, "it was");
    expect(goAwayDeadline(a, PTO)).toBe(NEVER);
    dropStreams(a);
    expect(goAwayDeadline(a, PTO)).toBe(now + 8 * PTO, "anew");
  });

  test("cannot be provoked by numbers that are none of ours", () => {
    expect(handle(a, data(1, 0, 1), 0)).toBe(Handled.CLOSE + CloseError.PROTOCOL);
    expect(handle(a, goesAway(0x7fff), 0)).toBe(Handled.OK);
    expect(handle(a, goesAway(0xffff), 0)).toBe(Handled.OK);
    expect(openStream(a, 0, 0, false, 0, 0)).toBe(0);
    expect(streamCount(a)).toBe(0);
  });
});
