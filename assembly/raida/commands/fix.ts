/**
 * Group 2, Healing: fix. A coin that this server has lost gets a new AN when other servers vouch
 * for it, at least 14 of the 25 with this one: each of them has seen the owner's AN and given a
 * ticket for it. Reference: RAIDA section 9.
 */
import { EffectKind } from "../../core/layout";
import { COINS_PER_LIST_MAX, RAIDA_COUNT } from "../../core/limits";
import { raidaId } from "../../core/memory";
import { WORK } from "../../core/scratch";
import { Status } from "../../core/status";
import { md5 } from "../../crypto/md5";
import { Begun, begin, changeCoin, end, notBegun } from "../changes";
import { MFS, NO_PAGE } from "../coins";
import * as context from "../context";
import { Outcome } from "../context";
import * as effects from "../effects";
import { isKept } from "../lockers";
import {
  anyAbsent,
  authentic,
  COIN_BYTES,
  holdPages,
  keyAt,
  listPages,
  recordAt,
  unlockPages,
} from "../pages-of-request";
import * as tickets from "../tickets";
import { AN_BYTES, addBit, aggregate, countCoins, openBitmap } from "./coin-list";
import { ANSWERS_BYTES, countVotes, isMarked, mark } from "./fix-votes";

/** Behind the coins: what the new ANs are made of, and a ticket number for each server. */
const PG_BYTES: u32 = 16;
const TICKET_BYTES: u32 = 4;
/** Votes of 25 that fix a coin. */
const VOTES_LEAST: u32 = 14;

// The request's frame: the votes, the new ANs, and the servers' answers above them.
const NEW_ANS: u32 = COINS_PER_LIST_MAX;
const BEFORE: u32 = NEW_ANS + COINS_PER_LIST_MAX * AN_BYTES;
const ANSWERS: u32 = BEFORE + COINS_PER_LIST_MAX * AN_BYTES;

/** Coins that have their votes, and how many of their new ANs are those of a locker. */
let fixed: u32 = 0;
let kept: u32 = 0;

/**
 * 2/80: n x (denomination, serial), PG (16), 25 tickets (u32; 0: none). The new AN is MD5 of own
 * number (1), denomination (1), serial (4), PG; the coin is in use from then on. A coin on no
 * page: 40.
 */
export function fix(pinning: bool): Outcome {
  const count = countCoins(PG_BYTES + RAIDA_COUNT * TICKET_BYTES, COIN_BYTES),
    list = context.payload;
  if (count == 0) return Outcome.ANSWER;
  if (listPages(list, count, COIN_BYTES)) return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  const pg = list + count * COIN_BYTES,
    asked = serversToAsk(pg + PG_BYTES);
  if (effects.done) {
    countVotes(list, count, asked, effects.frame);
    makeAns(list, count, pg);
    // Nothing will change, and the pages were there when the servers were asked.
    if (fixed == 0) return context.refuse(Status.ALL_FAIL);
  }
  if (!holdPages(pinning)) return Outcome.PARK;
  if (anyAbsent()) {
    unlockPages();
    return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  }
  if (effects.done) return change(list, count);
  const outcome = ask(pg + PG_BYTES, asked);
  if (effects.isAsked()) rememberAns(list, count);
  unlockPages();
  return outcome;
}

/** A bit for each server whose ticket is not 0; this server does not ask itself. */
function serversToAsk(numbers: usize): u32 {
  let asked: u32 = 0;
  for (let raida: u32 = 0; raida < RAIDA_COUNT; raida++) {
    const ticket = load<u32>(numbers + ((<usize>raida) << 2));
    asked |= u32(ticket != 0 && raida != raidaId) << raida;
  }
  return asked;
}

/** Servers that cannot make 14 with this one are not troubled: no coin will be fixed. */
function ask(numbers: usize, asked: u32): Outcome {
  if (popcnt<u32>(asked) + 1 < VOTES_LEAST) return context.refuse(Status.ALL_FAIL);
  if (!effects.openSlow(ANSWERS)) return effects.noFrame();
  const content = effects.contentAt();
  memory.copy(content, numbers, RAIDA_COUNT * TICKET_BYTES);
  store<u32>(content + ((<usize>raidaId) << 2), 0);
  effects.setContent(RAIDA_COUNT * TICKET_BYTES);
  effects.limitResult(ANSWERS_BYTES);
  return effects.ask(EffectKind.ASK_SERVERS);
}

/** Makes the new AN of each coin that has its votes. */
function makeAns(list: usize, count: u32, pg: usize): void {
  fixed = 0;
  kept = 0;
  store<u8>(WORK, raidaId);
  memory.copy(WORK + 1 + COIN_BYTES, pg, PG_BYTES);
  for (let i: u32 = 0; i < count; i++) {
    if (!isFixed(i)) continue;
    memory.copy(WORK + 1, list + <usize>i * COIN_BYTES, COIN_BYTES);
    md5(WORK, 1 + COIN_BYTES + PG_BYTES, newAn(i));
    fixed++;
    kept += u32(isKept(v128.load(newAn(i))));
  }
}

function isFixed(index: u32): bool {
  return load<u8>(effects.frame + index) >= VOTES_LEAST;
}
function newAn(index: u32): usize {
  return effects.frame + NEW_ANS + ((<usize>index) << 4);
}

/**
 * Takes the mark of every coin for which this server has given a ticket itself, and which it still
 * knows so: its owner wants it mended elsewhere. Else one bad server that is asked to fix could use
 * the tickets it is given to take the coin on all the others.
 */
function leaveVouched(): void {
  for (let slot: u32 = 0; slot < tickets.slots(); slot++) {
    const ticket = tickets.takeGuarding(slot, context.now);
    if (!ticket) continue;
    const named = tickets.ticketCoinCount(ticket);
    let coin = tickets.ticketCoins(ticket);
    for (let i: u32 = 0; i < named; i++, coin += COIN_BYTES) {
      if (keyAt(coin) == NO_PAGE || !isMarked(coin)) continue;
      const record = recordAt(coin);
      if (load<u8>(record, MFS) && tickets.stillVouches(ticket, i, record)) mark(coin, 1, false);
    }
    tickets.releaseTicket(ticket);
  }
}

/** Keeps the ANs that the coins have while the others are asked. */
function rememberAns(list: usize, count: u32): void {
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_BYTES)
    v128.store(before(i), v128.load(recordAt(coin)));
}
function before(index: u32): usize {
  return effects.frame + BEFORE + ((<usize>index) << 4);
}
function isSame(an: usize, record: usize): bool {
  return !v128.any_true(v128.xor(v128.load(an), v128.load(record)));
}

/** Takes their votes from the coins that this server vouches for, but for those that are new. */
function dropVouched(list: usize, count: u32): void {
  mark(list, count, true);
  leaveVouched();
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_BYTES) {
    if (!isMarked(coin) && !isSame(newAn(i), recordAt(coin))) store<u8>(effects.frame + i, 0);
  }
  mark(list, count, false);
}

/**
 * Changes the coins that have their votes, on the locked pages, and that nobody has changed since
 * the others were asked: an acknowledged change is not overwritten. A coin named twice is good
 * twice.
 */
function change(list: usize, count: u32): Outcome {
  const begun = begin(fixed, kept);
  if (begun != Begun.YES) return notBegun(begun);
  // The bitmap may come to lie on the list, so nothing reads it behind this loop.
  dropVouched(list, count);
  openBitmap();
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_BYTES) {
    const record = recordAt(coin),
      isNew = isFixed(i) && authentic(record, newAn(i)),
      mayChange = isFixed(i) && isSame(before(i), record);
    if (mayChange && !isNew) changeCoin(coin, record, v128.load(newAn(i)), context.mfs);
    addBit(i, isNew || mayChange);
  }
  end();
  unlockPages();
  return aggregate(count);
}
