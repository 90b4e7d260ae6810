/**
 * The head of a session (layout.ts, Session.HEAD): what session.ts and the parts around it keep.
 * A session is named towards the host by a handle, its entry | a generation << 16, so that a handle
 * of a session that is gone names nothing.
 */
import { Pool, poolSize } from "../core/transfer-memory";
import { entryAt } from "./pool";

export const enum Head {
  /** u32. */
  HANDLE = 0,
  /** A Life, u8. */
  LIFE = 4,
  /** 1: this side called. u8. */
  INITIATOR = 5,
  /** 1: a packet of the peer has been taken. u8. */
  CONFIRMED = 6,
  /** 1: its idle time restarts with the next ack-eliciting packet sent. u8. */
  IDLE_ARMED = 7,
  /** timer-wheel.ts: u64 microseconds, two links (entries), slot + 1. */
  DEADLINE = 8,
  WHEEL_NEXT = 16,
  WHEEL_PREVIOUS = 20,
  WHEEL_SLOT = 24,
  /** ready.ts: next entry, and whether it is listed (u8). */
  READY_NEXT = 28,
  READY = 32,
  /** 1: something is open, so that keepalives go. u8. */
  KEEPALIVE = 33,
  /** 1: an ack-eliciting packet has to go, whatever else: PING. u8. */
  PING_WANTED = 34,
  /** PONGs owed: how many of PONGS. u8. */
  PONGS_OWED = 35,
  /** Pending events of the session, bits (events.ts, SessionBit). */
  EVENTS = 36,
  /** u64 microseconds: opened, idle time, last packet taken or armed send. */
  OPENED = 40,
  IDLE_US = 48,
  IDLE_FROM = 56,
  /** u64 each. */
  PACKETS_SENT = 64,
  PACKETS_RECEIVED = 72,
  BYTES_SENT = 80,
  BYTES_RECEIVED = 88,
  /** Closing: CloseError, slot of the reason, packets since, and at how many CLOSE goes again. */
  CLOSE_ERROR = 96,
  CLOSE_SLOT = 100,
  CLOSE_PACKETS = 104,
  CLOSE_AGAIN = 108,
  /** u64: when keys are wiped. */
  DRAIN_UNTIL = 112,
  /** u64: id of the newest PING of the application, and when it was asked for. */
  PING_ID = 120,
  PING_TIME = 128,
  /** Two PINGs of the peer, 16 bytes each. */
  PONGS = 136,
  /** messages.ts: first slot, slots of this session that go out, that events carry, next serial. */
  MESSAGES_FIRST = 168,
  MESSAGES = 172,
  EVENT_SLOTS = 176,
  /** u32: round trip of the handshake in microseconds. */
  ROUND_TRIP = 180,
  MESSAGE_SERIAL = 184,
  /** 32 bytes that only this process knows: challenges follow from them. */
  SECRET = 192,
  /** u64: challenges made so far. */
  CHALLENGES = 224,
  /** u64: round trip of the newest PONG in microseconds. */
  PONG_US = 232,
  /** A ClosedBy; 1: a PING of the application has to go; a CloseDue. u8 each. */
  CLOSED_BY = 240,
  PING_ASKED = 241,
  CLOSE_DUE = 242,
  /** Slot of the reason that our CLOSE gives. */
  REASON_SLOT = 244,
  /** u32: the largest UDP payload that can leave here. */
  MTU_MAX = 248,
  /** A Compression, u8. */
  COMPRESSION = 252,
  BYTES = 256,
}

/** Whether CLOSE has to go. */
export const enum CloseDue {
  NO = 0,
  AGAIN = 1,
  /** It has never gone, and the session does not end before it did (within 3 PTO more). */
  FIRST = 2,
}

/** How far a session's life has come; SessionState tells the host. */
export const enum Life {
  NONE = 0,
  OPEN = 1,
  /** We closed: CLOSE goes again for packets 1, 2, 4, 8 .. that come. */
  CLOSING = 2,
  /** The peer closed: nothing goes. */
  DRAINING = 3,
  /** Keys are wiped; what came waits until the host has read it. */
  LINGERING = 4,
}

let generation: u32 = 0;

/** A handle for an entry of a pool that has just been taken. */
export function newHandle(entry: u32): u32 {
  generation = (generation + 1) & 0xffff;
  if (generation == 0) generation = 1;
  return entry | (generation << 16);
}

/** The entry that a handle names, whether it still lives or not. */
export function handleEntry(handle: u32): u32 {
  return handle & 0xffff;
}

export function sessionHandle(session: usize): u32 {
  return load<u32>(session, Head.HANDLE);
}

export function sessionOfEntry(entry: u32): usize {
  return entryAt(Pool.SESSIONS, entry);
}

/** The session that a handle names; 0: none. */
export function sessionOf(handle: u32): usize {
  const entry = handleEntry(handle);
  if (entry == 0 || entry > poolSize(Pool.SESSIONS)) return 0;
  const session = sessionOfEntry(entry);
  return sessionHandle(session) == handle ? session : 0;
}

export function isInitiator(session: usize): bool {
  return load<u8>(session, Head.INITIATOR) != 0;
}
