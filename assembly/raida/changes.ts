/**
 * The one way by which a command changes anything durable: begin() reserves what the whole group
 * needs, so that nothing can fail afterwards; coin() and cell() change memory and journal together
 * with all that follows from a record (counts, in-use map, locker index); end() publishes. All page
 * locks of the request are held meanwhile. border.md "Journal".
 */
import { store64 } from "../core/atomics";
import { CROSSOVER } from "../core/control";
import { claim, NO_ROOM, publish, recordCell, recordCoin } from "../core/journal";
import { CELL_BYTES, SERIAL_BITS } from "../core/limits";
import { CELLS } from "../core/memory";
import { Status } from "../core/status";
import { MFS, writeRecord } from "./coins";
import * as context from "./context";
import { Outcome } from "./context";
import { setInUse } from "./in-use";
import { letGo, moved, openLockers, settleLockers } from "./lockers";
import { denominationAt, metaAt, serialAt, settlePages, unlockPages } from "./pages-of-request";

/** Result of begin(). */
export const enum Begun {
  YES,
  /** The journal is full: run again after a commit. */
  BUSY,
  /** The locker index has no room for so many coins: 254. */
  FULL,
}

let start: u64 = 0;
let capacity: u32 = 0;
let used: u32 = 0;
let cellsChanged: bool = false;

/**
 * Opens a group of at most `records` changes, of which at most `intoLockers` give a coin in use an
 * AN of locker or trade form. What is not YES holds nothing; see notBegun().
 */
export function begin(records: u32, intoLockers: u32): Begun {
  // The index before the journal: so both have the groups that touch lockers in the same order.
  if (intoLockers && !openLockers(intoLockers)) return Begun.FULL;
  const claimed = claim(records);
  if (claimed == NO_ROOM) {
    letGo();
    return Begun.BUSY;
  }
  start = claimed;
  capacity = records;
  used = 0;
  cellsChanged = false;
  return Begun.YES;
}

/** Ends a request whose group did not begin: its pages are let go. */
export function notBegun(begun: Begun): Outcome {
  unlockPages();
  return begun == Begun.BUSY ? Outcome.BUSY : context.refuse(Status.MEMORY);
}

/** Position behind the group. */
function endOfGroup(): u64 {
  return start + capacity + 1;
}

/**
 * Gives the coin at `coin` (denomination, serial number; on a locked page, its record at `record`)
 * a new AN and MFS.
 */
export function changeCoin(coin: usize, record: usize, an: v128, mfs: u32): void {
  const index = <u32>(denominationAt(coin) + 8),
    serial = serialAt(coin),
    number = (index << SERIAL_BITS) | serial;
  const before = v128.load(record),
    wasInUse = load<u8>(record, MFS) != 0;
  recordCoin(start + ++used, index, serial, record, an, mfs);
  writeRecord(metaAt(coin), record, an, mfs);
  if (wasInUse != (mfs != 0)) setInUse(number, mfs != 0, endOfGroup());
  moved(number, before, wasInUse, an, mfs != 0, endOfGroup());
}

/** Overwrites cell `index` of the durable tables with the 16 bytes at `bytes`; its lock is held. */
export function changeCell(index: u32, bytes: usize): void {
  const cell = CELLS + <usize>index * CELL_BYTES;
  recordCell(start + ++used, index, v128.load(cell), v128.load(bytes));
  v128.store(cell, v128.load(bytes));
  cellsChanged = true;
}

/** Publishes the group; pages and tables that it changed, and the reply, get its position. */
export function end(): void {
  const position = publish(start, used, capacity);
  settlePages(position);
  settleLockers(position);
  if (cellsChanged) store64(CROSSOVER + 8, position);
}
