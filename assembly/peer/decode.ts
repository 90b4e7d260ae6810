/**
 * Strict CBOR of InstanceMessageRequest and InstanceMessageResponse, in place: the block tells
 * where each field lies, and an array of integers becomes bytes where it stands, so nothing is
 * allocated and the message at IN is spent. What honest encoders never produce is refused.
 * Reference: peer section 2.
 */

import { PeerField, PeerKeyKind, PeerKind, PeerVerdict, PeerWire } from "../core/peer";
import { clearBlock, setBytes, setNumber, setVariant } from "./block";
import { expect, Major, readCount, readHead, readLength, TAG_BIG, takesNull, value } from "./cbor";
import { advance, at, begin, end, fail, fitting, isFine, left, takeText, verdict } from "./cursor";
import { fieldOf, keyKindOf, requiredOf, Shape, shapeOf, variantOf } from "./names";
import { beginUnknown, noteKey, readBigBytes, skipValue } from "./unknown";

/** Of an integer in an array: up to here it is one byte, and behind this byte it is another. */
const SHORT_MAX: u8 = 23;
const BYTE_FOLLOWS: u8 = 24;
const TIMESTAMP_BYTES_MAX: u32 = 16;

/** Bits of the fields whose key was read, be it with null behind it. */
let seen: u32 = 0;

/**
 * Reads the message of `length` bytes at IN into the block. Verdicts: OK, 2 to 14; the fields read
 * until then stay in the block. Work: linear in the length, and at most 496 compares of short keys.
 */
export function decode(kind: PeerKind, wire: PeerWire, length: u32): PeerVerdict {
  clearBlock();
  begin(length);
  beginUnknown();
  seen = 0;
  readOne();
  const name = readLength(Major.TEXT);
  if (isFine()) {
    const text = takeText(name),
      variant = variantOf(kind, wire, text, name);
    if (!variant) fail(PeerVerdict.VARIANT);
    setVariant(variant);
    if (isFine()) readStruct(shapeOf(kind, wire, variant));
  }
  if (isFine() && left()) fail(PeerVerdict.TRAILING);
  return verdict;
}

/** A value of an enum is a map of one pair. */
function readOne(): void {
  expect(Major.MAP);
  if (isFine() && value != 1) fail(PeerVerdict.VARIANT);
}

/** A struct, and msg inside it. */
function readStruct(whole: Shape): void {
  let shape = whole,
    pairs = readCount(Major.MAP),
    pairsOutside: u32 = 0;
  while (isFine()) {
    if (pairs == 0) {
      const required = requiredOf(shape);
      if ((seen & required) != required) fail(PeerVerdict.MISSING_KEY);
      if (shape == whole) return;
      shape = whole;
      pairs = pairsOutside;
      continue;
    }
    pairs--;
    const field = readKey(shape);
    if (!isFine()) return;
    if (field == PeerField.MSG) {
      pairsOutside = pairs;
      pairs = readCount(Major.MAP);
      shape = Shape.MSG;
    } else if (field) readField(shape, field);
    else skipValue(shape == Shape.MSG ? 3 : 2);
  }
}

/** The field of the next key; 0: nobody knows it. */
function readKey(shape: Shape): PeerField {
  const key = at,
    length = readLength(Major.TEXT);
  if (!isFine()) return <PeerField>0;
  const text = takeText(length);
  if (!isFine()) return <PeerField>0;
  const field = fieldOf(shape, text, length);
  if (!field) noteKey(key, shape == Shape.MSG ? 2 : 1);
  else if (seen & (1 << field)) fail(PeerVerdict.DUPLICATE_KEY);
  seen |= 1 << field;
  return field;
}

function readField(shape: Shape, field: PeerField): void {
  switch (field) {
    case PeerField.KEY_KIND:
      readIdentifierKey();
      return;
    case PeerField.SENDER:
      readBytes(field, Major.BYTES);
      return;
    case PeerField.TIMESTAMP:
      readTimestamp();
      return;
    case PeerField.CODE:
      expect(Major.UNSIGNED);
      if (value > u16.MAX_VALUE) fail(PeerVerdict.RANGE);
      setNumber(field, value);
      return;
    case PeerField.PROTOCOL:
    case PeerField.TEXT:
      readBytes(field, Major.TEXT);
      return;
  }
  const mayBeNull = field == PeerField.METADATA || shape == Shape.SUCCESS;
  if (!mayBeNull || !takesNull()) readVector(field);
}

/** A text, or bytes that only come as such. */
function readBytes(field: PeerField, major: Major): void {
  const length = readLength(major);
  if (!isFine()) return;
  setBytes(field, at, length);
  if (major == Major.TEXT) takeText(length);
  else advance(length);
}

/** Bytes, as an array of integers or as what they are. */
function readVector(field: PeerField): void {
  const major = readHead();
  if (major != Major.ARRAY && major != Major.BYTES) fail(PeerVerdict.TYPE);
  const count = isFine() ? fitting(value, 1) : 0;
  if (!isFine()) return;
  setBytes(field, at, count);
  if (major == Major.BYTES) advance(count);
  else readIntegers(count);
}

/** Integers below 256, which become bytes where the array began: none is shorter than a byte. */
function readIntegers(count: u32): void {
  let from = at,
    to = at;
  for (const last = to + count; to < last && from < end; to++) {
    const first = load<u8>(from);
    if (first <= SHORT_MAX) store<u8>(to, first);
    else if (first != BYTE_FOLLOWS) break;
    else {
      if (++from == end) break;
      const byte = load<u8>(from);
      if (byte <= SHORT_MAX) fail(PeerVerdict.NON_MINIMAL);
      store<u8>(to, byte);
    }
    from++;
  }
  const read = <u32>(to - at);
  advance(from - at);
  if (read < count) refuseInteger();
}

/** What stands where an integer below 256 should, or nothing. */
function refuseInteger(): void {
  if (!isFine()) return;
  const major = readHead();
  fail(major == Major.UNSIGNED ? PeerVerdict.RANGE : PeerVerdict.TYPE);
}

/** { "InstancePublicKey": bytes }; an older encoder writes the number of the name. */
function readIdentifierKey(): void {
  readOne();
  if (!isFine()) return;
  const major = readHead();
  let kind: i32 = -1;
  if (major == Major.TEXT) {
    const length = isFine() ? fitting(value, 1) : 0;
    if (isFine()) kind = keyKindOf(takeText(length), length);
  } else if (major != Major.UNSIGNED) fail(PeerVerdict.TYPE);
  else if (value <= <u64>PeerKeyKind.INSTANCE_PUBLIC_KEY) kind = <i32>value;
  if (kind < 0) fail(PeerVerdict.VARIANT);
  if (!isFine()) return;
  setNumber(PeerField.KEY_KIND, kind);
  readVector(PeerField.KEY);
}

/** Milliseconds: an integer, or from 2^64 on bytes of a big one. */
function readTimestamp(): void {
  const major = readHead();
  if (!isFine()) return;
  if (major == Major.UNSIGNED) {
    setNumber(PeerField.TIMESTAMP, value);
    setNumber(PeerField.TIMESTAMP_HIGH, 0);
    return;
  }
  if (major != Major.TAG || value != TAG_BIG) {
    fail(PeerVerdict.TYPE);
    return;
  }
  const length = readBigBytes();
  if (length > TIMESTAMP_BYTES_MAX) fail(PeerVerdict.RANGE);
  if (!isFine()) return;
  let high: u64 = 0;
  for (let byte = at - length; byte < at - 8; byte++) high = (high << 8) | load<u8>(byte);
  setNumber(PeerField.TIMESTAMP, bswap<u64>(load<u64>(at - 8)));
  setNumber(PeerField.TIMESTAMP_HIGH, high);
}
