/**
 * Group 10, Shard: coins that come from a legacy shard. What asks its back end ends with 48, for
 * there is none here; pickup is whole and waits for a reservation that only a switch can make.
 * Reference: RAIDA sections 7 and 9; section 11, points 11, 12, 32.
 */
import { COINS_PER_LIST_MAX } from "../../core/limits";
import { WORK } from "../../core/scratch";
import { Status } from "../../core/status";
import { md5 } from "../../crypto/md5";
import { Begun, begin, changeCoin, end, notBegun } from "../changes";
import * as context from "../context";
import { Outcome } from "../context";
import { readU16BE, readU32BE } from "../header";
import { isKept } from "../lockers";
import {
  anyAbsent,
  COIN_BYTES,
  denominationAt,
  holdPages,
  listPages,
  recordAt,
  unlockPages,
} from "../pages-of-request";
import { areReservedFor, Purpose } from "../reservations";
import { countPown } from "../statistics";
import { AN_BYTES, countCoins } from "./coin-list";
import { answerFree, areFree } from "./free-serials";

const SESSION_BYTES: u32 = 4;
/** Session, shard, sub-shard, XOR of the old ANs. */
const SWITCH_BYTES: u32 = SESSION_BYTES + 2 + AN_BYTES;
const SHARD_MAX: u32 = 3;
const OPERATION_LEAST: u32 = 3;
const OPERATION_MOST: u32 = 4;
const FLAG_BYTES: u32 = 16;
/** Serial numbers of a denomination that 10/172 shows, at the most. */
const SHOWN_MAX: u32 = 1024;

/** 10/170: session, shard, sub-shard, XOR of ANs, n x (denomination, serial). 46, 4, 48. */
export function switchSum(_pinning: bool): Outcome {
  return countCoins(SWITCH_BYTES, COIN_BYTES) ? askBackEnd() : Outcome.ANSWER;
}

/**
 * 10/174: session, shard, sub-shard, XOR of ANs, n (u16) and n x (denomination, serial), seed (16),
 * m (u16) and m x (denomination, serial). 46, 4, 48. What the old coins are worth (192, 45) only
 * the back end knows.
 */
export function switchWithSerials(_pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  const olds = listAt(SWITCH_BYTES),
    news = olds ? listAt(olds + AN_BYTES) : 0;
  if (news == 0 || news != context.payloadBytes)
    return context.refuse(Status.INVALID_PACKET_LENGTH);
  if (max(coinsAt(SWITCH_BYTES), coinsAt(olds + AN_BYTES)) > COINS_PER_LIST_MAX)
    return context.refuse(Status.TOO_MANY_COINS);
  return askBackEnd();
}

function coinsAt(offset: u32): u32 {
  return readU16BE(context.payload + offset);
}

/** Where the counted list at this offset of the payload ends; 0: behind the payload. */
function listAt(offset: u32): u32 {
  if (offset + 2 > context.payloadBytes) return 0;
  const end = offset + 2 + coinsAt(offset) * COIN_BYTES;
  return end > context.payloadBytes ? 0 : end;
}

/** Coins come from the shards 1 and 2, from their back ends. */
function askBackEnd(): Outcome {
  const shard = <u32>load<u8>(context.payload, SESSION_BYTES);
  if (shard > SHARD_MAX) return context.refuse(Status.INVALID_SHARD);
  if (shard != 1 && shard != 2) return context.refuse(Status.INVALID_SHARD_ID);
  return context.refuse(Status.LEGACY_DB);
}

/**
 * 10/171: session, seed (16), n x (denomination, serial). 250. All or nothing: a coin on no page,
 * in use or named twice 40, a page that no switch has reserved for the session 41.
 */
export function pickup(pinning: bool): Outcome {
  const fixed = SESSION_BYTES + AN_BYTES,
    count = countCoins(fixed, COIN_BYTES),
    list = context.payload + fixed;
  if (count == 0) return Outcome.ANSWER;
  if (listPages(list, count, COIN_BYTES)) return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  if (!areReservedFor(readU32BE(context.payload), Purpose.PICKUP))
    return context.refuse(Status.PAGE_NOT_RESERVED);
  if (!holdPages(pinning)) return Outcome.PARK;
  if (anyAbsent() || !areFree(list, count)) {
    unlockPages();
    return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  }
  let kept: u32 = 0;
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_BYTES)
    kept += u32(isKept(anOf(coin)));
  const begun = begin(count, kept);
  if (begun != Begun.YES) return notBegun(begun);
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_BYTES) {
    changeCoin(coin, recordAt(coin), anOf(coin), context.mfs);
    countPown(<u32>(denominationAt(coin) + 8));
  }
  end();
  unlockPages();
  return context.refuse(Status.SUCCESS);
}

/** AN of a coin that is picked up: MD5 of denomination, serial number and seed bytes 5 to 15. */
function anOf(coin: usize): v128 {
  v128.store(WORK, v128.load(context.payload + SESSION_BYTES));
  memory.copy(WORK, coin, COIN_BYTES);
  md5(WORK, AN_BYTES, WORK);
  return v128.load(WORK);
}

/**
 * 10/172: session, operation (3 or 4), 16 flags. 250 and lists of free serial numbers
 * (free-serials.ts), reserved or not; nothing is reserved.
 */
export function getFree(_pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (context.payloadBytes != SESSION_BYTES + 1 + FLAG_BYTES)
    return context.refuse(Status.INVALID_PACKET_LENGTH);
  const operation = <u32>load<u8>(context.payload, SESSION_BYTES);
  if (operation < OPERATION_LEAST || operation > OPERATION_MOST)
    return context.refuse(Status.INVALID_PARAMETER);
  return answerFree(context.payload + SESSION_BYTES + 1, 0, SHOWN_MAX);
}

/** 10/173: 89, as on every server. */
export function rollbackSwitch(_pinning: bool): Outcome {
  return context.refuse(Status.NOT_IMPLEMENTED);
}
