/**
 * Numbers of packets received, for each of the two newest epochs (Session.RECEIVED), and when they
 * have to be acked (reference: transfer sections 1.4, 6): every second ack-eliciting packet, at
 * 25 ms, at once on a gap.
 */
import {
  ACK_HEAD_BYTES,
  ACK_RANGE_BYTES,
  ACK_RANGES_SENT,
  ackBytes,
  addAckRange,
  writeAckHead,
} from "./ack";
import { now } from "./clock";
import { Session } from "./layout";
import { NEVER } from "./timer-wheel";

const enum Received {
  EPOCH = 0,
  /** u32: ranges. */
  COUNT = 4,
  /** u64: when the largest came. */
  LARGEST_TIME = 8,
  /** u64: when an ack is due at the latest; 0: none is. */
  DEADLINE = 16,
  /** Ack-eliciting packets since the last ack, u32. */
  ELICITING = 24,
  /** 1: an ack is due now. u8. */
  AT_ONCE = 28,
  /**
   * u64: when a number below the largest came last; u32: above the least of those of which no ACK
   * is known to have arrived; 0: there is none.
   */
  LATE_TIME = 32,
  LATE_FROM = 40,
  /** Ranges of numbers, newest first: first and last, u32 each. */
  RANGES = 64,
  BYTES = 640,
}

const RANGE_BYTES: usize = 8;
/** Newest ranges that are kept; the oldest give way, and are not acked again. */
const RANGES_MAX: u32 = ACK_RANGES_SENT;
/** How long an ack may wait. */
export const ACK_DELAY_US: u64 = 25000;
const ELICITING_MAX: u32 = 2;
const RANGE_LENGTH_MAX: u32 = 65535;

function part(session: usize, epoch: u32): usize {
  return session + Session.RECEIVED + <usize>(epoch & 1) * Received.BYTES;
}

/** The part of an epoch that is still known; 0: it is not. */
function known(session: usize, epoch: u32): usize {
  const at = part(session, epoch);
  return load<u32>(at, Received.EPOCH) == epoch ? at : 0;
}

function rangeAt(at: usize, index: u32): usize {
  return at + Received.RANGES + <usize>index * RANGE_BYTES;
}

/** Makes room for a range before `index`; the oldest gives way. */
function insertRange(at: usize, index: u32, n: u32): void {
  const count = min(load<u32>(at, Received.COUNT), RANGES_MAX - 1),
    range = rangeAt(at, index);
  memory.copy(range + RANGE_BYTES, range, <usize>(count - index) * RANGE_BYTES);
  store<u32>(range, n);
  store<u32>(range, n, 4);
  store<u32>(at, count + 1, Received.COUNT);
}

/** Joins the range at `index` with the older one behind it if nothing lies between them. */
function joinRanges(at: usize, index: u32): void {
  const count = load<u32>(at, Received.COUNT),
    range = rangeAt(at, index);
  if (index + 1 >= count || load<u32>(range, RANGE_BYTES + 4) + 1 != load<u32>(range)) return;
  store<u32>(range, load<u32>(range, RANGE_BYTES));
  const behind = range + 2 * RANGE_BYTES;
  memory.copy(range + RANGE_BYTES, behind, <usize>(count - index - 2) * RANGE_BYTES);
  store<u32>(at, count - 1, Received.COUNT);
}

/** Puts a number into the ranges. It comes once only: its key is gone afterwards (section 4.6). */
function addNumber(at: usize, n: u32): void {
  const count = load<u32>(at, Received.COUNT);
  let index: u32 = 0;
  while (index < count && load<u32>(rangeAt(at, index)) > n) index++;
  // The ranges before `index` lie above n as a whole; that one may end below it or hold it.
  if (index > 0 && load<u32>(rangeAt(at, index - 1)) == n + 1) {
    store<u32>(rangeAt(at, index - 1), n);
    joinRanges(at, index - 1);
    return;
  }
  const range = rangeAt(at, index);
  if (index < count && n <= load<u32>(range, 4)) return;
  if (index < count && load<u32>(range, 4) + 1 == n) store<u32>(range, n, 4);
  else if (index < RANGES_MAX) insertRange(at, index, n);
}

/** Whether packet n leaves a gap below it or comes behind a newer one. */
function isOutOfOrder(at: usize, n: u32): bool {
  if (load<u32>(at, Received.COUNT) == 0) return n != 0;
  return n != load<u32>(rangeAt(at, 0), 4) + 1;
}

/**
 * Numbers of an epoch are kept from now on. Those of the one two before go: an ACK lists numbers of
 * its packet's epoch or the one before, and any others would end the session (section 1.4).
 */
export function receiveEpoch(session: usize, epochNumber: u32): void {
  const at = part(session, epochNumber);
  if (load<u32>(at, Received.EPOCH) == epochNumber) return;
  memory.fill(at, 0, Received.BYTES);
  store<u32>(at, epochNumber, Received.EPOCH);
}

/**
 * Notes that packet n of an epoch was taken: it will be acked. Only packets are noted of which
 * everything was taken.
 */
export function noteReceived(session: usize, epochNumber: u32, n: u32, ackEliciting: bool): void {
  receiveEpoch(session, epochNumber);
  const at = part(session, epochNumber);
  const outOfOrder = isOutOfOrder(at, n);
  addNumber(at, n);
  if (n < load<u32>(rangeAt(at, 0), 4)) {
    const from = load<u32>(at, Received.LATE_FROM);
    store<u64>(at, now, Received.LATE_TIME);
    store<u32>(at, from ? min(n + 1, from) : n + 1, Received.LATE_FROM);
  }
  if (load<u32>(rangeAt(at, 0), 4) == n) store<u64>(at, now, Received.LARGEST_TIME);
  if (!ackEliciting) return;
  const eliciting = load<u32>(at, Received.ELICITING) + 1;
  store<u32>(at, eliciting, Received.ELICITING);
  if (eliciting == 1) store<u64>(at, now + ACK_DELAY_US, Received.DEADLINE);
  if (eliciting >= ELICITING_MAX || outOfOrder) store<u8>(at, 1, Received.AT_ONCE);
}

/** How much an epoch's numbers want an ack: 0 not, 1 at the deadline, 2 now. */
export function ackWantedIn(session: usize, epochNumber: u32): u32 {
  const at = known(session, epochNumber);
  if (at == 0 || load<u32>(at, Received.ELICITING) == 0) return 0;
  if (load<u8>(at, Received.AT_ONCE)) return 2;
  return now >= load<u64>(at, Received.DEADLINE) ? 2 : 1;
}

function epochIn(session: usize, odd: u32): u32 {
  return load<u32>(part(session, odd), Received.EPOCH);
}

/** The same for both epochs: the more urgent counts. */
export function ackWanted(session: usize): u32 {
  const even = ackWantedIn(session, epochIn(session, 0)),
    odd = epochIn(session, 1);
  return odd & 1 ? max(even, ackWantedIn(session, odd)) : even;
}

/** The epoch whose ack is the more urgent: the older one if both are. */
export function ackEpoch(session: usize): u32 {
  const even = epochIn(session, 0),
    odd = epochIn(session, 1);
  if ((odd & 1) == 0) return even;
  const older = min(even, odd),
    newer = max(even, odd);
  return ackWantedIn(session, newer) > ackWantedIn(session, older) ? newer : older;
}

function deadlineIn(at: usize): u64 {
  if (load<u32>(at, Received.ELICITING) == 0) return NEVER;
  return load<u8>(at, Received.AT_ONCE) ? now : load<u64>(at, Received.DEADLINE);
}

/** When an ack has to go at the latest; NEVER: none has to. */
export function ackDeadline(session: usize): u64 {
  return min(deadlineIn(part(session, 0)), deadlineIn(part(session, 1)));
}

/** Whether an ack has waited for the longest that it may, also one that should go at once. */
export function ackOverdue(session: usize): bool {
  return isOverdue(part(session, 0)) || isOverdue(part(session, 1));
}

function isOverdue(at: usize): bool {
  return load<u32>(at, Received.ELICITING) != 0 && load<u64>(at, Received.DEADLINE) <= now;
}

/** Whether there is anything of an epoch to list. */
export function hasReceived(session: usize, epochNumber: u32): bool {
  const at = known(session, epochNumber);
  return at != 0 && load<u32>(at, Received.COUNT) > 0;
}

/**
 * Writes an ACK block with the numbers of an epoch, the newest ranges that `room` bytes take; gives
 * its bytes. 0: there is nothing to list or no room for that.
 */
export function writeAckBlock(session: usize, epochNumber: u32, at: usize, room: u32): u32 {
  if (room < ACK_HEAD_BYTES || !hasReceived(session, epochNumber)) return 0;
  const from = part(session, epochNumber),
    count = load<u32>(from, Received.COUNT),
    most = min((room - ACK_HEAD_BYTES) / ACK_RANGE_BYTES, ACK_RANGES_SENT);
  let low = load<u32>(from, Received.RANGES);
  const largest = load<u32>(from, Received.RANGES + 4);
  writeAckHead(at, largest, now - load<u64>(from, Received.LARGEST_TIME), largest - low);
  let listed: u32 = 0;
  for (let i: u32 = 1; i < count && listed < most; i++) {
    const first = load<u32>(rangeAt(from, i)),
      last = load<u32>(rangeAt(from, i), 4),
      gap = low - last - 1;
    if (gap > RANGE_LENGTH_MAX) break;
    const received = min(last - first, RANGE_LENGTH_MAX - 1) + 1;
    addAckRange(at, gap, received);
    listed++;
    if (last - first >= RANGE_LENGTH_MAX) break;
    low = first;
  }
  return ackBytes(listed);
}

/** The largest number of an epoch that was received; only if hasReceived(). */
export function largestReceived(session: usize, epochNumber: u32): u32 {
  return load<u32>(part(session, epochNumber), Received.RANGES + 4);
}

/** An ACK block of an epoch was sent: nothing is due any more. */
export function ackGone(session: usize, epochNumber: u32): void {
  const at = known(session, epochNumber);
  if (at == 0) return;
  store<u32>(at, 0, Received.ELICITING);
  store<u8>(at, 0, Received.AT_ONCE);
  store<u64>(at, 0, Received.DEADLINE);
}

/**
 * The peer has an ACK block that went at `sent` and listed numbers up to n: ranges below need not
 * be listed again, unless a number has come among them since. The newest range stays, so that the
 * next block has something to begin with.
 */
export function forgetReceived(session: usize, epochNumber: u32, n: u32, sent: u64): void {
  const at = known(session, epochNumber);
  if (at == 0) return;
  // An ACK that went when the late one came may have been written before.
  if (sent > load<u64>(at, Received.LATE_TIME)) store<u32>(at, 0, Received.LATE_FROM);
  const late = load<u32>(at, Received.LATE_FROM),
    end = late ? min(late, n + 2) : n + 2;
  let count = load<u32>(at, Received.COUNT);
  while (count > 1 && load<u32>(rangeAt(at, count - 1), 4) + 1 < end) count--;
  store<u32>(at, count, Received.COUNT);
}
