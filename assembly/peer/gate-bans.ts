/**
 * Bans and failures by peer id. They outlive connections, so nobody sheds them by connecting again.
 *
 * Ban (64 bytes): 0 telling part of the id (32), 32 end (u64; 0: failures only), 40 failures, 48
 * when the last of them was counted, or the ban began (u64). Dense: the last one fills a gap.
 */
import { PeerGateVerdict } from "../core/peer";
import {
  after,
  BAN_BYTES,
  BANNED,
  BANS_MAX,
  banAt,
  FOREVER,
  same32,
  setWord,
  word,
} from "./gate-memory";

const UNTIL: usize = 32;
const FAILURES: usize = 40;
const SINCE: usize = 48;

/** Failures that make a ban, and how long it and the memory of a failure last. */
const FAILURES_MAX: u32 = 3;
export const FAILURE_MS: u64 = 300000;
export const UNLISTED_MS: u64 = 3600000;

/** Place of the id whose telling part is at `key`, or -1. */
function find(key: usize): i32 {
  for (let i: u32 = 0; i < word(BANNED); i++) if (same32(banAt(i), key)) return i;
  return -1;
}

function untilOf(index: u32): u64 {
  return load<u64>(banAt(index), UNTIL);
}
/** When the entry says nothing any more. A clock that was set back does not make it live longer. */
function endOf(index: u32, now: u64): u64 {
  const until = untilOf(index);
  return until ? until : after(min(load<u64>(banAt(index), SINCE), now), FAILURE_MS);
}

function remove(index: u32): void {
  const last = word(BANNED) - 1;
  memory.copy(banAt(index), banAt(last), BAN_BYTES);
  memory.fill(banAt(last), 0, BAN_BYTES);
  setWord(BANNED, last);
}

export function isBanned(key: usize, now: u64): bool {
  const index = find(key);
  return index >= 0 && untilOf(index) > now;
}

/** A place for the id: its own, a new one, or that of the entry that is missed least; or -1. */
function placeFor(key: usize, now: u64): i32 {
  const own = find(key);
  if (own >= 0) return own;
  sweep(now);
  if (word(BANNED) == BANS_MAX) {
    const least = leastMissed();
    if (least < 0) return -1;
    remove(least);
  }
  const index = word(BANNED);
  setWord(BANNED, index + 1);
  memory.fill(banAt(index), 0, BAN_BYTES);
  memory.copy(banAt(index), key, 32);
  return index;
}

/** The oldest of failures without a ban; else of bans that end; -1: all last for ever. */
function leastMissed(): i32 {
  let found: i32 = -1;
  for (let i: u32 = 0; i < BANS_MAX; i++) {
    if (untilOf(i) == FOREVER) continue;
    if (found < 0 || isMissedLess(i, found)) found = i;
  }
  return found;
}
function isMissedLess(a: u32, b: u32): bool {
  const isFailureA = untilOf(a) == 0,
    isFailureB = untilOf(b) == 0;
  if (isFailureA != isFailureB) return isFailureA;
  return load<u64>(banAt(a), SINCE) < load<u64>(banAt(b), SINCE);
}

/** OK; BANS_FULL. A ban is never made shorter by another one; only unban() ends it. */
export function ban(key: usize, until: u64, now: u64): PeerGateVerdict {
  const index = placeFor(key, now);
  if (index < 0) return PeerGateVerdict.BANS_FULL;
  if (until <= untilOf(index)) return PeerGateVerdict.OK;
  store<u64>(banAt(index), until, UNTIL);
  store<u64>(banAt(index), now, SINCE);
  return PeerGateVerdict.OK;
}

/** Counts a failure; the third within 300 s of the one before it is a ban. */
export function countFailure(key: usize, now: u64): void {
  const index = placeFor(key, now);
  if (index < 0) return;
  const place = banAt(index);
  const isOver = endOf(index, now) <= now,
    failures: u32 = isOver ? 1 : load<u32>(place, FAILURES) + 1;
  if (isOver) store<u64>(place, 0, UNTIL);
  store<u32>(place, failures, FAILURES);
  store<u64>(place, now, SINCE);
  if (failures < FAILURES_MAX) return;
  store<u32>(place, 0, FAILURES);
  store<u64>(place, max(untilOf(index), after(now, FAILURE_MS)), UNTIL);
}

export function unban(key: usize): void {
  const index = find(key);
  if (index >= 0) remove(index);
}

/** Forgets what is over. */
export function sweep(now: u64): void {
  for (let i: i32 = word(BANNED) - 1; i >= 0; i--) if (endOf(i, now) <= now) remove(i);
}

/** When the next entry is over, or FOREVER. */
export function nextEnd(now: u64): u64 {
  let next = FOREVER;
  for (let i: u32 = 0; i < word(BANNED); i++) next = min(next, endOf(i, now));
  return next;
}

/** For the host that keeps them: the ban at `index` of word(BANNED). */
export function banKey(index: u32): usize {
  return banAt(index);
}
export function banEnd(index: u32): u64 {
  return untilOf(index);
}
