/**
 * Group 4, Key exchange: a key sealed for the owner of a coin, and keys that other servers have
 * sealed for a coin of this one's. Seed 001 sections 4.1 to 4.3; reference: RAIDA section 9.
 */
import { EffectKind, EffectStatus, Folder, Wire } from "../../core/layout";
import { RAIDA_COUNT } from "../../core/limits";
import { coinId, openKeyRecords, wire } from "../../core/memory";
import { randomReady, takeRandom } from "../../core/random";
import { COUNTER_BLOCK, WORK } from "../../core/scratch";
import { Status } from "../../core/status";
import { ctr128 } from "../../crypto/ctr";
import { Begun, begin, changeCoin, end, notBegun } from "../changes";
import { MFS } from "../coins";
import * as context from "../context";
import { Outcome } from "../context";
import * as effects from "../effects";
import {
  Encryption,
  KEY_DENOMINATION,
  MODERN_DENOMINATION,
  MODERN_DENOMINATION_2,
  readU16BE,
} from "../header";
import { isKept } from "../lockers";
import {
  COIN_BYTES,
  holdPages,
  listPages,
  recordAt,
  serialAt,
  unlockPages,
} from "../pages-of-request";
import { writeDecimal, writeHex } from "../text";
import { AN_BYTES } from "./coin-list";

/** Half of an AN, which is what a sealed key carries. */
const HALF_BYTES: u32 = 8;
/** Closes every sealed key. */
const MARKER: u32 = 0xff;

// WORK: the recipient's AN, the key, and a counter block of zeros.
const AN: usize = WORK;
const PLAIN: usize = WORK + 16;
const ZEROS: usize = WORK + 32;

// A key that another server has sealed: where its parts lie in a record of 4/45.
const RECORD_BYTES: u32 = 26;
const SPLIT: usize = 2;
const RAIDA: usize = 3;
const COIN: usize = 5;
const SEALED: usize = 10;

// An encryption coin file.
const FILE_BYTES: u32 = 440;
const FILE_COIN_ID: usize = 2;
const FILE_KEYS: usize = 40;
/** Where the file goes in the request's frame: above the opened keys, 16 bytes a record. */
const FILE: u32 = 65536;

/**
 * 4/44: denomination and serial of the recipient (5 bytes): 16 bytes of a new random key XOR its
 * AN; or with half a key behind them (13 bytes): that half, the coin, 2 random bytes and ff under
 * its AN, AES-128-CTR with the request's counter block. A coin on no page, or not in use: 40.
 */
export function encryptKey(pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  const coin = context.payload,
    isRandom = context.payloadBytes == COIN_BYTES;
  if (!isRandom && context.payloadBytes != COIN_BYTES + HALF_BYTES)
    return context.refuse(Status.INVALID_PACKET_LENGTH);
  if (listPages(coin, 1, COIN_BYTES)) return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  if (!randomReady()) return context.refuse(Status.INTERNAL);
  if (!holdPages(pinning)) return Outcome.PARK;
  const record = usable(recordAt(coin));
  if (record) v128.store(AN, v128.load(record));
  unlockPages();
  if (!record) return context.refuse(Status.INVALID_SN_OR_DENOMINATION);
  if (isRandom) sealRandomKey();
  else sealHalf(coin);
  return context.answer(Status.OK, AN_BYTES);
}

/** The record if it is of a coin in use, or 0. */
function usable(record: usize): usize {
  return record && load<u8>(record, MFS) ? record : 0;
}

function sealRandomKey(): void {
  takeRandom(PLAIN, AN_BYTES);
  v128.store(context.body(), v128.xor(v128.load(PLAIN), v128.load(AN)));
}

function sealHalf(coin: usize): void {
  memory.copy(PLAIN, coin + COIN_BYTES, HALF_BYTES);
  memory.copy(PLAIN + HALF_BYTES, coin, COIN_BYTES);
  takeRandom(PLAIN + 13, 2);
  store<u8>(PLAIN, MARKER, 15);
  ctr128(AN, requestCounter(), PLAIN, context.body(), AN_BYTES);
}

/** The counter block that the request itself began with; zeros for one in clear. */
function requestCounter(): usize {
  if (context.type != Encryption.NONE) return COUNTER_BLOCK;
  v128.store(ZEROS, i64x2.splat(0));
  return ZEROS;
}

/**
 * 4/45: denomination and serial of this server's encryption coin, n x (coin id (2), split, RAIDA,
 * shard, denomination, serial, sealed key (16)). 250 and a byte a record: 1 when the half of the
 * coin's AN was replaced; only that of a coin which encrypts the request, unless the operator opens
 * it to all. No such coin file: 197. All records are one change.
 */
export function decryptRaidaKey(pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  const bytes = context.payloadBytes - COIN_BYTES;
  if (context.payloadBytes < COIN_BYTES + RECORD_BYTES)
    return context.refuse(Status.INVALID_PACKET_LENGTH);
  if (bytes % RECORD_BYTES) return context.refuse(Status.COINS_NOT_DIVISIBLE);
  if (effects.done == 0) return askForCoinFile();
  if (!isCoinFile()) return context.refuse(Status.COIN_LOAD);
  const list = context.payload + COIN_BYTES,
    count = bytes / RECORD_BYTES;
  openKeys(list, count);
  listPages(list + COIN, count, RECORD_BYTES);
  if (!holdPages(pinning)) return Outcome.PARK;
  return replaceHalves(list, count);
}

/** coins/<denomination, 2 hex digits>.<serial, decimal>.bin */
function askForCoinFile(): Outcome {
  if (!effects.open(FILE)) return effects.noFrame();
  const name = effects.nameAt();
  let to = writeHex(name, context.payload, 1);
  store<u8>(to++, 0x2e);
  to = writeDecimal(to, serialAt(context.payload));
  store<u32>(to, 0x6e69622e);
  effects.setFile(Folder.COINS, name, <u32>(to - name) + 4);
  effects.limitResult(FILE_BYTES);
  return effects.ask(EffectKind.READ_FILE);
}

function isCoinFile(): bool {
  if (effects.status != EffectStatus.OK || effects.bytes != FILE_BYTES) return false;
  return readU16BE(effects.result() + FILE_COIN_ID) == coinId;
}

/** Where the opened key of a record lies; without its marker it is none. */
function openedAt(index: u32): usize {
  return effects.frame + ((<usize>index) << 4);
}

/** Opens every key with the AN that the encryption coin has on the server that sealed it. */
function openKeys(list: usize, count: u32): void {
  const keys = effects.result() + FILE_KEYS,
    counter = requestCounter();
  for (let i: u32 = 0, record = list; i < count; i++, record += RECORD_BYTES) {
    const opened = openedAt(i),
      raida = <u32>load<u8>(record, RAIDA);
    v128.store(opened, i64x2.splat(0));
    if (raida >= RAIDA_COUNT || load<u8>(record, SPLIT) > 1) continue;
    ctr128(keys + ((<usize>raida) << 4), counter, record + SEALED, opened, AN_BYTES);
    const coin = opened + HALF_BYTES;
    if (
      load<u8>(coin) != load<u8>(record, COIN) ||
      load<u32>(coin, 1) != load<u32>(record, COIN + 1)
    )
      v128.store(opened, i64x2.splat(0));
  }
}

/**
 * The coin's record when the key was opened, the coin is in use and the request may replace its AN,
 * or 0.
 */
function target(record: usize, index: u32): usize {
  const coin = record + COIN,
    may = load<u8>(openedAt(index), 15) == MARKER && mayReplace(coin);
  return may ? usable(recordAt(coin)) : 0;
}

/**
 * Is it a coin whose AN the request was encrypted with? Anybody can have keys sealed (4/44), and a
 * key stream can be bent to name another coin: without this, whoever asks takes any coin.
 */
function mayReplace(coin: usize): bool {
  const message = context.message;
  if (openKeyRecords) return true;
  switch (context.type) {
    case Encryption.COIN:
      // In legacy a reply to a request without a body tells a key stream of any coin, nonce and
      // all.
      return wire == Wire.SPEC && isSameCoin(coin, message + KEY_DENOMINATION);
    case Encryption.MODERN_COIN:
      return isSameCoin(coin, message + MODERN_DENOMINATION);
    case Encryption.MODERN_TWO_COINS:
      return (
        isSameCoin(coin, message + MODERN_DENOMINATION) ||
        isSameCoin(coin, message + MODERN_DENOMINATION_2)
      );
  }
  return false;
}

function isSameCoin(a: usize, b: usize): bool {
  return load<u8>(a) == load<u8>(b) && load<u32>(a, 1) == load<u32>(b, 1);
}

/** The AN in `coin`, with one half replaced. */
function withHalf(coin: usize, opened: usize, split: u32): v128 {
  v128.store(WORK, v128.load(coin));
  store<u64>(WORK + ((<usize>split) << 3), load<u64>(opened));
  return v128.load(WORK);
}

function replaceHalves(list: usize, count: u32): Outcome {
  let good: u32 = 0,
    kept = false;
  for (let i: u32 = 0, record = list; i < count; i++, record += RECORD_BYTES) {
    const coin = target(record, i);
    if (!coin) continue;
    good++;
    kept = kept || isKept(withHalf(coin, openedAt(i), load<u8>(record, SPLIT)));
  }
  if (good) {
    // A coin named twice passes through states of its own; then all of them count for lockers.
    const begun = begin(good, kept ? good : 0);
    if (begun != Begun.YES) return notBegun(begun);
  }
  const out = context.body();
  for (let i: u32 = 0, record = list; i < count; i++, record += RECORD_BYTES) {
    const coin = target(record, i);
    if (coin) {
      const an = withHalf(coin, openedAt(i), load<u8>(record, SPLIT));
      changeCoin(record + COIN, coin, an, context.mfs);
    }
    // Falls on records that have been read already.
    store<u8>(out + i, u32(coin != 0));
  }
  if (good) end();
  unlockPages();
  return context.answer(Status.SUCCESS, count);
}
