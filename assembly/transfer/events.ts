/**
 * The event ring (Region.TRANSFER_EVENTS), which the host empties after each call. An event that
 * finds no room is not lost: its owner keeps a mark, in the stream or the session, and tells it at
 * its timer. A handler of a frame that must tell something asks for room first and says NO_ROOM.
 */
import { load32, store32 } from "../core/atomics";
import { Ring } from "../core/layout";
import { TransferEvent, TransferEventKind } from "../core/transfer";
import { TRANSFER_EVENTS, transferEvents } from "../core/transfer-memory";
import { Head } from "./session-head";

/** Events of a session that wait for room (Head.EVENTS); session-events.ts tells them. */
export const enum SessionBit {
  CONFIRMED = 1,
  REKEY_KEY = 2,
  REKEY_SECRET = 4,
  REKEYED = 8,
  MIGRATED = 16,
  PATH_FAILED = 32,
  PONG = 64,
  CLOSED = 128,
  GONE = 256,
}

/** Marks an event of the session; it is told before the engine is left, or at a timer. */
export function tell(session: usize, bit: SessionBit): void {
  store<u32>(session, load<u32>(session, Head.EVENTS) | bit, Head.EVENTS);
}

/** Entries that can still be written. */
export function eventRoom(): u32 {
  return (
    transferEvents - (load32(TRANSFER_EVENTS + Ring.HEAD) - load32(TRANSFER_EVENTS + Ring.TAIL))
  );
}

/**
 * Begins an event of the session with this handle: its entry, zero but for KIND and SESSION; 0:
 * there is no room. The caller fills it in and calls endEvent().
 */
export function beginEvent(kind: TransferEventKind, sessionHandle: u32): usize {
  if (eventRoom() == 0) return 0;
  const index = load32(TRANSFER_EVENTS + Ring.HEAD) & (transferEvents - 1);
  const entry = TRANSFER_EVENTS + Ring.ENTRIES + <usize>index * Ring.ENTRY_BYTES;
  memory.fill(entry, 0, Ring.ENTRY_BYTES);
  store<u32>(entry, kind, TransferEvent.KIND);
  store<u32>(entry, sessionHandle, TransferEvent.SESSION);
  return entry;
}

/** Shows the host the event that beginEvent() has begun. */
export function endEvent(): void {
  store32(TRANSFER_EVENTS + Ring.HEAD, load32(TRANSFER_EVENTS + Ring.HEAD) + 1);
}
