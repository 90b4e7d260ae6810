/**
 * What is kept of the ways to the peer (Session.PATHS): four slots, between which path.ts moves,
 * and what may go to each.
 */
import { PathField } from "../core/transfer";
import { Session } from "./layout";

/** Session.PATHS. */
export const enum Paths {
  /** Numbers of slots, from 1; 0: none. u8 each. */
  CURRENT = 0,
  BEFORE = 1,
  PROBED = 2,
  /** The one that failed last. */
  FAILED = 3,
  /** move.ts: a Wait: a move to WANTED waits for an index; how often its time was over. u8 each. */
  WAITS = 4,
  TRIES = 5,
  /** Path indices below are of packets to an address that we have left. u8. */
  LEAST = 6,
  /** Epoch << 32 | number of the newest packet that was more than a probe, plus 1. u64. */
  NEWEST = 8,
  /** When the time of the move that waits is over. u64. */
  WAITS_UNTIL = 16,
  /** Until when the peer may not have heard that we have moved. u64. */
  UNHEARD_UNTIL = 24,
  SLOTS = 32,
  /** A PathField. */
  WANTED = 416,
}

/** A slot. */
export const enum Path {
  /** PathField. */
  FAR = 0,
  /** The CID's index (4.9) that packets to here carry, or NO_INDEX. u16. */
  INDEX = 24,
  /** The same of the epoch before, also of what came from here. u16. */
  INDEX_BEFORE = 26,
  /** A PathState, u8. */
  STATE = 28,
  /** Challenges sent, u8; 1: one is due; 1: a response is due, 2: it was asked for again. */
  CHALLENGES = 29,
  CHALLENGE_DUE = 30,
  RESPONSE_DUE = 31,
  /** Bytes that came from here and went there, u64. */
  RECEIVED = 32,
  SENT = 40,
  /** When the newest attempt counts as failed, whether its challenge could go or not. u64. */
  DEADLINE = 48,
  /** The three challenges, 8 bytes each. */
  CHALLENGE = 56,
  RESPONSE = 80,
  /** UDP payload of the challenge that is answered: the response is as large. u32. */
  RESPONSE_BYTES = 88,
  /** 1: ours to probe, so that nobody is flooded by a forged address. u8. */
  OURS = 92,
  /** Attempts that failed, at most TRIES_MAX, u8. */
  TRIES = 93,
  /** Of the path before: 1: it has answered since we left it. u8. */
  ANSWERED = 94,
  /** 1: nothing is known of the way, not even how long it takes. u8. */
  UNKNOWN = 95,
  BYTES = 96,
}

export const enum PathState {
  NONE = 0,
  /** Something came from here; nothing more is known. */
  SEEN = 1,
  VALIDATING = 2,
  VALID = 3,
}

export const SLOTS: u32 = 4;

/** A path that no CID of the epoch has been shown on. */
export const NO_INDEX: u32 = 0x100;

export function pathAt(session: usize, slot: u32): usize {
  return session + Session.PATHS + Paths.SLOTS + <usize>(slot - 1) * Path.BYTES;
}

function slotOf(session: usize, path: usize): u32 {
  return <u32>((path - session - Session.PATHS - Paths.SLOTS) / Path.BYTES) + 1;
}

export function part(session: usize, which: Paths): usize {
  const slot = load<u8>(session + Session.PATHS + <usize>which);
  return slot ? pathAt(session, slot) : 0;
}

export function setPart(session: usize, which: Paths, path: usize): void {
  store<u8>(session + Session.PATHS + <usize>which, path ? slotOf(session, path) : 0);
}

/** The path that everything but PATH_* goes by. */
export function currentPath(session: usize): usize {
  return part(session, Paths.CURRENT);
}

/** The path that gave no answer; it is not known for long. */
export function failedPath(session: usize): usize {
  return part(session, Paths.FAILED);
}

export function probedPath(session: usize): usize {
  return part(session, Paths.PROBED);
}

function sameFar(a: usize, b: usize): bool {
  const difference = v128.xor(v128.load(a), v128.load(b));
  return !v128.any_true(difference) && load<u64>(a, 16) == load<u64>(b, 16);
}

/** Is it the same place, whichever of our addresses its packets came to? */
export function samePlace(a: usize, b: usize): bool {
  if (v128.any_true(v128.xor(v128.load(a), v128.load(b)))) return false;
  if (load<u16>(a, PathField.PORT) != load<u16>(b, PathField.PORT)) return false;
  return load<u32>(a, PathField.HANDLE) == load<u32>(b, PathField.HANDLE);
}

/** The first path, to the PathField at `far`: the handshake has validated it. */
export function startPaths(session: usize, far: usize): void {
  const path = pathAt(session, 1);
  memory.copy(path + Path.FAR, far, PathField.BYTES);
  store<u16>(path, NO_INDEX, Path.INDEX_BEFORE);
  store<u8>(path, PathState.VALID, Path.STATE);
  setPart(session, Paths.CURRENT, path);
}

/** A slot that is none of the three that count. */
function freePath(session: usize): usize {
  for (let slot: u32 = 1; slot < SLOTS; slot++) {
    const path = pathAt(session, slot);
    if (!isInUse(session, path)) return path;
  }
  return pathAt(session, SLOTS);
}

export function newPath(session: usize, far: usize): usize {
  const path = freePath(session);
  memory.fill(path, 0, Path.BYTES);
  memory.copy(path + Path.FAR, far, PathField.BYTES);
  store<u16>(path, NO_INDEX, Path.INDEX);
  store<u16>(path, NO_INDEX, Path.INDEX_BEFORE);
  store<u8>(path, PathState.SEEN, Path.STATE);
  return path;
}

export function findPath(session: usize, far: usize): usize {
  for (let slot: u32 = 1; slot <= SLOTS; slot++) {
    const path = pathAt(session, slot);
    if (load<u8>(path, Path.STATE) && sameFar(path + Path.FAR, far)) return path;
  }
  return 0;
}

/**
 * A valid packet came from the PathField at `far`, whose CID had this index in the send epoch, or
 * NO_INDEX if it was of the one before. Returns its path.
 */
export function packetCameFrom(session: usize, far: usize, index: u32, bytes: u32): usize {
  let path = findPath(session, far);
  if (!path) path = newPath(session, far);
  store<u64>(path, load<u64>(path, Path.RECEIVED) + bytes, Path.RECEIVED);
  // Never back: packets that were under way when we moved carry the index from before.
  if (index >= NO_INDEX || index < load<u8>(session, Session.PATHS + Paths.LEAST)) return path;
  if (!isElsewhere(session)) raiseIndex(path + Path.INDEX, index);
  return path;
}

/** The same of a packet of the epoch before: its index there. */
export function cameBefore(path: usize, index: u32): void {
  raiseIndex(path + Path.INDEX_BEFORE, index);
}

function raiseIndex(at: usize, index: u32): void {
  const has: u32 = load<u16>(at);
  if (has >= NO_INDEX || index > has) store<u16>(at, index);
}

/**
 * Have we another address, at which the peer has not answered yet? Whatever comes was sent to the
 * one before, and may have shown its CID there.
 */
export function isElsewhere(session: usize): bool {
  const current = currentPath(session);
  return load<u8>(current, Path.STATE) == PathState.VALIDATING && load<u8>(current, Path.OURS) != 0;
}

/** Do we send to it of our own accord: is it the current one, the one before or a probed one? */
export function isInUse(session: usize, path: usize): bool {
  if (path == currentPath(session) || path == part(session, Paths.BEFORE)) return true;
  return path == probedPath(session);
}

/** Does a move wait for an index? */
export function moveWaits(session: usize): bool {
  return load<u8>(session, Session.PATHS + Paths.WAITS) != 0;
}

/** Bytes that may go to a path now: three times what came, until it has answered. */
export function allowance(path: usize): u32 {
  if (load<u8>(path, Path.STATE) == PathState.VALID || load<u8>(path, Path.OURS)) {
    return u32.MAX_VALUE;
  }
  const most = 3 * load<u64>(path, Path.RECEIVED),
    sent = load<u64>(path, Path.SENT);
  return most > sent ? <u32>min<u64>(most - sent, u32.MAX_VALUE) : 0;
}

export function packetGoesTo(path: usize, bytes: u32): void {
  store<u64>(path, load<u64>(path, Path.SENT) + bytes, Path.SENT);
}
