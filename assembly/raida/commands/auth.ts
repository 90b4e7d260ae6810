/** Group 1, Auth: detect, detect sum, pown, pown sum. Reference: RAIDA sections 7 and 9. */
import { Status } from "../../core/status";
import { Begun, begin, changeCoin, end, notBegun } from "../changes";
import * as context from "../context";
import { Outcome } from "../context";
import { allDistinct } from "../distinct";
import { isKept } from "../lockers";
import {
  anyAbsent,
  authentic,
  COIN_BYTES,
  denominationAt,
  holdPages,
  listPages,
  recordAt,
  unlockPages,
} from "../pages-of-request";
import { countPown } from "../statistics";
import {
  AN_BYTES,
  addBit,
  aggregate,
  COIN_AN_BYTES,
  COIN_AN_PAN_BYTES,
  countCoins,
  openBitmap,
} from "./coin-list";

/** 1/10: n x (denomination, serial, AN). A coin on no page counts as failed. */
export function detect(pinning: bool): Outcome {
  const count = countCoins(0, COIN_AN_BYTES),
    list = context.payload;
  if (count == 0) return Outcome.ANSWER;
  // Shards 1 and 2 lie on legacy back ends, which we have not.
  if (context.shard() == 1 || context.shard() == 2) return context.refuse(Status.LEGACY_DB);
  listPages(list, count, COIN_AN_BYTES);
  if (!holdPages(pinning)) return Outcome.PARK;
  openBitmap();
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_AN_BYTES) {
    addBit(i, authentic(recordAt(coin), coin + COIN_BYTES));
  }
  unlockPages();
  return aggregate(count);
}

/**
 * 1/20: n x (denomination, serial, AN, PAN). In order, so a coin listed twice sees its new AN. All
 * or nothing for each coin.
 */
export function pown(pinning: bool): Outcome {
  const count = countCoins(0, COIN_AN_PAN_BYTES),
    list = context.payload;
  if (count == 0) return Outcome.ANSWER;
  listPages(list, count, COIN_AN_PAN_BYTES);
  if (!holdPages(pinning)) return Outcome.PARK;
  // If no coin matches as things stand, none will, and a failing pown costs no journal space.
  const any = anyAuthentic(list, count);
  if (any) {
    const begun = begin(count, intoLockers(list, count));
    if (begun != Begun.YES) return notBegun(begun);
  }
  openBitmap();
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_AN_PAN_BYTES) {
    const record = recordAt(coin),
      good = authentic(record, coin + COIN_BYTES);
    if (good) own(coin, record, v128.load(coin + COIN_AN_BYTES));
    addBit(i, good);
  }
  if (any) end();
  unlockPages();
  return aggregate(count);
}

/** How many of the PANs are those of a locker. */
function intoLockers(list: usize, count: u32): u32 {
  let kept: u32 = 0;
  for (let pan = list + COIN_AN_BYTES; count; count--, pan += COIN_AN_PAN_BYTES)
    kept += u32(isKept(v128.load(pan)));
  return kept;
}

function anyAuthentic(list: usize, count: u32): bool {
  for (let coin = list; count; count--, coin += COIN_AN_PAN_BYTES) {
    if (authentic(recordAt(coin), coin + COIN_BYTES)) return true;
  }
  return false;
}

function own(coin: usize, record: usize, an: v128): void {
  changeCoin(coin, record, an, context.mfs);
  countPown(<u32>(denominationAt(coin) + 8));
}

/** 1/11: n x (denomination, serial), XOR of all ANs. A coin on no page: 40. */
export function detectSum(pinning: bool): Outcome {
  const count = countCoins(AN_BYTES, COIN_BYTES),
    list = context.payload;
  if (count == 0) return Outcome.ANSWER;
  if (listPages(list, count, COIN_BYTES)) return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  if (!holdPages(pinning)) return Outcome.PARK;
  const absent = anyAbsent(),
    right = !absent && sumMatches(list, count);
  unlockPages();
  if (absent) return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  return context.refuse(right ? Status.ALL_PASS : Status.ALL_FAIL);
}

/**
 * 1/21: n x (denomination, serial), XOR of ANs, delta. If the XOR matches, every AN becomes AN XOR
 * delta.
 */
export function pownSum(pinning: bool): Outcome {
  const count = countCoins(2 * AN_BYTES, COIN_BYTES),
    list = context.payload;
  if (count == 0) return Outcome.ANSWER;
  if (listPages(list, count, COIN_BYTES)) return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  if (!holdPages(pinning)) return Outcome.PARK;
  const absent = anyAbsent(),
    right = !absent && sumMatches(list, count);
  if (right) {
    const delta = v128.load(list + count * COIN_BYTES + AN_BYTES);
    const begun = begin(count, sumIntoLockers(list, count, delta));
    if (begun != Begun.YES) return notBegun(begun);
    for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_BYTES) {
      const record = recordAt(coin);
      own(coin, record, v128.xor(v128.load(record), delta));
    }
    end();
  }
  unlockPages();
  if (absent) return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  return context.refuse(right ? Status.ALL_PASS : Status.ALL_FAIL);
}

function sumIntoLockers(list: usize, count: u32, delta: v128): u32 {
  let kept: u32 = 0;
  for (let coin = list; count; count--, coin += COIN_BYTES)
    kept += u32(isKept(v128.xor(v128.load(recordAt(coin)), delta)));
  return kept;
}

/** Are all coins in use, named once, and the XOR of their ANs the 16 bytes behind the list? */
export function sumMatches(list: usize, count: u32): bool {
  let sum = v128.load(list + count * COIN_BYTES),
    inUse = true;
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_BYTES) {
    const record = recordAt(coin);
    inUse = inUse && load<u8>(record, 16) != 0;
    sum = v128.xor(sum, v128.load(record));
  }
  return inUse && !v128.any_true(sum) && allDistinct(list, count);
}
