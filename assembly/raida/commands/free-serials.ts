/**
 * Lists of free serial numbers, read from the in-use map: what 3/120 and 10/172 answer, the look
 * for the next one (also 9/91), and the question whether a list can be brought into use. Reference:
 * RAIDA sections 7 and 9; section 11, points 7, 31, 32.
 *
 * A denomination in the answer: denomination (1), count of ranges (1), count of singles (1), ranges
 * of first and last serial number (8 each), singles (4 each). Denominations with none are left out.
 */
import { Flag } from "../../core/layout";
import { DENOMINATIONS, FREE_LIST_DATAGRAM_BYTES, PAGE_RECORDS } from "../../core/limits";
import { COIN_LIST, pagesPerDenomination } from "../../core/memory";
import { WORK } from "../../core/scratch";
import { Status } from "../../core/status";
import { MFS } from "../coins";
import * as context from "../context";
import { Outcome } from "../context";
import { allDistinct } from "../distinct";
import { Encryption, writeU32BE } from "../header";
import { inUseOfPage, inUsePosition } from "../in-use";
import { COIN_BYTES, recordAt } from "../pages-of-request";
import { makeRoom, noRoom, Room } from "../reply-frames";
import {
  isReserved,
  isReservedByOperator,
  lockReservations,
  Purpose,
  reserve,
  unlockReservations,
} from "../reservations";

/** Counts of ranges and of singles are one byte each. */
const RUNS_MAX: u32 = 255;
const RANGE_BYTES: u32 = 8;
const SINGLE_BYTES: u32 = 4;
const HEAD_BYTES: u32 = 3;
const LIST_BYTES_MAX: u32 = HEAD_BYTES + RUNS_MAX * (RANGE_BYTES + SINGLE_BYTES);

/** Record of the first free coin of a page from record `from` on; PAGE_RECORDS: there is none. */
export function nextFree(pageKey: u32, from: u32): u32 {
  const bits = inUseOfPage(pageKey);
  let mask = u64.MAX_VALUE << (<u64>(from & 63));
  for (let word = from >>> 6; word < PAGE_RECORDS >>> 6; word++) {
    const free = ~load<u64>(bits + ((<usize>word) << 3)) & mask;
    if (free) return (word << 6) + <u32>ctz(free);
    mask = u64.MAX_VALUE;
  }
  return PAGE_RECORDS;
}

/** Are the coins of a list, each on a locked page, free records, and none named twice? */
export function areFree(list: usize, count: u32): bool {
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_BYTES) {
    if (load<u8>(recordAt(coin), MFS) != 0) return false;
  }
  return allDistinct(list, count);
}

// The list of one denomination that is being made: the open run, and what is closed.
let first: u32 = 0;
let last: u32 = 0;
let isOpen: bool = false;
let offered: u32 = 0;
let ranges: u32 = 0;
let singles: u32 = 0;
/** What the answer may still take. */
let bytesLeft: u32 = 0;
/** Ranges go to their place in the answer; singles wait at COIN_LIST until the ranges are known. */
let rangesAt: usize = 0;

/**
 * Ends a command with 250 and the free serial numbers of every denomination whose byte among the 15
 * at `flags` is not 0, at most `limit` of each; fewer in clear over UDP, where the asker may not be
 * who he says. With a session, pages that anybody has reserved are left out, and those offered are
 * reserved for it to create on; 0: only a look.
 */
export function answerFree(flags: usize, session: u32, limit: u32): Outcome {
  // The answer may lie over the question.
  memory.copy(WORK, flags, DENOMINATIONS);
  let requested: u32 = 0;
  for (let index: u32 = 0; index < DENOMINATIONS; index++)
    requested += u32(load<u8>(WORK + index) != 0);
  const most = requested * LIST_BYTES_MAX,
    clear = context.type == Encryption.NONE && (context.flags & Flag.DATAGRAM) != 0;
  bytesLeft = clear && session == 0 ? min(most, FREE_LIST_DATAGRAM_BYTES) : most;
  const room = makeRoom(bytesLeft);
  if (room != Room.FOUND) return noRoom(room);
  let out = context.body();
  for (let index: u32 = 0; index < DENOMINATIONS; index++) {
    if (load<u8>(WORK + index)) out = writeFree(index, session, limit, out);
  }
  context.raisePosition(inUsePosition());
  return context.answer(Status.SUCCESS, <u32>(out - context.body()));
}

/** Writes the list of one denomination; returns the end of what was written. */
function writeFree(index: u32, session: u32, limit: u32, out: usize): usize {
  isOpen = false;
  offered = ranges = singles = 0;
  rangesAt = out + HEAD_BYTES;
  lockReservations();
  offerPages(index, session, limit, false);
  // Anybody can reserve pages for change, but not keep the operator from all of them.
  if (offered == 0 && session) offerPages(index, session, limit, true);
  unlockReservations();
  if (offered == 0) return out;
  closeRun();
  store<u8>(out, index - 8);
  store<u8>(out, ranges, 1);
  store<u8>(out, singles, 2);
  bytesLeft -= HEAD_BYTES + ranges * RANGE_BYTES + singles * SINGLE_BYTES;
  const singlesAt = rangesAt + <usize>(ranges * RANGE_BYTES);
  memory.copy(singlesAt, COIN_LIST, singles * SINGLE_BYTES);
  return singlesAt + <usize>(singles * SINGLE_BYTES);
}

/**
 * Offers from page to page until there are enough, or a count would wrap; also pages that clients
 * have reserved for change, if `overClients`.
 */
function offerPages(index: u32, session: u32, limit: u32, overClients: bool): void {
  for (let page: u32 = 0; page < pagesPerDenomination && offered < limit; page++) {
    const key = index * pagesPerDenomination + page,
      before = offered;
    if (session && (overClients ? isReservedByOperator(key) : isReserved(key))) continue;
    let record = nextFree(key, 0);
    while (record < PAGE_RECORDS && offered < limit && offer(page * PAGE_RECORDS + record))
      record = nextFree(key, record + 1);
    if (session && offered > before) reserve(key, session, Purpose.CREATE);
    if (record < PAGE_RECORDS) return;
  }
}

/** Adds a serial number, the next in ascending order. False: no more runs can be counted. */
function offer(serial: u32): bool {
  if (!isOpen || serial != last + 1) {
    closeRun();
    if (ranges == RUNS_MAX || singles == RUNS_MAX) return false;
    const bytes = HEAD_BYTES + ranges * RANGE_BYTES + singles * SINGLE_BYTES;
    if (bytes + RANGE_BYTES > bytesLeft) return false;
    isOpen = true;
    first = serial;
  }
  last = serial;
  offered++;
  return true;
}

function closeRun(): void {
  if (!isOpen) return;
  isOpen = false;
  if (first == last) {
    writeU32BE(COIN_LIST + <usize>(singles * SINGLE_BYTES), first);
    singles++;
    return;
  }
  const range = rangesAt + <usize>(ranges * RANGE_BYTES);
  writeU32BE(range, first);
  writeU32BE(range + 4, last);
  ranges++;
}
