/**
 * The one deadline of a session: the nearest of all its parts. What has to be sent then is sent by
 * the next transferSend(); here only the time is noticed.
 */

import { CloseError } from "../core/transfer";
import { expireAhead } from "./ahead";
import { now } from "./clock";
import { SessionBit, tell } from "./events";
import { goAwayDeadline } from "./goaway";
import { isHeld, moveDeadline, onMoveTimer } from "./move";
import { mtuDeadline } from "./mtu";
import { LEAST_PACKET } from "./next-packet";
import { onPathTimer, pathDeadline, spareAllowance } from "./path";
import { freeIndex } from "./path-index";
import { currentPath, NO_INDEX } from "./path-slots";
import { makeReady } from "./ready";
import { ackDeadline, ackWanted } from "./received";
import { onRecoveryTimer, recoveryDeadline } from "./recovery";
import { askRekey, oldKeysDeadline, onRekeyTimer, rekeyDeadline } from "./rekey";
import { ptoUs, smoothedUs } from "./rtt";
import {
  closeFor,
  drainsAnew,
  idleDeadline,
  isSpent,
  keepaliveDeadline,
  lifeOf,
  linger,
  restartPath,
  tellGone,
  timeOut,
} from "./session";
import { tellWaiting } from "./session-events";
import { Head, Life } from "./session-head";
import { noteRoundTrip, onStreamTimer, streamDeadline } from "./streams";
import { beginRound, isSooner, NEVER, nextDue, setTimer } from "./timer-wheel";

/** When an event that found no room is tried again, microseconds. */
const EVENTS_AGAIN_US: u64 = 1000;

/** Sets when the session is looked at again; at `paced` at the latest. */
export function setSessionTimer(session: usize, paced: u64): void {
  let first = load<u32>(session, Head.EVENTS) ? now + EVENTS_AGAIN_US : NEVER;
  if (lifeOf(session) != Life.OPEN) {
    const end = isSpent(session) ? now : load<u64>(session, Head.DRAIN_UNTIL);
    setTimer(session, min(min(first, streamDeadline(session)), end));
    return;
  }
  noteRoundTrip(session, smoothedUs(session), ptoUs(session, false));
  first = min(first, min(idleDeadline(session), pathDeadline(session)));
  first = min(first, moveDeadline(session));
  first = min(first, goAwayDeadline(session, ptoUs(session, false)));
  first = min(first, oldKeysDeadline(session));
  if (mayReach(session)) first = min(first, sendingDeadline(session, paced));
  if (first > now) {
    setTimer(session, first);
    return;
  }
  // What is due and still here could not go; what would let it go makes the session ready. Or it is
  // about to be done: whoever calls often must not put that off.
  const again = now + (ptoUs(session, false) >> 2);
  if (!isSooner(session, again)) setTimer(session, again);
}

/** When something that goes by the current path is due. */
function sendingDeadline(session: usize, paced: u64): u64 {
  let first = min(paced, keepaliveDeadline(session));
  first = min(first, min(recoveryDeadline(session), streamDeadline(session)));
  first = min(first, min(rekeyDeadline(session), mtuDeadline(session)));
  return ackWanted(session) ? min(first, ackDeadline(session)) : first;
}

/**
 * May a packet go by the current path? As long as it has not answered, and no more may be sent
 * there than came from it, timers have nothing to wait for (RFC 9002 section 6.2.2.1).
 */
function mayReach(session: usize): bool {
  return !isHeld(session) && spareAllowance(currentPath(session)) >= LEAST_PACKET;
}

/** Does everything that is due by now; keys that were made ahead are of no session's timer. */
export function runTimers(): void {
  expireAhead();
  beginRound();
  for (let session = nextDue(); session; session = nextDue()) onTimer(session);
}

function onTimer(session: usize): void {
  if (lifeOf(session) == Life.OPEN) onTimerOpen(session);
  if (lifeOf(session) != Life.OPEN) {
    if (streamDeadline(session) <= now) onStreamTimer(session);
    const over = isSpent(session) && !drainsAnew(session);
    if (over && !linger(session) && tellGone(session)) return;
  }
  tellWaiting(session);
  makeReady(session);
  setSessionTimer(session, NEVER);
}

function onTimerOpen(session: usize): void {
  if (idleDeadline(session) <= now) {
    timeOut(session);
    return;
  }
  if (goAwayDeadline(session, ptoUs(session, false)) <= now) {
    closeFor(session, CloseError.NONE);
    return;
  }
  if (keepaliveDeadline(session) <= now) store<u8>(session, 1, Head.PING_WANTED);
  if (recoveryDeadline(session) <= now) onRecoveryTimer(session);
  if (streamDeadline(session) <= now) onStreamTimer(session);
  if (pathDeadline(session) <= now) checkPaths(session);
  if (moveDeadline(session) <= now) onMoveTimer(session);
  onRekeyTimer(session);
}

/**
 * A path that failed is told. If it was the current one, what was learnt of it is forgotten, and
 * where the session goes on is told too: a host that has another address moves to there.
 */
function checkPaths(session: usize): void {
  const from = currentPath(session);
  if (!onPathTimer(session)) return;
  tell(session, SessionBit.PATH_FAILED);
  // The next move shall not have to wait for an index.
  if (freeIndex(session) == NO_INDEX) askRekey(session);
  if (currentPath(session) == from) return;
  restartPath(session, true);
  tell(session, SessionBit.MIGRATED);
}
