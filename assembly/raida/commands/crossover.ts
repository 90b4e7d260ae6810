/**
 * Group 11, Crossover: payments between lockers and another chain, which the proxy watches and
 * sends. Reference: RAIDA section 9.
 */

import { EffectKind, EffectStatus, Folder } from "../../core/layout";
import { BTC_KEY_BYTES_MAX, CELL_BYTES, CROSSOVER_BYTES, MEMO_BYTES_MAX } from "../../core/limits";
import { btcConfirmations } from "../../core/memory";
import { WORK } from "../../core/scratch";
import { Status } from "../../core/status";
import { equal16 } from "../../crypto/equal";
import { Begun, begin, changeCell, end, notBegun } from "../changes";
import * as context from "../context";
import { Outcome } from "../context";
import * as table from "../crossover-table";
import * as effects from "../effects";
import {
  askProxy,
  askToSend,
  ProxyCommand,
  proxyPayload,
  proxyPayloadBytes,
  proxyStatus,
} from "./crossover-proxy";

const KEY_BYTES: u32 = 16;
const TICKER_BYTES: u32 = 3;
const AMOUNT_BYTES: u32 = 8;
const RECEIPT_BYTES: u32 = 16;
const TRANSACTION_BYTES: u32 = 32;
/** "BTC", the only ticker that the proxy deals in. */
const BTC: u32 = 0x435442;

// Every payload begins with locker key and ticker. 11/110 and 11/112 go on with an amount and an
// address, and end with receipt and memo; 11/111 goes on with transaction, receipt, memo.
const TICKER: usize = 16;
const AMOUNT: usize = 19;
const ADDRESS_LENGTH: usize = 27;
const ADDRESS: usize = 28;
const TRANSACTION: usize = 19;
const RECEIPT: usize = 51;
const MEMO: usize = 67;

const ADDRESS_BYTES_LEAST: u32 = 26;
const ADDRESS_BYTES_MAX: u32 = 62;
/** Sizes that are asked for before anything is looked at (reference: RAIDA section 9). */
const RESERVE_BYTES_LEAST: u32 = 77;
const CHECK_BYTES_LEAST: u32 = 68;
const WITHDRAW_BYTES_LEAST: u32 = 70;

/** Cells of an entry. */
const ENTRY_CELLS: u32 = CROSSOVER_BYTES / CELL_BYTES;
/** What the proxy says of a transaction: amount (u64), 8 bytes of no use, confirmations (u64). */
const WATCHED_BYTES: u32 = 24;
/** Where the proxy's answer goes in 11/112: above the private key. */
const ANSWER: u32 = 4096;

function addressBytes(): u32 {
  return load<u8>(context.payload, ADDRESS_LENGTH);
}

/**
 * Sizes of 11/110 and 11/112: OK, or the status to answer. 36 no body, 16 wrong size, 198 no
 * address.
 */
function checkSizes(least: u32): Status {
  if (context.bodySize == 0) return Status.EMPTY_REQUEST;
  if (context.payloadBytes < least) return Status.INVALID_PACKET_LENGTH;
  const address = addressBytes();
  if (address < ADDRESS_BYTES_LEAST || address > ADDRESS_BYTES_MAX) return Status.INVALID_PARAMETER;
  const fixed = <u32>ADDRESS + address + RECEIPT_BYTES;
  return context.payloadBytes < fixed ? Status.INVALID_PACKET_LENGTH : Status.OK;
}

function isBtc(ticker: usize): bool {
  return (load<u16>(ticker) | ((<u32>load<u8>(ticker, 2)) << 16)) == BTC;
}

/**
 * 11/110: locker key (16), ticker (3), amount (u64), address length, address, receipt (16), memo:
 * announces a payment, for an hour. 250; 49: the table is full. The same key again replaces what
 * was announced.
 */
export function reserveCrossover(_pinning: bool): Outcome {
  const refused = checkSizes(RESERVE_BYTES_LEAST);
  if (refused != Status.OK) return context.refuse(refused);
  writeEntry();
  // No page is touched, also not that of the request's key any more.
  context.setPageCount(0);
  table.lockCrossover();
  const index = table.placeFor(context.payload);
  if (index == table.FULL) {
    table.unlockCrossover();
    return context.refuse(Status.CROSSOVER_FULL);
  }
  const begun = begin(ENTRY_CELLS, 0);
  if (begun == Begun.YES) {
    for (let i: u32 = 0; i < ENTRY_CELLS; i++)
      changeCell(index * ENTRY_CELLS + i, WORK + <usize>(i * CELL_BYTES));
    end();
  }
  table.unlockCrossover();
  return begun == Begun.YES ? context.refuse(Status.SUCCESS) : notBegun(begun);
}

/** The entry that the request describes, in WORK. */
function writeEntry(): void {
  const payload = context.payload,
    address = addressBytes();
  memory.fill(WORK, 0, CROSSOVER_BYTES);
  store<u64>(WORK, context.now);
  memory.copy(WORK + table.LOCKER_KEY, payload, KEY_BYTES);
  memory.copy(WORK + table.TICKER, payload + TICKER, TICKER_BYTES);
  memory.copy(WORK + table.AMOUNT, payload + AMOUNT, AMOUNT_BYTES);
  store<u8>(WORK + table.ADDRESS_LENGTH, address);
  memory.copy(WORK + table.ADDRESS, payload + ADDRESS, address);
  memory.copy(WORK + table.RECEIPT, payload + ADDRESS + address, RECEIPT_BYTES);
}

/** The announced amount, as on the wire, when checkEntry() says OK. */
let amount: u64 = 0;

/** Is the payment of 11/111 announced? OK, 193 no entry, 198 another receipt or ticker. */
function checkEntry(): Status {
  const payload = context.payload;
  table.lockCrossover();
  const entry = table.findEntry(payload);
  let found = Status.NO_ENTRY;
  if (entry) {
    const ticker = entry + table.TICKER,
      asked = payload + TICKER;
    const same =
      equal16(entry + table.RECEIPT, payload + RECEIPT) &&
      load<u16>(ticker) == load<u16>(asked) &&
      load<u8>(ticker, 2) == load<u8>(asked, 2);
    amount = load<u64>(entry + table.AMOUNT);
    found = same ? Status.OK : Status.INVALID_PARAMETER;
  }
  table.unlockCrossover();
  return found;
}

/**
 * 11/111: locker key (16), ticker (3), transaction (32), receipt (16), memo: has the announced
 * payment arrived? 250; 183: seen, with too few confirmations; 192: another amount; else what the
 * proxy says.
 */
export function checkDepository(_pinning: bool): Outcome {
  const bytes = context.payloadBytes;
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (bytes < CHECK_BYTES_LEAST || bytes - <u32>MEMO > MEMO_BYTES_MAX)
    return context.refuse(Status.INVALID_PACKET_LENGTH);
  const found = checkEntry();
  if (found != Status.OK) return context.refuse(found);
  if (effects.done == 0) return askForTransaction();
  const status = proxyStatus();
  if (status != Status.SUCCESS && status != Status.TX_SEEN) return context.refuse(status);
  // A transaction that is only seen may be told of without its particulars.
  if (status == Status.TX_SEEN && proxyPayloadBytes() == 0) return context.refuse(status);
  if (proxyPayloadBytes() < WATCHED_BYTES) return context.refuse(Status.PROXY);
  return context.refuse(load<u64>(proxyPayload()) == amount ? status : Status.AMOUNT_MISMATCH);
}

/** Where add() writes next in the question to the proxy. */
let question: usize = 0;

function add(from: usize, bytes: u32): void {
  memory.copy(question, from, bytes);
  question += bytes;
}
function addByte(value: u32): void {
  store<u8>(question, value);
  question++;
}
function send(command: ProxyCommand): Outcome {
  return askProxy(command, <u32>(question - effects.contentAt()));
}

/** Ticker, amount, locker key, confirmations (1), receipt, transaction, memo. */
function askForTransaction(): Outcome {
  if (!effects.openSlow(0)) return effects.noFrame();
  const payload = context.payload;
  question = effects.contentAt();
  add(payload + TICKER, TICKER_BYTES);
  store<u64>(question, amount);
  question += AMOUNT_BYTES;
  add(payload, KEY_BYTES);
  addByte(btcConfirmations);
  add(payload + RECEIPT, RECEIPT_BYTES);
  add(payload + TRANSACTION, TRANSACTION_BYTES);
  add(payload + MEMO, context.payloadBytes - <u32>MEMO);
  return send(ProxyCommand.WATCH_FOR_TRANSACTION);
}

/**
 * 11/112: as 11/110, with the cost as the amount: sends from the depository to the address. 250,
 * 150 (the proxy waits for other servers), or what else it says; 52: there is no private key.
 */
export function withdraw(_pinning: bool): Outcome {
  const refused = checkSizes(WITHDRAW_BYTES_LEAST);
  if (refused != Status.OK) return context.refuse(refused);
  if (memoBytes() > MEMO_BYTES_MAX) return context.refuse(Status.INVALID_PACKET_LENGTH);
  if (!isBtc(context.payload + TICKER)) return context.refuse(Status.INVALID_PARAMETER);
  if (effects.done == 0) return readPrivateKey();
  if (effects.done == 1) return askToWithdraw();
  return context.refuse(proxyStatus());
}

/** Bytes behind address and receipt. */
function memoBytes(): u32 {
  return context.payloadBytes - <u32>ADDRESS - addressBytes() - RECEIPT_BYTES;
}

/** The operator's part of the depository's key: the object BTC of group 13. */
function readPrivateKey(): Outcome {
  if (!effects.openSlow(0)) return effects.noFrame();
  const name = effects.nameAt();
  store<u32>(name, BTC);
  effects.setFile(Folder.FOLDERS, name, TICKER_BYTES);
  effects.limitResult(BTC_KEY_BYTES_MAX);
  return effects.ask(EffectKind.READ_FILE);
}

/** Ticker, receipt, private key, cost, locker key, address length, address, memo. */
function askToWithdraw(): Outcome {
  if (effects.status == EffectStatus.FAILED) return context.refuse(Status.FILESYSTEM);
  const bytes = effects.bytes;
  if (effects.status != EffectStatus.OK || bytes == 0 || bytes > BTC_KEY_BYTES_MAX)
    return context.refuse(Status.NO_PRIVATE_KEY);
  const payload = context.payload,
    address = addressBytes(),
    privateKey = effects.result();
  if (!effects.openSlow(ANSWER)) return effects.noFrame();
  question = effects.contentAt();
  const receipt = payload + ADDRESS + address;
  add(payload + TICKER, TICKER_BYTES);
  add(receipt, RECEIPT_BYTES);
  add(privateKey, bytes);
  add(payload + AMOUNT, AMOUNT_BYTES);
  add(payload, KEY_BYTES);
  addByte(address);
  add(payload + ADDRESS, address);
  add(receipt + RECEIPT_BYTES, memoBytes());
  return askToSend(<u32>(question - effects.contentAt()));
}

/** 11/114: ticker (3): 250 and the rate (u64), or what else the proxy says. */
export function exchangeRate(_pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (context.payloadBytes != TICKER_BYTES) return context.refuse(Status.INVALID_PACKET_LENGTH);
  if (!isBtc(context.payload)) return context.refuse(Status.INVALID_PARAMETER);
  if (effects.done == 0) {
    if (!effects.openSlow(0)) return effects.noFrame();
    question = effects.contentAt();
    add(context.payload, TICKER_BYTES);
    return send(ProxyCommand.GET_RATE);
  }
  const status = proxyStatus();
  if (status != Status.SUCCESS) return context.refuse(status);
  if (proxyPayloadBytes() != AMOUNT_BYTES) return context.refuse(Status.PROXY);
  store<u64>(context.body(), load<u64>(proxyPayload()));
  return context.answer(Status.SUCCESS, AMOUNT_BYTES);
}
