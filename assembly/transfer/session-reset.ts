/**
 * Stateless resets of sessions (section 4.10): tokens that we give away at the start of every epoch
 * and on every new path, and those that the peer gave us. Off unless the host opens sessions with
 * OpenArgument.RESET.
 */
import { TRANSFER } from "../core/memory";
import { TRANSFER_DIGEST } from "../core/scratch";
import {
  ControlType,
  FrameType,
  OpenArgument,
  TransferBlock,
  TransferPacket,
} from "../core/transfer";
import { Pool, poolHead } from "../core/transfer-memory";
import { now } from "./clock";
import { epochAt, pathCid, sendingEpoch } from "./epoch";
import { payloadAt } from "./frame-view";
import { Session } from "./layout";
import { messagePayload, newMessage, queueMessage } from "./messages";
import { currentPath, Path, samePlace } from "./path-slots";
import { ControlPayload } from "./payload";
import { firstPrefix, isPrefix } from "./prefix";
import { isReset, RESET_TOKEN_BYTES, resetBytes, resetToken, writeReset } from "./reset";
import { Head, Life, sessionOfEntry } from "./session-head";
import { Handled } from "./verdict";

/** Behind path.ts: session + PATHS + 448. */
const AREA: usize = Session.PATHS + 448;
const enum Reset {
  /** 1: tokens are given away. u8. */
  GIVES = 0,
  /** 1: one has to be given, and had no room yet. u8. */
  OWED = 1,
  /** Tokens of the peer that are held (0 to 2), and the place of the next. u8 each. */
  HELD = 2,
  NEXT = 3,
  /** CID bytes 0 to 4, token: 20 bytes each. */
  TOKENS = 4,
}
const TOKEN_BYTES: usize = 20;
const TOKENS: u32 = 2;
/** The process's key, 32 bytes. */
const KEY: usize = TransferBlock.WORK;
/** Sessions are looked through for a token no more often, and a reset is sent no more often. */
const PAUSE_US: u64 = 10000;

/** Tokens that all sessions hold, and the last times that pauses count from. */
let held: u32 = 0;
let searched: u64 = 0;
let answered: u64 = 0;

/** Takes the process's key over, if the session shall give tokens away. */
export function startResets(session: usize, block: usize): void {
  if (!load<u32>(block, OpenArgument.RESET)) return;
  memory.copy(TRANSFER + KEY, block + OpenArgument.RESET_KEY, 32);
  store<u8>(session, 1, AREA + Reset.GIVES);
  oweToken(session);
}

/** An epoch or a path began. */
export function oweToken(session: usize): void {
  if (load<u8>(session, AREA + Reset.GIVES)) store<u8>(session, 1, AREA + Reset.OWED);
}

/** Queues the token that is owed, for the current path and the sending epoch. */
export function giveToken(session: usize): void {
  if (!load<u8>(session, AREA + Reset.OWED)) return;
  const slot = newMessage(session, FrameType.CONTROL);
  if (!slot) return;
  const payload = messagePayload(slot),
    path = currentPath(session),
    epoch = epochAt(session, sendingEpoch(session) & 1),
    cid = pathCid(epoch, load<u16>(path, Path.INDEX));
  store<u16>(payload, bswap<u16>(<u16>ControlType.RESET_TOKEN));
  store<u32>(payload, load<u32>(cid), ControlPayload.RESET_PREFIX);
  resetToken(TRANSFER + KEY, cid, path + Path.FAR, payload + ControlPayload.RESET_TOKEN);
  queueMessage(session, slot, ControlPayload.RESET_BYTES);
  store<u8>(session, 0, AREA + Reset.OWED);
}

/** The peer's token, of which the newest two are kept; payload.ts has seen its length. */
export function onResetToken(session: usize): u32 {
  const count = load<u8>(session, AREA + Reset.HELD),
    place = load<u8>(session, AREA + Reset.NEXT);
  memory.copy(
    session + AREA + Reset.TOKENS + <usize>place * TOKEN_BYTES,
    payloadAt + ControlPayload.RESET_PREFIX,
    TOKEN_BYTES,
  );
  store<u8>(session, u8((place + 1) % TOKENS), AREA + Reset.NEXT);
  if (count < TOKENS) {
    store<u8>(session, count + 1, AREA + Reset.HELD);
    held++;
  }
  return Handled.OK;
}

/** The session ends: its tokens count no more. */
export function dropTokens(session: usize): void {
  held -= load<u8>(session, AREA + Reset.HELD);
  store<u8>(session, 0, AREA + Reset.HELD);
  memory.fill(session + AREA + Reset.TOKENS, 0, <usize>TOKENS * TOKEN_BYTES);
}

/**
 * The session whose peer says with an entry of TransferBlock.RECEIVED that it knows it no more;
 * 0: none. All sessions are looked through, so garbage from anywhere does that seldom.
 */
export function resetBy(entry: usize): usize {
  if (held == 0 || now - searched < PAUSE_US) return 0;
  // Handshakes, and what is marked as something else: a flood of them must not hide a reset.
  if (!isPrefix(load<u32>(load<u32>(entry, TransferPacket.OFFSET)))) return 0;
  searched = now;
  const ever = load<u32>(poolHead(Pool.SESSIONS)),
    far = entry + TransferPacket.PATH;
  for (let i: u32 = 1; i <= ever; i++) {
    const session = sessionOfEntry(i);
    if (load<u8>(session, Head.LIFE) != Life.OPEN) continue;
    if (load<u8>(session, AREA + Reset.HELD) == 0) continue;
    if (!samePlace(currentPath(session) + Path.FAR, far)) continue;
    if (endsInToken(session, entry)) return session;
  }
  return 0;
}

function endsInToken(session: usize, entry: usize): bool {
  const packet = <usize>load<u32>(entry, TransferPacket.OFFSET),
    length = load<u32>(entry, TransferPacket.LENGTH),
    count = load<u8>(session, AREA + Reset.HELD);
  let found = false;
  for (let i: usize = 0; i < <usize>count; i++) {
    const token = session + AREA + Reset.TOKENS + i * TOKEN_BYTES + 4;
    found = isReset(packet, length, token) || found;
  }
  return found;
}

/**
 * Answers a packet of TransferBlock.RECEIVED whose prefix nobody knows with a reset at `at`: the
 * bytes to send, 0: none. The host fills those before the token (RESET_TOKEN_BYTES) with random
 * ones. Only if the process gives tokens away.
 */
export function answerUnknown(entry: usize, at: usize): u32 {
  const bytes = resetBytes(load<u32>(entry, TransferPacket.LENGTH)),
    packet = <usize>load<u32>(entry, TransferPacket.OFFSET);
  const key = TRANSFER + KEY;
  const none = v128.or(v128.load(key), v128.load(key, 16));
  if (bytes == 0 || !v128.any_true(none) || now - answered < PAUSE_US) return 0;
  // Of a session that lives the tag did not fit: whoever forged it must not end the session.
  if (firstPrefix(load<u32>(packet))) return 0;
  // What is marked as something else (a reset, 1.1) was never a packet of a session of ours.
  if (!isPrefix(load<u32>(packet))) return 0;
  answered = now;
  resetToken(key, packet, entry + TransferPacket.PATH, TRANSFER_DIGEST);
  writeReset(at, bytes, TRANSFER_DIGEST);
  memory.fill(TRANSFER_DIGEST, 0, RESET_TOKEN_BYTES);
  return bytes;
}
