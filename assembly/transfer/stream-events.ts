/**
 * What the host is told of streams (core/transfer.ts, TransferEventKind). What finds no room in
 * the ring stays marked in the stream, which waits in a queue of its session. A stream that is
 * over, with nothing of it in the host's hands, is told to be gone and freed, by settle() alone:
 * whoever calls that touches the stream no more.
 */
import { TransferEvent, TransferEventKind } from "../core/transfer";
import { Pool } from "../core/transfer-memory";
import { mayStart } from "./begin-room";
import { blockCount, dropBlocks, Side } from "./blocks";
import { now } from "./clock";
import { beginEvent, endEvent } from "./events";
import { mayWait } from "./pool-share";
import { rangeSum } from "./ranges";
import { readableBytes } from "./readable";
import { sessionHandle } from "./session-head";
import { hasFlag, Mark, Offer, Part, partOf, Stream, StreamFlag, sessionOfStream } from "./stream";
import { dequeue, enqueue, firstOf, Queue } from "./stream-queues";
import { countOver, freeStream, noteNumber } from "./stream-table";
import { forgetEnd } from "./unacked-ends";

/** Microseconds after which events that found no room are tried again. */
const RETRY_US: u64 = 1000;
/** And after which the pools are looked at again for a host that was refused a stream. */
const ROOM_RETRY_US: u64 = 10000;
/** Streams of a session whose metadata are kept at once. */
const METADATA_SLOTS_MAX: u32 = 64;

function kindOf(mark: u32): u32 {
  switch (mark) {
    case Mark.READABLE:
      return TransferEventKind.STREAM_READABLE;
    case Mark.FINISHED:
      return TransferEventKind.STREAM_FINISHED;
    case Mark.RESET:
      return TransferEventKind.STREAM_RESET;
    case Mark.STOPPED:
      return TransferEventKind.STREAM_STOPPED;
    case Mark.WRITABLE:
      return TransferEventKind.STREAM_WRITABLE;
  }
  return TransferEventKind.STREAM_GONE;
}

/** Tells one mark; false: there is no room. */
function tell(stream: usize, mark: u32): bool {
  const session = sessionOfStream(stream),
    event = beginEvent(kindOf(mark), sessionHandle(session));
  if (event == 0) {
    store<u64>(partOf(session), now + RETRY_US, Part.EVENTS_AT);
    return false;
  }
  store<u32>(event, load<u32>(stream, Stream.HANDLE), TransferEvent.STREAM);
  store<u32>(event, load<u16>(stream, Stream.NUMBER), TransferEvent.NUMBER);
  if (mark == Mark.FINISHED) {
    store<u64>(event, load<u64>(stream, Stream.FINAL_SUM), TransferEvent.VALUE);
  }
  if (mark == Mark.RESET) {
    store<u32>(event, load<u8>(stream, Stream.PEER_RESET_ERROR), TransferEvent.CODE);
  }
  if (mark == Mark.STOPPED) {
    store<u32>(event, load<u8>(stream, Stream.PEER_STOP_ERROR), TransferEvent.CODE);
  }
  endEvent();
  return true;
}

/** Tells what is marked, as far as there is room. */
function tellMarks(stream: usize): void {
  let marks = load<u32>(stream, Stream.MARKS);
  while (marks) {
    const mark = marks & (0 - marks);
    if (!tell(stream, mark)) break;
    marks &= ~mark;
  }
  store<u32>(stream, marks, Stream.MARKS);
  if (marks) enqueue(stream, Queue.EVENTS);
  else dequeue(stream, Queue.EVENTS);
}

/** The host is to be told: now, or when there is room. Not of a stream it does not know. */
export function mark(stream: usize, marks: u32): void {
  if (hasFlag(stream, StreamFlag.REFUSED)) return;
  store<u32>(stream, load<u32>(stream, Stream.MARKS) | marks, Stream.MARKS);
  if (hasFlag(stream, StreamFlag.OPENED)) tellMarks(stream);
}

/** Nothing of what we send is wanted or under way any more. */
function sendingOver(stream: usize): bool {
  if (hasFlag(stream, StreamFlag.LOCAL) && !hasFlag(stream, StreamFlag.OPEN_ACKED)) return false;
  if (!hasFlag(stream, StreamFlag.SENDS)) return true;
  if (hasFlag(stream, StreamFlag.RESET)) return hasFlag(stream, StreamFlag.RESET_ACKED);
  if (!hasFlag(stream, StreamFlag.CLOSE_ACKED)) return false;
  return rangeSum(stream + Stream.ACKED) == rangeSum(stream + Stream.WRITTEN);
}

/** The peer sends nothing more that we have not got. */
function receivingOver(stream: usize): bool {
  if (!hasFlag(stream, StreamFlag.RECEIVES)) return true;
  const end = StreamFlag.RECEIVED_ALL | StreamFlag.PEER_RESET | StreamFlag.CUT_OFF;
  return hasFlag(stream, end);
}

/** Whether the peer, or we if it is ours, may open another in place of this stream. */
function isOver(stream: usize): bool {
  if (!hasFlag(stream, StreamFlag.OPENED) || !receivingOver(stream)) return false;
  if (hasFlag(stream, StreamFlag.LOCAL)) return sendingOver(stream);
  if (!hasFlag(stream, StreamFlag.SENDS)) return true;
  return hasFlag(stream, StreamFlag.CLOSE_SENT | StreamFlag.RESET_SENT);
}

/** Whether the host has taken all that came. */
function isRead(stream: usize): bool {
  if (load<u64>(stream, Stream.HELD)) return false;
  if (hasFlag(stream, StreamFlag.CUT_OFF)) return readableBytes(stream) == 0;
  if (!hasFlag(stream, StreamFlag.RECEIVES) || hasFlag(stream, StreamFlag.PEER_RESET)) return true;
  return load<u64>(stream, Stream.CONSUMED) == load<u64>(stream, Stream.FINAL_SUM);
}

/**
 * Sees whether a stream counts among the open ones no more. One of the peer's does not as soon as
 * our end of it has gone: the peer may open another before we hear that it arrived.
 */
export function noteOver(stream: usize): void {
  if (hasFlag(stream, StreamFlag.OVER) || !isOver(stream)) return;
  countOver(stream);
  if (hasFlag(stream, StreamFlag.LOCAL)) offerStreams(sessionOfStream(stream));
}

/** Sees whether a stream is over, and frees it if it is done. Its address names nothing then. */
export function settle(stream: usize): void {
  const session = sessionOfStream(stream);
  noteOver(stream);
  if (!sendingOver(stream)) return;
  forgetEnd(stream);
  if (!hasFlag(stream, StreamFlag.OVER) || !isRead(stream)) return;
  if (blockCount(stream, Side.SEND)) dropBlocks(stream, Side.SEND);
  if (blockCount(stream, Side.SEND)) return;
  const untold = load<u32>(stream, Stream.MARKS) & ~(Mark.WRITABLE | Mark.READABLE | Mark.GONE);
  if (untold || !noteNumber(stream)) {
    enqueue(stream, Queue.EVENTS);
    store<u64>(partOf(session), now + RETRY_US, Part.EVENTS_AT);
    return;
  }
  if (!hasFlag(stream, StreamFlag.REFUSED) && !tell(stream, Mark.GONE)) {
    store<u32>(stream, Mark.GONE, Stream.MARKS);
    enqueue(stream, Queue.EVENTS);
    return;
  }
  freeStream(stream);
}

/** Streams of ours may be opened again: the host is told if it was refused one before. */
export function offerStreams(session: usize): void {
  const part = partOf(session);
  if (load<u8>(part, Part.AVAILABLE) == Offer.NONE) return;
  if (beginEvent(TransferEventKind.STREAMS_AVAILABLE, sessionHandle(session))) {
    store<u8>(part, Offer.NONE, Part.AVAILABLE);
    endEvent();
  } else {
    store<u8>(part, Offer.UNTOLD, Part.AVAILABLE);
    store<u64>(part, now + RETRY_US, Part.EVENTS_AT);
  }
}

/** Whether there is room for a stream of ours with so many halves. */
export function mayOpen(session: usize, halves: u32): bool {
  if (!mayStart(session, Pool.BLOCKS, true, halves)) return false;
  return mayStart(session, Pool.STREAMS, true, 1);
}

/** Whether there is room for the metadata of a stream of ours, which the peer may not take in. */
export function mayKeepMetadata(session: usize): bool {
  if (load<u32>(partOf(session), Part.METADATA_SLOTS) >= METADATA_SLOTS_MAX) return false;
  return mayWait(session, Pool.MESSAGES);
}

/** The pools had no room for a stream of ours. What others hold there comes back without a word. */
export function waitForRoom(session: usize, halves: u32): void {
  const part = partOf(session),
    waits = load<u8>(part, Part.AVAILABLE) == Offer.ROOM,
    least = waits ? min(halves, load<u8>(part, Part.HALVES)) : halves;
  store<u8>(part, Offer.ROOM, Part.AVAILABLE);
  store<u8>(part, least, Part.HALVES);
  lookForRoom(session, now + ROOM_RETRY_US);
}

/** Room is looked for at `at`, or before: who asks often must not put it off for all others. */
export function lookForRoom(session: usize, at: u64): void {
  const part = partOf(session),
    set = load<u64>(part, Part.ROOM_AT);
  if (set == 0 || at < set) store<u64>(part, at, Part.ROOM_AT);
}

/** Offers streams if the pools have room by now. */
export function offerIfRoom(session: usize): void {
  const part = partOf(session);
  if (load<u8>(part, Part.AVAILABLE) != Offer.ROOM) return;
  const halves = load<u8>(part, Part.HALVES);
  if (mayOpen(session, halves) && mayKeepMetadata(session)) offerStreams(session);
  else waitForRoom(session, halves);
}

/** Tells what found no room before. */
export function tellStreams(session: usize): void {
  const part = partOf(session);
  store<u64>(part, 0, Part.EVENTS_AT);
  if (load<u8>(part, Part.AVAILABLE) == Offer.UNTOLD) offerStreams(session);
  let left = load<u32>(part, Part.COUNT);
  while (left-- && load<u64>(part, Part.EVENTS_AT) == 0) {
    const stream = firstOf(session, Queue.EVENTS);
    if (stream == 0) return;
    const marks = load<u32>(stream, Stream.MARKS) & ~Mark.GONE;
    store<u32>(stream, marks, Stream.MARKS);
    tellMarks(stream);
    if (load<u32>(stream, Stream.MARKS) == 0) settle(stream);
  }
}
