/**
 * The ways to the peer (section 4.9, section 6 "Migration", RFC 9000 section 9). A session sends on
 * its current path. The peer moves by sending from elsewhere, with the newest packet that is more
 * than a probe: that path becomes the current one at once, gets three times what came from it until
 * it has answered a challenge, and gives way to the one before if it does not and that one does. We
 * move by probing the new path first.
 *
 * A challenge that may not go, for want of what came from there, costs time like one that was lost:
 * the next attempt has its time in any case, so that nothing waits for a deadline that never comes.
 *
 * Four slots are enough: the current path, the one before, one that we probe, one that only asked.
 */
import { PathField } from "../core/transfer";
import { now } from "./clock";
import { sendingEpoch } from "./epoch";
import { Session } from "./layout";
import { giveIndex, hasIndex, isUnanswered, keepIndex, sharesIndex } from "./path-index";
import {
  allowance,
  currentPath,
  findPath,
  isInUse,
  moveWaits,
  NO_INDEX,
  newPath,
  Path,
  PathState,
  Paths,
  part,
  pathAt,
  probedPath,
  SLOTS,
  setPart,
} from "./path-slots";
import { ptoUs } from "./rtt";
import { NEVER } from "./timer-wheel";

/** Challenges of a path that are remembered, and attempts before it is given up. */
const CHALLENGES_MAX: u32 = 3;
/** Attempts beyond these are no further apart. */
const TRIES_MAX: u32 = 8;
/** UDP payload of a challenge: what every path has to carry, and what one takes at least. */
const CHALLENGE_BYTES: u32 = 1200;
const CHALLENGE_LEAST: u32 = 60;
/** Time of an attempt on a way of which nothing is known: PTO of 100 ms (RFC 9000 8.2.4). */
export const UNKNOWN_PTO_US: u64 = 325000;
/** Probe timeouts for which the peer may not have heard that we moved. */
const UNHEARD_TIMEOUTS: u64 = 3;
const ATTEMPT_MAX_US: u64 = 5000000;

/** Begins to validate a path; `unknown`: more than the port is another. */
function challenge(session: usize, path: usize, unknown: bool): void {
  store<u8>(path, PathState.VALIDATING, Path.STATE);
  store<u8>(path, u8(unknown), Path.UNKNOWN);
  store<u8>(path, 0, Path.TRIES);
  store<u64>(path, now + attemptUs(session, path), Path.DEADLINE);
  ask(path);
}

/** Asks a path from the start: answers to earlier challenges count no more. */
function ask(path: usize): void {
  store<u8>(path, 0, Path.CHALLENGES);
  store<u8>(path, 0, Path.ANSWERED);
  store<u8>(path, 1, Path.CHALLENGE_DUE);
}

/** How long an attempt has: a probe timeout, doubled for each that failed. */
function attemptUs(session: usize, path: usize): u64 {
  const known = ptoUs(session, false),
    once = load<u8>(path, Path.UNKNOWN) ? max(known, UNKNOWN_PTO_US) : known;
  return max(once, min(once << load<u8>(path, Path.TRIES), ATTEMPT_MAX_US));
}

/** Do two paths differ in more than the port? Then the way is another, and nothing is known. */
function otherWay(a: usize, b: usize): bool {
  if (v128.any_true(v128.xor(v128.load(a + Path.FAR), v128.load(b + Path.FAR)))) return true;
  if (load<u16>(a, Path.FAR + PathField.LOCAL) != load<u16>(b, Path.FAR + PathField.LOCAL)) {
    return true;
  }
  return load<u32>(a, Path.FAR + PathField.HANDLE) != load<u32>(b, Path.FAR + PathField.HANDLE);
}

/** A packet that is more than a probe came: is it the newest, by which the session goes? */
export function isNewest(session: usize, epoch: u32, n: u32): bool {
  const order = (((<u64>epoch) << 32) | n) + 1,
    newest = session + Session.PATHS + Paths.NEWEST;
  if (order <= load<u64>(newest)) return false;
  store<u64>(newest, order);
  return true;
}

/**
 * The newest packet came by `path`: the session follows. Returns what recovery has to forget: 0
 * nothing, 1 the size of the path, 2 all of it.
 */
export function follow(session: usize, path: usize): u32 {
  const from = currentPath(session);
  if (path == from) return 0;
  const ours = path == probedPath(session);
  if (ours && load<u8>(path, Path.STATE) != PathState.VALID) return 0;
  return moveTo(session, path);
}

/**
 * Was a packet with this index of an epoch sent before its sender heard that we have moved? Then it
 * does not take us back. For so long that the peer has heard of it, if the new path is what it
 * seemed to be.
 */
export function isBehind(session: usize, epoch: u32, index: u32): bool {
  const current = currentPath(session),
    has: u32 = load<u16>(current, Path.INDEX),
    // Of an epoch in which nothing has come by the current path: 0 is where the peer was before.
    ours: u32 = has < NO_INDEX ? has : 1,
    // If we moved in this epoch, all of the one before is behind.
    before: u32 = load<u16>(current, Path.INDEX_BEFORE),
    least = epoch == sendingEpoch(session) ? ours : before;
  if (index >= least) return false;
  return now < load<u64>(session, Session.PATHS + Paths.UNHEARD_UNTIL);
}

/** Makes a path the current one. Returns what follow() returns. */
function moveTo(session: usize, path: usize): u32 {
  const from = currentPath(session);
  if (path == probedPath(session)) setPart(session, Paths.PROBED, 0);
  // One that was never validated is nothing to come back to.
  if (load<u8>(from, Path.STATE) == PathState.VALID) setPart(session, Paths.BEFORE, from);
  if (path == part(session, Paths.BEFORE)) setPart(session, Paths.BEFORE, 0);
  setPart(session, Paths.CURRENT, path);
  askNoMore(session);
  const before = part(session, Paths.BEFORE);
  if (load<u8>(path, Path.STATE) != PathState.VALID) {
    challenge(session, path, otherWay(from, path));
    // Whoever forged the address may sit on the path: the owner of the old one shall say.
    if (before) ask(before);
  }
  return otherWay(from, path) ? 2 : 1;
}

/**
 * Paths that nothing depends on any more are not asked: the peer has left them, most likely, and
 * each of them would take an index that nobody hears of. One that it comes back to is asked anew.
 */
function askNoMore(session: usize): void {
  for (let slot: u32 = 1; slot <= SLOTS; slot++) {
    const path = pathAt(session, slot);
    if (isInUse(session, path)) continue;
    store<u8>(path, 0, Path.CHALLENGE_DUE);
    if (load<u8>(path, Path.STATE) == PathState.VALIDATING) {
      store<u8>(path, PathState.SEEN, Path.STATE);
    }
  }
}

/** The challenge at `data` (8 bytes) came by `path` in a packet of so many bytes. */
export function onChallenge(path: usize, data: usize, bytes: u32): void {
  store<u64>(path, load<u64>(data), Path.RESPONSE);
  store<u32>(path, bytes, Path.RESPONSE_BYTES);
  store<u8>(path, min<u8>(load<u8>(path, Path.RESPONSE_DUE) + 1, 2), Path.RESPONSE_DUE);
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
    if (!answers(path, data)) continue;
    if (path == part(session, Paths.BEFORE)) oldAnswers(session, path);
    if (load<u8>(path, Path.STATE) != PathState.VALIDATING) continue;
    store<u8>(path, PathState.VALID, Path.STATE);
    store<u8>(path, 0, Path.CHALLENGE_DUE);
    store<u64>(path, NEVER, Path.DEADLINE);
    if (path == currentPath(session)) {
      const before = part(session, Paths.BEFORE);
      if (before) store<u8>(before, 0, Path.CHALLENGE_DUE);
      setPart(session, Paths.BEFORE, 0);
      return Answered.CURRENT;
    }
    if (path != probedPath(session)) return Answered.NOTHING;
    const unheard = UNHEARD_TIMEOUTS * max(ptoUs(session, false), UNKNOWN_PTO_US);
    store<u64>(session, now + unheard, Session.PATHS + Paths.UNHEARD_UNTIL);
    return moveTo(session, path) == 2 ? Answered.MOVED : Answered.MOVED_PORT;
  }
  return Answered.NOTHING;
}

/** The path before still leads to the peer: it waits for the current one to fail. */
function oldAnswers(session: usize, path: usize): void {
  const current = currentPath(session);
  store<u8>(path, 1, Path.ANSWERED);
  store<u8>(path, 0, Path.CHALLENGE_DUE);
  if (load<u8>(current, Path.TRIES) >= CHALLENGES_MAX) store<u64>(current, now, Path.DEADLINE);
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
  store<u16>(path, index, Path.INDEX);
  store<u8>(path, 1, Path.OURS);
  challenge(session, path, true);
  if (path == currentPath(session)) return false;
  setPart(session, Paths.PROBED, path);
  return true;
}

/** A path with a challenge or a response due that may be sent to it; 0: none. */
export function pathDue(session: usize): usize {
  for (let slot: u32 = 1; slot <= SLOTS; slot++) {
    const path = pathAt(session, slot);
    if (load<u8>(path, Path.STATE) && pathFrameBytes(path) && hasCid(session, path)) return path;
  }
  return 0;
}

/**
 * What goes waits for a CID of its own. One that is neither the current path's nor a probed one's
 * is seldom heard of, and might be missing when we move: so it is taken late, for a challenge when
 * the current path has not answered, for a response when it was asked for again. It goes without,
 * if the peer has not heard of the epoch yet: that may be the only way that is left.
 */
function hasCid(session: usize, path: usize): bool {
  if (hasIndex(session, path) || sharesIndex(session, path)) return true;
  if (path == currentPath(session) || path == probedPath(session)) return giveIndex(session, path);
  if (!isResponse(path)) {
    const late = load<u8>(currentPath(session), Path.TRIES) >= CHALLENGES_MAX - 1;
    return late && giveIndex(session, path);
  }
  if (load<u8>(path, Path.RESPONSE_DUE) < 2) return false;
  if (!giveIndex(session, path) && !isUnanswered(session)) return false;
  keepIndex(session, path);
  return true;
}

/** Is the path's next frame a response? One that may not go does not keep a challenge back. */
export function isResponse(path: usize): bool {
  if (!load<u8>(path, Path.RESPONSE_DUE)) return false;
  return allowance(path) >= load<u32>(path, Path.RESPONSE_BYTES);
}

/**
 * The UDP payload that the path's next frame makes; 0: none is due, or none may go. A challenge is
 * as large as every path has to carry if that leaves enough for those that follow it, else as small
 * as can be (RFC 9000 section 8.2.1): one that took all there is could never be repeated.
 */
export function pathFrameBytes(path: usize): u32 {
  if (isResponse(path)) return load<u32>(path, Path.RESPONSE_BYTES);
  const most = allowance(path);
  if (!load<u8>(path, Path.CHALLENGE_DUE) || most < CHALLENGE_LEAST) return 0;
  const repeats = max(keptForChallenges(path), CHALLENGE_LEAST) - CHALLENGE_LEAST;
  return most >= CHALLENGE_BYTES + repeats ? CHALLENGE_BYTES : CHALLENGE_LEAST;
}

/** Bytes of the allowance that challenges may still want; one of them at least. */
function keptForChallenges(path: usize): u32 {
  if (load<u8>(path, Path.STATE) != PathState.VALIDATING || load<u8>(path, Path.OURS)) return 0;
  const sent = load<u8>(path, Path.CHALLENGES);
  return CHALLENGE_LEAST * (sent < CHALLENGES_MAX ? CHALLENGES_MAX - sent : 1);
}

/** Bytes that may go to a path now and are neither challenge nor response. */
export function spareAllowance(path: usize): u32 {
  const most = allowance(path),
    kept = keptForChallenges(path);
  return most > kept ? most - kept : 0;
}

/** Takes the response or, else, a challenge, of which `fresh` are the 8 bytes. */
export function takePathFrame(session: usize, path: usize, fresh: u64): u64 {
  if (isResponse(path)) {
    store<u8>(path, 0, Path.RESPONSE_DUE);
    return load<u64>(path, Path.RESPONSE);
  }
  const sent: u32 = load<u8>(path, Path.CHALLENGES);
  store<u8>(path, 0, Path.CHALLENGE_DUE);
  store<u64>(path + ((<usize>(sent % CHALLENGES_MAX)) << 3), fresh, Path.CHALLENGE);
  // From the third on all three are remembered, the oldest giving way.
  store<u8>(path, sent + 1 < 2 * CHALLENGES_MAX ? sent + 1 : CHALLENGES_MAX, Path.CHALLENGES);
  if (load<u8>(path, Path.STATE) == PathState.VALIDATING) {
    const answered = now + attemptUs(session, path);
    store<u64>(path, max(load<u64>(path, Path.DEADLINE), answered), Path.DEADLINE);
  }
  return fresh;
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
 * the path that failed, current or probed; 0: none did. The current one gives way to the one before
 * if that has answered meanwhile; otherwise both are asked until the idle time is over.
 */
export function onPathTimer(session: usize): usize {
  let failed: usize = 0;
  for (let slot: u32 = 1; slot <= SLOTS; slot++) {
    const path = pathAt(session, slot);
    if (load<u8>(path, Path.STATE) != PathState.VALIDATING) continue;
    if (load<u64>(path, Path.DEADLINE) > now) continue;
    const tries = min<u32>(load<u8>(path, Path.TRIES) + 1, TRIES_MAX);
    store<u8>(path, tries, Path.TRIES);
    store<u64>(path, now + attemptUs(session, path), Path.DEADLINE);
    if (tries >= CHALLENGES_MAX && giveUp(session, path)) failed = path;
    else askAgain(session, path);
  }
  return failed;
}

function askAgain(session: usize, path: usize): void {
  store<u8>(path, 1, Path.CHALLENGE_DUE);
  const before = part(session, Paths.BEFORE);
  if (path != currentPath(session) || !before) return;
  if (!load<u8>(before, Path.ANSWERED)) store<u8>(before, 1, Path.CHALLENGE_DUE);
}

/** Three challenges went unanswered. False: the path stays, for want of another that answers. */
function giveUp(session: usize, path: usize): bool {
  if (path == currentPath(session)) {
    const before = part(session, Paths.BEFORE);
    if (!before || !load<u8>(before, Path.ANSWERED)) return false;
    setPart(session, Paths.CURRENT, before);
    setPart(session, Paths.BEFORE, 0);
  }
  if (path == probedPath(session)) setPart(session, Paths.PROBED, 0);
  store<u8>(path, PathState.SEEN, Path.STATE);
  store<u8>(path, 0, Path.CHALLENGE_DUE);
  setPart(session, Paths.FAILED, path);
  return true;
}

/** Is the session on its way from one path to another? */
export function isMigrating(session: usize): bool {
  if (probedPath(session) || moveWaits(session)) return true;
  return load<u8>(currentPath(session), Path.STATE) == PathState.VALIDATING;
}
