import { TransferEvent, TransferEventKind } from "../../core/transfer";
import { Pool } from "../../core/transfer-memory";
import { guarded } from "../../crypto/__tests__/bytes";
import { now, resetClock } from "../clock";
import { entriesLeft, giveEntry, takeEntry } from "../pool";
import { consumed, readOffset, setUnordered } from "../receive-side";
import { finishStream, giveUpSending } from "../send-side";
import { sessionOf } from "../session-head";
import { Part, partOf, Stream, StreamFlag, setFlag, streamOf } from "../stream";
import { acceptStream, openStream, setPriority } from "../stream-open";
import { streamContentAcked } from "../stream-outcome";
import { hasStreamOutput } from "../stream-output";
import { onStreamTimer, stopStream, streamCount, streamDeadline } from "../streams";
import { Handled } from "../verdict";
import { below, configureTransfer, seed } from "./configured";
import {
  endEnd,
  frameOf,
  handle,
  isClean,
  lose,
  newEnd,
  nextEvent,
  PACKETS,
  recordOf,
  send,
} from "./stream-ends";
import { look, put } from "./stream-io";

configureTransfer();
const TEXT = guarded(64);

/** Sides of the network: 0 and 1. */
const sides = new StaticArray<usize>(2);
/** Who sent a packet + 1; 0: the slot is free. Whether it came before. */
const sender = new StaticArray<u32>(PACKETS);
const came = new StaticArray<bool>(PACKETS);
/** What may go wrong, in 256 parts. */
let lossy: u32 = 0;
let duplicating: u32 = 0;

/** The host's knowledge of a stream that it writes: handle, pieces written, how many in all. */
class Writer {
  handle: u32 = 0;
  written: u32 = 0;
  pieces: u32 = 0;
  piece: u32 = 0;
  /** Pieces go in the order i * step mod pieces. */
  step: u32 = 1;
  ended: bool = false;
}
class Reader {
  handle: u32 = 0;
  sum: u64 = 0;
  next: u64 = 0;
  unordered: bool = false;
  stopped: bool = false;
}

let writers: Writer[] = [];
let readers: Reader[] = [];
let finished: u64 = 0;
let resets: u32 = 0;
let gone: u32 = 0;
/** The host seldom looks at the events: the ring is full for long. */
let rareEvents: bool = false;

function writerOf(handle: u32, unordered: bool): void {
  const writer = new Writer();
  writer.handle = handle;
  writer.piece = 1 + below(4000);
  writer.pieces = below(40);
  if (unordered) {
    // A prime: every number of pieces below has no factor in common with it.
    writer.step = 97;
  }
  writers.push(writer);
}

function open(side: u32): void {
  const unordered = below(2) == 0,
    type = below(2),
    priority = (below(4) << 1) | (unordered ? 1 : 0),
    expedited = below(4) == 0,
    handle = openStream(sides[side], type, priority, expedited, TEXT, below(3) * 20);
  if (handle == 0) return;
  if (below(2)) setFlag(streamOf(handle), StreamFlag.PACKS);
  writerOf(handle, unordered);
  const writer = writers[writers.length - 1];
  if (expedited) writer.piece = min(writer.piece, 1600);
  if (type) readerOf(handle, false);
}

function readerOf(handle: u32, unordered: bool): void {
  const reader = new Reader();
  reader.handle = handle;
  reader.unordered = unordered;
  readers.push(reader);
}

/** Writes the next piece of a writer, or as much as there is room for. */
function write(writer: Writer): void {
  const stream = streamOf(writer.handle);
  if (stream == 0 || writer.ended) return;
  if (writer.written == writer.pieces) {
    finishStream(stream);
    writer.ended = true;
    return;
  }
  const place = (writer.written * writer.step) % writer.pieces,
    done = put(stream, <u64>place * writer.piece, writer.piece);
  if (done == writer.piece) writer.written++;
  else if (done) {
    // The rest finds no room: it is given up, which only this host does.
    giveUpSending(stream, 2);
    writer.ended = true;
  }
}

function read(reader: Reader): void {
  const stream = streamOf(reader.handle);
  if (stream == 0) return;
  // With too few ranges it is refused, and asked for again.
  if (reader.unordered && !setUnordered(stream)) return;
  for (let times = 1 + below(4); times; times--) {
    const bytes = look(stream),
      offset = readOffset;
    if (bytes == 0) return;
    if (!reader.unordered) assert(offset == reader.next, "in order");
    reader.next = offset + bytes;
    reader.sum += bytes;
    assert(consumed(stream, offset, bytes));
    if (streamOf(reader.handle) == 0) return;
  }
}

function readerBy(handle: u32): Reader | null {
  for (let i = 0; i < readers.length; i++) if (readers[i].handle == handle) return readers[i];
  return null;
}

function tell(): void {
  for (let event = nextEvent(); event; event = nextEvent()) {
    const kind = load<u32>(event, TransferEvent.KIND),
      handle = load<u32>(event, TransferEvent.STREAM);
    if (kind == TransferEventKind.STREAM_OPENED) {
      const ordered = (load<u32>(event, TransferEvent.CODE) & 1) == 0,
        both = load<u64>(event, TransferEvent.VALUE) != 0;
      readerOf(handle, !ordered);
      acceptStream(sessionOf(load<u32>(event, TransferEvent.SESSION)));
      if (both) {
        writerOf(handle, false);
        writers[writers.length - 1].piece = 1 + below(1600);
      }
    }
    if (kind == TransferEventKind.STREAM_FINISHED) {
      finished += load<u64>(event, TransferEvent.VALUE);
      const reader = readerBy(handle);
      if (reader) {
        const value = load<u64>(event, TransferEvent.VALUE);
        while (streamOf(handle) && !reader.stopped && reader.sum < value) {
          const before = reader.sum;
          read(reader);
          if (scarce == Pool.RANGES && reader.sum == before) break;
          assert(reader.sum > before, "all that came can be read");
        }
      }
    }
    if (kind == TransferEventKind.STREAM_RESET) resets++;
    if (kind == TransferEventKind.STREAM_GONE) gone++;
  }
}

/** One packet goes, if there is one to go. */
function transmit(side: u32): void {
  for (let i: u32 = 0; i < PACKETS - 1; i++) {
    if (sender[i]) continue;
    if (send(sides[side], i)) {
      sender[i] = side + 1;
      came[i] = false;
    }
    return;
  }
}

/** A packet is lost, comes, comes again later, or comes though it was given up; then its ack. */
function deliver(packet: u32): void {
  if (sender[packet] == 0) return;
  const from = sides[sender[packet] - 1],
    to = sides[2 - sender[packet]];
  if (below(256) < lossy) {
    lose(from, packet);
    if (below(2)) return; // it may still come
    sender[packet] = 0;
    return;
  }
  if (came[packet] && below(256) >= duplicating) {
    streamContentAcked(from, recordOf(packet));
    sender[packet] = 0;
    return;
  }
  const handled = handle(to, frameOf(packet), 0);
  if (handled >= <u32>Handled.CLOSE) assert(false, "closed by " + handled.toString());
  if (handled == Handled.OK) came[packet] = true;
  else {
    lose(from, packet);
    sender[packet] = 0;
  }
}

function timers(): void {
  for (let i = 0; i < 2; i++) if (streamDeadline(sides[i]) <= now) onStreamTimer(sides[i]);
}

function someHost(ends: bool): void {
  if (below(30) == 0 && ends) open(below(2));
  if (writers.length) write(writers[below(writers.length)]);
  if (readers.length) read(readers[below(readers.length)]);
  if (!ends || below(100) || readers.length == 0) return;
  const reader = readers[below(readers.length)],
    stopped = streamOf(reader.handle);
  if (stopped) {
    reader.stopped = true;
    stopStream(stopped);
  }
  const writer = writers[below(writers.length)],
    changed = streamOf(writer.handle);
  if (changed) setPriority(changed, below(8) * 2 + (load<u8>(changed, Stream.PRIORITY) & 1), true);
  if (changed && below(2)) giveUpSending(changed, below(5));
}

/** The network rests, all writers end, all is read. */
function drain(): void {
  lossy = 0;
  duplicating = 0;
  for (let round = 0; round < 400000; round++) {
    resetClock(now + 1000);
    for (let i: u32 = 0; i < PACKETS; i++) deliver(i);
    for (let i = 0; i < writers.length; i++) write(writers[i]);
    for (let i = 0; i < readers.length; i++) read(readers[i]);
    tell();
    timers();
    for (let i: u32 = 0; i < 60; i++) transmit(i & 1);
    if (streamCount(sides[0]) == 0 && streamCount(sides[1]) == 0) {
      if (!hasStreamOutput(sides[0]) && !hasStreamOutput(sides[1])) return;
    }
  }
  assert(false, "it never ends");
}

/** Pool of which a greedy other session now and then leaves next to nothing; COUNT: none. */
let scarce: Pool = Pool.COUNT;
const hogged: u32[] = [];
function hog(): void {
  if (scarce == Pool.COUNT) return;
  if (hogged.length) release();
  else {
    const leave = below(8);
    while (entriesLeft(scarce) > leave) hogged.push(takeEntry(scarce));
  }
}
function release(): void {
  while (hogged.length) giveEntry(scarce, hogged.pop());
}

function run(number: u32, loss: u32, twice: u32): void {
  seed(number);
  rareEvents = number % 5 == 4;
  resetClock(1000000);
  const streams: u32 = number % 2 ? 64 : 3;
  sides[0] = newEnd(true, streams);
  sides[1] = newEnd(false, streams);
  writers = [];
  readers = [];
  lossy = loss;
  duplicating = twice;
  for (let i: u32 = 0; i < PACKETS; i++) sender[i] = 0;
  for (let step = 0; step < 6000; step++) {
    resetClock(now + below(200));
    someHost(true);
    if (below(100) == 0) hog();
    transmit(below(2));
    if (below(3)) transmit(below(2));
    deliver(below(below(2) ? 40 : PACKETS - 1));
    deliver(below(20));
    if (!rareEvents || below(400) == 0) tell();
    timers();
  }
  release();
  drain();
  for (let side = 0; side < 2; side++) {
    const mine = partOf(sides[side]),
      other = partOf(sides[1 - side]),
      sent = load<u64>(mine, Part.SENT_SUM);
    expect(load<u64>(other, Part.RECEIVED_SUM)).toBe(
      sent,
      "booked as come, seed " + number.toString(),
    );
    expect(load<u64>(other, Part.CONSUMED)).toBe(sent, "booked as taken");
    expect(load<u32>(mine, Part.OPEN_LOCAL) + load<u32>(mine, Part.OPEN_PEER)).toBe(0);
    expect(load<u32>(mine, Part.RANGES)).toBe(0);
  }
  endEnd(sides[0]);
  endEnd(sides[1]);
  expect(isClean()).toBe(true, "nothing leaked");
}

describe("streams over a bad network", () => {
  test("end, all of them, with every byte and every credit in its place", () => {
    const start: u32 = 77000;
    trace("seed", 1, start);
    for (let i: u32 = 0; i < 12; i++) run(start + i, (i % 4) * 24, (i % 3) * 30);
    scarce = Pool.RANGES;
    for (let i: u32 = 12; i < 17; i++) run(start + i, 24, 20);
    scarce = Pool.BLOCKS;
    for (let i: u32 = 17; i < 22; i++) run(start + i, 24, 20);
    expect(gone).toBeGreaterThan(100);
    expect(resets).toBeGreaterThan(3);
  });
});
