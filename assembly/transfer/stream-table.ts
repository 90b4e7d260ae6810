/**
 * Which streams a session has, and what became of their numbers (reference: transfer section 5):
 * odd ones are the initiator's, even ones the responder's, bit 15 marks expedited ones. A number
 * that is over is used again two epochs later: frames of the old stream come in the epoch in which
 * it was over and in the next (unacked-ends.ts), and in later ones they are of the new.
 */
import { Pool, STREAM_BUCKETS, streamBuckets } from "../core/transfer-memory";
import { dropAllBlocks, endOwn, Side } from "./blocks";
import { entryAt } from "./pool";
import { giveShared, takeShared } from "./pool-share";
import {
  addRange,
  coveredTo,
  dropRanges,
  moveRanges,
  NO_RANGE,
  RangeSet,
  rangeCount,
} from "./ranges";
import { makeReady } from "./ready";
import { handleEntry, isInitiator, newHandle, sessionHandle } from "./session-head";
import {
  clearFlag,
  hasFlag,
  Part,
  partOf,
  Stream,
  StreamFlag,
  sessionOfStream,
  setFlag,
  streamEntry,
} from "./stream";
import { dequeueAll } from "./stream-queues";
import { forgetEnd, shiftEnds } from "./unacked-ends";

export const EXPEDITED_BIT: u32 = 0x8000;
const NUMBER_BITS: u32 = 0x7fff;
/** Epochs of which numbers that were over are known. */
const CLOSED_EPOCHS: u32 = 3;
/** Epochs after which a number that was over may be another stream's. */
export const REST_EPOCHS: u32 = 2;

function at(entry: u32): usize {
  return entryAt(Pool.STREAMS, entry);
}

function bucketOf(session: usize, number: u32): usize {
  // The sessions' entries spread the buckets; numbers of one session follow each other.
  const mixed = handleEntry(sessionHandle(session)) * 0x9e3779b1 + (number >> 1) + (number << 13);
  return STREAM_BUCKETS + 4 * <usize>(mixed & (streamBuckets - 1));
}

/** A number's place in a set: those of one kind and side follow each other. */
function keyOf(number: u32): u64 {
  return (number & EXPEDITED_BIT) | ((number & 1) << 14) | ((number & NUMBER_BITS) >> 1);
}

/** Whether a number names a stream at all; the session is number 0. */
export function isStreamNumber(number: u32): bool {
  return (number & NUMBER_BITS) != 0;
}

/** Whether the number is one of those that we give. */
export function isOwnNumber(session: usize, number: u32): bool {
  return ((number & 1) != 0) == isInitiator(session);
}

/** Without bit 15: what GOAWAY compares. */
export function plainNumber(number: u32): u32 {
  return number & NUMBER_BITS;
}

/** Whether GOAWAY was sent or came: neither side opens streams any more. */
export function isGoingAway(session: usize): bool {
  const part = partOf(session);
  if (load<u32>(part, Part.GOAWAY_SENT) || load<u32>(part, Part.GOAWAY_RECEIVED)) return true;
  return load<u32>(part, Part.GOAWAY_RECEIVED + 4) != 0;
}

/** Behind a field of Part that is kept for plain and for expedited streams. */
function kindOf(number: u32): usize {
  return number & EXPEDITED_BIT ? 4 : 0;
}

/** Whether our GOAWAY let no stream of this number begin. */
export function comesTooLate(session: usize, number: u32): bool {
  const sent = load<u32>(partOf(session) + kindOf(number), Part.GOAWAY_SENT);
  return sent != 0 && plainNumber(number) >= sent;
}

/** The peer uses a number. */
export function notePeerNumber(session: usize, number: u32): void {
  const highest = partOf(session) + Part.PEER_HIGHEST + kindOf(number);
  store<u32>(highest, max(load<u32>(highest), plainNumber(number)));
}

/** A STREAM_OPEN of the peer's came. */
export function countOpened(session: usize, number: u32): void {
  const opened = partOf(session) + Part.PEER_OPENED + kindOf(number);
  store<u32>(opened, load<u32>(opened) + 1);
}

/**
 * Whether every number of the peer's up to its highest has been opened. Once numbers come again, or
 * if the peer leaves some out, it cannot be known: false.
 */
export function hasSeenAll(session: usize, expedited: bool): bool {
  const part = partOf(session) + (expedited ? 4 : 0);
  return load<u32>(part, Part.PEER_OPENED) == (load<u32>(part, Part.PEER_HIGHEST) + 1) >> 1;
}

/** The stream with a number; 0: there is none. */
export function findStream(session: usize, number: u32): usize {
  let entry = load<u32>(bucketOf(session, number));
  while (entry) {
    const stream = at(entry);
    if (load<u16>(stream, Stream.NUMBER) == number && sessionOfStream(stream) == session) {
      return stream;
    }
    entry = load<u32>(stream, Stream.HASH_NEXT);
  }
  return 0;
}

/**
 * Makes a stream with this number and these flags, whose frames come in epochs from `born` on; 0:
 * there is no room.
 */
export function addStream(session: usize, number: u32, flags: u32, born: u32): usize {
  const entry = takeShared(session, Pool.STREAMS);
  if (entry == 0) return 0;
  const stream = at(entry),
    part = partOf(session),
    bucket = bucketOf(session, number),
    first = load<u32>(part, Part.ALL);
  store<u32>(stream, newHandle(entry), Stream.HANDLE);
  store<u32>(stream, <u32>session, Stream.SESSION);
  store<u16>(stream, number, Stream.NUMBER);
  store<u32>(stream, born, Stream.BORN);
  store<u32>(stream, flags | StreamFlag.NUMBERED | StreamFlag.READ_WANTED, Stream.FLAGS);
  if (number & EXPEDITED_BIT) setFlag(stream, StreamFlag.EXPEDITED);
  store<u32>(stream, load<u32>(bucket), Stream.HASH_NEXT);
  store<u32>(bucket, entry);
  store<u32>(stream, first, Stream.ALL_NEXT);
  if (first) store<u32>(at(first), entry, Stream.ALL_PREVIOUS);
  store<u32>(part, entry, Part.ALL);
  store<u32>(part, load<u32>(part, Part.COUNT) + 1, Part.COUNT);
  countLocal(stream, 1);
  const count = openCount(stream);
  store<u32>(count, load<u32>(count) + 1);
  return stream;
}

function countLocal(stream: usize, change: i32): void {
  const part = partOf(sessionOfStream(stream));
  if (!hasFlag(stream, StreamFlag.LOCAL)) return;
  store<i32>(part, load<i32>(part, Part.LOCAL_COUNT) + change, Part.LOCAL_COUNT);
}

/** Where the streams of this stream's kind and side that are open are counted. */
function openCount(stream: usize): usize {
  const kind = hasFlag(stream, StreamFlag.EXPEDITED) ? 4 : 0,
    side = hasFlag(stream, StreamFlag.LOCAL) ? Part.OPEN_LOCAL : Part.OPEN_PEER;
  return partOf(sessionOfStream(stream)) + side + kind;
}

/** Streams of a kind and side that are open. */
export function openStreams(session: usize, local: bool, expedited: bool): u32 {
  const side = local ? Part.OPEN_LOCAL : Part.OPEN_PEER;
  return load<u32>(partOf(session) + side + (expedited ? 4 : 0));
}

/** A stream counts among the open ones no more. */
export function countOver(stream: usize): void {
  if (hasFlag(stream, StreamFlag.OVER)) return;
  setFlag(stream, StreamFlag.OVER);
  const count = openCount(stream);
  store<u32>(count, load<u32>(count) - 1);
  store<u32>(stream, load<u32>(partOf(sessionOfStream(stream)), Part.EPOCH), Stream.OVER_EPOCH);
}

/** Takes a stream out of the table of numbers; it lives on for the host. */
export function withdrawNumber(stream: usize): void {
  if (!hasFlag(stream, StreamFlag.NUMBERED)) return;
  clearFlag(stream, StreamFlag.NUMBERED);
  const entry = streamEntry(stream);
  let link = bucketOf(sessionOfStream(stream), load<u16>(stream, Stream.NUMBER));
  while (load<u32>(link) != entry) link = at(load<u32>(link)) + Stream.HASH_NEXT;
  store<u32>(link, load<u32>(stream, Stream.HASH_NEXT));
}

/** Notes in which epoch a stream's number was over; false: there is no room to note it. */
export function noteNumber(stream: usize): bool {
  if (!hasFlag(stream, StreamFlag.NUMBERED)) return true;
  const part = partOf(sessionOfStream(stream)),
    age = load<u32>(part, Part.EPOCH) - load<u32>(stream, Stream.OVER_EPOCH),
    key = keyOf(load<u16>(stream, Stream.NUMBER));
  if (age >= CLOSED_EPOCHS) return true;
  return addRange(part + Part.CLOSED + age * RangeSet.BYTES, key, key + 1) != NO_RANGE;
}

/** Takes a stream out of everything and gives back all it holds. */
export function freeStream(stream: usize): void {
  const session = sessionOfStream(stream),
    part = partOf(session),
    next = load<u32>(stream, Stream.ALL_NEXT),
    previous = load<u32>(stream, Stream.ALL_PREVIOUS);
  countOver(stream);
  forgetEnd(stream);
  dequeueAll(stream);
  withdrawNumber(stream);
  dropSendSide(stream);
  dropAllBlocks(stream, Side.RECEIVE);
  endOwn(stream, Side.RECEIVE);
  const ranges = load<u32>(part, Part.RANGES) - rangeCount(stream + Stream.RECEIVED);
  store<u32>(part, ranges, Part.RANGES);
  dropRanges(stream + Stream.RECEIVED);
  dropRanges(stream + Stream.READY);
  if (next) store<u32>(at(next), previous, Stream.ALL_PREVIOUS);
  if (previous) store<u32>(at(previous), next, Stream.ALL_NEXT);
  else store<u32>(part, next, Part.ALL);
  store<u32>(part, load<u32>(part, Part.COUNT) - 1, Part.COUNT);
  countLocal(stream, -1);
  giveShared(session, Pool.STREAMS, streamEntry(stream));
}

/** Gives back all that a stream holds of what goes. */
export function dropSendSide(stream: usize): void {
  dropAllBlocks(stream, Side.SEND);
  endOwn(stream, Side.SEND);
  dropMetadata(stream);
  dropRanges(stream + Stream.WRITTEN);
  dropRanges(stream + Stream.PENDING);
  dropRanges(stream + Stream.LOST);
  dropRanges(stream + Stream.ACKED);
}

/** Gives back the slot of a STREAM_OPEN's metadata. */
export function dropMetadata(stream: usize): void {
  const slot = load<u32>(stream, Stream.METADATA),
    session = sessionOfStream(stream),
    part = partOf(session);
  if (slot == 0) return;
  store<u32>(stream, 0, Stream.METADATA);
  store<u32>(part, load<u32>(part, Part.METADATA_SLOTS) - 1, Part.METADATA_SLOTS);
  giveShared(session, Pool.MESSAGES, slot);
}

/** First stream of a session, and the one behind another; 0: none. */
export function firstStream(session: usize): usize {
  const entry = load<u32>(partOf(session), Part.ALL);
  return entry ? at(entry) : 0;
}
export function streamBehind(stream: usize): usize {
  const entry = load<u32>(stream, Stream.ALL_NEXT);
  return entry ? at(entry) : 0;
}

/** Whether the host has found nothing on a stream from which more may come. */
export function readerWaits(session: usize): bool {
  const ended = StreamFlag.RECEIVED_ALL | StreamFlag.PEER_RESET | StreamFlag.STOPPED;
  for (let stream = firstStream(session); stream; stream = streamBehind(stream)) {
    if (!hasFlag(stream, StreamFlag.OPENED) || !hasFlag(stream, StreamFlag.RECEIVES)) continue;
    if (hasFlag(stream, StreamFlag.READ_WANTED) && !hasFlag(stream, ended)) return true;
  }
  return false;
}

/** From now on the session sends in this epoch: numbers that are over grow older. */
export function shiftNumbers(session: usize, epoch: u32): void {
  const part = partOf(session),
    closed = part + Part.CLOSED,
    passed = min(epoch - load<u32>(part, Part.EPOCH), CLOSED_EPOCHS);
  for (let i: u32 = 0; i < passed; i++) {
    dropRanges(closed + 2 * RangeSet.BYTES);
    moveRanges(closed + 2 * RangeSet.BYTES, closed + RangeSet.BYTES);
    moveRanges(closed + RangeSet.BYTES, closed);
  }
  shiftEnds(session);
  store<u32>(part, epoch, Part.EPOCH);
  store<u8>(part, 0, Part.EXHAUSTED);
}

/** The first epoch in which a number of the peer's that is in no use can name a new stream. */
export function freeFrom(session: usize, number: u32): u32 {
  const part = partOf(session),
    newest = load<u32>(part, Part.EPOCH),
    key = keyOf(number);
  for (let age: u32 = 0; age < CLOSED_EPOCHS && age <= newest; age++) {
    const closed = part + Part.CLOSED + age * RangeSet.BYTES;
    if (coveredTo(closed, key) > key) return newest - age + REST_EPOCHS;
  }
  return 0;
}

/** Whether we ever gave this number of ours. */
export function wasGiven(session: usize, number: u32): bool {
  const expedited = (number & EXPEDITED_BIT) != 0,
    given = load<u32>(partOf(session) + (expedited ? Part.NEXT_EXPEDITED : Part.NEXT));
  return ((number & NUMBER_BITS) - (isInitiator(session) ? 1 : 2)) >> 1 < given;
}

/**
 * A number for a new stream of ours; 0: each is in use or was, in this epoch or the last. Those
 * that were come back with two rekeys, which are wanted then.
 */
export function nextNumber(session: usize, expedited: bool): u32 {
  const part = partOf(session),
    counter = part + (expedited ? Part.NEXT_EXPEDITED : Part.NEXT),
    exhausted: u8 = expedited ? 2 : 1,
    least: u32 = isInitiator(session) ? 1 : 2,
    numbers: u32 = isInitiator(session) ? 16384 : 16383,
    first = load<u32>(counter);
  if (load<u8>(part, Part.EXHAUSTED) & exhausted) return 0;
  let rests = false;
  for (let given = first; given < first + numbers; given++) {
    const number = (expedited ? EXPEDITED_BIT : 0) | (least + 2 * (given % numbers));
    if (given >= numbers && isResting(part, number)) rests = true;
    else if (given < numbers || findStream(session, number) == 0) {
      store<u32>(counter, given + 1 < 3 * numbers ? given + 1 : given + 1 - numbers);
      return number;
    }
  }
  if (rests) {
    store<u8>(part, load<u8>(part, Part.EXHAUSTED) | exhausted, Part.EXHAUSTED);
    makeReady(session);
  }
  return 0;
}

/** Whether a number was over in this epoch or the last. */
function isResting(part: usize, number: u32): bool {
  const key = keyOf(number);
  for (let age: u32 = 0; age < REST_EPOCHS; age++) {
    if (coveredTo(part + Part.CLOSED + age * RangeSet.BYTES, key) > key) return true;
  }
  return false;
}

/**
 * The number that nextNumber() gave last is not used: the next stream has it, so that the peer sees
 * no gap. (The peer's GOAWAY speaks of all numbers up to one.)
 */
export function takeBackNumber(session: usize, expedited: bool): void {
  const counter = partOf(session) + (expedited ? Part.NEXT_EXPEDITED : Part.NEXT);
  store<u32>(counter, load<u32>(counter) - 1);
}
