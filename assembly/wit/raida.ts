/** The server's side of the interface raida of raida.wit. */
import { word } from "../core/control";
import { Config, Wire } from "../core/layout";
import { attachMemory, wire } from "../core/memory";
import { COUNTER_BLOCK, KEY, REPLY_NONCE, WORK } from "../core/scratch";
import { Status } from "../core/status";
import { wipeSecrets } from "../engine";
import * as context from "../raida/context";
import * as header from "../raida/header";
import { startCounter, startModernKey } from "../raida/key";
import { checkHeader, openWhole, requestBytes, takeHeader } from "../raida/request";
import { emitReply } from "../raida/response";
import { allocate, okList, RESULT } from "./abi";
import { statusCase } from "./generated/verdicts";
import { setWord } from "./instance";

/** raida.wit, refusal. */
const enum Refusal {
  SILENT,
  STATUS,
  KEY_LENGTH,
  NONCE_LENGTH,
  BODY_LENGTH,
}

const BODY_BYTES_MAX: u32 = 1 << 20;
const AN_BYTES: u32 = 16;
const SPEC_NONCE_BYTES: u32 = 12;
const MODERN_NONCE_BYTES: u32 = 24;

// What the engine of this instance is itself, while it works as another server.
let ownId: u32 = 0;
let ownCoin: u32 = 0;
let ownWire: u32 = 0;
let ownModern: u32 = 0;

function actAs(id: u32, coin: u32, ofWire: u32, modern: u32): void {
  setWord(Config.RAIDA_ID, id);
  setWord(Config.COIN_ID, coin);
  setWord(Config.WIRE, ofWire);
  setWord(Config.MODERN, modern);
  attachMemory();
}

/** Takes a message up as a server of these words would; endWork() has to follow. */
function begin(id: u32, coin: u32, ofWire: u32, modern: u32, message: usize, length: u32): void {
  ownId = word(Config.RAIDA_ID);
  ownCoin = word(Config.COIN_ID);
  ownWire = word(Config.WIRE);
  ownModern = word(Config.MODERN);
  actAs(id, coin, ofWire, modern);
  context.setMessage(message, length, 0, 0, 0, 0, length);
}

function endWork(): void {
  wipeSecrets();
  actAs(ownId, ownCoin, ownWire, ownModern);
}

function refuse(refusal: Refusal, status: Status): usize {
  store<u8>(RESULT, 1);
  store<u8>(RESULT, refusal, 4);
  if (refusal == Refusal.STATUS) store<u8>(RESULT, statusCase(status), 5);
  return RESULT;
}

export function validateHeader(
  id: u32,
  coin: u32,
  ofWire: u32,
  modern: u32,
  message: usize,
  length: u32,
): usize {
  begin(id, coin, ofWire, modern, message, length);
  const result = headerResult(message, length);
  endWork();
  return result;
}

function headerResult(message: usize, length: u32): usize {
  if (!header.hasHeader(message, length)) return refuse(Refusal.SILENT, Status.OK);
  takeHeader();
  const status = checkHeader();
  if (status != Status.OK) return refuse(Refusal.STATUS, status);
  const type = context.type,
    isModern = context.headerBytes == header.MODERN_HEADER_BYTES,
    named = type != header.Encryption.NONE && type != header.Encryption.LOCKER,
    denominationAt = isModern ? header.MODERN_DENOMINATION : header.KEY_DENOMINATION,
    serialAt = isModern ? header.MODERN_SERIAL : header.KEY_SERIAL;
  store<u8>(RESULT, 0);
  store<u8>(RESULT, context.group(), 4);
  store<u8>(RESULT, context.command(), 5);
  store<u8>(RESULT, context.shard(), 6);
  store<u8>(RESULT, type, 7);
  store<u8>(RESULT, named ? load<u8>(message + denominationAt) : 0, 8);
  store<u32>(RESULT, named ? header.readU32BE(message + serialAt) : 0, 12);
  store<u32>(RESULT, context.headerBytes, 16);
  store<u32>(RESULT, context.bodySize, 20);
  return RESULT;
}

export function requestLength(
  id: u32,
  coin: u32,
  ofWire: u32,
  modern: u32,
  message: usize,
  length: u32,
): u32 {
  begin(id, coin, ofWire, modern, message, length);
  const bytes = requestBytes(message, length);
  endWork();
  return bytes;
}

/** Whether the key has the length that the type of the header asks for. */
function keyFits(length: u32): bool {
  switch (context.type) {
    case header.Encryption.NONE:
      return length == 0;
    case header.Encryption.MODERN_TWO_COINS:
      return length == 2 * AN_BYTES;
  }
  return length == AN_BYTES;
}

function startKey(key: usize): void {
  if (context.headerBytes == header.MODERN_HEADER_BYTES) {
    const two = context.type == header.Encryption.MODERN_TWO_COINS;
    memory.copy(WORK, key, two ? 2 * AN_BYTES : AN_BYTES);
    startModernKey(two);
  } else if (context.type != header.Encryption.NONE) {
    memory.copy(KEY, key, AN_BYTES);
    startCounter();
  } else memory.fill(COUNTER_BLOCK, 0, 16);
}

/** Header, key, body, as raida/request.ts has them; the header is whole. */
function open(key: usize, keyLength: u32): Status {
  takeHeader();
  const refused = checkHeader();
  if (refused != Status.OK) return refused;
  context.setSound();
  if (!keyFits(keyLength)) return Status.INVALID_ARGUMENT;
  startKey(key);
  return openWhole();
}

export function openRequest(
  id: u32,
  coin: u32,
  ofWire: u32,
  modern: u32,
  key: usize,
  keyLength: u32,
  message: usize,
  length: u32,
): usize {
  begin(id, coin, ofWire, modern, message, length);
  let result: usize = 0;
  if (!header.hasHeader(message, length)) result = refuse(Refusal.SILENT, Status.OK);
  else {
    const status = open(key, keyLength);
    if (status == Status.INVALID_ARGUMENT) result = refuse(Refusal.KEY_LENGTH, status);
    else if (status != Status.OK) result = refuse(Refusal.STATUS, status);
    else result = okList(context.payload, context.payloadBytes);
  }
  endWork();
  return result;
}

/** Whether the nonce has the length of the wire's. */
function nonceFits(length: u32): bool {
  if (context.headerBytes == header.MODERN_HEADER_BYTES) return length == MODERN_NONCE_BYTES;
  return length == (wire == Wire.SPEC ? SPEC_NONCE_BYTES : 0);
}

export function buildReply(
  id: u32,
  coin: u32,
  ofWire: u32,
  modern: u32,
  key: usize,
  keyLength: u32,
  message: usize,
  length: u32,
  status: u32,
  body: usize,
  bodyLength: u32,
  nonce: usize,
  nonceLength: u32,
  elapsed: u32,
): usize {
  begin(id, coin, ofWire, modern, message, length);
  const wrong = prepareReply(key, keyLength, bodyLength, nonceLength);
  if (wrong) {
    endWork();
    return wrong;
  }
  memory.fill(REPLY_NONCE, 0, 32);
  memory.copy(REPLY_NONCE, nonce, nonceLength);
  const around = context.headerBytes + header.HMAC_BYTES + header.TRAILER_BYTES;
  context.useReplyFrame(allocate(around + bodyLength, 16));
  memory.copy(context.body(), body, bodyLength);
  context.answer(status, bodyLength);
  const total = emitReply(elapsed);
  const result = okList(context.reply, total);
  endWork();
  return result;
}

/** Opens the request that is answered; gives the result that says what is wrong, or 0. */
function prepareReply(key: usize, keyLength: u32, bodyLength: u32, nonceLength: u32): usize {
  if (bodyLength > BODY_BYTES_MAX) return refuse(Refusal.BODY_LENGTH, Status.OK);
  if (!header.hasHeader(context.message, context.length)) {
    return refuse(Refusal.SILENT, Status.OK);
  }
  const status = open(key, keyLength);
  if (status == Status.INVALID_ARGUMENT) return refuse(Refusal.KEY_LENGTH, status);
  if (status != Status.OK && bodyLength) return refuse(Refusal.STATUS, status);
  return nonceFits(nonceLength) ? 0 : refuse(Refusal.NONCE_LENGTH, status);
}
