import {
  CloseError,
  FrameFlag,
  FrameType,
  OpenRefusal,
  StreamResetError,
  TransferEventKind,
} from "../../core/transfer";
import { Pool } from "../../core/transfer-memory";
import { fromHex, guarded } from "../../crypto/__tests__/bytes";
import { blockCount, Side } from "../blocks";
import { now, resetClock } from "../clock";
import { want } from "../flow";
import { entriesLeft, giveEntry, takeEntry } from "../pool";
import { shareHeld, shareSize, urgentLeft } from "../pool-share";
import { rangeCount } from "../ranges";
import { consumed, nextReadable, readAt } from "../receive-side";
import { finishStream, giveUpSending, writeRoom, written } from "../send-side";
import { Part, partOf, Stream, streamOf, Want } from "../stream";
import { acceptStream, openRefusal, openStream } from "../stream-open";
import { streamContentAcked } from "../stream-outcome";
import { findStream, firstStream, streamBehind } from "../stream-table";
import { onStreamTimer, streamCount, streamDeadline, streamInfo } from "../streams";
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
  lose,
  newEnd,
  nextKind,
  recordOf,
  send,
} from "./stream-ends";
import { data, opens as opening, windowUpdate } from "./stream-frames";
import { put } from "./stream-io";

configureTransfer(2, 1024);

let a: usize = 0;
let b: usize = 0;

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

function opens(number: u32): void {
  assert(handle(b, opening(number), 0) == Handled.OK);
}

describe("what is bounded", () => {
  test("blocks and ranges of what comes: a frame without room leaves nothing", () => {
    opens(1);
    const stream = findStream(b, 1),
      share = shareSize(b, Pool.BLOCKS),
      most = shareHeld(b, Pool.BLOCKS) + urgentLeft(b, Pool.BLOCKS),
      ours = most >> 4;
    let step: u64 = 1;
    while (handle(b, data(1, step << 14, 1), 0) == Handled.OK) step++;
    const blocks = blockCount(stream, Side.RECEIVE);
    // An eighth is kept back, and a sixteenth for streams of ours, 3 for the peer's, its own one.
    expect(blocks).toBe(most - (share >> 3) - ours - 3 - 1);
    expect(rangeCount(stream + Stream.RECEIVED)).toBe(blocks);
    expect(handle(b, data(1, 0, 1), 0)).toBe(Handled.OK, "what the reader waits for");
    expect(nextReadable(stream)).toBe(1);
    expect(consumed(stream, 0, 1)).toBe(true);
    opens(3);
    expect(handle(b, data(3, 1, 1), 0)).toBe(Handled.OK, "in its own block");
    expect(handle(b, data(3, 16384, 1), 0)).toBe(Handled.NO_ROOM);
    expect(handle(b, data(5, 16384, 1), 0)).toBe(Handled.NO_ROOM);
    expect(findStream(b, 5)).toBe(0, "not even the stream");
    for (let i: u32 = 0; i < ours; i++) expect(openStream(b, 0, 0, false, 0, 0)).not.toBe(0);
    expect(openStream(b, 0, 0, false, 0, 0)).toBe(0);
    expect(openRefusal).toBe(OpenRefusal.ROOM);
  });

  test("ranges of one stream", () => {
    opens(1);
    const stream = findStream(b, 1),
      share = shareSize(b, Pool.RANGES),
      most = share - (share >> 3) + 1;
    let place: u64 = 1;
    while (handle(b, data(1, place * 2, 1), 0) == Handled.OK) place++;
    expect(rangeCount(stream + Stream.RECEIVED)).toBe(most);
    expect(handle(b, data(1, 3, 1), 0)).toBe(Handled.OK, "what joins others");
    expect(handle(b, data(1, 0, 1), 0)).toBe(Handled.OK, "what the reader waits for");
    expect(rangeCount(stream + Stream.RECEIVED)).toBe(most);
  });

  test("what others hold, and a writer is told when they give it back", () => {
    const mine = streamOf(openStream(a, 0, 0, false, 0, 0)),
      others = new StaticArray<u32>(4096),
      pools: Pool[] = [Pool.RANGES, Pool.BLOCKS];
    exchange(a, b);
    for (let i = 0; i < 2; i++) {
      let taken: u32 = 0;
      while (entriesLeft(pools[i]) > 0) others[taken++] = takeEntry(pools[i]);
      dropEvents();
      const from = put(mine, 0, 20000);
      expect(from).toBe(pools[i] == Pool.BLOCKS ? 16384 : 0, "its own block is there");
      for (let tries = 0; tries < 3; tries++) {
        expect(streamDeadline(a)).toBe(now + 10000);
        resetClock(now + 10000);
        onStreamTimer(a);
        expect(nextKind()).toBe(0);
      }
      while (taken) giveEntry(pools[i], others[--taken]);
      resetClock(now + 10000);
      onStreamTimer(a);
      expect(nextKind()).toBe(TransferEventKind.STREAM_WRITABLE);
      expect(streamDeadline(a)).toBe(u64.MAX_VALUE);
    }
  });

  test("streams that are over before the host takes them", () => {
    for (let i: u32 = 0; i < 1000; i++) {
      const mine = streamOf(openStream(a, 0, 0, false, 0, 0));
      if (mine == 0) break;
      if (i & 1) giveUpSending(mine, StreamResetError.NONE);
      else finishStream(mine);
      for (let packet: u32 = 0; send(a, packet); packet++) arrive(a, b, packet, 0);
      dropEvents();
    }
    expect(openRefusal).toBe(OpenRefusal.LIMIT, "those that were not acked are open for the peer");
    expect(load<u32>(partOf(b), Part.UNTAKEN)).toBe(2 * 64);
    expect(streamCount(b)).toBeLessThan(65, "what came without its STREAM_OPEN");
    for (let i = 0; i < 128; i++) expect(acceptStream(b)).toBe(true);
    expect(acceptStream(b)).toBe(false);
    for (let stream = firstStream(a); stream; stream = streamBehind(stream)) {
      want(stream, Want.OPEN);
    }
    let told = 0;
    for (let packet: u32 = 0; send(a, packet); packet++) arrive(a, b, packet, 0);
    for (let kind = nextKind(); kind; kind = nextKind()) {
      if (kind == TransferEventKind.STREAM_OPENED) told++;
    }
    expect(told).toBe(64, "what was not acked came again");
  });

  test("how often STREAM_OPEN goes to a peer that does not ack it", () => {
    const mine = streamOf(openStream(a, 0, 0, false, 0, 0));
    let sent = 0;
    const from = now;
    while (now < from + 60000000) {
      for (; send(a, 0); sent++) lose(a, 0);
      resetClock(min(streamDeadline(a), from + 60000000));
      onStreamTimer(a);
    }
    expect(sent).toBeGreaterThan(12);
    expect(sent).toBeLessThan(25);
    resetClock(streamDeadline(a));
    onStreamTimer(a);
    expect(send(a, 0)).not.toBe(0);
    expect(arrive(a, b, 0, 0)).toBe(Handled.OK);
    expect(streamDeadline(a)).toBe(u64.MAX_VALUE);
    expect(load<u64>(mine, Stream.OPEN_AT)).toBe(0);
  });

  test("streams of ours, and a host that was refused one is told when there is room", () => {
    const others = new StaticArray<u32>(256),
      pools: Pool[] = [Pool.STREAMS, Pool.MESSAGES];
    for (let i = 0; i < 2; i++) {
      let taken: u32 = 0;
      while (entriesLeft(pools[i])) others[taken++] = takeEntry(pools[i]);
      const next = load<u32>(partOf(a), Part.NEXT);
      expect(openStream(a, 0, 0, false, recordOf(9), 10)).toBe(0);
      expect(openRefusal).toBe(OpenRefusal.ROOM);
      expect(load<u32>(partOf(a), Part.NEXT)).toBe(next, "no number is left out");
      for (let tries = 0; tries < 3; tries++) {
        expect(streamDeadline(a)).toBe(now + 10000);
        resetClock(now + 10000);
        onStreamTimer(a);
        expect(nextKind()).toBe(0);
      }
      while (taken) giveEntry(pools[i], others[--taken]);
      resetClock(now + 10000);
      onStreamTimer(a);
      expect(nextKind()).toBe(TransferEventKind.STREAMS_AVAILABLE);
      expect(streamDeadline(a)).toBe(u64.MAX_VALUE);
      expect(openStream(a, 0, 0, false, recordOf(9), 10)).not.toBe(0);
    }
  });

  test("what a host writes ahead, and it is told when it may go on", () => {
    const mine = streamOf(openStream(a, 0, 0, false, 0, 0));
    exchange(a, b);
    expect(handle(a, windowUpdate(1, 100 << 20), 0)).toBe(Handled.OK);
    const held = put(mine, 0, 100 << 20);
    expect(held).toBe(4 << 20);
    dropEvents();
    let packet: u32 = 0;
    expect(handle(a, windowUpdate(0, 100 << 20), 0)).toBe(Handled.OK);
    while (send(a, 0)) {
      packet++;
      streamContentAcked(a, recordOf(0));
      if (packet == 1000) expect(nextKind()).toBe(0);
    }
    expect(nextKind()).toBe(TransferEventKind.STREAM_WRITABLE);
    expect(nextKind()).toBe(0, "once");
    expect(entriesLeft(Pool.BLOCKS)).toBe(1024 - 2, "all is acked; its own are kept on both sides");
    expect(writeRoom(mine, held, 10)).toBe(10);
    expect(written(mine, held, 20000)).toBe(false, "more than a block");
    expect(written(mine, held, 10)).toBe(false, "nobody asked");
    const facts = guarded(80);
    streamInfo(mine, facts);
    expect(load<u64>(facts)).toBe(held);
    expect(load<u64>(facts, 16)).toBe(held);
    expect(load<u64>(facts, 56)).toBe(u64.MAX_VALUE);
  });
});

describe("DATA", () => {
  test("with SYN tells the hash of a chunk", () => {
    opens(1);
    dropEvents();
    const frame = forge(FrameType.DATA, FrameFlag.SYN, 1, 0, 20);
    expect(handle(b, frame, 0)).toBe(Handled.OK);
    expect(nextKind()).toBe(TransferEventKind.STREAM_READABLE);
    expect(nextKind()).toBe(TransferEventKind.CHUNK_HASH);
    expect(nextReadable(findStream(b, 1))).toBe(4);
  });

  test("with CMP counts what it unpacks to, and is refused if it does not unpack", () => {
    opens(1);
    const stream = findStream(b, 1);
    // "abcd", twelve more from four back, "xyz".
    const packed = fromHex("4861626364040030" + "78797a");
    const frame = forge(FrameType.DATA, FrameFlag.CMP, 1, 0, 11);
    memory.copy(frame + 28, packed, 11);
    expect(handle(b, frame, 0)).toBe(Handled.OK);
    expect(nextReadable(stream)).toBe(19);
    expect(String.UTF8.decodeUnsafe(readAt, 19)).toBe("abcdabcdabcdabcdxyz");
    for (let length: u32 = 0; length < 11; length++) {
      const cut = forge(FrameType.DATA, FrameFlag.CMP, 1, 100, length);
      memory.copy(cut + 28, packed, length);
      // Cut behind the first literals it would be whole, but for the match it promises.
      const whole = length == 5;
      if (!whole) expect(handle(b, cut, 0)).toBe(Handled.CLOSE + CloseError.FRAME_ENCODING);
    }
    const far = forge(FrameType.DATA, FrameFlag.CMP, 1, 100, 8);
    memory.copy(far + 28, fromHex("1061020010787878"), 8);
    expect(handle(b, far, 0)).toBe(Handled.CLOSE + CloseError.FRAME_ENCODING, "before the start");
    // One literal, then 255 * n more of it: past 64 KiB.
    const bomb = forge(FrameType.DATA, FrameFlag.CMP, 1, 100, 300);
    memory.fill(bomb + 28, 0xff, 300);
    memory.copy(bomb + 28, fromHex("1f610100"), 4);
    expect(handle(b, bomb, 0)).toBe(Handled.CLOSE + CloseError.FRAME_ENCODING);
  });
});
