/**
 * When the store says no. rollback(): the refusal is certain, so memory goes back to the store's
 * state. discard(): the outcome is unknown, so nothing is guessed; what may differ is dropped and
 * read again. Both answer 252 to every reply that rested on it. border.md "Rollback".
 */
import { load32, load64, stopWorkers, store32, store64 } from "../core/atomics";
import { COMMITTED, HEAD, STOP } from "../core/control";
import { recordAt } from "../core/journal";
import { Descriptor, Journal, JournalKind, Ring } from "../core/layout";
import { CELL_BYTES, SERIAL_BITS } from "../core/limits";
import { CELLS, heldRing, workers } from "../core/memory";
import { entryAt } from "../core/rings";
import { Status } from "../core/status";
import { dropChangedSince, MFS, recordToRestore } from "./coins";
import { setInUse } from "./in-use";
import { letGo, moved } from "./lockers";
import { markUndone } from "./parked";
import { recordUnknown } from "./request-log";
import { rewriteAsUnknown } from "./response";
import { dropTicketsSince } from "./tickets";

/**
 * Undoes every group behind `position`, newest first. Statuses: OK, INVALID_ARGUMENT (no such
 * position).
 */
export function rollbackTo(position: u64): Status {
  const stopped = load32(STOP);
  stopWorkers(STOP);
  const head = load64(HEAD);
  const exists = position >= load64(COMMITTED) && position <= head;
  if (exists) {
    for (let at = head; at-- > position; ) undo(recordAt(at), position);
    answerUnknown(position);
    store64(COMMITTED, head);
  }
  store32(STOP, stopped);
  return exists ? Status.OK : Status.INVALID_ARGUMENT;
}

function undo(record: usize, position: u64): void {
  const kind = load<u8>(record, Journal.KIND);
  if (kind == JournalKind.COIN) undoCoin(record, position);
  else if (kind == JournalKind.CELL) {
    const cell = CELLS + <usize>load<u32>(record, Journal.CELL) * CELL_BYTES;
    v128.store(cell, v128.load(record, Journal.OLD_AN));
  }
}

/** Puts the old value back, and with it all that follows from a record. */
function undoCoin(change: usize, position: u64): void {
  const index = <u32>load<u8>(change, Journal.DENOMINATION),
    serial = load<u32>(change, Journal.SERIAL),
    number = (index << SERIAL_BITS) | serial;
  const record = recordToRestore(index, serial, position);
  if (!record) return;
  const an = v128.load(change, Journal.OLD_AN),
    mfs = <u32>load<u8>(change, Journal.OLD_MFS);
  const wasInUse = load<u8>(record, MFS) != 0;
  moved(number, v128.load(record), wasInUse, an, mfs != 0, 0);
  letGo();
  if (wasInUse != (mfs != 0)) setInUse(number, mfs != 0, 0);
  v128.store(record, an);
  store<u8>(record, mfs, MFS);
}

/**
 * Drops all pages changed behind `position`. The workers stay stopped until reopen(), so that the
 * host can read the counts again from the store first. Statuses: OK, INVALID_ARGUMENT.
 */
export function discardSince(position: u64): Status {
  const stopped = load32(STOP);
  stopWorkers(STOP);
  const head = load64(HEAD);
  if (position < load64(COMMITTED) || position > head) {
    store32(STOP, stopped);
    return Status.INVALID_ARGUMENT;
  }
  dropChangedSince(position);
  answerUnknown(position);
  store64(COMMITTED, head);
  return Status.OK;
}

/** Lets the workers go on after discard(). */
export function reopenWorkers(): void {
  store32(STOP, 0);
}

/**
 * Held replies behind `position` become 252, parked requests under an undone key will; tickets that
 * rest on it go.
 */
function answerUnknown(position: u64): void {
  dropTicketsSince(position);
  for (let worker: u32 = 0; worker < workers; worker++) {
    const ring = heldRing(worker);
    for (let i = load32(ring + Ring.TAIL); i != load32(ring + Ring.HEAD); i++) {
      const entry = entryAt(ring, i);
      if (load<u64>(entry, Descriptor.POSITION) <= position) continue;
      store<u32>(entry, rewriteAsUnknown(entry), Descriptor.LENGTH);
      recordUnknown(worker, entry);
      store<u32>(entry, Status.INTERNAL, Descriptor.STATUS);
    }
    markUndone(worker, position);
  }
}
