/**
 * The crossover table: who announced a payment from another chain into which locker, for an hour.
 * Kept in the durable cells, eight for each entry, so it outlives a restart. One lock for all of
 * it; a group that changes it is claimed and published under the lock. Reference: RAIDA section 9.
 *
 * Entry (128 bytes): 0 created (u64, us; 0: none), 8 locker key (16), 24 ticker (3), 27 amount (8,
 * as on the wire), 35 address length, 36 address (62), 98 receipt (16).
 */
import { load64, lock, unlock } from "../core/atomics";
import { CROSSOVER } from "../core/control";
import { CROSSOVER_BYTES, CROSSOVER_LIFE_US, CROSSOVER_MAX } from "../core/limits";
import { CELLS } from "../core/memory";
import { equal16 } from "../crypto/equal";
import * as context from "./context";

export const LOCKER_KEY: usize = 8;
export const TICKER: usize = 24;
export const AMOUNT: usize = 27;
export const ADDRESS_LENGTH: usize = 35;
export const ADDRESS: usize = 36;
export const RECEIPT: usize = 98;

/** What placeFor() gives when every entry is alive. */
export const FULL: u32 = u32.MAX_VALUE;

/** Takes the table; whoever has seen it waits for the commit of its newest change. */
export function lockCrossover(): void {
  lock(CROSSOVER);
  context.raisePosition(load64(CROSSOVER + 8));
}
export function unlockCrossover(): void {
  unlock(CROSSOVER);
}

function entryAt(index: u32): usize {
  return CELLS + <usize>(index * CROSSOVER_BYTES);
}

function alive(entry: usize): bool {
  const created = load<u64>(entry);
  if (created == 0) return false;
  // A clock that went back for good ends an entry, rather than making it immortal.
  const age = <i64>(context.now - created);
  return age <= <i64>CROSSOVER_LIFE_US && age >= -(<i64>CROSSOVER_LIFE_US);
}

/** The live entry of the locker key at `key` (16 bytes), or 0; the table is held. */
export function findEntry(key: usize): usize {
  for (let index: u32 = 0; index < CROSSOVER_MAX; index++) {
    const entry = entryAt(index);
    if (equal16(entry + LOCKER_KEY, key) && alive(entry)) return entry;
  }
  return 0;
}

/** Index of the entry that a reservation of this key takes: its own, else a free one, or FULL. */
export function placeFor(key: usize): u32 {
  let free = FULL;
  for (let index: u32 = 0; index < CROSSOVER_MAX; index++) {
    const entry = entryAt(index);
    if (!alive(entry)) free = min<u32>(free, index);
    else if (equal16(entry + LOCKER_KEY, key)) return index;
  }
  return free;
}
