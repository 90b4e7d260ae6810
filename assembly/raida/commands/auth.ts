/** Group 1, Auth: detect, detect sum, pown, pown sum. Reference: RAIDA sections 7 and 9. */
import { claim, NO_ROOM, publish, recordCoin } from "../../core/journal";
import { Status } from "../../core/status";
import * as context from "../context";
import { Outcome } from "../context";
import { allDistinct } from "../distinct";
import {
  anyAbsent,
  authentic,
  COIN_BYTES,
  denominationAt,
  holdPages,
  listPages,
  overwrite,
  recordAt,
  serialAt,
  settlePages,
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
  const start = anyAuthentic(list, count) ? claim(count) : 0;
  if (start == NO_ROOM) {
    unlockPages();
    return Outcome.BUSY;
  }
  // From here on nothing can fail.
  openBitmap();
  let records: u32 = 0;
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_AN_PAN_BYTES) {
    const record = recordAt(coin),
      good = authentic(record, coin + COIN_BYTES);
    if (good) change(start + ++records, coin, record, v128.load(coin + COIN_AN_BYTES));
    addBit(i, good);
  }
  if (records) settlePages(publish(start, records, count));
  unlockPages();
  return aggregate(count);
}

function anyAuthentic(list: usize, count: u32): bool {
  for (let coin = list; count; count--, coin += COIN_AN_PAN_BYTES) {
    if (authentic(recordAt(coin), coin + COIN_BYTES)) return true;
  }
  return false;
}

function change(position: u64, coin: usize, record: usize, an: v128): void {
  const index = <u32>(denominationAt(coin) + 8);
  recordCoin(position, index, serialAt(coin), record, an, context.mfs);
  overwrite(coin, record, an);
  countPown(index);
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
  const start = right ? claim(count) : 0;
  if (start == NO_ROOM) {
    unlockPages();
    return Outcome.BUSY;
  }
  if (right) {
    const delta = v128.load(list + count * COIN_BYTES + AN_BYTES);
    for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_BYTES) {
      const record = recordAt(coin);
      change(start + i + 1, coin, record, v128.xor(v128.load(record), delta));
    }
    settlePages(publish(start, count, count));
  }
  unlockPages();
  if (absent) return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  return context.refuse(right ? Status.ALL_PASS : Status.ALL_FAIL);
}

/** Are all coins in use, named once, and the XOR of their ANs the 16 bytes behind the list? */
function sumMatches(list: usize, count: u32): bool {
  let sum = v128.load(list + count * COIN_BYTES),
    inUse = true;
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_BYTES) {
    const record = recordAt(coin);
    inUse = inUse && load<u8>(record, 16) != 0;
    sum = v128.xor(sum, v128.load(record));
  }
  return inUse && !v128.any_true(sum) && allDistinct(list, count);
}
