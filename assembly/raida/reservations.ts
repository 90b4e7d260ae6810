/**
 * Page reservations: who may bring the free serial numbers of a page into use, for 16 s. A
 * reservation belongs to a session id that is not 0 and has a purpose; one lock for all of them.
 * They live in memory only, as leases do. Reference: RAIDA section 7.
 *
 * Entry of a page (24 bytes): 0 session (0: none), 4 purpose, 8 client address, 16 since (u64, us).
 */
import { lock, unlock } from "../core/atomics";
import { RESERVATIONS } from "../core/control";
import { DENOMINATIONS, RESERVATION_LIFE_US, RESERVED_PAGES_PER_ADDRESS_MAX } from "../core/limits";
import { pagesPerDenomination, RESERVATION_BYTES, RESERVED } from "../core/memory";
import * as context from "./context";

/** What a reservation is good for; no other command takes it. */
export const enum Purpose {
  /** 3/120, for 3/130. */
  CREATE,
  /** 9/91, for 9/92 and 9/93. */
  CHANGE,
  /** 10/170, for 10/171. */
  PICKUP,
}

const PURPOSE: usize = 4;
const ADDRESS: usize = 8;
const SINCE: usize = 16;

export function lockReservations(): void {
  lock(RESERVATIONS);
}
export function unlockReservations(): void {
  unlock(RESERVATIONS);
}

function entryOf(pageKey: u32): usize {
  return RESERVED + <usize>pageKey * RESERVATION_BYTES;
}

function alive(entry: usize): bool {
  if (load<u32>(entry) == 0) return false;
  // A clock that went back for good ends a reservation, rather than making it immortal.
  const age = <i64>(context.now - load<u64>(entry, SINCE));
  return age < <i64>RESERVATION_LIFE_US && age > -(<i64>RESERVATION_LIFE_US);
}

/** Has anybody reserved the page? The lock is held. */
export function isReserved(pageKey: u32): bool {
  return alive(entryOf(pageKey));
}

/** Has anybody reserved the page other than for change? The lock is held. */
export function isReservedByOperator(pageKey: u32): bool {
  const entry = entryOf(pageKey);
  return alive(entry) && load<u32>(entry, PURPOSE) != Purpose.CHANGE;
}

/** Has this session reserved the page for this? The lock is held; session 0 never has. */
export function isReservedFor(pageKey: u32, session: u32, purpose: Purpose): bool {
  const entry = entryOf(pageKey);
  return alive(entry) && load<u32>(entry) == session && load<u32>(entry, PURPOSE) == purpose;
}

/** Reserves a page for 16 s from now; the lock is held, and nobody else has it. */
export function reserve(pageKey: u32, session: u32, purpose: Purpose): void {
  const entry = entryOf(pageKey);
  store<u32>(entry, session);
  store<u32>(entry, purpose, PURPOSE);
  store<u32>(entry, context.address, ADDRESS);
  store<u64>(entry, context.now, SINCE);
}

/** Gives a session 16 s more on a page that it has; whose address it counts for stays. */
export function renew(pageKey: u32): void {
  store<u64>(entryOf(pageKey), context.now, SINCE);
}

/**
 * How many more pages may this client address hold for change? Looks at every page; the lock is
 * held.
 */
export function changePagesLeft(): u32 {
  let held: u32 = 0;
  const end = DENOMINATIONS * pagesPerDenomination;
  for (let key: u32 = 0; key < end && held < RESERVED_PAGES_PER_ADDRESS_MAX; key++) {
    const entry = entryOf(key);
    if (load<u32>(entry) == 0 || load<u32>(entry, ADDRESS) != context.address) continue;
    held += u32(load<u32>(entry, PURPOSE) == Purpose.CHANGE && alive(entry));
  }
  return RESERVED_PAGES_PER_ADDRESS_MAX - held;
}

/** Has the session reserved every page of the request for this? Takes the lock. */
export function areReservedFor(session: u32, purpose: Purpose): bool {
  let reserved = true;
  lockReservations();
  for (let i: u32 = 0; i < context.pageCount && reserved; i++)
    reserved = isReservedFor(context.pageAt(i), session, purpose);
  unlockReservations();
  return reserved;
}
