/** Whether there is room for bytes of a stream that come. */
import { Pool } from "../core/transfer-memory";
import { BLOCK_BITS, blocksFree, findBlock, hasOwn, mayHold, Side } from "./blocks";
import { shareHeld, shareLeft, urgentLeft } from "./pool-share";
import { coveredBytes, needsRange, rangeCount } from "./ranges";
import { hasFlag, Part, partOf, Stream, StreamFlag, sessionOfStream } from "./stream";

/** Ranges of one stream, of one session, of what came. */
const STREAM_RANGES_MAX: u32 = 4096;
const SESSION_RANGES_MAX: u32 = 16384;

/** Whether the byte that the host is handed next is among these; of an unordered stream any is. */
export function holdsNext(stream: usize, first: u64, end: u64): bool {
  const next = load<u64>(stream, Stream.HANDED);
  return hasFlag(stream, StreamFlag.UNORDERED) || (first <= next && next < end);
}

/**
 * Whether ranges that are kept for readers may go to these bytes. Before its STREAM_OPEN a stream
 * has no reader.
 */
function isUrgent(stream: usize, first: u64, end: u64): bool {
  if (!hasFlag(stream, StreamFlag.OPENED) || !holdsNext(stream, first, end)) return false;
  return !hasFlag(stream, StreamFlag.UNORDERED) || hasFlag(stream, StreamFlag.READ_WANTED);
}

/**
 * Whether there are ranges for bytes that come: one of what came, unless they touch some of it, and
 * one at least of what an unordered stream has to hand over.
 */
export function hasRanges(stream: usize, first: u64, end: u64): bool {
  const session = sessionOfStream(stream),
    received = stream + Stream.RECEIVED;
  if (!needsRange(received, first, end)) {
    return !hasFlag(stream, StreamFlag.UNORDERED) || urgentLeft(session, Pool.RANGES) != 0;
  }
  if (isUrgent(stream, first, end)) return urgentLeft(session, Pool.RANGES) >= 2;
  const left = shareLeft(session, Pool.RANGES);
  if (left < 2 || left < (shareHeld(session, Pool.RANGES) + left) >> 3) return false;
  if (load<u32>(partOf(session), Part.RANGES) >= SESSION_RANGES_MAX) return false;
  return rangeCount(received) < STREAM_RANGES_MAX;
}

/** Blocks that [first, end) wants and that are not there; bytes that came want none. */
function blocksWanted(stream: usize, first: u64, end: u64): u32 {
  let wanted: u32 = 0;
  for (let from = first; from < end; ) {
    const index = from >> BLOCK_BITS,
      to = min(end, (index + 1) << BLOCK_BITS);
    if (coveredBytes(stream + Stream.RECEIVED, from, to) < to - from) {
      if (findBlock(stream, Side.RECEIVE, index) == 0) wanted++;
    }
    from = to;
  }
  return wanted;
}

/** Whether there are blocks for all of [first, end), the stream's own among them. */
export function hasBlocks(stream: usize, first: u64, end: u64): bool {
  const wanted = blocksWanted(stream, first, end);
  if (wanted == 0) return true;
  const waited = hasFlag(stream, StreamFlag.LOOKED) && hasFlag(stream, StreamFlag.READ_WANTED);
  return blocksFree(stream, Side.RECEIVE, wanted - ownServes(stream, first, end), waited);
}

/** How many of the blocks that [first, end) wants its own one is: 1 or 0. */
function ownServes(stream: usize, first: u64, end: u64): u32 {
  if (!hasOwn(stream, Side.RECEIVE)) return 0;
  const last = (end - 1) >> BLOCK_BITS;
  for (let index = first >> BLOCK_BITS; index <= last; index++) {
    if (!mayHold(stream, Side.RECEIVE, index)) continue;
    const from = max(first, index << BLOCK_BITS),
      to = min(end, (index + 1) << BLOCK_BITS);
    if (blocksWanted(stream, from, to)) return 1;
  }
  return 0;
}
