/**
 * Tells the host what has happened to a session as a whole. What finds no room in the ring stays
 * marked and is told at the session's timer.
 */
import { PathField, TransferEvent, TransferEventKind } from "../core/transfer";
import { beginEvent, endEvent, SessionBit } from "./events";
import { Session } from "./layout";
import { messageLength, messagePayload } from "./messages";
import { currentPath, failedPath } from "./path-slots";
import { Rekey, rekeyNumber } from "./rekey";
import { Head, sessionHandle } from "./session-head";

function kindOf(bit: SessionBit): TransferEventKind {
  switch (bit) {
    case SessionBit.CONFIRMED:
      return TransferEventKind.CONFIRMED;
    case SessionBit.REKEY_KEY:
      return TransferEventKind.REKEY_KEY;
    case SessionBit.REKEY_SECRET:
      return TransferEventKind.REKEY_SECRET;
    case SessionBit.REKEYED:
      return TransferEventKind.REKEYED;
    case SessionBit.MIGRATED:
      return TransferEventKind.MIGRATED;
    case SessionBit.PATH_FAILED:
      return TransferEventKind.PATH_FAILED;
    case SessionBit.PONG:
      return TransferEventKind.PONG;
    case SessionBit.CLOSED:
      return TransferEventKind.CLOSED;
  }
  return TransferEventKind.SESSION_GONE;
}

function describe(session: usize, bit: SessionBit, entry: usize): void {
  if (bit == SessionBit.REKEY_KEY || bit == SessionBit.REKEYED) {
    store<u32>(entry, rekeyNumber(session), TransferEvent.NUMBER);
  } else if (bit == SessionBit.REKEY_SECRET) {
    store<u32>(entry, rekeyNumber(session), TransferEvent.NUMBER);
    store<u32>(entry, <u32>(session + Session.REKEY + Rekey.PEER), TransferEvent.OFFSET);
    store<u32>(entry, 32, TransferEvent.LENGTH);
  } else if (bit == SessionBit.MIGRATED) {
    memory.copy(entry + TransferEvent.PATH, currentPath(session), PathField.BYTES);
  } else if (bit == SessionBit.PATH_FAILED) {
    if (failedPath(session)) {
      memory.copy(entry + TransferEvent.PATH, failedPath(session), PathField.BYTES);
    }
  } else if (bit == SessionBit.PONG) {
    store<u32>(entry, <u32>load<u64>(session, Head.PING_ID), TransferEvent.NUMBER);
    store<u64>(entry, load<u64>(session, Head.PONG_US), TransferEvent.VALUE);
  } else if (bit == SessionBit.CLOSED) describeClose(session, entry);
}

/** The reason lies in a slot, which is the host's from now on. */
function describeClose(session: usize, entry: usize): void {
  store<u32>(entry, load<u32>(session, Head.CLOSE_ERROR), TransferEvent.CODE);
  store<u32>(entry, load<u8>(session, Head.CLOSED_BY), TransferEvent.NUMBER);
  const slot = load<u32>(session, Head.CLOSE_SLOT);
  if (!slot) return;
  store<u32>(entry, slot, TransferEvent.SLOT);
  store<u32>(entry, <u32>messagePayload(slot), TransferEvent.OFFSET);
  store<u32>(entry, messageLength(slot), TransferEvent.LENGTH);
  store<u32>(session, 0, Head.CLOSE_SLOT);
}

/** Tells what waits, in the order of the bits. False: the ring is full. */
export function tellWaiting(session: usize): bool {
  let waiting = load<u32>(session, Head.EVENTS);
  while (waiting) {
    const bit: SessionBit = waiting & -waiting,
      entry = beginEvent(kindOf(bit), sessionHandle(session));
    if (!entry) return false;
    describe(session, bit, entry);
    endEvent();
    waiting &= waiting - 1;
    store<u32>(session, waiting, Head.EVENTS);
  }
  return true;
}
