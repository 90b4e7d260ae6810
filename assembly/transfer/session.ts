/**
 * A session's life (section 5): opened with what the handshake gave, closed by either side or by
 * time, drained for 3 PTO (4.11), wiped. Rekeys and migration are machines of their own, so that
 * data goes on meanwhile; sessionState() tells them to the host as the one state the seed has.
 */

import { TRANSFER_PACKET_BYTES_MAX, TRANSFER_PACKET_BYTES_MIN } from "../core/limits";
import { TRANSFER } from "../core/memory";
import {
  ClosedBy,
  CloseError,
  OpenArgument,
  PathField,
  SessionState,
  TransferBlock,
} from "../core/transfer";
import { Pool, poolHead } from "../core/transfer-memory";
import { wipe } from "../crypto/wipe";
import { now } from "./clock";
import { setRekeyLimits, startEpochs, wipeEpochs } from "./epoch";
import { SessionBit, tell } from "./events";
import { dropMessages, EVENT_PAYLOAD_MAX, keepBytes, releaseBytes } from "./messages";
import { startMtu } from "./mtu";
import { isMigrating } from "./path";
import { currentPath, Path, startPaths } from "./path-slots";
import { giveEntry, takeEntry } from "./pool";
import { dropShares } from "./pool-share";
import { dropReady, makeReady } from "./ready";
import { resetPath, startRecovery } from "./recovery";
import { isRekeying, rekeyElsewhere, startRekeys } from "./rekey";
import { ptoUs } from "./rtt";
import { dropSent } from "./sent";
import { tellWaiting } from "./session-events";
import { CloseDue, Head, Life, newHandle, sessionOfEntry } from "./session-head";
import { dropTokens, oweToken, startResets } from "./session-reset";
import { cutOffStreams, dropStreams, startStreams, streamCount } from "./streams";
import { NEVER, setTimer } from "./timer-wheel";

const SECRET_BYTES: usize = 32;
const SEED_IDLE_MS: u32 = 30000;

function argument(offset: u32): u32 {
  return load<u32>(TRANSFER + TransferBlock.ARGUMENTS + <usize>offset);
}

/** How long what came waits for a host that does not read it, once a session is over. */
const LINGER_US: u64 = 30000000;

/** Opens a session with the ARGUMENTS of transferOpen(); 0: there is no room. Secrets are wiped. */
export function openSession(): usize {
  const block = TRANSFER + TransferBlock.ARGUMENTS,
    free = takeEntry(Pool.SESSIONS),
    entry = free || !endLingering() ? free : takeEntry(Pool.SESSIONS),
    session = entry ? sessionOfEntry(entry) : 0;
  if (session) fillHead(session, entry, block);
  if (session) startParts(session, block);
  wipe(block + OpenArgument.K1, 96);
  wipe(block + OpenArgument.RESET_KEY, SECRET_BYTES);
  wipe(block + OpenArgument.SECRET, SECRET_BYTES);
  return session;
}

function fillHead(session: usize, entry: u32, block: usize): void {
  store<u32>(session, newHandle(entry), Head.HANDLE);
  store<u8>(session, Life.OPEN, Head.LIFE);
  store<u8>(session, u8(argument(OpenArgument.INITIATOR) != 0), Head.INITIATOR);
  store<u64>(session, now, Head.OPENED);
  store<u64>(session, now, Head.IDLE_FROM);
  store<u8>(session, 1, Head.IDLE_ARMED);
  const idleMs = argument(OpenArgument.IDLE_MS);
  store<u64>(session, <u64>(idleMs ? idleMs : SEED_IDLE_MS) * 1000, Head.IDLE_US);
  store<u64>(session, NEVER, Head.DRAIN_UNTIL);
  // Who called repeats message 3 until a valid packet of ours comes (section 2).
  store<u8>(session, u8(argument(OpenArgument.INITIATOR) == 0), Head.PING_WANTED);
  store<u64>(session, NEVER, Head.DEADLINE);
  store<u32>(session, argument(OpenArgument.ROUND_TRIP_US), Head.ROUND_TRIP);
  const mtuMax = min(argument(OpenArgument.MTU_MAX), TRANSFER_PACKET_BYTES_MAX);
  store<u32>(session, max(mtuMax, TRANSFER_PACKET_BYTES_MIN), Head.MTU_MAX);
  store<u8>(session, argument(OpenArgument.COMPRESSION), Head.COMPRESSION);
  memory.copy(session + Head.SECRET, block + OpenArgument.SECRET, SECRET_BYTES);
}

/** A first window of params: KiB, 0 stands for 1 MiB (section 2), at most 16 MiB (section 5). */
function windowBytes(offset: u32): u64 {
  const kib = argument(offset);
  return (<u64>min<u32>(kib ? kib : 1024, 16384)) << 10;
}

function startParts(session: usize, block: usize): void {
  const initiator = argument(OpenArgument.INITIATOR) != 0,
    protection = argument(OpenArgument.HEADER_PROTECTION) != 0;
  startEpochs(session, block + OpenArgument.K1, initiator, protection);
  const seconds = argument(OpenArgument.REKEY_SECONDS),
    packets = argument(OpenArgument.REKEY_PACKETS);
  if (seconds && packets) setRekeyLimits(session, <u64>seconds * 1000000, packets);
  startPaths(session, block + OpenArgument.PATH);
  startMtu(session, isV6(block + OpenArgument.PATH), load<u32>(session, Head.MTU_MAX));
  startRecovery(session, argument(OpenArgument.ROUND_TRIP_US));
  startStreams(
    session,
    windowBytes(OpenArgument.WINDOW_KIB),
    windowBytes(OpenArgument.PEER_WINDOW_KIB),
    argument(OpenArgument.MAX_STREAMS),
    argument(OpenArgument.PEER_MAX_STREAMS),
  );
  startRekeys(session);
  startResets(session, block);
}

/** Is a far end an IPv6 address, and no IPv4 one written as such? */
export function isV6(far: usize): bool {
  const mapped = load<u64>(far, PathField.ADDRESS) == 0 && load<u32>(far, 8) == 0xffff0000;
  return !mapped && load<u32>(far, PathField.HANDLE) == 0;
}

export function lifeOf(session: usize): Life {
  return load<u8>(session, Head.LIFE);
}

export function sessionState(session: usize): SessionState {
  const life = lifeOf(session);
  if (life == Life.NONE) return SessionState.CLOSED;
  if (life != Life.OPEN) return SessionState.DRAINING;
  if (isRekeying(session)) return SessionState.REKEYING;
  return isMigrating(session) ? SessionState.MIGRATING : SessionState.ESTABLISHED;
}

/**
 * Closes a session for an error of CloseError, ours to tell the peer; the reason is text of
 * `length` bytes. Nothing but CLOSE goes from now on.
 */
export function closeSession(session: usize, error: u32, reason: usize, length: u32): void {
  if (lifeOf(session) != Life.OPEN) return;
  if (length) store<u32>(session, keepBytes(session, reason, length), Head.REASON_SLOT);
  end(session, Life.CLOSING, error);
  store<u8>(session, CloseDue.FIRST, Head.CLOSE_DUE);
  store<u32>(session, 1, Head.CLOSE_AGAIN);
  makeReady(session);
}

/** The peer's CLOSE. */
export function peerClosed(session: usize, error: u32, reason: usize, length: u32): void {
  const life = lifeOf(session);
  if (life == Life.DRAINING) return;
  if (life == Life.CLOSING) {
    store<u8>(session, Life.DRAINING, Head.LIFE);
    store<u8>(session, CloseDue.NO, Head.CLOSE_DUE);
    return;
  }
  const kept = min(length, EVENT_PAYLOAD_MAX);
  if (kept) store<u32>(session, keepBytes(session, reason, kept), Head.CLOSE_SLOT);
  store<u8>(session, ClosedBy.PEER, Head.CLOSED_BY);
  end(session, Life.DRAINING, error);
}

function end(session: usize, life: Life, error: u32): void {
  store<u8>(session, life, Head.LIFE);
  store<u32>(session, error, Head.CLOSE_ERROR);
  store<u64>(session, now + 3 * ptoUs(session, false), Head.DRAIN_UNTIL);
  dropMessages(session);
  cutOffStreams(session);
  dropSent(session);
  dropTokens(session);
  // What the session still wanted of the host, it wants no more.
  store<u32>(session, 0, Head.EVENTS);
  tell(session, SessionBit.CLOSED);
}

/** Ends a session at once: its time ran out. */
function abandonSession(session: usize, error: u32): void {
  if (lifeOf(session) == Life.OPEN) end(session, Life.DRAINING, error);
  store<u8>(session, CloseDue.NO, Head.CLOSE_DUE);
  store<u64>(session, now, Head.DRAIN_UNTIL);
}

/**
 * The time to drain is over and CLOSE has never gone, as the host was busy since it closed: then it
 * begins anew, once, so that a way that lets nothing out ends it all the same. False: it went.
 */
export function drainsAnew(session: usize): bool {
  if (load<u8>(session, Head.CLOSE_DUE) != CloseDue.FIRST) return false;
  store<u8>(session, CloseDue.AGAIN, Head.CLOSE_DUE);
  store<u64>(session, now + 3 * ptoUs(session, false), Head.DRAIN_UNTIL);
  return true;
}

/** A stateless reset came: the peer knows nothing of the session any more. */
export function sessionReset(session: usize): void {
  if (lifeOf(session) == Life.OPEN) store<u8>(session, ClosedBy.RESET, Head.CLOSED_BY);
  abandonSession(session, CloseError.NONE);
}

/** A packet came while we close: CLOSE goes again for the 1st, 2nd, 4th, 8th .. (4.11). */
export function packetWhileClosing(session: usize): void {
  const packets = load<u32>(session, Head.CLOSE_PACKETS) + 1;
  store<u32>(session, packets, Head.CLOSE_PACKETS);
  if (packets < load<u32>(session, Head.CLOSE_AGAIN)) return;
  store<u32>(session, packets << 1, Head.CLOSE_AGAIN);
  const due = load<u8>(session, Head.CLOSE_DUE);
  store<u8>(session, max<u8>(due, <u8>CloseDue.AGAIN), Head.CLOSE_DUE);
  makeReady(session);
}

/** The way to the peer is another: its size is not known, and if `whole` nothing else is either. */
export function restartPath(session: usize, whole: bool): void {
  const far = currentPath(session) + Path.FAR;
  startMtu(session, isV6(far), load<u32>(session, Head.MTU_MAX));
  if (whole) resetPath(session);
  rekeyElsewhere(session);
  oweToken(session);
}

/** When the idle time is over (section 5: at least 3 PTO). */
export function idleDeadline(session: usize): u64 {
  const idle = max(load<u64>(session, Head.IDLE_US), 3 * ptoUs(session, false));
  return load<u64>(session, Head.IDLE_FROM) + idle;
}

/** When a PING has to keep an open session alive; NEVER: it need not. */
export function keepaliveDeadline(session: usize): u64 {
  if (!load<u8>(session, Head.KEEPALIVE) || !load<u8>(session, Head.IDLE_ARMED)) return NEVER;
  return load<u64>(session, Head.IDLE_FROM) + (load<u64>(session, Head.IDLE_US) >> 1);
}

/** A valid packet came: the idle time begins anew. */
export function restartIdle(session: usize): void {
  store<u64>(session, now, Head.IDLE_FROM);
  store<u8>(session, 1, Head.IDLE_ARMED);
}

/** An ack-eliciting packet goes: the first one after a packet that came counts too. */
export function idleAtSend(session: usize): void {
  if (!load<u8>(session, Head.IDLE_ARMED)) return;
  store<u64>(session, now, Head.IDLE_FROM);
  store<u8>(session, 0, Head.IDLE_ARMED);
}

/** The time for packets is over: keys are wiped. True: there is something left for the host. */
export function linger(session: usize): bool {
  if (lifeOf(session) == Life.LINGERING || streamCount(session) == 0) return false;
  wipeEpochs(session);
  store<u8>(session, Life.LINGERING, Head.LIFE);
  store<u8>(session, CloseDue.NO, Head.CLOSE_DUE);
  store<u64>(session, now + LINGER_US, Head.DRAIN_UNTIL);
  return true;
}

/** Whether nothing of a session that is over is left to wait for. */
export function isSpent(session: usize): bool {
  if (lifeOf(session) == Life.LINGERING && streamCount(session) == 0) return true;
  return load<u64>(session, Head.DRAIN_UNTIL) <= now;
}

/** Ends the session that has lingered longest, to make room for a new one. False: none could. */
function endLingering(): bool {
  const ever = load<u32>(poolHead(Pool.SESSIONS));
  let oldest: usize = 0;
  for (let i: u32 = 1; i <= ever; i++) {
    const session = sessionOfEntry(i);
    if (lifeOf(session) != Life.LINGERING) continue;
    const until = load<u64>(session, Head.DRAIN_UNTIL);
    if (!oldest || until < load<u64>(oldest, Head.DRAIN_UNTIL)) oldest = session;
  }
  return oldest != 0 && tellGone(oldest);
}

/** Tells that a session is gone, and forgets it. False: the ring is full. */
export function tellGone(session: usize): bool {
  tell(session, SessionBit.GONE);
  if (!tellWaiting(session)) return false;
  forgetSession(session);
  return true;
}

/** The host gives up what it has not read of a session that is over. */
export function giveUpReading(session: usize): void {
  if (lifeOf(session) == Life.OPEN) return;
  dropStreams(session);
  makeReady(session);
}

/** Wipes everything; the handle names nothing from now on. SESSION_GONE has been told. */
export function forgetSession(session: usize): void {
  setTimer(session, NEVER);
  dropReady(session);
  dropMessages(session);
  dropStreams(session);
  dropSent(session);
  wipeEpochs(session);
  if (load<u32>(session, Head.REASON_SLOT)) releaseBytes(load<u32>(session, Head.REASON_SLOT));
  dropShares(session);
  giveEntry(Pool.SESSIONS, load<u32>(session, Head.HANDLE) & 0xffff);
}

/** The error that a handler asked to close with, as a number of CloseError. */
export function closeFor(session: usize, handled: u32): void {
  closeSession(session, handled & 0xff, 0, 0);
}

/** Ends by time: no word to the peer, who hears nothing either. */
export function timeOut(session: usize): void {
  abandonSession(session, CloseError.TIMEOUT);
}
