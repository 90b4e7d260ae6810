/**
 * Group 9, Change: free serial numbers for it, break one coin into ten, join ten into one. All or
 * nothing; the value in circulation stays the same. Reference: RAIDA sections 7 and 9; section 11,
 * points 11, 15, 33, 35.
 */
import { DENOMINATIONS, PAGE_RECORDS } from "../../core/limits";
import { COIN_LIST, pagesPerDenomination } from "../../core/memory";
import { randomReady } from "../../core/random";
import { Status } from "../../core/status";
import { countBreak, mayBreak } from "../break-rate";
import { Begun, begin, changeCoin, end, notBegun } from "../changes";
import * as context from "../context";
import { Outcome } from "../context";
import { allDistinct } from "../distinct";
import { freshAn, openFreshAns } from "../fresh-ans";
import { readU32BE, writeU32BE } from "../header";
import { inUsePosition } from "../in-use";
import { isKept } from "../lockers";
import {
  authentic,
  COIN_BYTES,
  denominationAt,
  holdPages,
  keyAt,
  listPages,
  recordAt,
  unlockPages,
} from "../pages-of-request";
import { makeRoom, noRoom, Room } from "../reply-frames";
import {
  changePagesLeft,
  isReserved,
  isReservedFor,
  lockReservations,
  Purpose,
  renew,
  reserve,
  unlockReservations,
} from "../reservations";
import { COIN_AN_BYTES } from "./coin-list";
import { areFree, nextFree } from "./free-serials";

const SESSION_BYTES: u32 = 4;
const BREAK: u32 = 1;
const JOIN: u32 = 2;
/** Serial numbers that 9/91 offers, at the most. */
const AVAILABLE_MAX: u32 = 64;
/** Small coins that make a large one. */
const SMALL_COINS: u32 = 10;
const LARGEST_INDEX: u32 = DENOMINATIONS - 1;

/** Pages that this client address may still reserve. */
let pagesLeft: u32 = 0;

/**
 * 9/91: session, operation (1 break, 2 join), denomination. 250 and the denomination of the coins
 * that will be made, up to 64 free serial numbers of it. A session reserves their pages for break
 * and join; session 0 only looks.
 */
export function getChange(_pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (context.payloadBytes != SESSION_BYTES + 2)
    return context.refuse(Status.INVALID_PACKET_LENGTH);
  const session = readU32BE(context.payload),
    operation = <u32>load<u8>(context.payload, SESSION_BYTES),
    index = <u32>(<i32>load<i8>(context.payload, SESSION_BYTES + 1) + 8);
  if (operation != BREAK && operation != JOIN) return context.refuse(Status.INVALID_PARAMETER);
  if (index > LARGEST_INDEX || index == (operation == BREAK ? 0 : LARGEST_INDEX))
    return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  const room = makeRoom(1 + 4 * AVAILABLE_MAX);
  if (room != Room.FOUND) return noRoom(room);
  const target = operation == BREAK ? index - 1 : index + 1,
    out = context.body();
  store<u8>(out, target - 8);
  lockReservations();
  const count = offerPages(target, session, out + 1);
  unlockReservations();
  context.raisePosition(inUsePosition());
  return context.answer(Status.SUCCESS, 1 + 4 * count);
}

/** Writes free serial numbers to `out` and reserves their pages; returns how many. */
function offerPages(index: u32, session: u32, out: usize): u32 {
  let count: u32 = 0;
  pagesLeft = session ? changePagesLeft() : 0;
  for (let page: u32 = 0; page < pagesPerDenomination && count < AVAILABLE_MAX; page++) {
    const key = index * pagesPerDenomination + page;
    let record = nextFree(key, 0);
    if (record == PAGE_RECORDS || !mayOffer(key, session)) continue;
    for (; record < PAGE_RECORDS && count < AVAILABLE_MAX; record = nextFree(key, record + 1)) {
      writeU32BE(out + <usize>(4 * count), page * PAGE_RECORDS + record);
      count++;
    }
  }
  return count;
}

/** Is the page nobody's, or this session's own? Then the session has it from now on. */
function mayOffer(key: u32, session: u32): bool {
  if (isReservedFor(key, session, Purpose.CHANGE)) {
    renew(key);
    return true;
  }
  if (isReserved(key)) return false;
  if (session == 0) return true;
  if (pagesLeft == 0) return false;
  pagesLeft--;
  reserve(key, session, Purpose.CHANGE);
  return true;
}

/** A session and eleven coins with ANs, the large one first? If not, the answer is set. */
function hasCoins(): bool {
  if (context.bodySize == 0) context.refuse(Status.EMPTY_REQUEST);
  else if (context.payloadBytes != SESSION_BYTES + (1 + SMALL_COINS) * COIN_AN_BYTES)
    context.refuse(Status.INVALID_PACKET_LENGTH);
  else if (<u32>(denominationAt(context.payload + SESSION_BYTES) + 7) >= LARGEST_INDEX)
    context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  else return true;
  return false;
}

/**
 * 9/92: session, coin with its AN, ten coins of the next lower denomination with their new ANs.
 * 250. Order: denomination 40, rate 160, coin on no page 40, AN 242; each small coin: denomination
 * or page 40, not reserved 41; then one that is in use or named twice 40.
 */
export function breakCoin(pinning: bool): Outcome {
  if (!hasCoins()) return Outcome.ANSWER;
  if (!mayBreak()) return context.refuse(Status.REQUEST_RATE);
  if (!randomReady()) return context.refuse(Status.INTERNAL);
  const large = context.payload + SESSION_BYTES,
    small = large + COIN_AN_BYTES;
  listPages(large, 1 + SMALL_COINS, COIN_AN_BYTES);
  if (!holdPages(pinning)) return Outcome.PARK;
  const refused = checkBreak(large, small);
  if (refused != Status.OK) {
    unlockPages();
    return context.refuse(refused);
  }
  const begun = begin(1 + SMALL_COINS, intoLockers(small, SMALL_COINS));
  if (begun != Begun.YES) return notBegun(begun);
  openFreshAns();
  changeCoin(large, recordAt(large), freshAn(), 0);
  for (let i: u32 = 0, coin = small; i < SMALL_COINS; i++, coin += COIN_AN_BYTES)
    changeCoin(coin, recordAt(coin), v128.load(coin + COIN_BYTES), context.mfs);
  end();
  unlockPages();
  countBreak();
  return context.refuse(Status.SUCCESS);
}

function checkBreak(large: usize, small: usize): Status {
  if (!recordAt(large)) return Status.INVALID_SN_OR_DENOMINATION;
  if (!authentic(recordAt(large), large + COIN_BYTES)) return Status.ALL_FAIL;
  const session = readU32BE(context.payload);
  let refused = Status.OK;
  lockReservations();
  for (let i: u32 = 0, coin = small; i < SMALL_COINS && refused == Status.OK; i++) {
    if (!isSmaller(coin, large)) refused = Status.INVALID_SN_OR_DENOMINATION;
    else if (!isReservedFor(keyAt(coin), session, Purpose.CHANGE))
      refused = Status.PAGE_NOT_RESERVED;
    coin += COIN_AN_BYTES;
  }
  unlockReservations();
  if (refused != Status.OK) return refused;
  copySmall(small);
  return areFree(COIN_LIST, SMALL_COINS) ? Status.OK : Status.INVALID_SN_OR_DENOMINATION;
}

/** Is it a coin of the next lower denomination that lies on a page? */
function isSmaller(coin: usize, large: usize): bool {
  return denominationAt(coin) == denominationAt(large) - 1 && recordAt(coin) != 0;
}

/** Copies the small coins without their ANs to COIN_LIST. */
function copySmall(small: usize): void {
  for (let i: u32 = 0; i < SMALL_COINS; i++)
    memory.copy(
      COIN_LIST + <usize>(i * COIN_BYTES),
      small + <usize>(i * COIN_AN_BYTES),
      COIN_BYTES,
    );
}

/** How many of the new ANs of `count` coins are those of a locker. */
function intoLockers(coin: usize, count: u32): u32 {
  let kept: u32 = 0;
  for (; count; count--, coin += COIN_AN_BYTES) kept += u32(isKept(v128.load(coin + COIN_BYTES)));
  return kept;
}

/**
 * 9/93: session, new coin with its AN, ten coins of the next lower denomination with theirs. 250.
 * Order: denomination or page of the new coin 40, not reserved 41; each small coin: denomination or
 * page 40, AN 242; one named twice 242; the new coin in use 40.
 */
export function join(pinning: bool): Outcome {
  if (!hasCoins()) return Outcome.ANSWER;
  if (!randomReady()) return context.refuse(Status.INTERNAL);
  const large = context.payload + SESSION_BYTES,
    small = large + COIN_AN_BYTES;
  listPages(large, 1 + SMALL_COINS, COIN_AN_BYTES);
  if (!holdPages(pinning)) return Outcome.PARK;
  const refused = checkJoin(large, small);
  if (refused != Status.OK) {
    unlockPages();
    return context.refuse(refused);
  }
  const begun = begin(1 + SMALL_COINS, intoLockers(large, 1));
  if (begun != Begun.YES) return notBegun(begun);
  openFreshAns();
  for (let i: u32 = 0, coin = small; i < SMALL_COINS; i++, coin += COIN_AN_BYTES)
    changeCoin(coin, recordAt(coin), freshAn(), 0);
  changeCoin(large, recordAt(large), v128.load(large + COIN_BYTES), context.mfs);
  end();
  unlockPages();
  return context.refuse(Status.SUCCESS);
}

function checkJoin(large: usize, small: usize): Status {
  if (!recordAt(large)) return Status.INVALID_SN_OR_DENOMINATION;
  lockReservations();
  const reserved = isReservedFor(keyAt(large), readU32BE(context.payload), Purpose.CHANGE);
  unlockReservations();
  if (!reserved) return Status.PAGE_NOT_RESERVED;
  for (let i: u32 = 0, coin = small; i < SMALL_COINS; i++, coin += COIN_AN_BYTES) {
    if (!isSmaller(coin, large)) return Status.INVALID_SN_OR_DENOMINATION;
    if (!authentic(recordAt(coin), coin + COIN_BYTES)) return Status.ALL_FAIL;
  }
  copySmall(small);
  if (!allDistinct(COIN_LIST, SMALL_COINS)) return Status.ALL_FAIL;
  return areFree(large, 1) ? Status.OK : Status.INVALID_SN_OR_DENOMINATION;
}
