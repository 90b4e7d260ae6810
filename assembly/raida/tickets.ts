/**
 * The ticket pool: 512 slots of up to 4096 coins and 25 claims, a lock for each slot taken by
 * try-lock, life 300 s. Expired on look-up and by a sweep. Tickets live in memory only; a restart
 * forgets them. Seed 000 section 7, reference RAIDA section 7.
 *
 * Meta entry (64 bytes): 0 lock, 4 number (0: free), 8 created (u64, us), 16 coins, 20 claims (bit
 * per RAIDA), 24 position (u64), 32 holder. Coins: 5 bytes each as on the wire (denomination,
 * serial number big-endian). A holder is a client address, hashed to one of 1024 under a secret.
 */
import { load32, lock, store32, tryLock, unlock } from "../core/atomics";
import { HASH_KEY } from "../core/control";
import { COINS_PER_LIST_MAX, RAIDA_COUNT, TICKET_GUARD_US, TICKET_LIFE_US } from "../core/limits";
import {
  TICKET_COINS,
  TICKET_COINS_BYTES,
  TICKET_META,
  TICKET_META_BYTES,
  tickets,
} from "../core/memory";
import { TICKET_HOLDINGS, WORK } from "../core/scratch";
import { Status } from "../core/status";
import { siphash } from "../crypto/siphash";

const NUMBER: usize = 4;
const CREATED: usize = 8;
const COINS: usize = 16;
const CLAIMS: usize = 20;
const POSITION: usize = 24;
const HOLDER: usize = 32;
/** Two bytes for each of TICKET_HOLDINGS. */
const HOLDER_MASK: u32 = 1023;

function at(slot: u32): usize {
  return TICKET_META + <usize>slot * TICKET_META_BYTES;
}

/** Slots of the pool. */
export function slots(): u32 {
  return tickets;
}

/** First of a ticket's coins, 5 bytes each. */
export function ticketCoins(ticket: usize): usize {
  return TICKET_COINS + ((ticket - TICKET_META) / TICKET_META_BYTES) * TICKET_COINS_BYTES;
}
export function ticketCoinCount(ticket: usize): u32 {
  return load<u32>(ticket, COINS);
}
/** Where the ticket keeps the AN, hashed under a secret, for which it vouches. */
function proofAt(ticket: usize, index: u32): usize {
  return ticketCoins(ticket) + 5 * COINS_PER_LIST_MAX + ((<usize>index) << 3);
}
/** Notes the AN (16 bytes) that coin `index` has now. */
export function vouch(ticket: usize, index: u32, an: usize): void {
  store<u64>(proofAt(ticket, index), siphash(HASH_KEY, an, 16));
}
/** Has coin `index` still the AN for which the ticket vouches? */
export function stillVouches(ticket: usize, index: u32, an: usize): bool {
  return load<u64>(proofAt(ticket, index)) == siphash(HASH_KEY, an, 16);
}
export function ticketPosition(ticket: usize): u64 {
  return load<u64>(ticket, POSITION);
}
export function ticketNumber(ticket: usize): u32 {
  return load32(ticket + NUMBER);
}

function olderThan(ticket: usize, life: u64, now: u64): bool {
  const age = <i64>(now - load<u64>(ticket, CREATED));
  // Another worker's clock may be a little behind; one that went back for good makes a ticket old,
  // rather than immortal.
  return age > <i64>life || age < -(<i64>life);
}

function expired(ticket: usize, now: u64): bool {
  return olderThan(ticket, TICKET_LIFE_US, now);
}

/** Is the slot free, or its ticket too old even to guard its coins? */
function idle(ticket: usize, now: u64): bool {
  return load32(ticket + NUMBER) == 0 || olderThan(ticket, TICKET_GUARD_US, now);
}

/**
 * A locked slot for a ticket of the client at `address`, or 0: the pool is full or busy. It is a
 * free one, else that of the oldest ticket which only guards, else of the oldest of the address
 * that holds the most tickets, if those are two more than the asker's: so nobody can shut others
 * out of the pool. The caller fills it with openTicket() or lets it go.
 */
export function reserveTicket(now: u64, address: u32): usize {
  const ticket = reserveSlot(now);
  if (ticket) store<u32>(ticket, holderOf(address), HOLDER);
  else return takeFromCrowd(holderOf(address));
  return ticket;
}

function holderOf(address: u32): u32 {
  store<u32>(WORK, address);
  return <u32>siphash(HASH_KEY, WORK, 4) & HOLDER_MASK;
}

function reserveSlot(now: u64): usize {
  let old: usize = 0;
  for (let slot: u32 = 0; slot < tickets; slot++) {
    const ticket = at(slot);
    if (!idle(ticket, now)) {
      const onlyGuards = expired(ticket, now) && load32(ticket) == 0;
      if (onlyGuards && (!old || isOlder(ticket, old))) old = ticket;
      continue;
    }
    if (!tryLock(ticket)) continue;
    if (idle(ticket, now)) return emptied(ticket);
    unlock(ticket);
  }
  if (!old || !tryLock(old)) return 0;
  if (expired(old, now)) return emptied(old);
  unlock(old);
  return 0;
}

/** Every slot is alive or busy: the oldest of the largest holding makes way for a small one. */
function takeFromCrowd(holder: u32): usize {
  memory.fill(TICKET_HOLDINGS, 0, (HOLDER_MASK + 1) << 1);
  for (let slot: u32 = 0; slot < tickets; slot++) {
    const count = holdingAt(load<u32>(at(slot), HOLDER));
    store<u16>(count, load<u16>(count) + 1);
  }
  let most: u32 = load<u16>(holdingAt(holder)) + 1,
    oldest: usize = 0;
  for (let slot: u32 = 0; slot < tickets; slot++) {
    const ticket = at(slot),
      count = <u32>load<u16>(holdingAt(load<u32>(ticket, HOLDER)));
    if (load32(ticket) != 0 || count < most || (count == most && !oldest)) continue;
    if (count == most && !isOlder(ticket, oldest)) continue;
    most = count;
    oldest = ticket;
  }
  if (!oldest || !tryLock(oldest)) return 0;
  store<u32>(oldest, holder, HOLDER);
  return emptied(oldest);
}

function holdingAt(holder: u32): usize {
  return TICKET_HOLDINGS + <usize>((holder & HOLDER_MASK) << 1);
}

function isOlder(ticket: usize, other: usize): bool {
  return load<u64>(ticket, CREATED) < load<u64>(other, CREATED);
}

function emptied(ticket: usize): usize {
  store32(ticket + NUMBER, 0);
  return ticket;
}

/** Fills a reserved slot, whose coins are written, and lets it go. `number` is not 0. */
export function openTicket(ticket: usize, number: u32, coins: u32, position: u64, now: u64): void {
  store<u64>(ticket, now, CREATED);
  store<u32>(ticket, coins, COINS);
  store<u32>(ticket, 0, CLAIMS);
  store<u64>(ticket, position, POSITION);
  store32(ticket + NUMBER, number);
  unlock(ticket);
}

export function releaseTicket(ticket: usize): void {
  unlock(ticket);
}

/** The live ticket of that number, locked, or 0. */
export function findTicket(number: u32, now: u64): usize {
  if (number == 0) return 0;
  for (let slot: u32 = 0; slot < tickets; slot++) {
    const ticket = at(slot);
    if (load32(ticket + NUMBER) != number) continue;
    lock(ticket);
    if (load32(ticket + NUMBER) == number && !expired(ticket, now)) return ticket;
    unlock(ticket);
  }
  return 0;
}

/** The ticket of a slot, locked, while it guards its coins; 0: there is none. */
export function takeGuarding(slot: u32, now: u64): usize {
  const ticket = at(slot);
  if (load32(ticket + NUMBER) == 0) return 0;
  lock(ticket);
  if (!idle(ticket, now)) return ticket;
  unlock(ticket);
  return 0;
}

/**
 * May this RAIDA claim the (locked) ticket? SUCCESS; WRONG_RAIDA: there is no such number;
 * NO_TICKET_FOUND: `ticket` is 0; TICKET_CLAIMED_ALREADY.
 */
export function claimable(ticket: usize, raida: u32): Status {
  if (raida >= RAIDA_COUNT) return Status.WRONG_RAIDA;
  if (ticket == 0) return Status.NO_TICKET_FOUND;
  return load<u32>(ticket, CLAIMS) & (1 << raida) ? Status.TICKET_CLAIMED_ALREADY : Status.SUCCESS;
}

/** Marks a locked ticket as claimed by a RAIDA. */
export function claim(ticket: usize, raida: u32): void {
  store<u32>(ticket, load<u32>(ticket, CLAIMS) | (1 << raida), CLAIMS);
}

/** Frees every ticket that is too old to guard and that nobody holds; 512 looks at the most. */
export function sweepTickets(now: u64): void {
  for (let slot: u32 = 0; slot < tickets; slot++) {
    const ticket = at(slot);
    if (load32(ticket + NUMBER) == 0 || !idle(ticket, now) || !tryLock(ticket)) continue;
    if (idle(ticket, now)) store32(ticket + NUMBER, 0);
    unlock(ticket);
  }
}

/**
 * Frees the tickets that rest on changes behind `position`, which have been undone (all workers are
 * stopped).
 */
export function dropTicketsSince(position: u64): void {
  for (let slot: u32 = 0; slot < tickets; slot++) {
    const ticket = at(slot);
    if (load<u64>(ticket, POSITION) > position) store32(ticket + NUMBER, 0);
  }
}
