/**
 * The UDP payload that the path carries (RFC 8899; reference: transfer section 6): 1280-byte IP
 * packets first, probes of 1400 and 1500 bytes, the most that the interface can, then halves. A
 * probe that is lost three times is too large. (Session.MTU.)
 */
import { now } from "./clock";
import { Session } from "./layout";
import { NEVER } from "./timer-wheel";

const enum Mtu {
  /** u32: UDP payload that is used, that always passes, the most to try. */
  CURRENT = 0,
  BASE = 4,
  LIMIT = 8,
  /** u32: the least that did not pass; LIMIT + 1 if none is known. */
  TOO_LARGE = 12,
  /** u32: size of the probe under way; 0: none is. */
  PROBE = 16,
  /** u32: size that is tried, and how often it was lost. */
  TRIED = 20,
  LOST = 24,
  /** u32: bytes of IP and UDP headers. */
  HEADERS = 28,
  /** u64: when the search begins again. */
  AGAIN = 32,
  /** u32: packets above BASE lost since one was acked. */
  LARGE_LOST = 40,
  /** u64: index + 1 of the newest packet above BASE that was acked. */
  LARGE_ACKED = 48,
  BYTES = 128,
}

const FIRST_IP: u32 = 1280;
const SECOND_IP: u32 = 1400;
const THIRD_IP: u32 = 1500;
const HEADERS_4: u32 = 28;
const HEADERS_6: u32 = 48;
/** A search ends when it knows the size to so many bytes. */
const RESOLUTION: u32 = 16;
const LOSSES_MAX: u32 = 3;
const AGAIN_US: u64 = 600000000;

function word(session: usize, field: usize): u32 {
  return load<u32>(session + Session.MTU + field);
}

function setWord(session: usize, field: usize, value: u32): void {
  store<u32>(session + Session.MTU + field, value);
}

function search(session: usize): void {
  setWord(session, Mtu.TOO_LARGE, word(session, Mtu.LIMIT) + 1);
  setWord(session, Mtu.PROBE, 0);
  setWord(session, Mtu.TRIED, 0);
  setWord(session, Mtu.LOST, 0);
  setWord(session, Mtu.LARGE_LOST, 0);
  store<u64>(session + Session.MTU, NEVER, Mtu.AGAIN);
}

/**
 * Begins on a new path. `limit`: the largest UDP payload that interface or relay take; where that
 * is below the least size, it is used and nothing searched.
 */
export function startMtu(session: usize, ip6: bool, limit: u32): void {
  const headers = ip6 ? HEADERS_6 : HEADERS_4,
    base = min(FIRST_IP - headers, limit);
  memory.fill(session + Session.MTU, 0, Mtu.BYTES);
  setWord(session, Mtu.HEADERS, headers);
  setWord(session, Mtu.BASE, base);
  setWord(session, Mtu.CURRENT, base);
  setWord(session, Mtu.LIMIT, limit);
  search(session);
}

/** Bytes of UDP payload that a packet may have. */
export function mtu(session: usize): u32 {
  return word(session, Mtu.CURRENT);
}

/** The next size to try; 0: the search is over. */
function candidate(session: usize): u32 {
  const current = word(session, Mtu.CURRENT),
    headers = word(session, Mtu.HEADERS),
    limit = word(session, Mtu.LIMIT),
    tooLarge = word(session, Mtu.TOO_LARGE);
  const second = min(SECOND_IP - headers, limit),
    third = min(THIRD_IP - headers, limit);
  if (current < second && second < tooLarge) return second;
  if (current < third && third < tooLarge) return third;
  if (current < limit && tooLarge > limit) return limit;
  if (tooLarge - current <= RESOLUTION) return 0;
  return (current + tooLarge) >> 1;
}

/** Bytes of UDP payload of the probe that is due now (PING and padding); 0: none is. */
export function mtuProbeSize(session: usize): u32 {
  if (word(session, Mtu.PROBE)) return 0;
  const again = load<u64>(session + Session.MTU, Mtu.AGAIN);
  if (now < again && again != NEVER) return 0;
  if (again != NEVER) search(session);
  const size = candidate(session);
  if (size == 0) store<u64>(session + Session.MTU, now + AGAIN_US, Mtu.AGAIN);
  return size;
}

/** When a search begins again; NEVER while one goes on, whose probes are due at once. */
export function mtuDeadline(session: usize): u64 {
  return load<u64>(session + Session.MTU, Mtu.AGAIN);
}

export function mtuProbeSent(session: usize, size: u32): void {
  setWord(session, Mtu.PROBE, size);
  if (word(session, Mtu.TRIED) == size) return;
  setWord(session, Mtu.TRIED, size);
  setWord(session, Mtu.LOST, 0);
}

export function mtuProbeAcked(session: usize, size: u32): void {
  if (word(session, Mtu.PROBE) == size) setWord(session, Mtu.PROBE, 0);
  // One that comes late, when the path or the search has been begun anew, proves nothing.
  if (word(session, Mtu.TRIED) != size || size >= word(session, Mtu.TOO_LARGE)) return;
  if (size > mtu(session)) setWord(session, Mtu.CURRENT, size);
}

export function mtuProbeLost(session: usize, size: u32): void {
  if (word(session, Mtu.PROBE) != size) return;
  setWord(session, Mtu.PROBE, 0);
  const lost = word(session, Mtu.LOST) + 1;
  setWord(session, Mtu.LOST, lost);
  if (lost < LOSSES_MAX || size <= mtu(session)) return;
  setWord(session, Mtu.TOO_LARGE, size);
  setWord(session, Mtu.LOST, 0);
}

/** Goes back to the size that always passes, and searches again. */
function fallBack(session: usize): void {
  setWord(session, Mtu.CURRENT, word(session, Mtu.BASE));
  search(session);
}

/** The packet with index s was acked. */
export function mtuPacketAcked(session: usize, bytes: u32, s: u64): void {
  if (bytes <= word(session, Mtu.BASE)) return;
  const newest = load<u64>(session + Session.MTU, Mtu.LARGE_ACKED);
  store<u64>(session + Session.MTU, max(newest, s + 1), Mtu.LARGE_ACKED);
  setWord(session, Mtu.LARGE_LOST, 0);
}

/**
 * The packet with index s, no probe, was given up. Three large ones in a row that went after the
 * newest large one that arrived mean a black hole: what exposed them was small.
 */
export function mtuPacketLost(session: usize, bytes: u32, s: u64): void {
  if (bytes <= word(session, Mtu.BASE) || mtu(session) == word(session, Mtu.BASE)) return;
  if (s < load<u64>(session + Session.MTU, Mtu.LARGE_ACKED)) return;
  const lost = word(session, Mtu.LARGE_LOST) + 1;
  setWord(session, Mtu.LARGE_LOST, lost);
  if (lost >= LOSSES_MAX) fallBack(session);
}

/** The third probe timeout in a row: the path may have begun to swallow large packets. */
export function mtuSuspect(session: usize): void {
  if (mtu(session) > word(session, Mtu.BASE)) fallBack(session);
}
