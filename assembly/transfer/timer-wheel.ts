/**
 * When each session has to be looked at again: a wheel of four levels with 256 slots each. A tick
 * is 64 us, not the millisecond that suffices for protocol timers, because pacing goes by it too:
 * 64 full packets last less than a millisecond from 0.7 Gbit/s on. The levels reach 16 ms, 4 s, 18
 * minutes and 76 hours; what lies further is looked at then and put in again.
 *
 * A deadline is never early, and late by a tick at the most. Putting in and taking out cost the
 * same whatever there is; going on costs the slots that were passed, and empty levels are skipped.
 */
import { WHEEL } from "../core/transfer-memory";
import { now } from "./clock";
import { Head, handleEntry, sessionHandle, sessionOfEntry } from "./session-head";

/** No deadline. */
export const NEVER: u64 = u64.MAX_VALUE;
const TICK_BITS: u64 = 6;
const SLOTS: u32 = 256;
const LEVELS: u32 = 4;

/** The next tick to be looked at; everything before it is done. */
let tick: u64 = 0;
/** No session goes into a tick before this, so that a round ends. */
let least: u64 = 0;
/** Sessions in each level. */
let count0: u32 = 0;
let count1: u32 = 0;
let count2: u32 = 0;
let count3: u32 = 0;

function count(level: u32, change: i32): void {
  if (level == 0) count0 += change;
  else if (level == 1) count1 += change;
  else if (level == 2) count2 += change;
  else count3 += change;
}

function countOf(level: u32): u32 {
  if (level == 0) return count0;
  if (level == 1) return count1;
  return level == 2 ? count2 : count3;
}

/** Head of a slot's list; slots are numbered through all levels. */
function slotAt(slot: u32): usize {
  return WHEEL + ((<usize>slot) << 2);
}

/** The slot for a tick that is not before `tick`. */
function slotFor(at: u64): u32 {
  const away = at - tick;
  if (away < 0x100) return <u32>(at & 0xff);
  if (away < 0x10000) return SLOTS + <u32>((at >> 8) & 0xff);
  if (away < 0x1000000) return 2 * SLOTS + <u32>((at >> 16) & 0xff);
  // Beyond the last level: the slot that is looked at last.
  const reached = away < 0xffffffff ? at : tick + 0xff000000;
  return 3 * SLOTS + <u32>((reached >> 24) & 0xff);
}

/** Puts a session in at its deadline, but no sooner than at tick `soonest`. */
function putIn(session: usize, soonest: u64): void {
  const deadline = load<u64>(session, Head.DEADLINE);
  const due = (deadline >> TICK_BITS) + u64((deadline & ((1 << TICK_BITS) - 1)) != 0);
  const slot = slotFor(max(due, soonest)),
    entry = handleEntry(sessionHandle(session)),
    first = load<u32>(slotAt(slot));
  store<u32>(session, first, Head.WHEEL_NEXT);
  store<u32>(session, 0, Head.WHEEL_PREVIOUS);
  if (first) store<u32>(sessionOfEntry(first), entry, Head.WHEEL_PREVIOUS);
  store<u32>(slotAt(slot), entry);
  store<u32>(session, slot + 1, Head.WHEEL_SLOT);
  count(slot / SLOTS, 1);
}

function takeOut(session: usize): void {
  const slot = load<u32>(session, Head.WHEEL_SLOT) - 1,
    next = load<u32>(session, Head.WHEEL_NEXT),
    previous = load<u32>(session, Head.WHEEL_PREVIOUS);
  if (next) store<u32>(sessionOfEntry(next), previous, Head.WHEEL_PREVIOUS);
  if (previous) store<u32>(sessionOfEntry(previous), next, Head.WHEEL_NEXT);
  else store<u32>(slotAt(slot), next);
  store<u32>(session, 0, Head.WHEEL_SLOT);
  count(slot / SLOTS, -1);
}

/** Sets when nextDue() gives this session; NEVER: not at all. It has one deadline. */
export function setTimer(session: usize, deadline: u64): void {
  if (load<u32>(session, Head.WHEEL_SLOT)) {
    if (load<u64>(session, Head.DEADLINE) == deadline) return;
    takeOut(session);
  }
  store<u64>(session, deadline, Head.DEADLINE);
  if (deadline != NEVER) putIn(session, max(tick, least));
}

/** Whether nextDue() gives this session at a time before `deadline`. */
export function isSooner(session: usize, deadline: u64): bool {
  return load<u32>(session, Head.WHEEL_SLOT) != 0 && load<u64>(session, Head.DEADLINE) < deadline;
}

/** Begins a round: nextDue() gives what is due by now, and each session once. */
export function beginRound(): void {
  least = (now >> TICK_BITS) + 1;
}

/** Puts the sessions of the slot that `tick` has reached into the levels below. */
function cascade(level: u32): void {
  const slot = level * SLOTS + <u32>((tick >> ((<u64>level) << 3)) & 0xff);
  let entry = load<u32>(slotAt(slot));
  store<u32>(slotAt(slot), 0);
  while (entry) {
    const session = sessionOfEntry(entry);
    entry = load<u32>(session, Head.WHEEL_NEXT);
    count(level, -1);
    putIn(session, tick);
  }
}

/** Goes on to the next tick in which something can be. */
function nextTick(): void {
  if ((count0 | count1 | count2 | count3) == 0) {
    tick = least;
    return;
  }
  let level: u32 = 0;
  while (level < LEVELS - 1 && countOf(level) == 0) level++;
  const bits = (<u64>level) << 3;
  tick = min(((tick >> bits) + 1) << bits, least);
  // From the top, for what comes down a level may have to come down further.
  for (level = LEVELS - 1; level > 0; level--) {
    if ((tick & (((<u64>1) << ((<u64>level) << 3)) - 1)) == 0) cascade(level);
  }
}

/** The next session whose deadline has passed, taken out of the wheel; 0: there is no more. */
export function nextDue(): usize {
  while (tick < least) {
    const entry = load<u32>(slotAt(<u32>(tick & 0xff)));
    if (entry) {
      const session = sessionOfEntry(entry);
      takeOut(session);
      return session;
    }
    nextTick();
  }
  return 0;
}

/**
 * When nextDue() has to be asked again, in microseconds; NEVER: there is nothing. It may be early
 * by what the upper levels do not tell apart, never late.
 */
export function nextWake(): u64 {
  let wake = NEVER;
  for (let level: u32 = 0; level < LEVELS; level++) {
    if (countOf(level) == 0) continue;
    const bits = (<u64>level) << 3,
      from = (tick >> bits) + u64(level != 0);
    for (let i: u64 = 0; i < SLOTS; i++) {
      const slot = level * SLOTS + <u32>((from + i) & 0xff);
      if (load<u32>(slotAt(slot)) == 0) continue;
      wake = min(wake, ((from + i) << bits) << TICK_BITS);
      break;
    }
  }
  return wake;
}

/** Forgets everything: the region is new. */
export function resetWheel(): void {
  memory.fill(WHEEL, 0, <usize>LEVELS * SLOTS * 4);
  tick = 0;
  least = 0;
  count0 = 0;
  count1 = 0;
  count2 = 0;
  count3 = 0;
}
