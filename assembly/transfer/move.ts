/**
 * Moves of ours to another far end (section 4.9, section 6 "Migration"). Each is under an index of
 * its own (path-index.ts). One that finds none waits until the peer has answered, or for the next
 * epoch: the rekey is asked for at once where the epoch has no more, else when the peer has had
 * time to answer. If that brings none either, the way that the rekey goes by is dead, most likely:
 * then it is better to be known again than to be lost.
 */
import { PathField } from "../core/transfer";
import { now } from "./clock";
import { Session } from "./layout";
import { probePath, UNKNOWN_PTO_US } from "./path";
import { borrowIndex, indicesUsedUp, leaveIndices, newestIndex, takeIndex } from "./path-index";
import { currentPath, findPath, moveWaits, NO_INDEX, Path, Paths, probedPath } from "./path-slots";
import { makeReady } from "./ready";
import { askRekey } from "./rekey";
import { restartPath } from "./session";
import { Head, Life } from "./session-head";
import { NEVER } from "./timer-wheel";

/** How often the time of a move that waits is over before it does without an index of its own. */
const TRIES_MAX: u32 = 3;

/** Paths.WAITS, but for 0. */
const enum Wait {
  /** For another way, while all goes on by the one that is there. */
  THERE = 1,
  /** We have another address already. */
  HERE = 2,
}

/** Moves to the PathField at `far`, now or as soon as there is an index. False: a move is on. */
export function migrateTo(session: usize, far: usize): bool {
  if (probedPath(session) || moveWaits(session)) return false;
  // The peer knows us by the address it called, wherever it is itself.
  store<u16>(far, load<u16>(currentPath(session), Path.FAR + PathField.LOCAL), PathField.LOCAL);
  // If the peer is where it was, it is we who are elsewhere.
  const here = findPath(session, far) == currentPath(session),
    index = here ? borrowIndex(session) : takeIndex(session);
  if (index == NO_INDEX) wait(session, far, here ? Wait.HERE : Wait.THERE);
  else begin(session, far, index, here);
  makeReady(session);
  return true;
}

function begin(session: usize, far: usize, index: u32, here: bool): void {
  if (here) leaveIndices(session, index);
  if (!probePath(session, far, index)) restartPath(session, true);
}

/**
 * Does nothing go, since all that there is to show was shown from the address that we have left?
 * For the time in which what the peer has sent there may bring a new index. Then all goes, for a
 * session that says nothing ends.
 */
export function isHeld(session: usize): bool {
  const paths = session + Session.PATHS;
  if (load<u8>(paths, Paths.WAITS) != Wait.HERE || load<u8>(paths, Paths.TRIES)) return false;
  return load<u8>(session, Head.LIFE) == Life.OPEN && !indicesUsedUp(session);
}

function wait(session: usize, far: usize, how: Wait): void {
  const paths = session + Session.PATHS;
  memory.copy(paths + Paths.WANTED, far, PathField.BYTES);
  store<u8>(paths, how, Paths.WAITS);
  store<u8>(paths, 0, Paths.TRIES);
  store<u64>(paths, now + UNKNOWN_PTO_US, Paths.WAITS_UNTIL);
}

/** Before a session sends: the move that waits begins, if there is an index for it. */
export function resumeMove(session: usize): void {
  if (!moveWaits(session) || load<u8>(session, Head.LIFE) != Life.OPEN) return;
  const paths = session + Session.PATHS,
    here = load<u8>(paths, Paths.WAITS) == Wait.HERE,
    tries: u32 = load<u8>(paths, Paths.TRIES),
    last = tries >= TRIES_MAX;
  let index = here || last ? borrowIndex(session) : takeIndex(session);
  if (index == NO_INDEX && !last) {
    if (tries || indicesUsedUp(session)) askRekey(session);
    return;
  }
  if (index == NO_INDEX) index = newestIndex(session);
  store<u8>(paths, 0, Paths.WAITS);
  begin(session, paths + Paths.WANTED, index, here);
}

/** When a move has waited for long. */
export function moveDeadline(session: usize): u64 {
  return moveWaits(session) ? load<u64>(session, Session.PATHS + Paths.WAITS_UNTIL) : NEVER;
}

/** What follows, resumeMove() does. */
export function onMoveTimer(session: usize): void {
  const paths = session + Session.PATHS,
    tries: u32 = load<u8>(paths, Paths.TRIES) + 1;
  store<u8>(paths, tries, Paths.TRIES);
  store<u64>(paths, now + (UNKNOWN_PTO_US << tries), Paths.WAITS_UNTIL);
}
