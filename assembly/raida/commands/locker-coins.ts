/**
 * What the locker commands share: looking a locker up and showing its coins, and giving a list of
 * coins one AN. Reference: RAIDA section 9.
 */
import { Status } from "../../core/status";
import { Begun, begin, changeCoin } from "../changes";
import * as context from "../context";
import { Outcome } from "../context";
import {
  coinsIn,
  copyCoins,
  findLocker,
  holdLockers,
  isKept,
  letGo,
  lockersPosition,
} from "../lockers";
import { authentic, COIN_BYTES, denominationAt, recordAt } from "../pages-of-request";
import { makeRoom, noRoom, Room } from "../reply-frames";
import { countPown } from "../statistics";
import { AN_BYTES } from "./coin-list";

/** Takes the index and looks the locker of this key up; 0: there is none, and it is let go. */
export function openLocker(key: usize): usize {
  holdLockers();
  context.raisePosition(lockersPosition());
  const locker = findLocker(key);
  if (!locker) letGo();
  return locker;
}

/** The status of a request whose payload is a key and nothing else; OK: it is one. */
export function keyRefused(): Status {
  if (context.bodySize == 0) return Status.EMPTY_REQUEST;
  return context.payloadBytes == AN_BYTES ? Status.OK : Status.INVALID_PACKET_LENGTH;
}

/**
 * 241 and the coins of the payload's locker in the order in which they came; 242: there is none;
 * 45: more than a reply can carry.
 */
export function showLocker(): Outcome {
  const locker = openLocker(context.payload);
  if (!locker) return context.refuse(Status.ALL_FAIL);
  const count = coinsIn(locker),
    bytes = count * COIN_BYTES;
  const room = makeRoom(bytes);
  if (room == Room.FOUND) copyCoins(locker, context.body(), count);
  letGo();
  if (room == Room.NEVER) return context.refuse(Status.TOO_MANY_COINS);
  return room == Room.WAIT ? noRoom(room) : context.answer(Status.ALL_PASS, bytes);
}

/**
 * Opens a group of `records` changes that gives the coins of a list (5 bytes each, on locked pages)
 * the AN of a locker. Only coins that are new to the index need room there.
 */
export function beginStore(records: u32, list: usize, count: u32): Begun {
  holdLockers();
  return begin(records, newToIndex(list, count));
}

/** How many coins of a list lie in no locker yet. */
function newToIndex(list: usize, count: u32): u32 {
  let coins: u32 = 0;
  for (; count; count--, list += COIN_BYTES) {
    const record = recordAt(list);
    coins += u32(record != 0 && !isKept(v128.load(record)));
  }
  return coins;
}

/**
 * Are the coins of a list, whose pages are locked, all that the locker of `key` has? Then the index
 * is held, so that it stays so.
 */
export function isWhole(key: usize, list: usize, count: u32): bool {
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_BYTES) {
    if (!authentic(recordAt(coin), key)) return false;
  }
  const locker = openLocker(key);
  if (locker && coinsIn(locker) == count) return true;
  letGo();
  return false;
}

/** Gives every coin of a list the AN of a locker, as a pown of all of them. */
export function storeCoins(list: usize, count: u32, an: v128): void {
  for (; count; count--, list += COIN_BYTES) {
    changeCoin(list, recordAt(list), an, context.mfs);
    countPown(<u32>(denominationAt(list) + 8));
  }
}
