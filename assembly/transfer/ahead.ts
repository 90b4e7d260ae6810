/**
 * The run ahead of one epoch at a time (reference: transfer section 4.6): chain keys of consecutive
 * numbers in AHEAD, so that a forged gap is not paid for twice. ratchet.ts fills it.
 */
import { AHEAD, KEY_RECORD_BYTES } from "../core/transfer-memory";
import { wipe } from "../crypto/wipe";
import { now } from "./clock";

/** How long it is kept: microseconds. */
const AHEAD_US: u64 = 1000000;

/** Whose it is (0: nobody's), number of the chain key at AHEAD, how many there are. */
export let aheadEpoch: usize = 0;
export let aheadFrom: u64 = 0;
export let aheadCount: u32 = 0;
/** Keys at its beginning that are wiped: their numbers have been passed. */
let passed: u32 = 0;
let since: u64 = 0;

/** Begins a run of an epoch with the chain key of number `from`, which the caller writes. */
export function startAhead(epoch: usize, from: u64): void {
  dropAhead();
  aheadEpoch = epoch;
  aheadFrom = from;
  aheadCount = 1;
  passed = 0;
  since = now;
}

/** One more chain key is there. */
export function growAhead(): void {
  aheadCount++;
}

export function aheadKey(i: u64): usize {
  return AHEAD + <usize>i * KEY_RECORD_BYTES;
}

/** Wipes the run. */
export function dropAhead(): void {
  if (aheadEpoch == 0) return;
  wipe(aheadKey(passed), <usize>(aheadCount - passed) * KEY_RECORD_BYTES);
  aheadEpoch = 0;
  aheadCount = 0;
}

/** Wipes the run if it is this epoch's. */
export function forgetAhead(epoch: usize): void {
  if (aheadEpoch == epoch) dropAhead();
}

/** An epoch's next number is `next`: chain keys below would give keys that are used or skipped. */
export function passAhead(epoch: usize, next: u64): void {
  if (aheadEpoch != epoch || next <= aheadFrom + passed) return;
  if (next >= aheadFrom + aheadCount) {
    dropAhead();
    return;
  }
  const to = <u32>(next - aheadFrom);
  wipe(aheadKey(passed), <usize>(to - passed) * KEY_RECORD_BYTES);
  passed = to;
}

/** Wipes a run that has been kept for a second. */
export function expireAhead(): void {
  if (aheadEpoch != 0 && now - since >= AHEAD_US) dropAhead();
}

/** When expireAhead() has something to do: microseconds; all ones: never. */
export function aheadDeadline(): u64 {
  return aheadEpoch == 0 ? u64.MAX_VALUE : since + AHEAD_US;
}
