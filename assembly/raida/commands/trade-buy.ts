/**
 * 8/87: buy an offer. Three effects follow each other (the seller's address, this server's part of
 * the Bitcoin key, the payment through the proxy), then the offer's coins move to the buyer's
 * locker. Nothing is held meanwhile, so after the payment the offer has to be what it was before.
 * Reference: RAIDA section 9.
 *
 * Payload: 0 locker key (16), 16 coin type, 17 value in units of 1e-8 (u64), 25 price, 29
 * transaction id (32), 61 receipt (16), 77 memo (1 to 254, not passed on). Frame of the request: 0
 * trade AN (16), 16 coins of the offer, 20 bytes of the address, then the results and the coins.
 */
import { EffectKind, EffectStatus, Folder } from "../../core/layout";
import { BTC_KEY_BYTES_MAX, COINS_PER_LIST_MAX, MEMO_BYTES_MAX } from "../../core/limits";
import { WORK } from "../../core/scratch";
import { Status } from "../../core/status";
import { Begun, begin, changeCoin, end, notBegun } from "../changes";
import * as context from "../context";
import { Outcome } from "../context";
import * as effects from "../effects";
import { writeU32BE } from "../header";
import {
  coinsIn,
  copyCoins,
  findOffer,
  holdLockers,
  isLockerKey,
  letGo,
  lockersPosition,
  lockerValue,
} from "../lockers";
import { COIN_BYTES, holdPages, listPages, recordAt, unlockPages } from "../pages-of-request";
import { askToSend, proxyStatus } from "./crossover-proxy";
import { isWhole, openLocker } from "./locker-coins";
import { ADDRESS_BYTES_MAX, BITCOIN, isTradeType, setTradeFile } from "./trade-file";

// Payload.
const TYPE: usize = 16;
const VALUE: usize = 17;
const PRICE: usize = 25;
const TRANSACTION: usize = 29;
const RECEIPT: usize = 61;
const MEMO: u32 = 77;

// Frame.
const COUNT: usize = 16;
const ADDRESS_BYTES: usize = 20;
const ADDRESS: u32 = 64;
const KEY_PART: u32 = 256;
const COINS: u32 = 4096;
const ANSWER: u32 = 32768;

/**
 * 16, 198 (memo, key of another form), 50, 51, 45, 194 (no address), 52 (no usable key part), 180
 * and 187 (no proxy, no sound answer), what the proxy says (150: the other servers have not asked
 * yet), or 241. 51 after the payment: the coins have moved meanwhile.
 */
export function buy(pinning: bool): Outcome {
  const refused = buyRefused();
  if (refused != Status.OK) return context.refuse(refused);
  switch (effects.done) {
    case 0:
      return askAddress();
    case 1:
      return askKeyPart();
    case 2:
      return askPayment();
  }
  const answer = proxyAnswer();
  return answer == Status.SUCCESS ? takeCoins(pinning) : context.refuse(answer);
}

function buyRefused(): Status {
  if (context.bodySize == 0) return Status.EMPTY_REQUEST;
  if (context.payloadBytes <= MEMO) return Status.INVALID_PACKET_LENGTH;
  if (context.payloadBytes > MEMO + MEMO_BYTES_MAX) return Status.INVALID_PARAMETER;
  if (!isLockerKey(v128.load(context.payload))) return Status.INVALID_PARAMETER;
  if (!isTradeType(load<u8>(context.payload, TYPE))) return Status.INVALID_TRADE_COIN;
  return Status.OK;
}

function valueAsked(): u64 {
  return bswap<u64>(load<u64>(context.payload, VALUE));
}

/** Looks the offer up and asks for its address. */
function askAddress(): Outcome {
  store<u32>(WORK, load<u32>(context.payload, PRICE));
  store<u8>(WORK, load<u8>(context.payload, TYPE), 4);
  holdLockers();
  context.raisePosition(lockersPosition());
  const offer = findOffer(WORK, valueAsked()),
    refused = offer ? offerRefused(offer) : Status.TRADE_LOCKER_NOT_FOUND;
  const opened = refused == Status.OK && effects.open(ADDRESS);
  if (opened) v128.store(effects.frame, v128.load(offer));
  letGo();
  if (refused != Status.OK) return context.refuse(refused);
  if (!opened) return effects.noFrame();
  setTradeFile(effects.frame);
  effects.limitResult(ADDRESS_BYTES_MAX);
  return effects.ask(EffectKind.READ_FILE);
}

/** Only Bitcoin is paid, and a group moves no more than COINS_PER_LIST_MAX coins. */
function offerRefused(offer: usize): Status {
  if (load<u8>(context.payload, TYPE) != BITCOIN) return Status.INVALID_TRADE_COIN;
  return coinsIn(offer) > COINS_PER_LIST_MAX ? Status.TOO_MANY_COINS : Status.OK;
}

function askKeyPart(): Outcome {
  if (effects.status != EffectStatus.OK || effects.bytes == 0 || effects.bytes > ADDRESS_BYTES_MAX)
    return context.refuse(Status.FILESYSTEM);
  store<u32>(effects.frame, effects.bytes, ADDRESS_BYTES);
  if (!effects.open(KEY_PART)) return effects.noFrame();
  // "BTC"
  store<u32>(WORK, 0x435442);
  effects.setFile(Folder.FOLDERS, WORK, 3);
  effects.limitResult(BTC_KEY_BYTES_MAX);
  return effects.ask(EffectKind.READ_FILE);
}

/** Notes which coins the offer has now, and asks for the payment. */
function askPayment(): Outcome {
  const keyBytes = effects.bytes;
  if (effects.status != EffectStatus.OK || keyBytes == 0 || keyBytes > BTC_KEY_BYTES_MAX)
    return context.refuse(Status.NO_PRIVATE_KEY);
  const offer = openLocker(effects.frame);
  if (!offer) return context.refuse(Status.TRADE_LOCKER_NOT_FOUND);
  const count = coinsIn(offer),
    same = lockerValue(offer) == valueAsked() && count <= COINS_PER_LIST_MAX;
  if (same) copyCoins(offer, effects.frame + COINS, count);
  letGo();
  if (!same) return context.refuse(Status.TRADE_LOCKER_NOT_FOUND);
  store<u32>(effects.frame, count, COUNT);
  if (!effects.openSlow(ANSWER)) return effects.noFrame();
  return askToSend(writePayment(keyBytes));
}

/**
 * Writes the proxy's body: coin type, receipt (16), bytes of the key part (u32), key part, price,
 * bytes of the address, address, transaction id (32). Returns its length.
 */
function writePayment(keyBytes: u32): u32 {
  const start = effects.contentAt(),
    payload = context.payload,
    addressBytes = load<u32>(effects.frame, ADDRESS_BYTES);
  store<u8>(start, load<u8>(payload, TYPE));
  memory.copy(start + 1, payload + RECEIPT, 16);
  writeU32BE(start + 17, keyBytes);
  memory.copy(start + 21, effects.frame + KEY_PART, keyBytes);
  const out = start + 21 + keyBytes;
  store<u32>(out, load<u32>(payload, PRICE));
  store<u8>(out, addressBytes, 4);
  memory.copy(out + 5, effects.frame + ADDRESS, addressBytes);
  memory.copy(out + 5 + addressBytes, payload + TRANSACTION, 32);
  return 21 + keyBytes + 5 + addressBytes + 32;
}

/** SUCCESS: paid. A status that would tell of coins which did not move is not passed on. */
function proxyAnswer(): Status {
  const answer = proxyStatus();
  return answer == Status.ALL_PASS || answer == Status.MIXED ? Status.PROXY : answer;
}

/** Moves the coins noted before the payment, if the offer still has these and no others. */
function takeCoins(pinning: bool): Outcome {
  const list = effects.frame + COINS,
    count = load<u32>(effects.frame, COUNT);
  listPages(list, count, COIN_BYTES);
  if (!holdPages(pinning)) return Outcome.PARK;
  if (!isWhole(effects.frame, list, count)) {
    unlockPages();
    return context.refuse(Status.TRADE_LOCKER_NOT_FOUND);
  }
  const begun = begin(count, 0);
  if (begun != Begun.YES) return notBegun(begun);
  const key = v128.load(context.payload);
  for (let i: u32 = 0, coin = list; i < count; i++, coin += COIN_BYTES)
    changeCoin(coin, recordAt(coin), key, context.mfs);
  end();
  unlockPages();
  return context.refuse(Status.ALL_PASS);
}
