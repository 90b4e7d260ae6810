/**
 * Group 3, Executive: get available serial numbers, create, delete, free, get all serial numbers.
 * Each shows the admin key. Reference: RAIDA sections 7 and 9; section 11, points 7, 16, 31.
 */
import { ADMIN_KEY } from "../../core/control";
import { DENOMINATIONS } from "../../core/limits";
import { COIN_LIST, IN_USE_BYTES, pagesPerDenomination, raidaId } from "../../core/memory";
import { randomReady } from "../../core/random";
import { WORK } from "../../core/scratch";
import { Status } from "../../core/status";
import { md5 } from "../../crypto/md5";
import { isAdmin } from "../admin";
import { Begun, begin, changeCoin, end, notBegun } from "../changes";
import { MFS } from "../coins";
import * as context from "../context";
import { Outcome } from "../context";
import * as effects from "../effects";
import { freshAn, openFreshAns } from "../fresh-ans";
import { readU32BE, writeU32BE } from "../header";
import { inUseOfPage, inUsePosition } from "../in-use";
import { isKept } from "../lockers";
import {
  anyAbsent,
  authentic,
  COIN_BYTES,
  holdPages,
  listPages,
  recordAt,
  serialAt,
  unlockPages,
} from "../pages-of-request";
import { makeRoom, noRoom, Room } from "../reply-frames";
import { areReservedFor, Purpose } from "../reservations";
import { writeDecimal, writeHex } from "../text";
import { AN_BYTES, addBit, aggregate, COIN_AN_BYTES, countCoins, openBitmap } from "./coin-list";
import { answerFree, areFree } from "./free-serials";

/** Session id and admin key stand before flags and lists. */
const SESSION_BYTES: u32 = 4;
const LIST: u32 = SESSION_BYTES + AN_BYTES;
const FLAG_BYTES: u32 = 16;
/** Serial numbers of a denomination that 3/120 offers, at the most. */
const AVAILABLE_MAX: u32 = 1029;
/** What effects.note says of a request whose key was right, so that it is counted once. */
const ADMITTED: u32 = 1;
/** The new AN of a created coin, behind the text that it is made of. */
const CREATED: usize = WORK + 112;

function admitted(key: usize): bool {
  if (effects.note == ADMITTED) return true;
  if (!isAdmin(key)) return false;
  effects.keep(ADMITTED);
  return true;
}

/**
 * 3/120: session, admin key, 16 flags (index denomination + 8; the last one means nothing). 250 and
 * lists of free serial numbers (free-serials.ts), whose pages are reserved for the session. Session
 * 0 reserves nothing, so it is offered nothing.
 */
export function getAvailable(_pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (context.payloadBytes != LIST + FLAG_BYTES)
    return context.refuse(Status.INVALID_PACKET_LENGTH);
  if (!admitted(context.payload + SESSION_BYTES)) return context.refuse(Status.ADMIN_AUTH);
  const session = readU32BE(context.payload);
  if (session == 0) return context.refuse(Status.SUCCESS);
  return answerFree(context.payload + LIST, session, AVAILABLE_MAX);
}

/**
 * 3/130: session, admin key, n x (denomination, serial). 250 and the old ANs in order. All or
 * nothing: a coin on no page, in use or named twice 40, a page that the session has not reserved to
 * create on 41.
 */
export function create(pinning: bool): Outcome {
  const count = countCoins(LIST, COIN_BYTES);
  if (count == 0) return Outcome.ANSWER;
  if (!admitted(context.payload + SESSION_BYTES)) return context.refuse(Status.ADMIN_AUTH);
  // The answer is longer than the question and may lie over it.
  memory.copy(COIN_LIST, context.payload + LIST, count * COIN_BYTES);
  if (listPages(COIN_LIST, count, COIN_BYTES))
    return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  if (!areReservedFor(readU32BE(context.payload), Purpose.CREATE))
    return context.refuse(Status.PAGE_NOT_RESERVED);
  if (!holdPages(pinning)) return Outcome.PARK;
  if (anyAbsent() || !areFree(COIN_LIST, count)) {
    unlockPages();
    return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  }
  const room = makeRoom(count * AN_BYTES);
  if (room != Room.FOUND) {
    unlockPages();
    return noRoom(room);
  }
  const begun = begin(count, createdIntoLockers(count));
  if (begun != Begun.YES) return notBegun(begun);
  const out = context.body();
  for (let i: u32 = 0, coin = COIN_LIST; i < count; i++, coin += COIN_BYTES) {
    const record = recordAt(coin),
      old = v128.load(record);
    makeAn(serialAt(coin));
    changeCoin(coin, record, v128.load(CREATED), context.mfs);
    v128.store(out + <usize>(i * AN_BYTES), old);
  }
  end();
  unlockPages();
  return context.answer(Status.SUCCESS, count * AN_BYTES);
}

/** How many of the ANs to be made are those of a locker or trade locker: one in 5.6 million is. */
function createdIntoLockers(count: u32): u32 {
  let kept: u32 = 0;
  for (let coin = COIN_LIST; count; count--, coin += COIN_BYTES) {
    makeAn(serialAt(coin));
    kept += u32(isKept(v128.load(CREATED)));
  }
  return kept;
}

/**
 * The AN of a coin that is created: MD5 of the text that joins the RAIDA number in decimal, the
 * serial number in decimal and the 32 lower-case hex digits of the admin key.
 */
function makeAn(serial: u32): void {
  let text = writeDecimal(WORK, raidaId);
  text = writeDecimal(text, serial);
  text = writeHex(text, ADMIN_KEY, AN_BYTES);
  md5(WORK, <u32>(text - WORK), CREATED);
}

/** 3/140: admin key, n x (denomination, serial, AN). Those that match leave circulation. */
export function deleteCoins(pinning: bool): Outcome {
  const count = countCoins(AN_BYTES, COIN_AN_BYTES),
    list = context.payload + AN_BYTES;
  if (count == 0) return Outcome.ANSWER;
  if (!admitted(context.payload)) return context.refuse(Status.ADMIN_AUTH);
  if (!randomReady()) return context.refuse(Status.INTERNAL);
  listPages(list, count, COIN_AN_BYTES);
  if (!holdPages(pinning)) return Outcome.PARK;
  const any = anyAuthentic(list, count);
  if (any) {
    const begun = begin(count, 0);
    if (begun != Begun.YES) return notBegun(begun);
    openFreshAns();
  }
  openBitmap();
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_AN_BYTES) {
    const record = recordAt(coin),
      good = authentic(record, coin + COIN_BYTES);
    if (good) changeCoin(coin, record, freshAn(), 0);
    addBit(i, good);
  }
  if (any) end();
  unlockPages();
  return aggregate(count);
}

function anyAuthentic(list: usize, count: u32): bool {
  for (let coin = list; count; count--, coin += COIN_AN_BYTES) {
    if (authentic(recordAt(coin), coin + COIN_BYTES)) return true;
  }
  return false;
}

/**
 * 3/150: session (unused), admin key, n x (denomination, serial). 250: all of them are free; coins
 * on no page and free records are passed over.
 */
export function freeCoins(pinning: bool): Outcome {
  const count = countCoins(LIST, COIN_BYTES),
    list = context.payload + LIST;
  if (count == 0) return Outcome.ANSWER;
  if (!admitted(context.payload + SESSION_BYTES)) return context.refuse(Status.ADMIN_AUTH);
  if (!randomReady()) return context.refuse(Status.INTERNAL);
  listPages(list, count, COIN_BYTES);
  if (!holdPages(pinning)) return Outcome.PARK;
  if (anyInUse(list, count)) {
    const begun = begin(count, 0);
    if (begun != Begun.YES) return notBegun(begun);
    openFreshAns();
    for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_BYTES) {
      if (isInUse(coin)) changeCoin(coin, recordAt(coin), freshAn(), 0);
    }
    end();
  }
  unlockPages();
  return context.refuse(Status.SUCCESS);
}

function isInUse(coin: usize): bool {
  const record = recordAt(coin);
  return record != 0 && load<u8>(record, MFS) != 0;
}

function anyInUse(list: usize, count: u32): bool {
  for (let coin = list; count; count--, coin += COIN_BYTES) {
    if (isInUse(coin)) return true;
  }
  return false;
}

/**
 * 3/160: admin key, denomination. 250 and denomination, u32 bytes of the bitmap, a bit a serial
 * number, 1 = in use.
 */
export function getAll(_pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (context.payloadBytes != AN_BYTES + 1) return context.refuse(Status.INVALID_PACKET_LENGTH);
  if (!admitted(context.payload)) return context.refuse(Status.ADMIN_AUTH);
  const index = <u32>(<i32>load<i8>(context.payload, AN_BYTES) + 8);
  if (index >= DENOMINATIONS) return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  const bytes = pagesPerDenomination * <u32>IN_USE_BYTES;
  const room = makeRoom(5 + bytes);
  if (room != Room.FOUND) return noRoom(room);
  const out = context.body();
  store<u8>(out, index - 8);
  writeU32BE(out + 1, bytes);
  memory.copy(out + 5, inUseOfPage(index * pagesPerDenomination), bytes);
  context.raisePosition(inUsePosition());
  return context.answer(Status.SUCCESS, 5 + bytes);
}
