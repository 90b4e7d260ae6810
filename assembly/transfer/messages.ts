/**
 * Slots of Pool.MESSAGES: frames of the session itself that go until they are acked (CONTROL,
 * GOAWAY, extensions), and bytes that events carry until the host gives them back. Both are bounded
 * for each session, so that none can take the pool from the others.
 */

import { TRANSFER_EVENT_BYTES, TRANSFER_MESSAGE_BYTES } from "../core/limits";
import { FrameHead } from "../core/transfer";
import { MESSAGE_HEAD_BYTES, Pool, poolSize } from "../core/transfer-memory";
import { Content, setContent, setContentDetails, setContentRange } from "./content";
import { entryAt } from "./pool";
import { giveShared, mayGoOn, shareLeft, takeShared } from "./pool-share";
import { SentRecord } from "./sent-record";
import { Head, handleEntry, sessionHandle, sessionOfEntry } from "./session-head";

/** A slot: its head (MESSAGE_HEAD_BYTES), then the payload. */
const enum Slot {
  /** Next slot of the session; the pool's own while it is free. */
  NEXT = 0,
  /** A SlotUse, u8. */
  USE = 4,
  TYPE = 5,
  FLAGS = 6,
  STREAM = 8,
  LENGTH = 12,
  /** Tells a slot from one that had its number before, u64. */
  SERIAL = 16,
  OFFSET = 24,
  SESSION = 32,
}

const enum SlotUse {
  FREE = 0,
  QUEUED = 1,
  SENT = 2,
  EVENT = 3,
}

/** Payload of a frame of ours that a slot holds, and of what an event carries. */
export const MESSAGE_PAYLOAD_MAX: u32 = TRANSFER_MESSAGE_BYTES;
export const EVENT_PAYLOAD_MAX: u32 = TRANSFER_EVENT_BYTES;
/** Frames that a session may have under way, and slots its events may hold. */
const MESSAGES_PER_SESSION: u32 = 32;
const EVENT_SLOTS_PER_SESSION: u32 = 32;

function at(slot: u32): usize {
  return entryAt(Pool.MESSAGES, slot);
}

/** Where a slot's payload lies. */
export function messagePayload(slot: u32): usize {
  return at(slot) + MESSAGE_HEAD_BYTES;
}

/** Bytes that a slot holds. */
export function messageLength(slot: u32): u32 {
  return load<u32>(at(slot), Slot.LENGTH);
}

/**
 * Takes a slot for a frame of a type; 0: there is none. The caller sets stream and offset, writes
 * the payload at messagePayload() and calls queueMessage().
 */
export function newMessage(session: usize, type: u32): u32 {
  const before = load<u32>(session, Head.MESSAGES);
  if (before >= MESSAGES_PER_SESSION) return 0;
  if (shareLeft(session, Pool.MESSAGES) == 0) {
    if (before || !mayGoOn(session, Pool.MESSAGES)) return 0;
  }
  const slot = takeShared(session, Pool.MESSAGES);
  if (slot) store<u8>(at(slot), type, Slot.TYPE);
  return slot;
}

export function setMessageHead(slot: u32, stream: u32, offset: u64): void {
  store<u16>(at(slot), stream, Slot.STREAM);
  store<u64>(at(slot), offset, Slot.OFFSET);
}

/** Hands a frame over to be sent; the payload has `length` bytes. */
export function queueMessage(session: usize, slot: u32, length: u32): void {
  const message = at(slot),
    serial = load<u64>(session, Head.MESSAGE_SERIAL) + 1;
  store<u64>(session, serial, Head.MESSAGE_SERIAL);
  store<u64>(message, serial, Slot.SERIAL);
  store<u32>(message, length, Slot.LENGTH);
  store<u8>(message, SlotUse.QUEUED, Slot.USE);
  store<u32>(message, 0, Slot.NEXT);
  store<u32>(session, load<u32>(session, Head.MESSAGES) + 1, Head.MESSAGES);
  let link = session + Head.MESSAGES_FIRST;
  while (load<u32>(link)) link = at(load<u32>(link)) + Slot.NEXT;
  store<u32>(link, slot);
}

/** The oldest message that waits and whose frame fits `room` bytes; 0: none. */
function nextQueued(session: usize, room: u32): u32 {
  let slot = load<u32>(session, Head.MESSAGES_FIRST);
  for (; slot; slot = load<u32>(at(slot), Slot.NEXT)) {
    if (load<u8>(at(slot), Slot.USE) != SlotUse.QUEUED) continue;
    if (load<u32>(at(slot), Slot.LENGTH) + FrameHead.BYTES <= room) return slot;
  }
  return 0;
}

export function hasMessage(session: usize): bool {
  return nextQueued(session, u32.MAX_VALUE) != 0;
}

/** Writes the oldest waiting frame at `to`, as writeStreamFrame() does. */
export function writeMessage(session: usize, to: usize, room: u32): u32 {
  const slot = nextQueued(session, room);
  if (!slot) return 0;
  const message = at(slot),
    length = load<u32>(message, Slot.LENGTH);
  memory.fill(to, 0, FrameHead.BYTES);
  store<u8>(to, load<u8>(message, Slot.TYPE), FrameHead.TYPE);
  store<u16>(to, bswap<u16>(load<u16>(message, Slot.STREAM)), FrameHead.STREAM);
  store<u64>(to, bswap<u64>(load<u64>(message, Slot.OFFSET)), FrameHead.OFFSET);
  store<u16>(to, bswap<u16>(<u16>length), FrameHead.PAYLOAD_LENGTH);
  memory.copy(to + FrameHead.BYTES, message + MESSAGE_HEAD_BYTES, length);
  store<u8>(message, SlotUse.SENT, Slot.USE);
  setContent(Content.MESSAGE, 0);
  setContentRange(load<u64>(message, Slot.SERIAL), 0);
  setContentDetails(0, slot);
  return FrameHead.BYTES + length;
}

/** The message that a record speaks of, if it still waits for its ack; 0: it does not. */
function ofRecord(session: usize, record: usize): u32 {
  const wanted = load<u32>(record, SentRecord.EXTRA),
    serial = load<u64>(record, SentRecord.OFFSET);
  let slot = load<u32>(session, Head.MESSAGES_FIRST);
  while (slot && slot != wanted) slot = load<u32>(at(slot), Slot.NEXT);
  return slot && load<u64>(at(slot), Slot.SERIAL) == serial ? slot : 0;
}

export function messageAcked(session: usize, record: usize): void {
  const slot = ofRecord(session, record);
  if (!slot) return;
  let link = session + Head.MESSAGES_FIRST;
  while (load<u32>(link) != slot) link = at(load<u32>(link)) + Slot.NEXT;
  store<u32>(link, load<u32>(at(slot), Slot.NEXT));
  store<u32>(session, load<u32>(session, Head.MESSAGES) - 1, Head.MESSAGES);
  giveShared(session, Pool.MESSAGES, slot);
}

export function messageLost(session: usize, record: usize): void {
  const slot = ofRecord(session, record);
  if (slot) store<u8>(at(slot), SlotUse.QUEUED, Slot.USE);
}

/** Gives back everything that goes out; events keep what they carry. */
export function dropMessages(session: usize): void {
  let slot = load<u32>(session, Head.MESSAGES_FIRST);
  while (slot) {
    const next = load<u32>(at(slot), Slot.NEXT);
    giveShared(session, Pool.MESSAGES, slot);
    slot = next;
  }
  store<u32>(session, 0, Head.MESSAGES_FIRST);
  store<u32>(session, 0, Head.MESSAGES);
}

/**
 * Copies bytes to a slot that an event will carry (TransferEvent.SLOT, OFFSET = messagePayload());
 * 0: there is no room, or they are more than EVENT_PAYLOAD_MAX.
 */
export function keepBytes(session: usize, from: usize, length: u32): u32 {
  if (length > EVENT_PAYLOAD_MAX) return 0;
  if (load<u32>(session, Head.EVENT_SLOTS) >= EVENT_SLOTS_PER_SESSION) return 0;
  const slot = takeShared(session, Pool.MESSAGES);
  if (!slot) return 0;
  store<u8>(at(slot), SlotUse.EVENT, Slot.USE);
  store<u32>(at(slot), sessionHandle(session), Slot.SESSION);
  store<u32>(at(slot), length, Slot.LENGTH);
  memory.copy(messagePayload(slot), from, length);
  store<u32>(session, load<u32>(session, Head.EVENT_SLOTS) + 1, Head.EVENT_SLOTS);
  return slot;
}

/** The host has read an event's bytes. False: the slot holds none. */
export function releaseBytes(slot: u32): bool {
  if (slot == 0 || slot > poolSize(Pool.MESSAGES)) return false;
  if (load<u8>(at(slot), Slot.USE) != SlotUse.EVENT) return false;
  const handle = load<u32>(at(slot), Slot.SESSION),
    session = sessionOfEntry(handleEntry(handle)),
    lives = sessionHandle(session) == handle;
  if (lives) store<u32>(session, load<u32>(session, Head.EVENT_SLOTS) - 1, Head.EVENT_SLOTS);
  giveShared(lives ? session : 0, Pool.MESSAGES, slot);
  return true;
}
