/**
 * ProtocolMessage, the payload of a Protocol request and of a broadcast: bincode 1.3 with varint
 * integers, in place and strict. Reference: peer section 2.
 *
 *     protocol text | message_id u64 | round_id u16 | sender | 0, or 1 and recipient | payload
 */
import { PEER } from "../core/memory";
import { PeerBlock, PeerField, PeerVerdict } from "../core/peer";
import {
  bytesOf,
  clearBlock,
  has,
  lengthOf,
  numberOf,
  setBytes,
  setNumber,
  setOutLength,
} from "./block";
import {
  advance,
  at,
  begin,
  fail,
  fitting,
  isFine,
  left,
  readLE,
  readU8,
  takeText,
  verdict,
} from "./cursor";

/** First bytes of an integer that follows in 2, 4 or 8 bytes; what is below is the integer. */
const TWO_FOLLOW: u8 = 251;
const FOUR_FOLLOW: u8 = 252;
const EIGHT_FOLLOW: u8 = 253;

/** Reads the message of `length` bytes at IN into the block. Verdicts: OK, 2 to 4, 6 to 8, 14. */
export function decodeInner(length: u32): PeerVerdict {
  clearBlock();
  begin(length);
  readBytes(PeerField.PROTOCOL);
  setNumber(PeerField.MESSAGE_ID, readVarint());
  const round = readVarint();
  if (round > u16.MAX_VALUE) fail(PeerVerdict.RANGE);
  setNumber(PeerField.ROUND_ID, round);
  readBytes(PeerField.SENDER);
  const some = readU8();
  if (some > 1) fail(PeerVerdict.TYPE);
  if (some == 1) readBytes(PeerField.RECIPIENT);
  readBytes(PeerField.PAYLOAD);
  if (isFine() && left()) fail(PeerVerdict.TRAILING);
  return verdict;
}

/** In the fewest bytes. */
function readVarint(): u64 {
  if (!isFine()) return 0;
  const first = readU8();
  if (first < TWO_FOLLOW) return first;
  if (first > EIGHT_FOLLOW) {
    fail(PeerVerdict.TYPE);
    return 0;
  }
  const value = readLE(2 << (first - TWO_FOLLOW));
  if (value < leastOf(first)) fail(PeerVerdict.NON_MINIMAL);
  return value;
}

function leastOf(first: u8): u64 {
  if (first == TWO_FOLLOW) return TWO_FOLLOW;
  return first == FOUR_FOLLOW ? <u64>u16.MAX_VALUE + 1 : <u64>u32.MAX_VALUE + 1;
}

function readBytes(field: PeerField): void {
  const told = readVarint(),
    length = isFine() ? fitting(told, 1) : 0;
  if (!isFine()) return;
  setBytes(field, at, length);
  if (field == PeerField.PROTOCOL) takeText(length);
  else advance(length);
}

let out: usize = 0;

/**
 * Writes the message that the block describes, which schema.ts found good, to OUT, and its length
 * to OUT_LENGTH. Verdicts: OK; MESSAGE_TOO_LARGE: more than `most` bytes, nothing is written.
 */
export function encodeInner(most: u32): PeerVerdict {
  setOutLength(0);
  const bytes =
    fieldBytes(PeerField.PROTOCOL) +
    varintBytes(numberOf(PeerField.MESSAGE_ID)) +
    varintBytes(numberOf(PeerField.ROUND_ID)) +
    fieldBytes(PeerField.SENDER) +
    1 +
    (has(PeerField.RECIPIENT) ? fieldBytes(PeerField.RECIPIENT) : 0) +
    fieldBytes(PeerField.PAYLOAD);
  if (bytes > most) return PeerVerdict.MESSAGE_TOO_LARGE;
  out = PEER + PeerBlock.OUT;
  writeBytes(PeerField.PROTOCOL);
  writeVarint(numberOf(PeerField.MESSAGE_ID));
  writeVarint(numberOf(PeerField.ROUND_ID));
  writeBytes(PeerField.SENDER);
  store<u8>(out++, has(PeerField.RECIPIENT) ? 1 : 0);
  if (has(PeerField.RECIPIENT)) writeBytes(PeerField.RECIPIENT);
  writeBytes(PeerField.PAYLOAD);
  setOutLength(out - PEER - PeerBlock.OUT);
  return PeerVerdict.OK;
}

function varintBytes(value: u64): u32 {
  if (value < TWO_FOLLOW) return 1;
  if (value <= u16.MAX_VALUE) return 3;
  return value <= u32.MAX_VALUE ? 5 : 9;
}

function fieldBytes(field: PeerField): u32 {
  return varintBytes(lengthOf(field)) + lengthOf(field);
}

function writeVarint(value: u64): void {
  const bytes = varintBytes(value);
  if (bytes == 1) {
    store<u8>(out++, <u8>value);
    return;
  }
  store<u8>(out, bytes == 3 ? TWO_FOLLOW : bytes == 5 ? FOUR_FOLLOW : EIGHT_FOLLOW);
  // What is too much of the eight bytes is written over.
  store<u64>(out, value, 1);
  out += bytes;
}

function writeBytes(field: PeerField): void {
  writeVarint(lengthOf(field));
  memory.copy(out, bytesOf(field), lengthOf(field));
  out += lengthOf(field);
}
