/**
 * Group 2, Healing: get ticket, validate ticket, find. Reference: RAIDA sections 7 and 9; seed 000
 * section 7.
 */

import { COIN_LIST } from "../../core/memory";
import { randomReady, takeRandom } from "../../core/random";
import { WORK } from "../../core/scratch";
import { Status } from "../../core/status";
import { MFS } from "../coins";
import * as context from "../context";
import { Outcome } from "../context";
import { readU32BE, writeU32BE } from "../header";
import {
  anyAbsent,
  authentic,
  COIN_BYTES,
  holdPages,
  listPages,
  recordAt,
  unlockPages,
} from "../pages-of-request";
import { makeRoom, noRoom, Room } from "../reply-frames";
import * as tickets from "../tickets";
import {
  addBit,
  bitmapBytes,
  COIN_AN_BYTES,
  COIN_AN_PAN_BYTES,
  closeBitmap,
  countCoins,
  openBitmap,
} from "./coin-list";

/**
 * Draws of a ticket number; that many in a row in use have a chance of 10^-54 with 512 of 2^32
 * alive.
 */
const NUMBER_DRAWS_MAX = 8;

/**
 * 2/40: n x (denomination, serial, AN). 241 and a ticket; 243, bitmap and a ticket for the good
 * ones; 242. A coin on no page: 40.
 */
export function getTicket(pinning: bool): Outcome {
  const count = countCoins(0, COIN_AN_BYTES),
    list = context.payload;
  if (count == 0) return Outcome.ANSWER;
  if (listPages(list, count, COIN_AN_BYTES))
    return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  if (!randomReady()) return context.refuse(Status.INTERNAL);
  if (!holdPages(pinning)) return Outcome.PARK;
  if (anyAbsent()) {
    unlockPages();
    return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  }
  const ticket = tickets.reserveTicket(context.now, context.address);
  const good = ticket ? fillTicket(ticket, list, count) : 0;
  const any = ticket != 0 || anyGood(list, count);
  unlockPages();
  if (!ticket) return context.refuse(any ? Status.NO_TICKET_SLOT : Status.ALL_FAIL);
  if (good == 0) {
    tickets.releaseTicket(ticket);
    return context.refuse(Status.ALL_FAIL);
  }
  const number = drawNumber();
  if (number == 0) {
    tickets.releaseTicket(ticket);
    return context.refuse(Status.INTERNAL);
  }
  tickets.openTicket(ticket, number, good, context.position, context.now);
  const bitmap = good == count ? 0 : bitmapBytes(count);
  writeU32BE(context.body() + bitmap, number);
  return context.answer(bitmap ? Status.MIXED : Status.ALL_PASS, bitmap + 4);
}

/** Copies the good coins into the ticket and makes the bitmap; returns how many. */
function fillTicket(ticket: usize, list: usize, count: u32): u32 {
  let out = tickets.ticketCoins(ticket),
    index: u32 = 0;
  openBitmap();
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_AN_BYTES) {
    const good = authentic(recordAt(coin), coin + COIN_BYTES);
    if (good) {
      memory.copy(out, coin, COIN_BYTES);
      tickets.vouch(ticket, index++, coin + COIN_BYTES);
      out += COIN_BYTES;
    }
    addBit(i, good);
  }
  return closeBitmap(count);
}

/** Without a slot, coins that all fail are still told so. */
function anyGood(list: usize, count: u32): bool {
  for (let coin = list; count; count--, coin += COIN_AN_BYTES) {
    if (authentic(recordAt(coin), coin + COIN_BYTES)) return true;
  }
  return false;
}

/** A random ticket number that no live ticket has, and not 0, which means none; 0: not found. */
function drawNumber(): u32 {
  for (let draws = 0; draws < NUMBER_DRAWS_MAX; draws++) {
    takeRandom(WORK, 4);
    const number = readU32BE(WORK);
    if (number == 0) continue;
    const taken = tickets.findTicket(number, context.now);
    if (!taken) return number;
    tickets.releaseTicket(taken);
  }
  return 0;
}

/** 2/50: number of the asking RAIDA, ticket. 18, 43, 44, or 250 and the ticket's coins. */
export function validateTicket(pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (context.payloadBytes != 5) return context.refuse(Status.INVALID_PACKET_LENGTH);
  const raida = <u32>load<u8>(context.payload),
    number = readU32BE(context.payload + 1);
  let ticket = tickets.findTicket(number, context.now),
    claimable = tickets.claimable(ticket, raida);
  if (claimable != Status.SUCCESS) return done(ticket, claimable);
  // A ticket vouches for the AN that was shown. Whoever has given the coin away, broken or joined
  // it meanwhile has no say in it any more; so its coins are looked at again.
  const listed = tickets.ticketCoinCount(ticket);
  memory.copy(COIN_LIST, tickets.ticketCoins(ticket), listed * COIN_BYTES);
  tickets.releaseTicket(ticket);
  listPages(COIN_LIST, listed, COIN_BYTES);
  if (!holdPages(pinning)) return Outcome.PARK;
  ticket = tickets.findTicket(number, context.now);
  claimable = tickets.claimable(ticket, raida);
  if (claimable != Status.SUCCESS) {
    unlockPages();
    return done(ticket, claimable);
  }
  const bytes = keepUnchanged(ticket) * COIN_BYTES;
  unlockPages();
  // Room is found before the claim: a claim whose answer cannot be made would be lost.
  const room = makeRoom(bytes);
  if (room != Room.FOUND) {
    tickets.releaseTicket(ticket);
    return noRoom(room);
  }
  tickets.claim(ticket, raida);
  context.raisePosition(tickets.ticketPosition(ticket));
  memory.copy(context.body(), COIN_LIST, bytes);
  tickets.releaseTicket(ticket);
  return context.answer(Status.SUCCESS, bytes);
}

/** Writes the ticket's coins that are as they were to COIN_LIST; returns how many. */
function keepUnchanged(ticket: usize): u32 {
  const listed = tickets.ticketCoinCount(ticket);
  let coin = tickets.ticketCoins(ticket),
    kept: u32 = 0;
  for (let i: u32 = 0; i < listed; i++, coin += COIN_BYTES) {
    const record = recordAt(coin);
    if (!record || !load<u8>(record, MFS) || !tickets.stillVouches(ticket, i, record)) continue;
    memory.copy(COIN_LIST + kept++ * COIN_BYTES, coin, COIN_BYTES);
  }
  return kept;
}

function done(ticket: usize, status: Status): Outcome {
  if (ticket) tickets.releaseTicket(ticket);
  return context.refuse(status);
}

/**
 * 2/60: n x (denomination, serial, AN, PAN). A byte a coin: 1 = AN equals, 2 = PAN equals, 0 =
 * neither. A coin on no page: 40.
 */
export function find(pinning: bool): Outcome {
  const count = countCoins(0, COIN_AN_PAN_BYTES),
    list = context.payload;
  if (count == 0) return Outcome.ANSWER;
  if (listPages(list, count, COIN_AN_PAN_BYTES))
    return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  if (!holdPages(pinning)) return Outcome.PARK;
  if (anyAbsent()) {
    unlockPages();
    return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  }
  let withAn: u32 = 0,
    withPan: u32 = 0;
  const out = context.body();
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_AN_PAN_BYTES) {
    const record = recordAt(coin);
    const isAn = authentic(record, coin + COIN_BYTES),
      isPan = authentic(record, coin + COIN_AN_BYTES);
    store<u8>(out + i, isAn ? 1 : isPan ? 2 : 0);
    withAn += u32(isAn);
    withPan += u32(!isAn && isPan);
  }
  unlockPages();
  if (withAn == count) return context.answer(Status.FIND_ALL_AN, 0);
  if (withPan == count) return context.answer(Status.FIND_ALL_PAN, 0);
  if (withAn + withPan == 0) return context.answer(Status.FIND_NEITHER, 0);
  return context.answer(Status.FIND_MIXED, count);
}
