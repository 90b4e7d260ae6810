/**
 * The half of a stream that comes. Bytes are kept in blocks until the host has taken them: in
 * order, or, if it said so, any range that is there (files). A byte that came is not written over.
 */
import { TRANSFER_BLOCK_BYTES, TRANSFER_EXPEDITED_BYTES_MAX } from "../core/limits";
import { CloseError } from "../core/transfer";
import {
  BLOCK_BITS,
  Block,
  blockAt,
  blockData,
  doneWith,
  dropBlocks,
  endOwn,
  findBlock,
  hasOwn,
  Side,
  takeBlock,
} from "./blocks";
import {
  bookConsumed,
  bookReceived,
  bookSessionConsumed,
  mayTellRoom,
  overruns,
  want,
} from "./flow";
import { OFFSET_MAX } from "./payload";
import {
  addRange,
  addRanges,
  coveredBytes,
  coveredTo,
  dropRanges,
  lowestEnd,
  lowestFirst,
  NO_RANGE,
  nextCovered,
  rangeCount,
  rangeSum,
  removeRange,
} from "./ranges";
import { readableBytes } from "./readable";
import { hasBlocks, hasRanges, holdsNext } from "./receive-room";
import {
  clearFlag,
  hasFlag,
  Mark,
  Part,
  partOf,
  Stream,
  StreamFlag,
  sessionOfStream,
  setFlag,
  Want,
} from "./stream";
import { mark, settle } from "./stream-events";
import { Handled } from "./verdict";

/** What nextReadable() found. */
export let readAt: usize = 0;
export let readOffset: u64 = 0;

function isReceiving(stream: usize): bool {
  return !hasFlag(stream, StreamFlag.PEER_RESET | StreamFlag.RECEIVED_ALL);
}

/** Tells the host that there is something to read, if it had found nothing. */
export function offerReading(stream: usize): void {
  if (!hasFlag(stream, StreamFlag.OPENED) || !hasFlag(stream, StreamFlag.READ_WANTED)) return;
  if (readableBytes(stream) == 0) return;
  clearFlag(stream, StreamFlag.READ_WANTED);
  mark(stream, Mark.READABLE);
}

/** Copies bytes that are new into their blocks, which can be had. */
function keep(stream: usize, first: u64, end: u64, bytesAt: usize): void {
  let from = first;
  while (from < end) {
    const skipped = coveredTo(stream + Stream.RECEIVED, from);
    if (skipped > from) {
      from = skipped;
      continue;
    }
    const index = from >> BLOCK_BITS,
      to = nextCovered(stream + Stream.RECEIVED, from, min(end, (index + 1) << BLOCK_BITS)),
      within = <u32>from & (TRANSFER_BLOCK_BYTES - 1);
    let block = findBlock(stream, Side.RECEIVE, index);
    if (block == 0) {
      block = takeBlock(stream, Side.RECEIVE, index);
      // Whatever of it came before has been taken by the host.
      const start = index << BLOCK_BITS,
        taken = coveredBytes(stream + Stream.RECEIVED, start, start + TRANSFER_BLOCK_BYTES);
      store<u32>(blockAt(block), <u32>taken, Block.DONE);
    }
    memory.copy(blockData(block) + within, bytesAt + <u32>(from - first), <u32>(to - from));
    from = to;
  }
}

/** DATA: `length` bytes at `bytesAt` that belong to `first`. A Handled. */
export function takeData(stream: usize, first: u64, bytesAt: usize, length: u32): u32 {
  if (first > OFFSET_MAX - length) return Handled.CLOSE + CloseError.FRAME_ENCODING;
  const end = first + length,
    received = stream + Stream.RECEIVED,
    fresh = <u64>length - coveredBytes(received, first, end);
  if (fresh == 0 || !isReceiving(stream)) return Handled.OK;
  const sum = rangeSum(received) + fresh;
  if (hasFlag(stream, StreamFlag.EXPEDITED) && end > TRANSFER_EXPEDITED_BYTES_MAX) {
    return Handled.CLOSE + CloseError.FLOW_CONTROL;
  }
  if (hasFlag(stream, StreamFlag.FINAL_KNOWN) && sum > load<u64>(stream, Stream.FINAL_SUM)) {
    return Handled.CLOSE + CloseError.PROTOCOL;
  }
  if (overruns(stream, fresh)) return Handled.CLOSE + CloseError.FLOW_CONTROL;
  if (!hasFlag(stream, StreamFlag.OPENED) && sum > load<u64>(stream, Stream.GRANTED)) {
    if (!hasFlag(stream, StreamFlag.EXPEDITED)) return Handled.NO_ROOM;
  }
  const discards = hasFlag(stream, StreamFlag.STOPPED);
  if (!hasRanges(stream, first, end)) {
    setFlag(stream, StreamFlag.ROOM_OWED);
    return Handled.NO_ROOM;
  }
  if (!discards) {
    if (!hasBlocks(stream, first, end)) {
      setFlag(stream, StreamFlag.ROOM_OWED);
      // A stream without STREAM_OPEN may be forgotten again, as if nothing of it had come.
      if (hasFlag(stream, StreamFlag.OPENED)) takeHead(stream, first, end, bytesAt);
      return Handled.NO_ROOM;
    }
    if (takeIn(stream, first, end, bytesAt) < end) {
      setFlag(stream, StreamFlag.ROOM_OWED);
      return Handled.NO_ROOM;
    }
  } else {
    noteReceived(stream, first, end);
    bookReceived(stream, fresh);
    bookConsumed(stream, fresh);
  }
  noteAll(stream);
  return Handled.OK;
}

/**
 * Keeps bytes that there are blocks for. An unordered stream wants a range to hand over for each
 * piece that is new: of many pieces those are kept that ranges are left for, the first at least.
 * Gives the end of what is kept.
 */
function takeIn(stream: usize, first: u64, end: u64, bytesAt: usize): u64 {
  const kept = hasFlag(stream, StreamFlag.UNORDERED) ? noteReady(stream, first, end) : end,
    fresh = kept - first - coveredBytes(stream + Stream.RECEIVED, first, kept);
  keep(stream, first, kept, bytesAt);
  noteReceived(stream, first, kept);
  bookReceived(stream, fresh);
  offerReading(stream);
  return kept;
}

/**
 * Keeps the next bytes up to the border of their block, of bytes that want more blocks than are
 * left. They are not acked and come again; but what the block holds is read, and gives it back.
 */
function takeHead(stream: usize, first: u64, end: u64, bytesAt: usize): void {
  if (!holdsNext(stream, first, end)) return;
  const unordered = hasFlag(stream, StreamFlag.UNORDERED),
    next = unordered
      ? coveredTo(stream + Stream.RECEIVED, first)
      : load<u64>(stream, Stream.HANDED),
    border = ((next >> BLOCK_BITS) + 1) << BLOCK_BITS;
  if (border >= end || !hasBlocks(stream, first, border)) return;
  takeIn(stream, first, border, bytesAt);
}

/**
 * Adds what is new of [first, end) to what an unordered stream has to hand over. Gives the end of
 * what it reached: where it ends before `end`, a piece wanted a range and there was none.
 */
function noteReady(stream: usize, first: u64, end: u64): u64 {
  let from = first;
  while (from < end) {
    const skipped = coveredTo(stream + Stream.RECEIVED, from);
    if (skipped > from) {
      from = skipped;
      continue;
    }
    const to = nextCovered(stream + Stream.RECEIVED, from, end);
    // What came ends here, so that the bytes before want no range of their own.
    if (addRange(stream + Stream.READY, from, to) == NO_RANGE) return from;
    from = to;
  }
  return end;
}

function noteReceived(stream: usize, first: u64, end: u64): void {
  const part = partOf(sessionOfStream(stream)),
    received = stream + Stream.RECEIVED,
    ranges = load<u32>(part, Part.RANGES) - rangeCount(received);
  addRange(received, first, end);
  store<u32>(part, ranges + rangeCount(received), Part.RANGES);
}

/** If the peer's sum is known and reached, all has come. */
function noteAll(stream: usize): void {
  if (!hasFlag(stream, StreamFlag.FINAL_KNOWN) || !isReceiving(stream)) return;
  if (rangeSum(stream + Stream.RECEIVED) != load<u64>(stream, Stream.FINAL_SUM)) return;
  setFlag(stream, StreamFlag.RECEIVED_ALL);
  endOwn(stream, Side.RECEIVE);
  mark(stream, Mark.FINISHED);
}

/**
 * The peer tells the sum of all it sent; `clean`: of all it had to send. A Handled; OK also if it
 * told so before.
 */
export function takeFinal(stream: usize, sum: u64, clean: bool): u32 {
  if (hasFlag(stream, StreamFlag.FINAL_KNOWN)) {
    if (sum == load<u64>(stream, Stream.FINAL_SUM)) return Handled.OK;
    return Handled.CLOSE + CloseError.PROTOCOL;
  }
  const received = rangeSum(stream + Stream.RECEIVED);
  if (sum < received) return Handled.CLOSE + CloseError.PROTOCOL;
  if (hasFlag(stream, StreamFlag.EXPEDITED) && sum > TRANSFER_EXPEDITED_BYTES_MAX) {
    return Handled.CLOSE + CloseError.FLOW_CONTROL;
  }
  if (overruns(stream, sum - received)) return Handled.CLOSE + CloseError.FLOW_CONTROL;
  store<u64>(stream, sum, Stream.FINAL_SUM);
  setFlag(stream, StreamFlag.FINAL_KNOWN);
  if (hasFlag(stream, StreamFlag.STOPPED)) endEarly(stream);
  // All that was sent before a reset may be here: it is cut off all the same.
  else if (clean) noteAll(stream);
  return Handled.OK;
}

/** The peer gave up sending; its sum is known. */
export function takeReset(stream: usize, error: u32): void {
  if (!isReceiving(stream)) return;
  store<u8>(stream, min(error, 255), Stream.PEER_RESET_ERROR);
  discard(stream);
  endEarly(stream);
  mark(stream, Mark.RESET);
}

/** What never came is booked as if it had, and been taken: the session's credit must not leak. */
function endEarly(stream: usize): void {
  if (!isReceiving(stream)) return;
  const missing = load<u64>(stream, Stream.FINAL_SUM) - rangeSum(stream + Stream.RECEIVED);
  setFlag(stream, StreamFlag.PEER_RESET);
  endOwn(stream, Side.RECEIVE);
  if (hasFlag(stream, StreamFlag.EXPEDITED) || missing == 0) return;
  bookReceived(stream, missing);
  bookSessionConsumed(sessionOfStream(stream), missing);
}

/** Throws away what the host has not been given. */
function discard(stream: usize): void {
  const kept = load<u64>(stream, Stream.CONSUMED) + load<u64>(stream, Stream.HELD),
    unread = rangeSum(stream + Stream.RECEIVED) - kept;
  dropRanges(stream + Stream.READY);
  if (unread) bookConsumed(stream, unread);
  if (load<u64>(stream, Stream.HELD) == 0) dropBlocks(stream, Side.RECEIVE);
}

/** The host wants no more of what comes. False: all had come, or been given up. */
export function stopReceiving(stream: usize): bool {
  if (!hasFlag(stream, StreamFlag.RECEIVES) || hasFlag(stream, StreamFlag.STOPPED)) return false;
  if (hasFlag(stream, StreamFlag.PEER_RESET)) return false;
  setFlag(stream, StreamFlag.STOPPED);
  discard(stream);
  endOwn(stream, Side.RECEIVE);
  if (hasFlag(stream, StreamFlag.FINAL_KNOWN)) endEarly(stream);
  else want(stream, Want.STOP);
  return true;
}

/** Lets the host take ranges in any order; before it has taken any. */
export function setUnordered(stream: usize): bool {
  if (hasFlag(stream, StreamFlag.UNORDERED)) return true;
  if (load<u64>(stream, Stream.HANDED) || !hasFlag(stream, StreamFlag.RECEIVES)) return false;
  if (!addRanges(stream + Stream.READY, stream + Stream.RECEIVED)) {
    dropRanges(stream + Stream.READY);
    return false;
  }
  setFlag(stream, StreamFlag.UNORDERED);
  offerReading(stream);
  return true;
}

/**
 * Hands the host the next bytes, within one block, at readAt and of readOffset: how many; 0: none,
 * and it is told when there are. What it was handed it gives back with consumed(), in any order.
 */
export function nextReadable(stream: usize): u32 {
  setFlag(stream, StreamFlag.LOOKED);
  if (readableBytes(stream) == 0) {
    setFlag(stream, StreamFlag.READ_WANTED);
    return 0;
  }
  const unordered = hasFlag(stream, StreamFlag.UNORDERED),
    first = unordered ? lowestFirst(stream + Stream.READY) : load<u64>(stream, Stream.HANDED),
    most = unordered ? lowestEnd(stream + Stream.READY) : first + readableBytes(stream),
    index = first >> BLOCK_BITS,
    end = min(most, (index + 1) << BLOCK_BITS),
    bytes = <u32>(end - first);
  if (unordered) removeRange(stream + Stream.READY, first, end);
  store<u64>(stream, unordered ? 1 : end, Stream.HANDED);
  store<u64>(stream, load<u64>(stream, Stream.HELD) + bytes, Stream.HELD);
  const within = <u32>first & (TRANSFER_BLOCK_BYTES - 1);
  readAt = blockData(findBlock(stream, Side.RECEIVE, index)) + within;
  readOffset = first;
  return bytes;
}

/**
 * The host has done with bytes that it was handed. False: it was not handed so many. The stream may
 * be gone then.
 */
export function consumed(stream: usize, offset: u64, length: u32): bool {
  const held = load<u64>(stream, Stream.HELD);
  if (length > held || offset > OFFSET_MAX) return false;
  store<u64>(stream, held - length, Stream.HELD);
  for (let from = offset, end = offset + length; from < end; ) {
    const index = from >> BLOCK_BITS,
      to = min(end, (index + 1) << BLOCK_BITS),
      block = findBlock(stream, Side.RECEIVE, index);
    if (block) doneWith(stream, Side.RECEIVE, block, <u32>(to - from));
    from = to;
  }
  bookConsumed(stream, length);
  const ended = hasFlag(stream, StreamFlag.STOPPED | StreamFlag.PEER_RESET),
    all = load<u64>(stream, Stream.CONSUMED) == rangeSum(stream + Stream.RECEIVED);
  if (held == length && (ended || all)) dropBlocks(stream, Side.RECEIVE);
  if (hasFlag(stream, StreamFlag.ROOM_OWED) && hasOwn(stream, Side.RECEIVE)) {
    clearFlag(stream, StreamFlag.ROOM_OWED);
    if (mayTellRoom(stream)) want(stream, Want.ROOM);
  }
  settle(stream);
  return true;
}
