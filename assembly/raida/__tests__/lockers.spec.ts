import { setWord } from "../../core/__tests__/configuration";
import { LOCKERS } from "../../core/control";
import { Config, Effect, EffectKind, Ring, Wire } from "../../core/layout";
import { EFFECTS } from "../../core/memory";
import { entryAt, used } from "../../core/rings";
import { Status } from "../../core/status";
import { guarded, pseudoRandom, seed, toHex } from "../../crypto/__tests__/bytes";
import { attachEngine } from "../../engine";
import {
  clearLockers,
  coinsIn,
  copyCoins,
  findLocker,
  findOffer,
  findPrefix,
  firstOffer,
  holdLockers,
  isKept,
  isLockerKey,
  isTradeKey,
  letGo,
  lockersPosition,
  lockerValue,
  moved,
  nextOffer,
  openLockers,
  settleLockers,
} from "../lockers";
import { coinValue } from "../statistics";
import { enterLockerCoin } from "../tables";
import { startNode } from "./node";

startNode(Wire.LEGACY, false);

const KEYS: i32 = 14;
const COINS: i32 = 40;
/** Key index of a coin that lies in no locker. */
const OUTSIDE: i32 = KEYS;
const keys = guarded(16 * (KEYS + 1));
const list = guarded(5 * 128);
const random = guarded(8);

/** 0 to 7 lockers, of which 0 to 2 share their first 5 bytes; 8 to 13 offers of three types. */
function writeKeys(): void {
  for (let i = 0; i < KEYS; i++) {
    const key = keys + <usize>i * 16;
    memory.fill(key, <u8>(i < 3 ? 0x40 : 0x50 + i), 12);
    store<u8>(key, <u8>i, 8);
    store<u32>(key, 0xffffffff, 12);
    if (i < 8) continue;
    // Two of each type; those of type 1 have one price, and first bytes of the first lockers.
    const type = (i - 8) >> 1;
    if (type === 1) memory.fill(key, 0x40, 8);
    store<u32>(key, type === 1 ? 0x07000000 : 0x01000000 + i, 9);
    store<u8>(key, <u8>type, 13);
    store<u16>(key, 0xeeee, 14);
  }
  memory.fill(keys + <usize>OUTSIDE * 16, 0x33, 16);
}
writeKeys();

function keyAt(index: i32): usize {
  return keys + <usize>index * 16;
}
function keyOf(index: i32): v128 {
  return v128.load(keyAt(index));
}

// The naive model: which locker each coin lies in, coins of each locker and lockers of each kind in
// the order in which they came, and offers in the order in which they got their value.
let keyOfCoin: i32[] = [];
let coinsOf: i32[][] = [];
let ages: i32[] = [];
let weighed: i32[] = [];
let position: u64 = 0;

function empty(): void {
  clearLockers();
  keyOfCoin = [];
  coinsOf = [];
  ages = [];
  weighed = [];
  for (let i = 0; i < COINS; i++) keyOfCoin.push(OUTSIDE);
  for (let i = 0; i < KEYS; i++) coinsOf.push([]);
}

/** The number of a coin: denomination index coin % 15, serial coin * 25. */
function numberOf(coin: i32): u32 {
  return ((<u32>coin % 15) << 20) | (<u32>coin * 25);
}

function without(from: i32[], value: i32): i32[] {
  const rest: i32[] = [];
  for (let i = 0; i < from.length; i++) if (from[i] !== value) rest.push(from[i]);
  return rest;
}

/** A coin goes to another locker, in the index and in the model. */
function move(coin: i32, to: i32, end: u64): void {
  const from = keyOfCoin[coin];
  moved(numberOf(coin), keyOf(from), from !== OUTSIDE, keyOf(to), to !== OUTSIDE, end);
  if (from === to) return;
  keyOfCoin[coin] = to;
  if (from !== OUTSIDE) {
    coinsOf[from] = without(coinsOf[from], coin);
    weighed = without(weighed, from);
    if (coinsOf[from].length === 0) ages = without(ages, from);
    else weighed.push(from);
  }
  if (to !== OUTSIDE) {
    if (coinsOf[to].length === 0) ages.push(to);
    coinsOf[to].push(coin);
    weighed = without(weighed, to);
    weighed.push(to);
  }
}

function worthOf(key: i32): u64 {
  let value: u64 = 0;
  const coins = coinsOf[key];
  for (let i = 0; i < coins.length; i++) value += coinValue(<u32>coins[i] % 15);
  return value;
}

/** What the coins of a locker are, as text. */
function listOf(coins: i32[]): string {
  let out = "";
  for (let i = 0; i < coins.length; i++) {
    const number = numberOf(coins[i]);
    store<u8>(random, (number >> 20) - 8);
    store<u32>(random, bswap<u32>(number & 0xfffff), 1);
    out += toHex(random, 5);
  }
  return out;
}

/** Compares the index with the model in every respect; the number of differences. */
function differences(inOrder: bool): i32 {
  let wrong = 0;
  for (let i = 0; i < KEYS; i++) {
    const locker = findLocker(keyAt(i)),
      coins = coinsOf[i];
    if (coins.length === 0) {
      if (locker) wrong++;
      continue;
    }
    if (!locker || coinsIn(locker) !== <u32>coins.length || lockerValue(locker) !== worthOf(i)) {
      wrong++;
      continue;
    }
    copyCoins(locker, list, coins.length);
    if (inOrder && toHex(list, coins.length * 5) !== listOf(coins)) wrong++;
    if (i < 8) {
      if (!inOrder || oldestOfPrefix(i) === findPrefix(keyAt(i))) continue;
    } else if (!inOrder || firstOfValue(i) === findOffer(keyAt(i) + 9, worthOf(i))) continue;
    wrong++;
  }
  for (let type = 0; inOrder && type < 3; type++) wrong += i32(!sameOffers(type));
  return wrong;
}

function oldestOfPrefix(key: i32): usize {
  for (let i = 0; i < ages.length; i++)
    if (ages[i] < 8 && memory.compare(keyAt(ages[i]), keyAt(key), 5) === 0)
      return findLocker(keyAt(ages[i]));
  return 0;
}

function firstOfValue(key: i32): usize {
  for (let i = 0; i < weighed.length; i++) {
    const other = weighed[i];
    if (other < 8 || memory.compare(keyAt(other) + 9, keyAt(key) + 9, 5) !== 0) continue;
    if (worthOf(other) === worthOf(key)) return findLocker(keyAt(other));
  }
  return 0;
}

function sameOffers(type: i32): bool {
  let offer = firstOffer(type);
  for (let i = 0; i < ages.length; i++) {
    if (ages[i] < 8 || (ages[i] - 8) >> 1 !== type) continue;
    if (offer !== findLocker(keyAt(ages[i]))) return false;
    offer = nextOffer(offer);
  }
  return offer === 0;
}

function draw(below: u32): i32 {
  pseudoRandom(random, 4);
  return <i32>((load<u32>(random) >>> 3) % below);
}

/** Takes the next word to the host out: 0 none, else its kind; AN and position are kept. */
const toldAn = guarded(16);
let toldPosition: u64 = 0;
function told(): u32 {
  if (used(EFFECTS) === 0) return 0;
  const tail = load<u32>(EFFECTS, Ring.TAIL),
    entry = entryAt(EFFECTS, tail);
  v128.store(toldAn, v128.load(entry, Effect.AN));
  toldPosition = load<u64>(entry, Effect.POSITION);
  store<u32>(EFFECTS, tail + 1, Ring.TAIL);
  return load<u32>(entry, Effect.KIND);
}

/** A random walk beside the model; the number of differences on the way. */
function walk(steps: i32, coins: i32): i32 {
  let wrong = 0;
  for (let step = 0; step < steps; step++) {
    const coin = draw(coins),
      from = keyOfCoin[coin];
    position++;
    move(coin, draw(KEYS + 3) % (KEYS + 1), position);
    settleLockers(position);
    wrong += differences(true);
    const emptied = from >= 8 && from < OUTSIDE && coinsOf[from].length === 0;
    if (told() !== (emptied ? EffectKind.FORGET_TRADE : 0)) wrong++;
    else if (emptied && memory.compare(toldAn, keyAt(from), 16) !== 0) wrong++;
    else if (emptied && toldPosition !== position) wrong++;
  }
  return wrong;
}

/** Makes the buckets as few as `count`, and the coins that find room. */
function useBuckets(count: u32): void {
  setWord(Config.LOCKER_COINS, count);
  assert(attachEngine() === Status.OK);
  empty();
}

describe("the form of an AN", () => {
  test("tells lockers and offers from the rest, to the byte", () => {
    expect(isLockerKey(keyOf(0)) && isKept(keyOf(0)) && !isTradeKey(keyOf(0))).toBe(true);
    expect(isTradeKey(keyOf(8)) && isKept(keyOf(8)) && !isLockerKey(keyOf(8))).toBe(true);
    expect(isKept(keyOf(OUTSIDE))).toBe(false);
    for (let byte: usize = 12; byte < 16; byte++) {
      v128.store(list, keyOf(0));
      store<u8>(list + byte, 0xfe);
      expect(isKept(v128.load(list))).toBe(false);
    }
    v128.store(list, keyOf(8));
    store<u8>(list, 3, 13);
    expect(isKept(v128.load(list))).toBe(false);
    store<u8>(list, 2, 13);
    expect(isTradeKey(v128.load(list))).toBe(true);
    store<u8>(list, 0xef, 14);
    expect(isKept(v128.load(list))).toBe(false);
    store<u8>(list, 0xee, 14);
    store<u8>(list, 0xed, 15);
    expect(isKept(v128.load(list))).toBe(false);
  });
});

describe("the index", () => {
  test("follows a naive model through 2000 moves, seed 11", () => {
    empty();
    seed(11);
    expect(walk(2000, COINS)).toBe(0);
  });

  test("follows it where four buckets hold everything, seed 12", () => {
    useBuckets(4);
    seed(12);
    expect(walk(1000, 4)).toBe(0);
    useBuckets(64);
  });

  test("finds nothing by a prefix that only an offer has", () => {
    empty();
    move(1, 10, 0);
    expect(findLocker(keyAt(10))).not.toBe(0);
    expect(findPrefix(keyAt(10))).toBe(0);
    move(2, 2, 0);
    expect(findPrefix(keyAt(10))).toBe(findLocker(keyAt(2)));
    letGo();
  });

  test("takes a locker of a prefix, the oldest first", () => {
    empty();
    move(1, 2, 0);
    move(2, 0, 0);
    move(3, 2, 0);
    expect(findPrefix(keyAt(0))).toBe(findLocker(keyAt(2)));
    move(1, OUTSIDE, 0);
    expect(findPrefix(keyAt(0))).toBe(findLocker(keyAt(2)));
    move(3, OUTSIDE, 0);
    expect(findPrefix(keyAt(0))).toBe(findLocker(keyAt(0)));
    move(2, OUTSIDE, 0);
    expect(findPrefix(keyAt(0))).toBe(0);
    letGo();
  });

  test("finds an offer by price, type and value together only", () => {
    empty();
    move(8, 10, 0);
    const at = keyAt(10) + 9;
    expect(findOffer(at, coinValue(8))).toBe(findLocker(keyAt(10)));
    expect(findOffer(at, coinValue(8) + 1)).toBe(0);
    expect(findOffer(at, 0)).toBe(0);
    expect(findOffer(keyAt(12) + 9, coinValue(8))).toBe(0);
    move(23, 10, 0);
    expect(findOffer(at, coinValue(8))).toBe(0);
    expect(findOffer(at, 2 * coinValue(8))).toBe(findLocker(keyAt(10)));
    letGo();
  });

  test("does not count a coin that is not in use, whatever its AN", () => {
    empty();
    moved(7, keyOf(0), false, keyOf(1), false, 1);
    moved(7, keyOf(0), false, keyOf(OUTSIDE), true, 1);
    expect(load<u32>(LOCKERS)).toBe(0, "the lock was not needed");
    expect(findLocker(keyAt(0)) | findLocker(keyAt(1))).toBe(0);
  });

  test("gives back what a sequence of moves undone backwards took, seed 13", () => {
    empty();
    seed(13);
    walk(200, COINS);
    const before = keyOfCoin.slice(0),
      coins: i32[] = [],
      from: i32[] = [];
    for (let i = 0; i < 300; i++) {
      const coin = draw(COINS);
      coins.push(coin);
      from.push(keyOfCoin[coin]);
      move(coin, draw(KEYS + 1), 1);
      while (told()) {}
    }
    for (let i = 299; i >= 0; i--) move(coins[i], from[i], 0);
    letGo();
    for (let i = 0; i < COINS; i++) expect(keyOfCoin[i]).toBe(before[i]);
    expect(differences(true)).toBe(0);
    expect(told()).toBe(0, "an undone change is told to nobody");
  });
});

describe("the room of the index", () => {
  test("is told before anything changes, and comes back", () => {
    useBuckets(16);
    expect(openLockers(16)).toBe(true);
    letGo();
    expect(openLockers(17)).toBe(false);
    expect(load<u32>(LOCKERS)).toBe(0, "the index is free");
    for (let i = 0; i < 16; i++) move(i, i % KEYS, 1);
    letGo();
    expect(openLockers(0)).toBe(true);
    letGo();
    expect(openLockers(1)).toBe(false);
    move(3, OUTSIDE, 2);
    letGo();
    expect(openLockers(1)).toBe(true);
    expect(openLockers(2)).toBe(false);
    useBuckets(64);
  });

  test("is the same for coins that the store brings", () => {
    useBuckets(16);
    for (let i: u32 = 0; i < 16; i++)
      expect(enterLockerCoin(i % 15, i, keyAt(<i32>(i % 8)))).toBe(Status.OK);
    expect(enterLockerCoin(0, 20, keyAt(0))).toBe(Status.MEMORY);
    expect(enterLockerCoin(15, 0, keyAt(0))).toBe(Status.INVALID_ARGUMENT);
    expect(enterLockerCoin(0, 2048, keyAt(0))).toBe(Status.INVALID_ARGUMENT);
    expect(enterLockerCoin(0, 30, keyAt(OUTSIDE))).toBe(Status.INVALID_ARGUMENT);
    expect(coinsIn(findLocker(keyAt(7)))).toBe(2);
    clearLockers();
    expect(findLocker(keyAt(7))).toBe(0);
    useBuckets(64);
  });
});

describe("the position of the index", () => {
  test("goes up with a group that changed it, and never back", () => {
    empty();
    holdLockers();
    settleLockers(70);
    expect(lockersPosition()).toBe(70);
    holdLockers();
    settleLockers(60);
    expect(lockersPosition()).toBe(70);
    settleLockers(80);
    expect(lockersPosition()).toBe(70, "this group did not hold it");
    holdLockers();
    letGo();
    expect(lockersPosition()).toBe(70);
    empty();
  });
});
