import { ControlType, FrameFlag, FrameHead, FrameType } from "../../core/transfer";
import { blockCount, Side } from "../blocks";
import { now, resetClock } from "../clock";
import { goAway } from "../goaway";
import { rangeCount, rangeSum } from "../ranges";
import { consumed, nextReadable, readOffset, setUnordered } from "../receive-side";
import { finishStream, giveUpSending } from "../send-side";
import { isInitiator } from "../session-head";
import { hasFlag, Part, partOf, Stream, StreamFlag, streamOf } from "../stream";
import { openStream, setPriority } from "../stream-open";
import { streamContentAcked, streamContentLost } from "../stream-outcome";
import { findStream, firstStream, streamBehind } from "../stream-table";
import { onStreamTimer, stopStream, streamCount, streamDeadline, streamsEpoch } from "../streams";
import { Handled } from "../verdict";
import { below, configureTransfer, seed } from "./configured";
import {
  dropEvents,
  endEnd,
  forge,
  frameOf,
  handle,
  isClean,
  newEnd,
  PACKETS,
  payloadOf,
  recordOf,
  send,
} from "./stream-ends";
import { put } from "./stream-io";

configureTransfer();

let session: usize = 0;
let epoch: u32 = 0;
/** How often a peer was closed, and a packet not acked. */
let closed: u32 = 0;
let refused: u32 = 0;

/** A stream of the session by chance; 0: it has none. */
function someStream(): usize {
  let left = below(12);
  for (let stream = firstStream(session); stream; stream = streamBehind(stream)) {
    if (left-- == 0) return stream;
  }
  return firstStream(session);
}

/** A number that mostly names a stream with one of these flags, or could name a new one. */
function someNumber(flags: u32): u32 {
  const kind = below(400);
  if (kind == 0) return below(0x10000);
  if (kind < 3) return below(20);
  const stream = someStream();
  if (kind < 250 && stream && hasFlag(stream, flags)) return load<u16>(stream, Stream.NUMBER);
  const least: u32 = isInitiator(session) ? 2 : 1;
  return (least + 2 * below(6)) | (below(4) ? 0 : 0x8000);
}

/** An offset or a limit: small, about the windows, or absurd; of an expedited stream what fits. */
function someOffset(number: u32): u64 {
  const kind = below(3000);
  if (kind == 0) return ((<u64>below(0x40000000)) << 32) | below(0x7fffffff);
  if (kind == 1) return ((<u64>1) << 62) - below(70000);
  if (number & 0x8000) return below(64000);
  return kind & 1 ? below(6000) : below(1000000);
}

/** Of a CONTROL of this type. */
function controlBytes(type: i32): u32 {
  if (type == ControlType.PRIORITY_UPDATE) return 3;
  if (type != ControlType.MAX_STREAMS && below(4) == 0) return 2;
  return type < ControlType.MAX_STREAMS ? 10 : 6;
}

function someFrame(): usize {
  switch (below(8)) {
    case 0: {
      const metadata = below(6) ? 0 : below(1200),
        number = someNumber(below(300) ? 0 : StreamFlag.RECEIVES),
        frame = forge(FrameType.STREAM_OPEN, 0, number, 0, 8 + metadata);
      store<u8>(frame, <u8>(below(300) ? (number >> 2) & 1 : below(2)), 28);
      store<u8>(frame, <u8>below(256), 29);
      store<u32>(frame, bswap<u32>(below(100000)), 30);
      store<u16>(frame, bswap<u16>(<u16>metadata), 34);
      return frame;
    }
    case 1:
      return ended(FrameType.STREAM_CLOSE, below(3) ? FrameFlag.FIN : 0);
    case 2:
      return below(3) ? someData() : ended(FrameType.STREAM_RESET, 0);
    case 3: {
      const stream = someStream(),
        known = stream && hasFlag(stream, StreamFlag.SENDS),
        number = known ? load<u16>(stream, Stream.NUMBER) : 0;
      return forge(FrameType.WINDOW_UPDATE, 0, below(90) ? number : below(9), someOffset(0), 8);
    }
    case 4: {
      const type: i32 = 1 + below(5),
        number = someNumber(u32.MAX_VALUE),
        frame = forge(FrameType.CONTROL, 0, number, 0, controlBytes(type));
      store<u16>(frame, bswap<u16>(<u16>type), 28);
      store<u32>(frame, below(2) ? 0 : bswap<u32>(below(70)), 30);
      return frame;
    }
    case 5:
      if (below(400) == 0) {
        const frame = forge(FrameType.GOAWAY, 0, 0, 0, 10);
        store<u32>(frame, bswap<u32>(below(20)), 28);
        return frame;
      }
  }
  return someData();
}

/** STREAM_CLOSE or STREAM_RESET, whose sum mostly can be. */
function ended(type: u32, flags: u32): usize {
  const asks = type == FrameType.STREAM_CLOSE && flags == 0,
    number = someNumber(asks ? StreamFlag.SENDS : StreamFlag.RECEIVES),
    stream = findStream(session, number),
    frame = forge(type, flags, number, 0, 12);
  let sum: u64 = stream ? rangeSum(stream + Stream.RECEIVED) : 0;
  if (stream && hasFlag(stream, StreamFlag.FINAL_KNOWN)) {
    sum = load<u64>(stream, Stream.FINAL_SUM);
  } else if (below(2)) sum += below(1000);
  if (below(500) == 0) sum = someOffset(0) & 0x3fffffffffffffff;
  store<u32>(frame, bswap<u32>(asks ? below(20) + 2 : below(5)), 28);
  store<u64>(frame, bswap<u64>(sum), 32);
  return frame;
}

function someData(): usize {
  let flags: u32 = below(500) ? 0 : FrameFlag.CMP;
  if (below(10) == 0) flags |= FrameFlag.FIN;
  const hashed = below(10) == 0,
    number = someNumber(StreamFlag.RECEIVES),
    stream = findStream(session, number),
    kept = stream && hasFlag(stream, StreamFlag.FINAL_KNOWN) && below(50) != 0,
    length = below(kept ? 2 : 1100) + <u32>(hashed ? 16 : 0);
  if (hashed) flags |= FrameFlag.SYN;
  const offset = stream && below(2) ? load<u64>(stream, Stream.HANDED) : someOffset(number),
    frame = forge(FrameType.DATA, flags, number, offset, length);
  for (let i: u32 = 0; i < length; i += 4) {
    store<u32>(frame + FrameHead.BYTES + i, below(u32.MAX_VALUE));
  }
  return frame;
}

/** The host does something, right or wrong. */
function someCall(): void {
  const stream = someStream();
  if (below(4) == 0)
    openStream(session, below(2), below(256), below(3) == 0, frameOf(1), below(99));
  if (stream == 0) return;
  const named = load<u32>(stream, Stream.HANDLE);
  switch (below(9)) {
    case 0:
      put(stream, someOffset(0) & 0x3fffffff, below(5000));
      break;
    case 1:
      finishStream(stream);
      break;
    case 2:
      if (below(8) == 0) giveUpSending(stream, below(5));
      break;
    case 3:
      if (below(8) == 0) stopStream(stream);
      break;
    case 4:
      setUnordered(stream);
      break;
    case 5:
      setPriority(stream, below(256), true);
      break;
    default: {
      const bytes = nextReadable(stream);
      if (bytes) assert(consumed(stream, readOffset, bytes));
      if (streamOf(named)) assert(!consumed(stream, 0, u32.MAX_VALUE), "it holds nothing");
    }
  }
}

/** One packet of ours; the peer acks it, says it is lost, or says both. */
function sendOne(): void {
  const packet = below(8) + 2;
  if (below(3)) streamContentAcked(session, recordOf(packet));
  if (below(3) == 0) streamContentLost(session, recordOf(packet));
  send(session, packet);
}

/** What must always be so. */
function look(): void {
  const part = partOf(session);
  let ranges: u32 = 0,
    open: u32 = 0,
    blocks: u32 = 0;
  for (let stream = firstStream(session); stream; stream = streamBehind(stream)) {
    const received = rangeSum(stream + Stream.RECEIVED);
    ranges += rangeCount(stream + Stream.RECEIVED);
    blocks += blockCount(stream, Side.RECEIVE);
    assert(load<u64>(stream, Stream.CONSUMED) <= received, "no more is taken than came");
    assert(rangeSum(stream + Stream.ACKED) <= rangeSum(stream + Stream.WRITTEN));
    const short = load<u64>(stream, Stream.SENT_SUM) <= load<u64>(stream, Stream.SEND_LIMIT);
    assert(short || (load<u16>(stream, Stream.NUMBER) & 0x8000) != 0, "within the limit");
    open++;
  }
  assert(open == streamCount(session));
  assert(ranges == load<u32>(part, Part.RANGES));
  assert(blocks == load<u32>(part, Part.RECEIVE_BLOCKS));
  assert(load<u64>(part, Part.SENT_SUM) <= load<u64>(part, Part.SEND_LIMIT));
  assert(load<u64>(part, Part.CONSUMED) <= load<u64>(part, Part.RECEIVED_SUM));
}

function begin(): void {
  session = newEnd(below(2) == 0, 6);
  epoch = 0;
  memory.fill(recordOf(0), 0, recordOf(PACKETS) - recordOf(0));
}

describe("a peer that keeps no rule", () => {
  test("ends its own session at the most, and leaves nothing behind", () => {
    const start: u32 = 31337;
    trace("seed", 1, start);
    seed(start);
    resetClock(9000000);
    begin();
    for (let step = 0; step < 120000; step++) {
      resetClock(now + below(300));
      const handled = handle(session, someFrame(), epoch - below(2) * (epoch ? 1 : 0));
      if (handled == Handled.NO_ROOM) refused++;
      someCall();
      sendOne();
      if (below(4) == 0) dropEvents();
      if (streamDeadline(session) <= now) onStreamTimer(session);
      if (below(300) == 0) streamsEpoch(session, ++epoch);
      if (below(3000) == 0) goAway(session, 1, payloadOf(0), 0);
      if (step % 64 == 0) look();
      const limit = below(2000) == 0;
      if (handled < <u32>Handled.CLOSE && !limit) continue;
      assert(limit || (handled - Handled.CLOSE >= 1 && handled - Handled.CLOSE <= 5));
      closed++;
      endEnd(session);
      dropEvents();
      if (!isClean()) assert(false, "something is left behind");
      begin();
    }
    endEnd(session);
    dropEvents();
    expect(isClean()).toBe(true);
    expect(closed).toBeGreaterThan(200);
    expect(refused).toBeGreaterThan(200);
  });
});
