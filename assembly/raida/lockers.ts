/**
 * The locker index. A locker is the set of coins in use that share an AN ending ff ff ff ff; a
 * trade locker, of coins in use that share an AN whose bytes 14-15 are ee ee and whose byte 13 is a
 * coin type 0 to 2. So the index is a function of the coin records alone, and every change of a
 * record passes through moved(): no command can forget it. Reference: RAIDA section 7.
 *
 * One lock for the index. A request takes it before its first change and lets it go with its
 * group's position, so nobody sees half a group. Look-ups are by key, by the first 5 bytes (type
 * 2), by price, coin type and value (offers) and by coin, each through its own buckets; clients
 * choose keys, so those are hashed under a secret of the host.
 *
 * Entry (64 bytes): 0 key (16), 16 first node, 20 last node, 24 coins, 28 next of its key bucket,
 * 32 next and 36 previous of its prefix bucket (a trade locker: its offer bucket), 40 value in
 * units of 1e-8 (u64), 48 next and 52 previous trade locker of its coin type. Node (24): 0 entry, 4
 * coin, 8 next and 12 previous of its locker, 16 next of its coin bucket. Both are named by index +
 * 1; 0: none. Free ones hang on their word 0.
 */
import { load64, lock, store64, unlock } from "../core/atomics";
import { HASH_KEY, LOCKERS } from "../core/control";
import { SERIAL_BITS } from "../core/limits";
import {
  LOCKER_BUCKETS,
  LOCKER_BYTES,
  LOCKER_ENTRIES,
  LOCKER_NODE_BYTES,
  LOCKER_NODES,
  lockerCoins,
} from "../core/memory";
import { emitForgetTrade } from "../core/rings";
import { LOOKED_UP } from "../core/scratch";
import { siphash } from "../crypto/siphash";
import { coinValue } from "./statistics";

// Words of the control line.
const POSITION: usize = 8;
const COINS: usize = 16;
const FREE_NODE: usize = 20;
const OPENED_NODES: usize = 24;
const FREE_ENTRY: usize = 28;
const OPENED_ENTRIES: usize = 32;
/** First and last offer of each of the three coin types. */
const OFFERS: usize = 36;

const FIRST: usize = 16;
const LAST: usize = 20;
const COUNT: usize = 24;
const NEXT_KEY: usize = 28;
/** Each with the link back 4 bytes on. */
const NEXT_PREFIX: usize = 32;
const NEXT_OFFER: usize = 48;
const VALUE: usize = 40;

const NODE_COIN: usize = 4;
const NODE_NEXT: usize = 8;
const NODE_PREVIOUS: usize = 12;
const NODE_NEXT_COIN: usize = 16;

/** Bytes of a locker key that a header of type 2 shows. */
const PREFIX_BYTES: u32 = 5;
/** Where a trade AN says price (4) and coin type (1). */
export const PRICE_AT: usize = 9;
export const TYPE_AT: usize = 13;

/** This instance holds the lock for the group that it is making. */
let held: bool = false;

/** Is this AN a locker's key, ff ff ff ff at its end? */
export function isLockerKey(an: v128): bool {
  return v128.extract_lane<u32>(an, 3) == 0xffffffff;
}

/** Is this AN a trade locker's, coin type 0 to 2 and ee ee at its end? */
export function isTradeKey(an: v128): bool {
  const last = v128.extract_lane<u32>(an, 3);
  return last >>> 16 == 0xeeee && ((last >>> 8) & 0xff) <= 2;
}

/** Does a coin in use with this AN lie in a locker of either kind? */
export function isKept(an: v128): bool {
  return isLockerKey(an) || isTradeKey(an);
}

/**
 * Takes the index for this request's group and asks whether `coins` more fit. False: they do not,
 * and the index is free again.
 */
export function openLockers(coins: u32): bool {
  holdLockers();
  if (load<u32>(LOCKERS, COINS) + coins <= lockerCoins) return true;
  letGo();
  return false;
}

/** Takes the index, if this instance has not done so. */
export function holdLockers(): void {
  if (held) return;
  lock(LOCKERS);
  held = true;
}

/** Lets the index go, if it was taken. */
export function letGo(): void {
  if (!held) return;
  held = false;
  unlock(LOCKERS);
}

/**
 * Lets the index go with the position of the group that changed it. Groups that only take coins out
 * may come to the index later than to the journal: the position never goes back.
 */
export function settleLockers(position: u64): void {
  if (!held) return;
  if (position > load64(LOCKERS + POSITION)) store64(LOCKERS + POSITION, position);
  letGo();
}

/** Position of the newest change; the index is held. Whoever has read it waits for that commit. */
export function lockersPosition(): u64 {
  return load64(LOCKERS + POSITION);
}

/**
 * A coin's record goes from the 16 bytes `before` to `after`. `end` is the position behind its
 * group; 0: it is being undone. Takes the index if it has to.
 */
export function moved(
  coin: u32,
  before: v128,
  wasInUse: bool,
  after: v128,
  isInUse: bool,
  end: u64,
): void {
  const from = wasInUse && isKept(before),
    to = isInUse && isKept(after);
  if (!from && !to) return;
  if (from && to && !v128.any_true(v128.xor(before, after))) return;
  holdLockers();
  if (from) removeCoin(coin, end);
  if (to) addCoin(coin, after);
}

/** The locker with the key at `key` (16 bytes), or 0; the index is held. */
export function findLocker(key: usize): usize {
  const wanted = v128.load(key);
  let entry = entryOf(load<u32>(keyBucket(key)));
  while (entry && v128.any_true(v128.xor(v128.load(entry), wanted)))
    entry = entryOf(load<u32>(entry, NEXT_KEY));
  return entry;
}

/** The oldest locker (of ff ff ff ff) whose key begins with the 5 bytes at `prefix`, or 0. */
export function findPrefix(prefix: usize): usize {
  let entry = entryOf(load<u32>(prefixBucket(prefix)));
  while (entry && !(samePrefix(entry, prefix) && isLockerKey(v128.load(entry))))
    entry = entryOf(load<u32>(entry, NEXT_PREFIX));
  return entry;
}

/** Are the five bytes the same? */
function samePrefix(key: usize, prefix: usize): bool {
  return load<u32>(key) == load<u32>(prefix) && load<u8>(key, 4) == load<u8>(prefix, 4);
}

/**
 * The trade locker with the price and coin type at `price` (5 bytes, as in a trade AN) and this
 * value, of several the one that has been worth it for longest; 0: there is none.
 */
export function findOffer(price: usize, value: u64): usize {
  let entry = entryOf(load<u32>(offerBucket(price, value)));
  while (entry && !isOffer(entry, price, value)) entry = entryOf(load<u32>(entry, NEXT_PREFIX));
  return entry;
}

function isOffer(entry: usize, price: usize, value: u64): bool {
  return (
    load<u64>(entry, VALUE) == value &&
    samePrefix(entry + PRICE_AT, price) &&
    isTradeKey(v128.load(entry))
  );
}

export function coinsIn(locker: usize): u32 {
  return load<u32>(locker, COUNT);
}

/** Value of a locker's coins in units of 1e-8. */
export function lockerValue(locker: usize): u64 {
  return load<u64>(locker, VALUE);
}

/** Writes the first `count` coins of a locker to `out`, 5 bytes each, in the order they came. */
export function copyCoins(locker: usize, out: usize, count: u32): void {
  let node = nodeOf(load<u32>(locker, FIRST));
  for (; count && node; count--, out += 5) {
    const coin = load<u32>(node, NODE_COIN);
    store<u8>(out, (coin >>> SERIAL_BITS) - 8);
    store<u32>(out, bswap<u32>(coin & ((1 << SERIAL_BITS) - 1)), 1);
    node = nodeOf(load<u32>(node, NODE_NEXT));
  }
}

/** The oldest trade locker of a coin type (0 to 2), and the one after it; 0: none. */
export function firstOffer(type: u32): usize {
  return entryOf(load<u32>(offersOf(type)));
}
export function nextOffer(locker: usize): usize {
  return entryOf(load<u32>(locker, NEXT_OFFER));
}

/** Enters a coin at start, from the store's table. False: the index is full. */
export function enterCoin(coin: u32, key: usize): bool {
  if (load<u32>(LOCKERS, COINS) >= lockerCoins) return false;
  addCoin(coin, v128.load(key));
  return true;
}

/** Empties the index (before the first use, or with all workers stopped). */
export function clearLockers(): void {
  memory.fill(LOCKERS, 0, 64);
  memory.fill(LOCKER_BUCKETS, 0, (<usize>lockerCoins) << 4);
}

function entryOf(index: u32): usize {
  return index ? LOCKER_ENTRIES + <usize>(index - 1) * LOCKER_BYTES : 0;
}
function indexOf(entry: usize): u32 {
  return <u32>((entry - LOCKER_ENTRIES) / LOCKER_BYTES) + 1;
}
function nodeOf(index: u32): usize {
  return index ? LOCKER_NODES + <usize>(index - 1) * LOCKER_NODE_BYTES : 0;
}
function nodeIndexOf(node: usize): u32 {
  return <u32>((node - LOCKER_NODES) / LOCKER_NODE_BYTES) + 1;
}

function offersOf(type: u32): usize {
  return LOCKERS + OFFERS + ((<usize>type) << 3);
}

// Buckets: prefixes and offers (first and last entry), keys, coins.
function bucket(hash: u64): usize {
  return <usize>(<u32>hash & (lockerCoins - 1));
}
function prefixBucket(prefix: usize): usize {
  return LOCKER_BUCKETS + (bucket(siphash(HASH_KEY, prefix, PREFIX_BYTES)) << 3);
}
function offerBucket(price: usize, value: u64): usize {
  store<u64>(LOOKED_UP, value);
  store<u64>(LOOKED_UP, <u64>load<u32>(price) | ((<u64>load<u8>(price, 4)) << 32), 8);
  return LOCKER_BUCKETS + (bucket(siphash(HASH_KEY, LOOKED_UP, 16)) << 3);
}
function keyBucket(key: usize): usize {
  return LOCKER_BUCKETS + ((<usize>lockerCoins) << 3) + (bucket(siphash(HASH_KEY, key, 16)) << 2);
}
function coinBucket(coin: u32): usize {
  // Coins are few for each bucket whatever their order, so no secret is needed here.
  const mixed = <u64>(coin * 0x9e3779b1) >> 8;
  return LOCKER_BUCKETS + <usize>lockerCoins * 12 + (bucket(mixed) << 2);
}

function addCoin(coin: u32, key: v128): void {
  const entry = openEntry(key),
    node = takeNode();
  const own = nodeIndexOf(node),
    last = load<u32>(entry, LAST);
  store<u32>(node, indexOf(entry));
  store<u32>(node, coin, NODE_COIN);
  store<u32>(node, 0, NODE_NEXT);
  store<u32>(node, last, NODE_PREVIOUS);
  if (last) store<u32>(nodeOf(last), own, NODE_NEXT);
  else store<u32>(entry, own, FIRST);
  store<u32>(entry, own, LAST);
  const head = coinBucket(coin);
  store<u32>(node, load<u32>(head), NODE_NEXT_COIN);
  store<u32>(head, own);
  weigh(entry, 1, coinValue(coin >>> SERIAL_BITS));
}

/** A coin of this value comes to a locker (`by` 1) or leaves it (-1). */
function weigh(entry: usize, by: i32, value: u64): void {
  const count = load<u32>(entry, COUNT),
    offer = isTradeKey(v128.load(entry));
  if (offer && count) {
    const bucket = offerBucket(entry + PRICE_AT, load<u64>(entry, VALUE));
    unlink(bucket, bucket + 4, entry, NEXT_PREFIX);
  }
  store<u32>(entry, count + by, COUNT);
  store<u64>(entry, load<u64>(entry, VALUE) + <u64>(<i64>by) * value, VALUE);
  store<u32>(LOCKERS, load<u32>(LOCKERS, COINS) + by, COINS);
  if (offer && count + by) {
    const bucket = offerBucket(entry + PRICE_AT, load<u64>(entry, VALUE));
    append(bucket, bucket + 4, entry, NEXT_PREFIX);
  }
}

function removeCoin(coin: u32, end: u64): void {
  let link = coinBucket(coin),
    node = nodeOf(load<u32>(link));
  while (node && load<u32>(node, NODE_COIN) != coin) {
    link = node + NODE_NEXT_COIN;
    node = nodeOf(load<u32>(link));
  }
  if (!node) return;
  store<u32>(link, load<u32>(node, NODE_NEXT_COIN));
  const entry = entryOf(load<u32>(node)),
    next = load<u32>(node, NODE_NEXT),
    previous = load<u32>(node, NODE_PREVIOUS);
  if (previous) store<u32>(nodeOf(previous), next, NODE_NEXT);
  else store<u32>(entry, next, FIRST);
  if (next) store<u32>(nodeOf(next), previous, NODE_PREVIOUS);
  else store<u32>(entry, previous, LAST);
  store<u32>(node, load<u32>(LOCKERS, FREE_NODE));
  store<u32>(LOCKERS, nodeIndexOf(node), FREE_NODE);
  weigh(entry, -1, coinValue(coin >>> SERIAL_BITS));
  if (coinsIn(entry) == 0) closeEntry(entry, end);
}

function takeNode(): usize {
  const index = load<u32>(LOCKERS, FREE_NODE);
  if (index) {
    const node = nodeOf(index);
    store<u32>(LOCKERS, load<u32>(node), FREE_NODE);
    return node;
  }
  const opened = load<u32>(LOCKERS, OPENED_NODES) + 1;
  store<u32>(LOCKERS, opened, OPENED_NODES);
  return nodeOf(opened);
}

/** The entry of this key; a new one stands at the end of its lists, as the youngest. */
function openEntry(key: v128): usize {
  v128.store(LOOKED_UP, key);
  const known = findLocker(LOOKED_UP);
  if (known) return known;
  let index = load<u32>(LOCKERS, FREE_ENTRY);
  if (index) store<u32>(LOCKERS, load<u32>(entryOf(index)), FREE_ENTRY);
  else {
    index = load<u32>(LOCKERS, OPENED_ENTRIES) + 1;
    store<u32>(LOCKERS, index, OPENED_ENTRIES);
  }
  const entry = entryOf(index);
  memory.fill(entry, 0, LOCKER_BYTES);
  v128.store(entry, key);
  const byKey = keyBucket(entry);
  store<u32>(entry, load<u32>(byKey), NEXT_KEY);
  store<u32>(byKey, index);
  if (isTradeKey(key)) {
    const offers = offersOf(load<u8>(entry, TYPE_AT));
    append(offers, offers + 4, entry, NEXT_OFFER);
  } else {
    const byPrefix = prefixBucket(entry);
    append(byPrefix, byPrefix + 4, entry, NEXT_PREFIX);
  }
  return entry;
}

function closeEntry(entry: usize, end: u64): void {
  let link = keyBucket(entry);
  while (load<u32>(link) != indexOf(entry)) link = entryOf(load<u32>(link)) + NEXT_KEY;
  store<u32>(link, load<u32>(entry, NEXT_KEY));
  if (isTradeKey(v128.load(entry))) {
    const offers = offersOf(load<u8>(entry, TYPE_AT));
    unlink(offers, offers + 4, entry, NEXT_OFFER);
    if (end) emitForgetTrade(entry, end);
  } else {
    const byPrefix = prefixBucket(entry);
    unlink(byPrefix, byPrefix + 4, entry, NEXT_PREFIX);
  }
  memory.fill(entry, 0, LOCKER_BYTES);
  store<u32>(entry, load<u32>(LOCKERS, FREE_ENTRY));
  store<u32>(LOCKERS, indexOf(entry), FREE_ENTRY);
}

/** Puts an entry at the end of a list; `next` is the offset of its link, the one back follows. */
function append(first: usize, last: usize, entry: usize, next: usize): void {
  const before = load<u32>(last),
    index = indexOf(entry);
  store<u32>(entry + next, 0);
  store<u32>(entry + next + 4, before);
  if (before) store<u32>(entryOf(before) + next, index);
  else store<u32>(first, index);
  store<u32>(last, index);
}

function unlink(first: usize, last: usize, entry: usize, next: usize): void {
  const after = load<u32>(entry + next),
    before = load<u32>(entry + next + 4);
  if (before) store<u32>(entryOf(before) + next, after);
  else store<u32>(first, after);
  if (after) store<u32>(entryOf(after) + next + 4, before);
  else store<u32>(last, before);
}
