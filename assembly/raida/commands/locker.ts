/**
 * Group 8, Locker: put, peek, remove, put many. A locker is nothing but coins that share an AN
 * ending ff ff ff ff, so these commands change coins, and the index follows. Reference: RAIDA
 * sections 7 and 9.
 */
import { COINS_PER_LIST_MAX } from "../../core/limits";
import { COIN_LIST } from "../../core/memory";
import { WORK } from "../../core/scratch";
import { Status } from "../../core/status";
import { Begun, begin, changeCoin, end, notBegun } from "../changes";
import * as context from "../context";
import { Outcome } from "../context";
import { readU16BE } from "../header";
import { holdLockers, isLockerKey, letGo } from "../lockers";
import {
  anyAbsent,
  authentic,
  COIN_BYTES,
  holdPages,
  listPages,
  recordAt,
  unlockPages,
} from "../pages-of-request";
import { sumMatches } from "./auth";
import {
  AN_BYTES,
  addBit,
  aggregate,
  COIN_AN_BYTES,
  closeBitmap,
  countCoins,
  openBitmap,
} from "./coin-list";
import { beginStore, keyRefused, openLocker, showLocker, storeCoins } from "./locker-coins";

/**
 * 8/82: n x (denomination, serial), XOR of ANs, locker key. 40 for a coin on no page, 242 for a
 * wrong XOR, 199 for a key of another form; else every AN becomes the key: 241.
 */
export function put(pinning: bool): Outcome {
  const count = countCoins(2 * AN_BYTES, COIN_BYTES),
    list = context.payload;
  if (count == 0) return Outcome.ANSWER;
  if (listPages(list, count, COIN_BYTES)) return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  if (!holdPages(pinning)) return Outcome.PARK;
  const key = v128.load(list + count * COIN_BYTES + AN_BYTES);
  let status = Status.ALL_PASS;
  if (anyAbsent()) status = Status.INVALID_SN_OR_DENOMINATION;
  else if (!sumMatches(list, count)) status = Status.ALL_FAIL;
  else if (!isLockerKey(key)) status = Status.INVALID_PAN;
  if (status == Status.ALL_PASS) {
    const begun = beginStore(count, list, count);
    if (begun != Begun.YES) return notBegun(begun);
    storeCoins(list, count, key);
    end();
  }
  unlockPages();
  return context.refuse(status);
}

/** 8/83: locker key; 241 and n x (denomination, serial) in the order in which they came, or 242. */
export function peek(_pinning: bool): Outcome {
  const refused = keyRefused();
  if (refused != Status.OK) return context.refuse(refused);
  if (!isLockerKey(v128.load(context.payload))) return context.refuse(Status.ALL_FAIL);
  return showLocker();
}

/**
 * 8/84: locker key, n x (denomination, serial, new AN). A coin that does not lie in the locker
 * fails. The bitmap is sent whatever the status, with a byte more than it needs when n is a
 * multiple of 8, as public clients read it; only an unknown key is 242 without a body.
 */
export function remove(pinning: bool): Outcome {
  const count = countCoins(AN_BYTES, COIN_AN_BYTES),
    list = context.payload + AN_BYTES;
  if (count == 0) return Outcome.ANSWER;
  // The bitmap may come to lie on the key.
  v128.store(WORK, v128.load(context.payload));
  if (!isLockerKey(v128.load(WORK)) || !openLocker(WORK)) return context.refuse(Status.ALL_FAIL);
  letGo();
  listPages(list, count, COIN_AN_BYTES);
  if (!holdPages(pinning)) return Outcome.PARK;
  const leaving = countInLocker(list, count);
  if (leaving) {
    // A new AN of locker form takes the room that the coin had.
    holdLockers();
    const begun = begin(leaving, 0);
    if (begun != Begun.YES) return notBegun(begun);
  }
  openBitmap();
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_AN_BYTES) {
    const record = recordAt(coin),
      good = authentic(record, WORK);
    if (good) changeCoin(coin, record, v128.load(coin + COIN_BYTES), context.mfs);
    addBit(i, good);
  }
  if (leaving) end();
  unlockPages();
  return closeSurplus(count);
}

/** How many coins of 8/84's list have the AN at WORK: no more will when their turn comes. */
function countInLocker(list: usize, count: u32): u32 {
  let coins: u32 = 0;
  for (; count; count--, list += COIN_AN_BYTES) coins += u32(authentic(recordAt(list), WORK));
  return coins;
}

/** Ends the bitmap of 8/84, n / 8 + 1 bytes. */
function closeSurplus(count: u32): Outcome {
  const good = closeBitmap(count),
    bytes = count / 8 + 1;
  if ((count & 7) == 0) store<u8>(context.body() + bytes - 1, 0);
  const status = good == count ? Status.ALL_PASS : good ? Status.MIXED : Status.ALL_FAIL;
  return context.answer(status, bytes);
}

/** Bytes of one locker of 8/88 besides its coins: their number (2), XOR, key. */
const PART_BYTES: u32 = 2 + 2 * AN_BYTES;

/**
 * 8/88: number of lockers, each n (u16), n x (denomination, serial), XOR of ANs, key. No locker at
 * all: 198. In order, and a bit for each locker: one with a wrong XOR, a key of another form, a
 * coin on no page or no coin fails alone.
 */
export function putMany(pinning: bool): Outcome {
  const refused = refusedMany();
  if (refused != Status.OK) return context.refuse(refused);
  const parts = <u32>load<u8>(context.payload),
    coins = gatherCoins(parts);
  if (coins > COINS_PER_LIST_MAX) return context.refuse(Status.TOO_MANY_COINS);
  listPages(COIN_LIST, coins, COIN_BYTES);
  if (!holdPages(pinning)) return Outcome.PARK;
  // If no locker can be made as things stand, none will: an XOR that begins to match does so
  // through one that was made.
  const any = anyStorable(parts);
  if (any) {
    const begun = beginStore(coins, COIN_LIST, coins);
    if (begun != Begun.YES) return notBegun(begun);
  }
  openBitmap();
  let part = context.payload + 1;
  for (let i: u32 = 0; i < parts; i++) {
    const count = readU16BE(part),
      good = storable(part);
    const next = part + PART_BYTES + count * COIN_BYTES;
    if (good) storeCoins(part + 2, count, v128.load(next - AN_BYTES));
    addBit(i, good);
    part = next;
  }
  if (any) end();
  unlockPages();
  return aggregate(parts);
}

/** Sizes of 8/88; OK: every locker lies in the payload, and nothing behind them. */
function refusedMany(): Status {
  if (context.bodySize == 0) return Status.EMPTY_REQUEST;
  if (context.payloadBytes == 0) return Status.INVALID_PACKET_LENGTH;
  const parts = <u32>load<u8>(context.payload);
  if (parts == 0) return Status.INVALID_PARAMETER;
  let bytes: u32 = 1;
  for (let i: u32 = 0; i < parts; i++) {
    if (bytes + PART_BYTES > context.payloadBytes) return Status.INVALID_PACKET_LENGTH;
    bytes += PART_BYTES + readU16BE(context.payload + bytes) * COIN_BYTES;
  }
  return bytes == context.payloadBytes ? Status.OK : Status.INVALID_PACKET_LENGTH;
}

/** Copies the coins of all lockers of 8/88 to COIN_LIST, if they fit; returns how many. */
function gatherCoins(parts: u32): u32 {
  let coins: u32 = 0;
  for (let part = context.payload + 1; parts; parts--) {
    const count = readU16BE(part);
    if (coins + count <= COINS_PER_LIST_MAX)
      memory.copy(COIN_LIST + coins * COIN_BYTES, part + 2, count * COIN_BYTES);
    coins += count;
    part += PART_BYTES + count * COIN_BYTES;
  }
  return coins;
}

function anyStorable(parts: u32): bool {
  for (let part = context.payload + 1; parts; parts--) {
    if (storable(part)) return true;
    part += PART_BYTES + readU16BE(part) * COIN_BYTES;
  }
  return false;
}

/** Can the locker at `part` be made as things stand? */
function storable(part: usize): bool {
  const count = readU16BE(part),
    list = part + 2;
  if (count == 0 || !isLockerKey(v128.load(list + count * COIN_BYTES + AN_BYTES))) return false;
  for (let i: u32 = 0; i < count; i++) if (!recordAt(list + i * COIN_BYTES)) return false;
  return sumMatches(list, count);
}
