/**
 * Group 8, offers: put for sale, list, peek and remove trade lockers. An offer is a trade locker,
 * coins that share an AN which says price and coin type, and the seller's address in a file.
 * Reference: RAIDA sections 7 and 9.
 */
import { EffectKind, EffectStatus, WriteMode } from "../../core/layout";
import { COINS_PER_LIST_MAX } from "../../core/limits";
import { COIN_LIST } from "../../core/memory";
import { randomReady } from "../../core/random";
import { emitForgetTrade } from "../../core/rings";
import { Status } from "../../core/status";
import { Begun, begin, changeCoin, end, notBegun } from "../changes";
import * as context from "../context";
import { Outcome } from "../context";
import * as effects from "../effects";
import { freshAn, openFreshAns } from "../fresh-ans";
import {
  coinsIn,
  copyCoins,
  findLocker,
  findOffer,
  firstOffer,
  holdLockers,
  isTradeKey,
  letGo,
  lockersPosition,
  lockerValue,
  nextOffer,
  PRICE_AT,
  TYPE_AT,
} from "../lockers";
import {
  anyAbsent,
  COIN_BYTES,
  denominationAt,
  holdPages,
  listPages,
  recordAt,
  unlockPages,
} from "../pages-of-request";
import { makeRoom, noRoom, Room } from "../reply-frames";
import { coinValue } from "../statistics";
import { sumMatches } from "./auth";
import { AN_BYTES, countCoins } from "./coin-list";
import {
  beginStore,
  isWhole,
  keyRefused,
  openLocker,
  showLocker,
  storeCoins,
} from "./locker-coins";
import { ADDRESS_BYTES_MAX, isTradeType, setTradeFile } from "./trade-file";

/** Address field of 8/85, and how many bytes of it an address has. */
const ADDRESS_FIELD_BYTES: u32 = 128;
const ADDRESS_BYTES_LEAST: u32 = 16;
/** Behind the list of 8/85: XOR, trade AN, address length, address field. */
const OFFER_BYTES: u32 = 2 * AN_BYTES + 1 + ADDRESS_FIELD_BYTES;
const ADDRESS_PERMISSIONS: u32 = 0o640;

/** A record of 8/86: type, value (u64), price. */
const OFFER_RECORD_BYTES: u32 = 13;

/** How often 8/89 starts again because coins came or went while their pages were fetched. */
const REMOVE_TRIES_MAX: u32 = 8;

/**
 * 8/85: n x (denomination, serial), XOR of ANs, trade AN, address length, address field (128). In
 * this order: 40, 242, 50, 199, 198, 148. The address is written first: an offer without one could
 * not be bought.
 */
export function sell(pinning: bool): Outcome {
  const count = countCoins(OFFER_BYTES, COIN_BYTES),
    list = context.payload;
  if (count == 0) return Outcome.ANSWER;
  if (listPages(list, count, COIN_BYTES)) return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  if (!holdPages(pinning)) return Outcome.PARK;
  const key = list + count * COIN_BYTES + AN_BYTES,
    refused = offerRefused(list, count, key);
  if (refused == Status.OK && effects.done == 0) {
    letGo();
    unlockPages();
    return writeAddress(key);
  }
  const written = effects.done != 0 && effects.status == EffectStatus.OK;
  if (refused != Status.OK || !written) {
    if (written) forgetAddress(key);
    letGo();
    unlockPages();
    return context.refuse(refused != Status.OK ? refused : Status.FILESYSTEM);
  }
  const begun = beginStore(count, list, count);
  if (begun != Begun.YES) {
    if (begun == Begun.FULL) forgetAddress(key);
    return notBegun(begun);
  }
  storeCoins(list, count, v128.load(key));
  end();
  unlockPages();
  return context.refuse(Status.ALL_PASS);
}

/** The first reason against an offer; OK: there is none, and the index is held. */
function offerRefused(list: usize, count: u32, key: usize): Status {
  if (anyAbsent()) return Status.INVALID_SN_OR_DENOMINATION;
  if (!sumMatches(list, count)) return Status.ALL_FAIL;
  if (!isTradeType(load<u8>(key, TYPE_AT))) return Status.INVALID_TRADE_COIN;
  if (!isTradeKey(v128.load(key))) return Status.INVALID_PAN;
  const bytes = <u32>load<u8>(key, AN_BYTES);
  if (bytes < ADDRESS_BYTES_LEAST || bytes > ADDRESS_BYTES_MAX) return Status.INVALID_PARAMETER;
  let value: u64 = 0;
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_BYTES)
    value += coinValue(<u32>(denominationAt(coin) + 8));
  holdLockers();
  context.raisePosition(lockersPosition());
  // Coins are not added to an offer: its address may be another's, and it may outgrow a list.
  if (!findOffer(key + PRICE_AT, value) && !findLocker(key)) return Status.OK;
  letGo();
  return Status.TRADE_LOCKER_EXISTS;
}

function writeAddress(key: usize): Outcome {
  if (!effects.open(context.headerBytes)) return effects.noFrame();
  const bytes = <u32>load<u8>(key, AN_BYTES);
  setTradeFile(key);
  effects.setMode(WriteMode.REPLACE, ADDRESS_PERMISSIONS);
  memory.copy(effects.contentAt(), key + AN_BYTES + 1, bytes);
  effects.setContent(bytes);
  return effects.ask(EffectKind.WRITE_FILE);
}

/** Takes back an address that was written for an offer that did not come to be. */
function forgetAddress(key: usize): void {
  holdLockers();
  if (!findLocker(key)) emitForgetTrade(key, max<u64>(context.position, lockersPosition()));
  letGo();
}

/**
 * 8/86: coin type, how many at the most. 50; else 241 and for each offer, oldest first, type, value
 * in units of 1e-8 (u64) and price.
 */
export function listOffers(_pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (context.payloadBytes != 2) return context.refuse(Status.INVALID_PACKET_LENGTH);
  const type = <u32>load<u8>(context.payload),
    most = <u32>load<u8>(context.payload, 1);
  if (!isTradeType(type)) return context.refuse(Status.INVALID_TRADE_COIN);
  const room = makeRoom(most * OFFER_RECORD_BYTES);
  if (room != Room.FOUND) return noRoom(room);
  let out = context.body();
  const start = out;
  holdLockers();
  context.raisePosition(lockersPosition());
  let offer = firstOffer(type);
  for (let i: u32 = 0; i < most && offer; i++, offer = nextOffer(offer)) {
    store<u8>(out, type);
    store<u64>(out, bswap<u64>(lockerValue(offer)), 1);
    store<u32>(out, load<u32>(offer, PRICE_AT), 9);
    out += OFFER_RECORD_BYTES;
  }
  letGo();
  return context.answer(Status.ALL_PASS, <u32>(out - start));
}

/** 8/81: trade AN; 241 and n x (denomination, serial), or 242. */
export function peekOffer(_pinning: bool): Outcome {
  const refused = keyRefused();
  if (refused != Status.OK) return context.refuse(refused);
  if (!isTradeKey(v128.load(context.payload))) return context.refuse(Status.ALL_FAIL);
  return showLocker();
}

/**
 * 8/89: trade AN; its coins leave circulation and the offer ends: 241, or 242. 45: more coins than
 * one group can change.
 */
export function removeOffer(pinning: bool): Outcome {
  const refused = keyRefused();
  if (refused != Status.OK) return context.refuse(refused);
  const key = context.payload;
  if (!isTradeKey(v128.load(key))) return context.refuse(Status.ALL_FAIL);
  if (!randomReady()) return context.refuse(Status.INTERNAL);
  const offer = openLocker(key);
  if (!offer) return context.refuse(Status.ALL_FAIL);
  const count = coinsIn(offer);
  if (count <= COINS_PER_LIST_MAX) copyCoins(offer, COIN_LIST, count);
  letGo();
  if (count > COINS_PER_LIST_MAX) return context.refuse(Status.TOO_MANY_COINS);
  listPages(COIN_LIST, count, COIN_BYTES);
  if (!holdPages(pinning)) return Outcome.PARK;
  if (!isWhole(key, COIN_LIST, count)) {
    unlockPages();
    return startAgain();
  }
  const begun = begin(count, 0);
  if (begun != Begun.YES) return notBegun(begun);
  openFreshAns();
  for (let i: u32 = 0, coin = COIN_LIST; i < count; i++, coin += COIN_BYTES)
    changeCoin(coin, recordAt(coin), freshAn(), 0);
  end();
  unlockPages();
  return context.refuse(Status.ALL_PASS);
}

function startAgain(): Outcome {
  if (effects.note >= REMOVE_TRIES_MAX) return context.refuse(Status.MEMORY);
  effects.keep(effects.note + 1);
  return Outcome.PARK;
}
