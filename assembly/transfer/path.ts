/**
 * The ways to the peer (section 4.9, section 6 "Migration", RFC 9000 section 9). A session sends on
 * its current path. The peer moves by sending from elsewhere, with the newest packet that is more
 * than a probe: that path becomes the current one at once, gets three times what came from it until
 * it has answered a challenge, and gives way to the one before if it does not. We move by probing
 * the new path first.
 *
 * Four slots are enough: the current path, the one before, one that we probe, one that only asked.
 */
import { PathField } from "../core/transfer";
import { now } from "./clock";
import { Session } from "./layout";
import { NEVER } from "./timer-wheel";

/** Session.PATHS. */
const enum Paths {
  /** Numbers of slots, from 1; 0: none. u8 each. */
  CURRENT = 0,
  BEFORE = 1,
  PROBED = 2,
  /** The one that failed last. */
  FAILED = 3,
  /** Epoch << 32 | number of the newest packet that was more than a probe, plus 1. u64. */
  NEWEST = 8,
  SLOTS = 32,
}

/** A slot. */
export const enum Path {
  /** PathField. */
  FAR = 0,
  /** The CID's index (4.9) that packets to here carry. u32. */
  INDEX = 24,
  /** A PathState, u8. */
  STATE = 28,
  /** Challenges sent, u8; 1: one is due; 1: a response is due; 1: we began. */
  CHALLENGES = 29,
  CHALLENGE_DUE = 30,
  RESPONSE_DUE = 31,
  /** Bytes that came from here and went there, u64. */
  RECEIVED = 32,
  SENT = 40,
  /** When the newest challenge counts as unanswered, u64. */
  DEADLINE = 48,
  /** The three challenges, 8 bytes each. */
  CHALLENGE = 56,
  RESPONSE = 80,
  /** UDP payload of the challenge that is answered: the response is as large. u32. */
  RESPONSE_BYTES = 88,
  /** 1: ours to probe, so that nobody is flooded by a forged address. u8. */
  OURS = 92,
  BYTES = 96,
}

export const enum PathState {
  NONE = 0,
  /** Something came from here; nothing more is known. */
  SEEN = 1,
  VALIDATING = 2,
  VALID = 3,
}

const SLOTS: u32 = 4;
const CHALLENGES_MAX: u32 = 3;
/** UDP payload of a challenge: what every path has to carry. */
const CHALLENGE_BYTES: u32 = 1200;

function pathAt(session: usize, slot: u32): usize {
  return session + Session.PATHS + Paths.SLOTS + <usize>(slot - 1) * Path.BYTES;
}

function slotOf(session: usize, path: usize): u32 {
  return <u32>((path - session - Session.PATHS - Paths.SLOTS) / Path.BYTES) + 1;
}

function part(session: usize, which: Paths): usize {
  const slot = load<u8>(session + Session.PATHS + <usize>which);
  return slot ? pathAt(session, slot) : 0;
}

function setPart(session: usize, which: Paths, path: usize): void {
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

/** The first path, to the PathField at `far`: the handshake has validated it. */
export function startPaths(session: usize, far: usize): void {
  const path = pathAt(session, 1);
  memory.copy(path + Path.FAR, far, PathField.BYTES);
  store<u8>(path, PathState.VALID, Path.STATE);
  setPart(session, Paths.CURRENT, path);
}

/** A slot that is none of the three that count. */
function freePath(session: usize): usize {
  for (let slot: u32 = 1; slot < SLOTS; slot++) {
    const path = pathAt(session, slot);
    if (path == part(session, Paths.CURRENT) || path == part(session, Paths.BEFORE)) continue;
    if (path != part(session, Paths.PROBED)) return path;
  }
  return pathAt(session, SLOTS);
}

function newPath(session: usize, far: usize): usize {
  const path = freePath(session);
  memory.fill(path, 0, Path.BYTES);
  memory.copy(path + Path.FAR, far, PathField.BYTES);
  store<u8>(path, PathState.SEEN, Path.STATE);
  return path;
}

function findPath(session: usize, far: usize): usize {
  for (let slot: u32 = 1; slot <= SLOTS; slot++) {
    const path = pathAt(session, slot);
    if (load<u8>(path, Path.STATE) && sameFar(path + Path.FAR, far)) return path;
  }
  return 0;
}

/**
 * A valid packet of the send epoch or the one before came from the PathField at `far`, whose CID
 * had this index. Returns its path.
 */
export function packetCameFrom(session: usize, far: usize, index: u32, bytes: u32): usize {
  let path = findPath(session, far);
  if (!path) path = newPath(session, far);
  store<u64>(path, load<u64>(path, Path.RECEIVED) + bytes, Path.RECEIVED);
  // Never back: packets that were under way when we moved carry the index from before.
  if (index > load<u32>(path, Path.INDEX)) store<u32>(path, index, Path.INDEX);
  return path;
}

/** A rekey begins the indices anew. */
export function resetPathIndices(session: usize): void {
  for (let slot: u32 = 1; slot <= SLOTS; slot++) store<u32>(pathAt(session, slot), 0, Path.INDEX);
}

function challenge(path: usize): void {
  store<u8>(path, PathState.VALIDATING, Path.STATE);
  store<u8>(path, 0, Path.CHALLENGES);
  store<u8>(path, 1, Path.CHALLENGE_DUE);
  store<u64>(path, NEVER, Path.DEADLINE);
}

/** Do two far ends differ in more than the port? Then the way is another, and nothing is known. */
function otherWay(a: usize, b: usize): bool {
  if (v128.any_true(v128.xor(v128.load(a + Path.FAR), v128.load(b + Path.FAR)))) return true;
  return load<u32>(a, Path.FAR + PathField.HANDLE) != load<u32>(b, Path.FAR + PathField.HANDLE);
}

/**
 * A packet that is more than a probe came by `path`. If it is the newest, the session follows.
 * Returns what recovery has to forget: 0 nothing, 1 the size of the path, 2 all of it.
 */
export function follow(session: usize, path: usize, epoch: u32, n: u32): u32 {
  const order = (((<u64>epoch) << 32) | n) + 1,
    newest = session + Session.PATHS + Paths.NEWEST;
  if (order <= load<u64>(newest)) return 0;
  store<u64>(newest, order);
  const from = currentPath(session);
  if (path == from) return 0;
  const ours = path == probedPath(session);
  if (ours && load<u8>(path, Path.STATE) != PathState.VALID) return 0;
  return moveTo(session, path);
}

/** Makes a path the current one. Returns what follow() returns. */
function moveTo(session: usize, path: usize): u32 {
  const from = currentPath(session);
  if (path == probedPath(session)) setPart(session, Paths.PROBED, 0);
  // One that was never validated is nothing to come back to.
  if (load<u8>(from, Path.STATE) == PathState.VALID) setPart(session, Paths.BEFORE, from);
  if (path == part(session, Paths.BEFORE)) setPart(session, Paths.BEFORE, 0);
  setPart(session, Paths.CURRENT, path);
  const before = part(session, Paths.BEFORE);
  if (load<u8>(path, Path.STATE) != PathState.VALID) {
    challenge(path);
    // Whoever forged the address may sit on the path: the owner of the old one shall say.
    if (before) store<u8>(before, 1, Path.CHALLENGE_DUE);
  }
  return otherWay(from, path) ? 2 : 1;
}

/** The challenge at `data` (8 bytes) came by `path` in a packet of so many bytes. */
export function onChallenge(path: usize, data: usize, bytes: u32): void {
  store<u64>(path, load<u64>(data), Path.RESPONSE);
  store<u32>(path, bytes, Path.RESPONSE_BYTES);
  store<u8>(path, 1, Path.RESPONSE_DUE);
}

/** What a response has settled. */
export const enum Answered {
  NOTHING = 0,
  /** The current path is validated. */
  CURRENT = 1,
  /** The path that we probed is, and is the current one now. */
  MOVED = 2,
  /** The same, but only the port is another. */
  MOVED_PORT = 3,
}

/** A response came, by whatever path: the data tells which challenge it answers. */
export function onResponse(session: usize, data: usize): Answered {
  for (let slot: u32 = 1; slot <= SLOTS; slot++) {
    const path = pathAt(session, slot);
    if (load<u8>(path, Path.STATE) != PathState.VALIDATING || !answers(path, data)) continue;
    store<u8>(path, PathState.VALID, Path.STATE);
    store<u8>(path, 0, Path.CHALLENGE_DUE);
    store<u64>(path, NEVER, Path.DEADLINE);
    if (path == currentPath(session)) {
      setPart(session, Paths.BEFORE, 0);
      return Answered.CURRENT;
    }
    if (path != probedPath(session)) return Answered.NOTHING;
    return moveTo(session, path) == 2 ? Answered.MOVED : Answered.MOVED_PORT;
  }
  return Answered.NOTHING;
}

function answers(path: usize, data: usize): bool {
  const sent = min<u32>(load<u8>(path, Path.CHALLENGES), CHALLENGES_MAX);
  for (let i: u32 = 0; i < sent; i++) {
    if (load<u64>(path + ((<usize>i) << 3), Path.CHALLENGE) == load<u64>(data)) return true;
  }
  return false;
}

/**
 * Begins to probe the path to the PathField at `far`, under the CID of this index. False: it is the
 * current one, which then only changes its CID, or another is being probed.
 */
export function probePath(session: usize, far: usize, index: u32): bool {
  if (probedPath(session)) return false;
  let path = findPath(session, far);
  if (!path) path = newPath(session, far);
  store<u32>(path, index, Path.INDEX);
  store<u8>(path, 1, Path.OURS);
  challenge(path);
  if (path == currentPath(session)) return false;
  setPart(session, Paths.PROBED, path);
  return true;
}

/** A path with a challenge or a response due, that may have `bytes` sent to it; 0: none. */
export function pathDue(session: usize): usize {
  for (let slot: u32 = 1; slot <= SLOTS; slot++) {
    const path = pathAt(session, slot);
    if (!load<u8>(path, Path.STATE)) continue;
    const due = load<u8>(path, Path.CHALLENGE_DUE) | load<u8>(path, Path.RESPONSE_DUE);
    if (due && allowance(path) >= pathFrameBytes(path)) return path;
  }
  return 0;
}

/** The UDP payload that the path's next frame makes, as large as it may be. */
export function pathFrameBytes(path: usize): u32 {
  if (load<u8>(path, Path.RESPONSE_DUE)) return load<u32>(path, Path.RESPONSE_BYTES);
  return min(CHALLENGE_BYTES, max(allowance(path), 60));
}

/** Takes the response or, else, a challenge, of which `fresh` are the 8 bytes. */
export function takePathFrame(path: usize, fresh: u64, ptoUs: u64): u64 {
  if (load<u8>(path, Path.RESPONSE_DUE)) {
    store<u8>(path, 0, Path.RESPONSE_DUE);
    return load<u64>(path, Path.RESPONSE);
  }
  const sent = load<u8>(path, Path.CHALLENGES);
  store<u8>(path, 0, Path.CHALLENGE_DUE);
  if (load<u8>(path, Path.STATE) != PathState.VALIDATING) return fresh;
  store<u64>(path + ((<usize>(sent % CHALLENGES_MAX)) << 3), fresh, Path.CHALLENGE);
  store<u8>(path, sent + 1, Path.CHALLENGES);
  store<u64>(path, now + ptoUs, Path.DEADLINE);
  return fresh;
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

/** When onPathTimer() has something to do. */
export function pathDeadline(session: usize): u64 {
  let first = NEVER;
  for (let slot: u32 = 1; slot <= SLOTS; slot++) {
    const path = pathAt(session, slot);
    if (load<u8>(path, Path.STATE) != PathState.VALIDATING) continue;
    first = min(first, load<u64>(path, Path.DEADLINE));
  }
  return first;
}

/**
 * Sends the next challenge where one was not answered, and after three gives the path up. Returns
 * the path that failed, current or probed; 0: none did. The current one gives way to the one
 * before.
 */
export function onPathTimer(session: usize): usize {
  let failed: usize = 0;
  for (let slot: u32 = 1; slot <= SLOTS; slot++) {
    const path = pathAt(session, slot);
    if (load<u8>(path, Path.STATE) != PathState.VALIDATING) continue;
    if (load<u64>(path, Path.DEADLINE) > now) continue;
    store<u64>(path, NEVER, Path.DEADLINE);
    if (load<u8>(path, Path.CHALLENGES) < CHALLENGES_MAX) {
      store<u8>(path, 1, Path.CHALLENGE_DUE);
      continue;
    }
    if (giveUp(session, path)) failed = path;
  }
  return failed;
}

/** Three challenges went unanswered. False: the path stays, for want of another. */
function giveUp(session: usize, path: usize): bool {
  if (path == currentPath(session)) {
    const before = part(session, Paths.BEFORE);
    if (!before) {
      challenge(path);
      return false;
    }
    setPart(session, Paths.CURRENT, before);
    setPart(session, Paths.BEFORE, 0);
  }
  if (path == probedPath(session)) setPart(session, Paths.PROBED, 0);
  store<u8>(path, PathState.SEEN, Path.STATE);
  setPart(session, Paths.FAILED, path);
  return true;
}

/** Is the session on its way from one path to another? */
export function isMigrating(session: usize): bool {
  if (probedPath(session)) return true;
  return load<u8>(currentPath(session), Path.STATE) == PathState.VALIDATING;
}
