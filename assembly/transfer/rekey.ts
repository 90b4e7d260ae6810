/**
 * The DH ratchet (section 4.7): from epoch e to k = e + 1 without a pause. The host has X25519 and
 * Elligator2: it is asked for a representative (REKEY_KEY) and, with the peer's, for the shared
 * secret (REKEY_SECRET).
 *
 * Asking:    IDLE - WANT_KEY - ASKING (SYN each PTO) - WANT_SECRET - SWITCHED - IDLE
 * Answering: IDLE - ANSWER_KEY - ANSWER_SECRET - ANSWERED (answer each PTO) - IDLE
 *
 * Who asked sends in k from the moment it has the secret; who answers, from the first valid packet
 * of k on. IDLE comes back when a packet of k has come; receive keys of e live 3 PTO longer, for
 * what is late, and until they are gone nothing new starts. They go sooner when epoch k + 1 is
 * wanted: a probe timeout that a spike has blown up, which a side that only receives never sees
 * shrink again, must not keep data waiting that is at the end of k.
 */
import { CloseError, FrameFlag, FrameHead } from "../core/transfer";
import { wipe } from "../crypto/wipe";
import { now } from "./clock";
import { deriveNextEpoch, epochCreated, retireEpoch, switchEpoch } from "./epoch";
import { SessionBit, tell } from "./events";
import { frameFlags, payloadAt } from "./frame-view";
import { Session } from "./layout";
import { resetPathIndices } from "./path-index";
import { makeReady } from "./ready";
import { receiveEpoch } from "./received";
import { leastPtoUs, PTO_MIN_US, ptoUs } from "./rtt";
import { rekeyDueByUse, rekeyTime } from "./send-limits";
import { isInitiator } from "./session-head";
import { oweToken } from "./session-reset";
import { streamsEpoch, wantsNumbers } from "./streams";
import { NEVER } from "./timer-wheel";
import { endsHoldEpoch } from "./unacked-ends";
import { Handled } from "./verdict";

/** Session.REKEY. */
export const enum Rekey {
  /** A RekeyState, u8. */
  STATE = 0,
  /** 1: OWN is this epoch's; 1: a REKEY frame has to go. u8 each. */
  HAS_OWN = 1,
  DUE = 2,
  /** 1: receive keys of the epoch before are held. u8. */
  HOLDS_BEFORE = 3,
  /** The epoch that is used (e). */
  EPOCH = 4,
  /** When the frame goes again, and when the receive keys of the epoch before are dropped. u64. */
  AGAIN = 8,
  DROP = 16,
  /** When the first packet of the epoch that is used came, from which they are held. u64. */
  SINCE = 24,
  /** How often the frame has gone, at most TRIES_MAX. u8. */
  TRIES = 32,
  /** Representatives of this side and of the peer. */
  OWN = 64,
  PEER = 96,
}

export const enum RekeyState {
  IDLE = 0,
  WANT_KEY = 1,
  ASKING = 2,
  WANT_SECRET = 3,
  SWITCHED = 4,
  ANSWER_KEY = 5,
  ANSWER_SECRET = 6,
  ANSWERED = 7,
}

/** Probe timeouts for which receive keys are held after the first packet of the next epoch. */
const HELD_TIMEOUTS: u64 = 3;

/** Doublings of the wait for an answer: then a probe timeout is always shorter. */
const TRIES_MAX: u32 = 16;

/** A representative, k, 16 zeros. */
export const REKEY_PAYLOAD: u32 = 52;

function state(session: usize): RekeyState {
  return load<u8>(session, Session.REKEY + Rekey.STATE);
}

function setState(session: usize, to: RekeyState): void {
  store<u8>(session, to, Session.REKEY + Rekey.STATE);
}

/** The epoch that both sides have; k while the switch is under way. */
function epochOf(session: usize): u32 {
  return load<u32>(session, Session.REKEY + Rekey.EPOCH);
}

export function startRekeys(session: usize): void {
  const rekey = session + Session.REKEY;
  store<u64>(rekey, NEVER, Rekey.AGAIN);
  store<u64>(rekey, NEVER, Rekey.DROP);
}

/** A packet has gone; `eliciting`: there was something to send that wants an ack. */
export function rekeyIfDue(session: usize, eliciting: bool): void {
  if (state(session) != RekeyState.IDLE) return;
  if (rekeyDueByUse(session) || wantsNumbers(session) || (eliciting && rekeyTime(session) <= now))
    askRekey(session);
}

/**
 * Starts a rekey, unless one is under way. False: it is, or the last one is not over, or an end of
 * a stream has to be acked before.
 */
export function askRekey(session: usize): bool {
  if (state(session) != RekeyState.IDLE) return false;
  if (endsHoldEpoch(session)) return false;
  if (holdsBefore(session) && !dropSooner(session)) return false;
  setState(session, RekeyState.WANT_KEY);
  tell(session, SessionBit.REKEY_KEY);
  return true;
}

function holdsBefore(session: usize): bool {
  return load<u8>(session, Session.REKEY + Rekey.HOLDS_BEFORE) != 0;
}

function dropBefore(session: usize): void {
  store<u64>(session, NEVER, Session.REKEY + Rekey.DROP);
  store<u8>(session, 0, Session.REKEY + Rekey.HOLDS_BEFORE);
  retireEpoch(session, (epochOf(session) - 1) & 1);
}

/**
 * The next epoch is wanted here: the keys from before are held for 3 PTO of the path's shortest
 * round trip, no longer. What is still late then, its sender has given up. False: not yet over.
 */
function dropSooner(session: usize): bool {
  const rekey = session + Session.REKEY,
    held = load<u64>(rekey, Rekey.SINCE) + HELD_TIMEOUTS * leastPtoUs(session),
    drop = min(load<u64>(rekey, Rekey.DROP), held);
  store<u64>(rekey, drop, Rekey.DROP);
  if (drop > now) return false;
  dropBefore(session);
  return true;
}

/**
 * The peer asks for the next epoch in one of this epoch's packets: it holds no keys from before any
 * more, and has waited 3 PTO of its own for that since it heard us in this epoch. So nothing of its
 * is late by less, and ours need not be held either. No 3 PTO are shorter than what is asked of an
 * epoch's age here; a peer that has not waited shall not have keys computed at any pace.
 */
function dropForPeer(session: usize, epoch: u32): bool {
  if (state(session) != RekeyState.IDLE || epoch != epochOf(session)) return false;
  if (now - epochCreated(session, epoch) < HELD_TIMEOUTS * PTO_MIN_US) return false;
  dropBefore(session);
  return true;
}

/** The epoch that events of the rekey speak of. */
export function rekeyNumber(session: usize): u32 {
  const next = state(session) != RekeyState.IDLE && state(session) != RekeyState.SWITCHED;
  return epochOf(session) + u32(next && state(session) != RekeyState.ANSWERED);
}

/** A frame goes that has not gone yet. */
function firstGoes(session: usize): void {
  store<u8>(session, 0, Session.REKEY + Rekey.TRIES);
  frameGoes(session, now);
}

/**
 * How long an answer is waited for: a PTO; less at first while that is more than twice what the
 * path's shortest round trip makes it. Nothing but this frame may go at the end of an epoch, so
 * that a PTO blown up by a spike would not shrink, and one lost frame would stop data for as long.
 */
function waitUs(session: usize): u64 {
  const tries: u32 = load<u8>(session, Session.REKEY + Rekey.TRIES);
  store<u8>(session, min(tries + 1, TRIES_MAX), Session.REKEY + Rekey.TRIES);
  return min(ptoUs(session, false), leastPtoUs(session) << (<u64>tries + 1));
}

function frameGoes(session: usize, at: u64): void {
  store<u64>(session, at, Session.REKEY + Rekey.AGAIN);
  store<u8>(session, u8(at != NEVER), Session.REKEY + Rekey.DUE);
  if (at != NEVER) makeReady(session);
}

/** The host's representative of a fresh key, 32 bytes. False: nobody asked. */
export function giveKey(session: usize, representative: usize): bool {
  const was = state(session);
  if (was != RekeyState.WANT_KEY && was != RekeyState.ANSWER_KEY) return false;
  memory.copy(session + Session.REKEY + Rekey.OWN, representative, 32);
  store<u8>(session, 1, Session.REKEY + Rekey.HAS_OWN);
  if (was == RekeyState.WANT_KEY) {
    setState(session, RekeyState.ASKING);
    firstGoes(session);
  } else answerSecret(session);
  return true;
}

function answerSecret(session: usize): void {
  setState(session, RekeyState.ANSWER_SECRET);
  tell(session, SessionBit.REKEY_SECRET);
}

/** A REKEY frame in a packet of `epoch`; payload.ts has seen that its payload has 52 bytes. */
export function onRekey(session: usize, epoch: u32): u32 {
  const k = bswap<u32>(load<u32>(payloadAt, 32)),
    e = epochOf(session),
    was = state(session);
  if (!(frameFlags & FrameFlag.SYN)) return Handled.CLOSE + CloseError.FRAME_ENCODING;
  if (frameFlags & FrameFlag.ACK) return onAnswer(session, k);
  // Our answer was lost, or is on its way.
  if (k == e && was == RekeyState.ANSWERED) frameGoes(session, now);
  if (k <= e) return Handled.OK;
  if (k > e + 1) return Handled.CLOSE + CloseError.CRYPTO;
  // Left without an answer, it comes again.
  if (endsHoldEpoch(session)) return Handled.OK;
  if (holdsBefore(session) && !dropForPeer(session, epoch)) return Handled.OK;
  // Both asked: the session's initiator goes on asking.
  if (was == RekeyState.ASKING && isInitiator(session)) return Handled.OK;
  if (was > RekeyState.ASKING) return Handled.OK;
  memory.copy(session + Session.REKEY + Rekey.PEER, payloadAt, 32);
  frameGoes(session, NEVER);
  if (load<u8>(session, Session.REKEY + Rekey.HAS_OWN)) answerSecret(session);
  else {
    setState(session, RekeyState.ANSWER_KEY);
    if (was == RekeyState.IDLE) tell(session, SessionBit.REKEY_KEY);
  }
  return Handled.OK;
}

function onAnswer(session: usize, k: u32): u32 {
  if (k > epochOf(session) + 1) return Handled.CLOSE + CloseError.CRYPTO;
  if (state(session) != RekeyState.ASKING || k <= epochOf(session)) return Handled.OK;
  memory.copy(session + Session.REKEY + Rekey.PEER, payloadAt, 32);
  frameGoes(session, NEVER);
  setState(session, RekeyState.WANT_SECRET);
  tell(session, SessionBit.REKEY_SECRET);
  return Handled.OK;
}

/** What giveSecret() says. */
export const enum SecretVerdict {
  OK = 0,
  NOT_ASKED = 1,
  /** All zero: the session has to close with a CRYPTO error. */
  BAD = 2,
}

/** The host's X25519 of its key and the peer's point, 32 bytes, wiped if they are taken. */
export function giveSecret(session: usize, secret: usize): SecretVerdict {
  const was = state(session);
  if (was != RekeyState.WANT_SECRET && was != RekeyState.ANSWER_SECRET) {
    return SecretVerdict.NOT_ASKED;
  }
  const zero = !v128.any_true(v128.or(v128.load(secret), v128.load(secret, 16)));
  if (zero) return SecretVerdict.BAD;
  const k = epochOf(session) + 1;
  deriveNextEpoch(session, secret, k);
  wipe(secret, 32);
  store<u32>(session, k, Session.REKEY + Rekey.EPOCH);
  store<u8>(session, 0, Session.REKEY + Rekey.HAS_OWN);
  store<u8>(session, 1, Session.REKEY + Rekey.HOLDS_BEFORE);
  if (was == RekeyState.WANT_SECRET) {
    setState(session, RekeyState.SWITCHED);
    switchSending(session);
  } else {
    setState(session, RekeyState.ANSWERED);
    firstGoes(session);
  }
  return SecretVerdict.OK;
}

function switchSending(session: usize): void {
  switchEpoch(session);
  oweToken(session);
  streamsEpoch(session, epochOf(session));
  receiveEpoch(session, epochOf(session));
  resetPathIndices(session, isSwitched(session));
  makeReady(session);
}

/** A valid packet of an epoch came. */
export function packetOfEpoch(session: usize, epoch: u32): void {
  if (epoch != epochOf(session)) return;
  const was = state(session);
  if (was != RekeyState.SWITCHED && was != RekeyState.ANSWERED) return;
  if (was == RekeyState.ANSWERED) {
    frameGoes(session, NEVER);
    switchSending(session);
  }
  setState(session, RekeyState.IDLE);
  store<u64>(session, now, Session.REKEY + Rekey.SINCE);
  store<u64>(session, now + HELD_TIMEOUTS * ptoUs(session, false), Session.REKEY + Rekey.DROP);
  memory.fill(session + Session.REKEY + Rekey.OWN, 0, 64);
  tell(session, SessionBit.REKEYED);
}

/** Has the asking side to say something in the new epoch, were it only a PING? */
export function isSwitched(session: usize): bool {
  return state(session) == RekeyState.SWITCHED;
}

export function isRekeying(session: usize): bool {
  return state(session) != RekeyState.IDLE;
}

export function rekeyDue(session: usize): bool {
  return load<u8>(session, Session.REKEY + Rekey.DUE) != 0;
}

/** Writes the REKEY frame that is due at `to`; returns its bytes. */
export function writeRekey(session: usize, to: usize): u32 {
  const answer = state(session) == RekeyState.ANSWERED;
  memory.fill(to, 0, FrameHead.BYTES + REKEY_PAYLOAD);
  store<u8>(to, 4, FrameHead.TYPE);
  store<u8>(to, answer ? FrameFlag.SYN | FrameFlag.ACK : FrameFlag.SYN, FrameHead.FLAGS);
  store<u16>(to, bswap<u16>(<u16>REKEY_PAYLOAD), FrameHead.PAYLOAD_LENGTH);
  memory.copy(to + FrameHead.BYTES, session + Session.REKEY + Rekey.OWN, 32);
  const k = epochOf(session) + u32(!answer);
  store<u32>(to + FrameHead.BYTES, bswap<u32>(k), 32);
  store<u8>(session, 0, Session.REKEY + Rekey.DUE);
  store<u64>(session, now + waitUs(session), Session.REKEY + Rekey.AGAIN);
  return FrameHead.BYTES + REKEY_PAYLOAD;
}

/** When a REKEY frame goes again; NEVER: none is under way. */
export function rekeyDeadline(session: usize): u64 {
  return load<u64>(session, Session.REKEY + Rekey.AGAIN);
}

/** When the receive keys of the epoch before are dropped, whatever may be sent then. */
export function oldKeysDeadline(session: usize): u64 {
  return load<u64>(session, Session.REKEY + Rekey.DROP);
}

/** The way to the peer is another: what went by the one before is lost, most likely. */
export function rekeyElsewhere(session: usize): void {
  if (rekeyDeadline(session) != NEVER) frameGoes(session, now);
}

export function onRekeyTimer(session: usize): void {
  if (rekeyDeadline(session) <= now) frameGoes(session, now);
  if (oldKeysDeadline(session) <= now) dropBefore(session);
}
