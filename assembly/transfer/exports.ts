/**
 * What the host calls (index.ts exports it under these names, with "transfer" in front). Sessions
 * are handles; a call that names none that lives answers INVALID_ARGUMENT. Addresses are the host's
 * own. Time is microseconds of any clock that does not run backward; calls that have no argument
 * for it go by the last one given, so that a host gives it first, with at().
 */
import { TRANSFER_BATCH } from "../core/limits";
import { TRANSFER } from "../core/memory";
import { Status } from "../core/status";
import {
  CloseError,
  FrameType,
  OpenArgument,
  PrefixChange,
  TransferBlock,
  TransferPacket,
} from "../core/transfer";
import { wipe } from "../crypto/wipe";
import { aheadDeadline } from "./ahead";
import { now, setNow } from "./clock";
import { receivePackets } from "./input";
import {
  MESSAGE_PAYLOAD_MAX,
  messagePayload,
  newMessage,
  queueMessage,
  releaseBytes,
  setMessageHead,
} from "./messages";
import { migrateTo } from "./move";
import { outputWaits, sendPackets } from "./output";
import { takePrefixChanges } from "./prefix";
import { makeReady } from "./ready";
import { askRekey, giveKey, giveSecret, isSwitched, SecretVerdict } from "./rekey";
import { closeSession, giveUpReading, lifeOf, openSession } from "./session";
import { tellWaiting } from "./session-events";
import { Head, Life, sessionHandle, sessionOf } from "./session-head";
import { answerUnknown } from "./session-reset";
import { runTimers, setSessionTimer } from "./session-timer";
import { writeStatistics } from "./statistics";
import { NEVER, nextWake } from "./timer-wheel";

const ARGUMENTS = TransferBlock.ARGUMENTS;
/** A shared secret of X25519. */
const SECRET_BYTES: usize = 32;
/** PrefixChanges that ARGUMENTS hold. */
const CHANGES_MAX: u32 = (TransferBlock.RECEIVED - TransferBlock.ARGUMENTS) / PrefixChange.BYTES;

function enterAt(low: u32, high: u32): void {
  setNow(((<u64>high) << 32) | low);
}

/** The open session of a handle; 0: there is none, or it closes. */
function openOf(handle: u32): usize {
  const session = TRANSFER ? sessionOf(handle) : 0;
  return session && lifeOf(session) == Life.OPEN ? session : 0;
}

/** Ends a call that may have given the session something to send or to tell. */
function touched(session: usize): Status {
  makeReady(session);
  tellWaiting(session);
  return Status.OK;
}

/** Tells the time, before calls that have no argument for it. */
export function at(low: u32, high: u32): void {
  enterAt(low, high);
}

/** Opens a session (OpenArgument); its handle stands there too. 0: there is no room. */
export function open(low: u32, high: u32): u32 {
  if (!TRANSFER) return 0;
  enterAt(low, high);
  const session = openSession();
  if (!session) return 0;
  setSessionTimer(session, NEVER);
  makeReady(session);
  store<u32>(TRANSFER + ARGUMENTS, sessionHandle(session), OpenArgument.SESSION);
  return sessionHandle(session);
}

/** Takes the first `count` packets of TransferBlock.RECEIVED; returns how many. */
export function receive(count: u32, low: u32, high: u32): u32 {
  if (!TRANSFER) return 0;
  enterAt(low, high);
  return receivePackets(count);
}

/** Writes packets to `bytes` from `area` on; returns how many (TransferBlock.SENT). */
export function send(area: usize, bytes: u32, low: u32, high: u32): u32 {
  if (!TRANSFER) return 0;
  enterAt(low, high);
  return sendPackets(area, bytes);
}

/** Does what time asks for; send() has to follow. */
export function step(low: u32, high: u32): void {
  if (!TRANSFER) return;
  enterAt(low, high);
  runTimers();
}

/** Writes to ARGUMENTS, u64, when step() and send() are wanted; all ones: never. */
export function wake(): void {
  if (!TRANSFER) return;
  const wanted = outputWaits() ? now : min(nextWake(), aheadDeadline());
  store<u64>(TRANSFER + ARGUMENTS, wanted);
}

/**
 * Closes for a CloseError; the reason, UTF-8, is the first `length` bytes of ARGUMENTS. What has
 * come and was not read is given up, also if the session was over before: then INVALID_ARGUMENT.
 */
export function close(handle: u32, error: u32, length: u32): Status {
  const session = TRANSFER ? sessionOf(handle) : 0;
  if (!session || length > MESSAGE_PAYLOAD_MAX) return Status.INVALID_ARGUMENT;
  const open = lifeOf(session) == Life.OPEN;
  closeSession(session, error, TRANSFER + ARGUMENTS, length);
  giveUpReading(session);
  tellWaiting(session);
  return open ? Status.OK : Status.INVALID_ARGUMENT;
}

/** Sends a PING; the event PONG tells its round trip. */
export function ping(handle: u32): Status {
  const session = openOf(handle);
  if (!session) return Status.INVALID_ARGUMENT;
  store<u64>(session, load<u64>(session, Head.PING_ID) + 1, Head.PING_ID);
  store<u8>(session, 1, Head.PING_ASKED);
  return touched(session);
}

/** 1: a PING goes after half the idle time, so that the session lives as long as the peer does. */
export function keepalive(handle: u32, on: u32): Status {
  const session = openOf(handle);
  if (!session) return Status.INVALID_ARGUMENT;
  store<u8>(session, u8(on != 0), Head.KEEPALIVE);
  return touched(session);
}

/**
 * Sends a CONTROL of a type of the application's, once for certain but perhaps twice: ARGUMENTS
 * hold the header's offset, u64, and `length` bytes.
 */
export function control(handle: u32, type: u32, length: u32): Status {
  const session = openOf(handle),
    from = TRANSFER + ARGUMENTS + 8;
  if (!session || length + 2 > MESSAGE_PAYLOAD_MAX) return Status.INVALID_ARGUMENT;
  if (type < 0x100 || type > 0xffff) return Status.INVALID_ARGUMENT;
  const slot = newMessage(session, FrameType.CONTROL);
  if (!slot) return Status.MEMORY;
  store<u16>(messagePayload(slot), bswap<u16>(<u16>type));
  memory.copy(messagePayload(slot) + 2, from, length);
  setMessageHead(slot, 0, load<u64>(TRANSFER + ARGUMENTS));
  queueMessage(session, slot, length + 2);
  return touched(session);
}

/** Sends a frame of type 20-3F likewise, with a stream's number. */
export function extension(handle: u32, type: u32, stream: u32, length: u32): Status {
  const session = openOf(handle);
  if (!session || length > MESSAGE_PAYLOAD_MAX || stream > 0xffff) return Status.INVALID_ARGUMENT;
  const kind: i32 = type;
  const known = kind >= FrameType.EXTENSION_FIRST && kind <= FrameType.EXTENSION_LAST;
  const slot = known ? newMessage(session, type) : 0;
  if (!slot) return known ? Status.MEMORY : Status.INVALID_ARGUMENT;
  memory.copy(messagePayload(slot), TRANSFER + ARGUMENTS + 8, length);
  setMessageHead(slot, stream, load<u64>(TRANSFER + ARGUMENTS));
  queueMessage(session, slot, length);
  return touched(session);
}

/** Starts a rekey; WRONG_STATE: one is under way or not yet over. */
export function rekey(handle: u32): Status {
  const session = openOf(handle);
  if (!session) return Status.INVALID_ARGUMENT;
  if (!askRekey(session)) return Status.WRONG_STATE;
  return touched(session);
}

/** Answers REKEY_KEY: ARGUMENTS hold the representative of a fresh key, 32 bytes. */
export function rekeyKey(handle: u32): Status {
  const session = openOf(handle);
  if (!session) return Status.INVALID_ARGUMENT;
  if (!giveKey(session, TRANSFER + ARGUMENTS)) return Status.WRONG_STATE;
  return touched(session);
}

/**
 * Answers REKEY_SECRET: ARGUMENTS hold the X25519 result, 32 bytes, which are wiped whether they
 * were wanted or not.
 */
export function rekeySecret(handle: u32): Status {
  const status = takeSecret(openOf(handle));
  if (TRANSFER) wipe(TRANSFER + ARGUMENTS, SECRET_BYTES);
  return status;
}

function takeSecret(session: usize): Status {
  if (!session) return Status.INVALID_ARGUMENT;
  const verdict = giveSecret(session, TRANSFER + ARGUMENTS);
  if (verdict == SecretVerdict.NOT_ASKED) return Status.WRONG_STATE;
  if (verdict == SecretVerdict.BAD) closeSession(session, CloseError.CRYPTO, 0, 0);
  // The peer learns from the first packet that it may switch too.
  else if (isSwitched(session)) store<u8>(session, 1, Head.PING_WANTED);
  return touched(session);
}

/**
 * Moves to the path at ARGUMENTS (PathField): probed first, unless it is the current one, which
 * then gets a fresh CID. Where there is none left it waits for one, or for the next epoch
 * (move.ts). WRONG_STATE: a move is under way.
 */
export function migrate(handle: u32): Status {
  const session = openOf(handle);
  if (!session) return Status.INVALID_ARGUMENT;
  return migrateTo(session, TRANSFER + ARGUMENTS) ? touched(session) : Status.WRONG_STATE;
}

/**
 * Answers packet `index` of TransferBlock.RECEIVED, whose verdict was UNCLAIMED and which the
 * handshakes do not want either, with a stateless reset at `at` (session-reset.ts); its bytes.
 */
export function resetFor(index: u32, at: usize): u32 {
  if (!TRANSFER || index >= TRANSFER_BATCH) return 0;
  const received = TRANSFER + TransferBlock.RECEIVED;
  return answerUnknown(received + <usize>index * TransferPacket.BYTES, at);
}

/** Writes the figures of a session to ARGUMENTS (TransferStatistic); it may be closing. */
export function statistics(handle: u32): Status {
  const session = TRANSFER ? sessionOf(handle) : 0;
  if (!session) return Status.INVALID_ARGUMENT;
  writeStatistics(session, TRANSFER + ARGUMENTS);
  return Status.OK;
}

/**
 * Writes to ARGUMENTS which places of prefixes have changed since the last call (PrefixChange);
 * gives how many. 256 may mean that there are more.
 */
export function prefixChanges(): u32 {
  return TRANSFER ? takePrefixChanges(TRANSFER + ARGUMENTS, CHANGES_MAX) : 0;
}

/** Gives back the bytes of an event. */
export function release(slot: u32): Status {
  return TRANSFER && releaseBytes(slot) ? Status.OK : Status.INVALID_ARGUMENT;
}
