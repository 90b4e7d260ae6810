/**
 * Sets of bytes of a stream, as ranges [first, end) in order, none touching the next, on
 * Pool.RANGES. A set is RangeSet.BYTES in the memory of the stream or session whose share it counts
 * for, all zero when empty. Whoever adds
 * bounds the number of ranges; a search begins where the last one ended, as packets mostly do.
 */
import { Pool, RANGE_BYTES, RANGES } from "../core/transfer-memory";
import { giveShared, ownerOf, takeShared } from "./pool-share";

export const enum RangeSet {
  /** Numbers of the first range, the last, and the one that was touched last; 0: none. */
  FIRST = 0,
  LAST = 4,
  HINT = 8,
  COUNT = 12,
  /** Bytes in all ranges, u64. */
  SUM = 16,
  BYTES = 24,
}

const enum Range {
  FIRST = 0,
  END = 8,
  NEXT = 16,
  PREVIOUS = 20,
}

/** What addRange() says when a range was needed and there is none. */
export const NO_RANGE: u64 = u64.MAX_VALUE;

function at(range: u32): usize {
  return RANGES + <usize>range * RANGE_BYTES;
}

export function rangeCount(set: usize): u32 {
  return load<u32>(set, RangeSet.COUNT);
}

export function rangeSum(set: usize): u64 {
  return load<u64>(set, RangeSet.SUM);
}

/** First byte of the lowest range; the set is not empty. */
export function lowestFirst(set: usize): u64 {
  return load<u64>(at(load<u32>(set, RangeSet.FIRST)), Range.FIRST);
}

/** End of the lowest range; the set is not empty. */
export function lowestEnd(set: usize): u64 {
  return load<u64>(at(load<u32>(set, RangeSet.FIRST)), Range.END);
}

/** End of the highest range; 0: the set is empty. */
export function highestEnd(set: usize): u64 {
  const last = load<u32>(set, RangeSet.LAST);
  return last ? load<u64>(at(last), Range.END) : 0;
}

/** The last range that begins at `offset` or before; 0: none does. */
function seek(set: usize, offset: u64): u32 {
  let range = load<u32>(set, RangeSet.LAST);
  if (range == 0 || load<u64>(at(range), Range.FIRST) <= offset) return range;
  const hint = load<u32>(set, RangeSet.HINT);
  if (hint) range = hint;
  while (range && load<u64>(at(range), Range.FIRST) > offset) {
    range = load<u32>(at(range), Range.PREVIOUS);
  }
  if (range == 0) return 0;
  let next = load<u32>(at(range), Range.NEXT);
  while (next && load<u64>(at(next), Range.FIRST) <= offset) {
    range = next;
    next = load<u32>(at(range), Range.NEXT);
  }
  store<u32>(set, range, RangeSet.HINT);
  return range;
}

/** The range behind another; behind 0 the first. */
function following(set: usize, range: u32): u32 {
  return range ? load<u32>(at(range), Range.NEXT) : load<u32>(set, RangeSet.FIRST);
}

function unlink(set: usize, range: u32): void {
  const next = load<u32>(at(range), Range.NEXT),
    previous = load<u32>(at(range), Range.PREVIOUS);
  if (next) store<u32>(at(next), previous, Range.PREVIOUS);
  else store<u32>(set, previous, RangeSet.LAST);
  if (previous) store<u32>(at(previous), next, Range.NEXT);
  else store<u32>(set, next, RangeSet.FIRST);
  if (load<u32>(set, RangeSet.HINT) == range) store<u32>(set, previous, RangeSet.HINT);
  store<u32>(set, load<u32>(set, RangeSet.COUNT) - 1, RangeSet.COUNT);
  giveShared(ownerOf(set), Pool.RANGES, range);
}

/** Links a new range [first, end) behind `previous`; false: there is none left. */
function insert(set: usize, previous: u32, first: u64, end: u64): bool {
  const range = takeShared(ownerOf(set), Pool.RANGES);
  if (range == 0) return false;
  const next = following(set, previous);
  store<u64>(at(range), first, Range.FIRST);
  store<u64>(at(range), end, Range.END);
  store<u32>(at(range), next, Range.NEXT);
  store<u32>(at(range), previous, Range.PREVIOUS);
  if (next) store<u32>(at(next), range, Range.PREVIOUS);
  else store<u32>(set, range, RangeSet.LAST);
  if (previous) store<u32>(at(previous), range, Range.NEXT);
  else store<u32>(set, range, RangeSet.FIRST);
  store<u32>(set, load<u32>(set, RangeSet.COUNT) + 1, RangeSet.COUNT);
  return true;
}

/** Lets a range reach over [first, end) too, and takes in those behind that it then touches. */
function stretch(set: usize, range: u32, first: u64, end: u64): void {
  const own = at(range);
  let sum = load<u64>(set, RangeSet.SUM) - (load<u64>(own, Range.END) - load<u64>(own));
  if (first < load<u64>(own)) store<u64>(own, first);
  if (end > load<u64>(own, Range.END)) store<u64>(own, end, Range.END);
  let next = load<u32>(own, Range.NEXT);
  while (next && load<u64>(at(next)) <= load<u64>(own, Range.END)) {
    const nextEnd = load<u64>(at(next), Range.END);
    sum -= nextEnd - load<u64>(at(next));
    if (nextEnd > load<u64>(own, Range.END)) store<u64>(own, nextEnd, Range.END);
    unlink(set, next);
    next = load<u32>(own, Range.NEXT);
  }
  sum += load<u64>(own, Range.END) - load<u64>(own);
  store<u64>(set, sum, RangeSet.SUM);
}

/** Adds [first, end); the bytes that were not in the set yet, or NO_RANGE and nothing is done. */
export function addRange(set: usize, first: u64, end: u64): u64 {
  if (first >= end) return 0;
  const before = seek(set, first),
    sum = load<u64>(set, RangeSet.SUM);
  if (before && load<u64>(at(before), Range.END) >= first) stretch(set, before, first, end);
  else {
    const next = following(set, before);
    if (next && load<u64>(at(next)) <= end) stretch(set, next, first, end);
    else if (insert(set, before, first, end)) store<u64>(set, sum + (end - first), RangeSet.SUM);
    else return NO_RANGE;
  }
  return load<u64>(set, RangeSet.SUM) - sum;
}

/** Whether addRange() would take another range of the pool. */
export function needsRange(set: usize, first: u64, end: u64): bool {
  const before = seek(set, first);
  if (before && load<u64>(at(before), Range.END) >= first) return false;
  const next = following(set, before);
  return !(next && load<u64>(at(next)) <= end);
}

/**
 * Takes [first, end) out; the bytes that were in the set. A hole within one range wants another
 * range; if there is none, nothing is done and 0 comes back.
 */
export function removeRange(set: usize, first: u64, end: u64): u64 {
  let removed: u64 = 0,
    range = seek(set, first);
  if (range == 0) range = load<u32>(set, RangeSet.FIRST);
  while (range && load<u64>(at(range)) < end) {
    const own = at(range),
      next = load<u32>(own, Range.NEXT),
      from = max(load<u64>(own), first),
      to = min(load<u64>(own, Range.END), end);
    if (from < to) {
      const ahead = load<u64>(own) < from,
        behind = to < load<u64>(own, Range.END);
      if (ahead && behind && !insert(set, range, to, load<u64>(own, Range.END))) return 0;
      if (ahead) store<u64>(own, from, Range.END);
      else if (behind) store<u64>(own, to);
      else unlink(set, range);
      removed += to - from;
    }
    range = next;
  }
  store<u64>(set, load<u64>(set, RangeSet.SUM) - removed, RangeSet.SUM);
  return removed;
}

/** Bytes of [first, end) that are in the set. */
export function coveredBytes(set: usize, first: u64, end: u64): u64 {
  let covered: u64 = 0,
    range = seek(set, first);
  if (range == 0) range = load<u32>(set, RangeSet.FIRST);
  while (range && load<u64>(at(range)) < end) {
    const from = max(load<u64>(at(range)), first),
      to = min(load<u64>(at(range), Range.END), end);
    if (from < to) covered += to - from;
    range = load<u32>(at(range), Range.NEXT);
  }
  return covered;
}

/** End of the range that `offset` lies in; `offset` itself if it lies in none. */
export function coveredTo(set: usize, offset: u64): u64 {
  const range = seek(set, offset);
  return range ? max(load<u64>(at(range), Range.END), offset) : offset;
}

/** First byte in the set at or behind `offset`, at most `end`. */
export function nextCovered(set: usize, offset: u64, end: u64): u64 {
  const range = seek(set, offset);
  if (range && load<u64>(at(range), Range.END) > offset) return offset;
  const next = following(set, range);
  return next ? min(load<u64>(at(next)), end) : end;
}

/** Empties a set. */
export function dropRanges(set: usize): void {
  let range = load<u32>(set, RangeSet.FIRST);
  const owner = range ? ownerOf(set) : 0;
  while (range) {
    const next = load<u32>(at(range), Range.NEXT);
    giveShared(owner, Pool.RANGES, range);
    range = next;
  }
  memory.fill(set, 0, RangeSet.BYTES);
}

/** Moves what is in one set to another, which is empty. */
export function moveRanges(to: usize, from: usize): void {
  memory.copy(to, from, RangeSet.BYTES);
  memory.fill(from, 0, RangeSet.BYTES);
}

/** Adds all of one set to another; false: there were too few ranges, and some are not added. */
export function addRanges(to: usize, from: usize): bool {
  let range = load<u32>(from, RangeSet.FIRST);
  for (; range; range = load<u32>(at(range), Range.NEXT)) {
    if (addRange(to, load<u64>(at(range)), load<u64>(at(range), Range.END)) == NO_RANGE) {
      return false;
    }
  }
  return true;
}
