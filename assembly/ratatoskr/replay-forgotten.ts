/**
 * Which timestamps the replay cache cannot vouch for any more: spans of seconds in which something
 * that was recorded has been forgotten. Outside of them all that was recorded is still there.
 *
 * A span in the head (16 bytes): 0 first, 8 last second (i64 each). They stand in their order and
 * apart: with GAP seconds or less between two they are one. While the clock goes on there is one of
 * the past; a clock that was ahead for a while leaves another, which stays ahead of the right time
 * until that comes by.
 */
import { REPLAY, REPLAY_SPANS } from "../core/memory";

const COUNT: usize = 8;
const SPANS: usize = 64;
const SPAN_BYTES: usize = 16;
const LAST: usize = 8;
/**
 * Heartbeats of anybody come as often. Much less than a request may be old: the seconds between two
 * spans are refused with them, though nothing of these was forgotten.
 */
const GAP: i64 = 30;

function at(span: u32): usize {
  return REPLAY + SPANS + <usize>span * SPAN_BYTES;
}
function firstOf(span: u32): i64 {
  return load<i64>(at(span));
}
function lastOf(span: u32): i64 {
  return load<i64>(at(span), LAST);
}
function set(span: u32, first: i64, last: i64): void {
  store<i64>(at(span), first);
  store<i64>(at(span), last, LAST);
}

export function spanCount(): u32 {
  return load<u32>(REPLAY, COUNT);
}

/** Has something of this second perhaps been recorded and forgotten? */
export function isForgotten(timestamp: i64): bool {
  for (let span: u32 = 0; span < spanCount(); span++) {
    if (timestamp >= firstOf(span) && timestamp <= lastOf(span)) return true;
  }
  return false;
}

/**
 * Something of this second is forgotten. Without a place for it the two spans that are nearest to
 * each other become one: so the past and a clock's wrong future, with the right time between them,
 * stay apart as long as anything is nearer.
 */
export function addForgotten(timestamp: i64): void {
  let span = placeOf(timestamp);
  if (span < spanCount() && firstOf(span) - GAP <= timestamp) {
    widen(span, timestamp);
    return;
  }
  insert(span, timestamp);
  if (spanCount() <= REPLAY_SPANS) return;
  span = nearest();
  set(span, firstOf(span), lastOf(span + 1));
  remove(span + 1);
}

/** The first span that is not wholly before it. */
function placeOf(timestamp: i64): u32 {
  let span: u32 = 0;
  while (span < spanCount() && lastOf(span) + GAP < timestamp) span++;
  return span;
}

/** The span that is nearest to the one behind it; the earliest of several. */
function nearest(): u32 {
  let found: u32 = 0;
  for (let span: u32 = 1; span + 1 < spanCount(); span++) {
    if (distance(span) < distance(found)) found = span;
  }
  return found;
}

/** Seconds between a span and the one behind it. Of any two timestamps: no overflow. */
function distance(span: u32): u64 {
  return <u64>(firstOf(span + 1) - lastOf(span));
}

/** A span that reaches the next one swallows it. The one before is farther away than GAP. */
function widen(span: u32, timestamp: i64): void {
  set(span, min(firstOf(span), timestamp), max(lastOf(span), timestamp));
  const next = span + 1;
  if (next == spanCount() || firstOf(next) - GAP > lastOf(span)) return;
  set(span, firstOf(span), lastOf(next));
  remove(next);
}

function insert(span: u32, timestamp: i64): void {
  const count = spanCount();
  memory.copy(at(span + 1), at(span), <usize>(count - span) * SPAN_BYTES);
  set(span, timestamp, timestamp);
  store<u32>(REPLAY, count + 1, COUNT);
}

function remove(span: u32): void {
  const left = spanCount() - 1;
  memory.copy(at(span), at(span + 1), <usize>(left - span) * SPAN_BYTES);
  store<u32>(REPLAY, left, COUNT);
}
