/**
 * The key of an encrypted request: AN of a coin on this RAIDA (type 1), locker key (2), SHA-256 of
 * one AN (4) or two (5), and the initial counter block. The look-up does not ask whether the coin
 * is in use (reference RAIDA sections 1, 3 and 7).
 */
import { unlock } from "../core/atomics";
import { Wire } from "../core/layout";
import { wire } from "../core/memory";
import { COUNTER_BLOCK, KEY, PAGE_LIST, WORK } from "../core/scratch";
import { Status } from "../core/status";
import { sha256 } from "../crypto/sha256";
import * as coins from "./coins";
import * as context from "./context";
import * as header from "./header";
import { findPrefix, holdLockers, letGo, lockersPosition } from "./lockers";
import { gather, listPage } from "./pages-of-request";

/** The pages of the key are not here yet. */
export const KEY_PARKED: u32 = 0x1000;

/** Puts key and counter block in place. Returns OK, KEY_PARKED, or the status to answer. */
export function findKey(pinning: bool): u32 {
  switch (context.type) {
    case header.Encryption.COIN:
      return coinKey(pinning);
    case header.Encryption.LOCKER:
      return lockerKey();
  }
  return modernKey(pinning);
}

function coinKey(pinning: bool): u32 {
  const at = context.message;
  const key = coins.pageKey(
    load<i8>(at + header.KEY_DENOMINATION),
    header.readU32BE(at + header.KEY_SERIAL),
  );
  if (key == coins.NO_PAGE) return Status.INVALID_ENCRYPTION;
  listPage(key);
  if (!gather(pinning)) return KEY_PARKED;
  const found = readAn(
    key,
    header.readU32BE(at + header.KEY_SERIAL),
    KEY,
    Status.INVALID_ENCRYPTION,
  );
  if (found != Status.OK) return found;
  startCounter();
  return Status.OK;
}

/** The oldest locker whose key begins with the five bytes that the header shows. */
function lockerKey(): u32 {
  holdLockers();
  const locker = findPrefix(context.message + header.KEY_DENOMINATION);
  if (locker) v128.store(KEY, v128.load(locker));
  context.raisePosition(lockersPosition());
  letGo();
  if (!locker) return Status.INVALID_ENCRYPTION;
  startCounter();
  return Status.OK;
}

/** The initial counter block of types 1 and 2. */
export function startCounter(): void {
  const at = context.message;
  v128.store(COUNTER_BLOCK, i64x2.splat(0));
  if (wire == Wire.SPEC) {
    store<u64>(COUNTER_BLOCK, load<u64>(at, header.SPEC_NONCE));
    store<u32>(COUNTER_BLOCK, load<u32>(at, header.SPEC_NONCE + 8), 8);
  } else {
    store<u64>(COUNTER_BLOCK, load<u64>(at, header.LEGACY_NONCE));
  }
}

function modernKey(pinning: bool): u32 {
  const at = context.message,
    two = context.type == header.Encryption.MODERN_TWO_COINS;
  const serial = header.readU32BE(at + header.MODERN_SERIAL),
    serial2 = header.readU32BE(at + header.MODERN_SERIAL_2);
  const key = coins.pageKey(load<i8>(at + header.MODERN_DENOMINATION), serial);
  const key2 = coins.pageKey(load<i8>(at + header.MODERN_DENOMINATION_2), serial2);
  if (key == coins.NO_PAGE || (two && key2 == coins.NO_PAGE))
    return Status.ENCRYPTION_COIN_NOT_FOUND;
  listPage(key);
  if (two) {
    store<u32>(PAGE_LIST, key2, 4);
    context.setPageCount(2);
  }
  if (!gather(pinning)) return KEY_PARKED;
  let found = readAn(key, serial, WORK, Status.ENCRYPTION_COIN_NOT_FOUND);
  if (found == Status.OK && two)
    found = readAn(key2, serial2, WORK + 16, Status.ENCRYPTION_COIN_NOT_FOUND);
  if (found != Status.OK) return found;
  startModernKey(two);
  return Status.OK;
}

/** Key and counter block of types 4 and 5 from the one AN, or both, in WORK. */
export function startModernKey(two: bool): void {
  sha256(WORK, two ? 32 : 16, KEY);
  memory.fill(WORK, 0, 32);
  v128.store(COUNTER_BLOCK, v128.load(context.message, header.MODERN_NONCE));
}

/** Copies an AN; the key page counts as touched. */
function readAn(key: u32, serial: u32, out: usize, missing: Status): u32 {
  const meta = coins.hold(key);
  if (!meta) return KEY_PARKED;
  const ready = coins.isReady(meta);
  if (ready) v128.store(out, v128.load(coins.recordOf(meta, serial)));
  context.raisePosition(coins.positionOf(meta));
  unlock(meta);
  return ready ? Status.OK : missing;
}
