/**
 * Strict protobuf, in place: nothing is copied, the block tells where each field lies. What honest
 * encoders never produce is refused, so that no two decoders can read one message differently:
 * padded varints, repeated fields, groups, lengths past the end. Reference: Ratatoskr section 10.
 */
import { METADATA_ENTRIES_MAX, METADATA_KEY_BYTES_MAX, UNKNOWN_FIELDS_MAX } from "../core/limits";
import { RATATOSKR } from "../core/memory";
import { Block, MessageKind, Verdict } from "../core/ratatoskr";
import { isUtf8 } from "../core/utf8";
import { clearBlock, fieldAt, metadataAt, metadataCount, sameKey } from "./block";
import { Type, typeOf } from "./kinds";

const enum Wire {
  VARINT = 0,
  FIXED64 = 1,
  BYTES = 2,
  FIXED32 = 5,
}

// The message that is being read: next byte, end of what is open (a map entry has its own), the
// first thing that was wrong, and how many fields nobody knew.
let at: usize = 0;
let end: usize = 0;
let verdict: Verdict = Verdict.OK;
let unknown: u32 = 0;

/**
 * Reads the message of `length` bytes at `message` into the block. Verdicts: OK, 2 to 12; the
 * fields read until then stay in the block. Work: linear in the length, and at most 496 compares of
 * keys.
 */
export function decode(kind: MessageKind, message: usize, length: u32): Verdict {
  clearBlock();
  at = message;
  end = message + length;
  verdict = Verdict.OK;
  unknown = 0;
  let seen: u32 = 0;
  while (at < end) {
    const tag = readTag(),
      number = tag >> 3;
    if (verdict != Verdict.OK) return verdict;
    const type = typeOf(kind, number);
    if (type == Type.NONE) {
      skip(<u32>tag & 7);
    } else if ((<u32>tag & 7) != wireOf(type)) {
      return Verdict.WIRE_TYPE;
    } else if (type == Type.MAP) {
      readEntry();
    } else {
      const field = <u32>number;
      // The first value stays: a request_id that came twice is answered by its first.
      const again = (seen & (1 << field)) != 0;
      seen |= 1 << field;
      readField(type, again ? RATATOSKR + Block.WORK : fieldAt(field));
      if (again) fail(Verdict.DUPLICATE_FIELD);
    }
    if (verdict != Verdict.OK) return verdict;
  }
  return Verdict.OK;
}

function fail(what: Verdict): void {
  if (verdict == Verdict.OK) verdict = what;
}

function wireOf(type: Type): u32 {
  return type == Type.VARINT || type == Type.BOOL ? Wire.VARINT : Wire.BYTES;
}

/** A tag with a field number and a wire type that exist; 0 with a verdict if there is none. */
function readTag(): u64 {
  const tag = readVarint();
  if (verdict != Verdict.OK) return 0;
  if (tag > u32.MAX_VALUE || tag >> 3 == 0) fail(Verdict.FIELD_NUMBER);
  const wire = <u32>tag & 7;
  if (wire > <u32>Wire.FIXED32 || wire == 3 || wire == 4) fail(Verdict.WIRE_TYPE);
  return tag;
}

/** At most 10 bytes, of which the last has bits and the tenth only one. */
function readVarint(): u64 {
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    if (at >= end) {
      fail(Verdict.TRUNCATED);
      return 0;
    }
    const byte: u64 = load<u8>(at++);
    if (shift == 63 && byte > 1) break;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (byte == 0 && shift != 0) fail(Verdict.NON_MINIMAL_VARINT);
      return value;
    }
  }
  fail(Verdict.VARINT_OVERFLOW);
  return 0;
}

/** A length that the rest can hold; otherwise 0 with a verdict. */
function readLength(): u32 {
  const length = readVarint();
  if (length <= <u64>(end - at)) return <u32>length;
  fail(Verdict.LENGTH);
  return 0;
}

/** The value of a known field, to the eight bytes at `field`. */
function readField(type: Type, field: usize): void {
  if (wireOf(type) == Wire.VARINT) {
    const value = readVarint();
    if (type == Type.BOOL && value > 1) fail(Verdict.VARINT_OVERFLOW);
    store<u64>(field, value);
  } else readBytes(type, field);
}

function readBytes(type: Type, field: usize): void {
  const length = readLength();
  if (verdict != Verdict.OK) return;
  if (type == Type.STRING && !isUtf8(at, length)) {
    fail(Verdict.UTF8);
    return;
  }
  store<u32>(field, <u32>at);
  store<u32>(field, length, 4);
  at += length;
}

/** An entry of the map: field 1 its key, field 2 its value, either of which may be left out. */
function readEntry(): void {
  const count = metadataCount();
  if (count == METADATA_ENTRIES_MAX) {
    fail(Verdict.TOO_MANY_METADATA);
    return;
  }
  const length = readLength();
  if (verdict != Verdict.OK) return;
  const message = end,
    entry = metadataAt(count);
  end = at + length;
  readEntryFields(entry);
  end = message;
  if (verdict != Verdict.OK) return;
  store<u32>(RATATOSKR, count + 1, Block.METADATA_COUNT);
  // A key that is too long is refused for that (schema.ts); comparing such ones would be work for
  // whoever sends them.
  if (load<u32>(entry, 4) > METADATA_KEY_BYTES_MAX) return;
  for (let other = metadataAt(0); other < entry; other += 16) {
    if (sameKey(other, entry)) fail(Verdict.DUPLICATE_MAP_KEY);
  }
}

function readEntryFields(entry: usize): void {
  let seen: u32 = 0;
  while (at < end && verdict == Verdict.OK) {
    const tag = readTag(),
      number = tag >> 3;
    if (verdict != Verdict.OK) return;
    if (number > 2) {
      skip(<u32>tag & 7);
    } else if ((<u32>tag & 7) != Wire.BYTES) {
      fail(Verdict.WIRE_TYPE);
    } else {
      const field = <u32>number;
      const again = (seen & (1 << field)) != 0;
      seen |= 1 << field;
      readBytes(Type.STRING, entry + ((<usize>field - 1) << 3));
      if (again) fail(Verdict.DUPLICATE_FIELD);
    }
  }
}

/** A field that nobody knows: its value must be whole, and there may be only so many. */
function skip(wire: u32): void {
  if (++unknown > UNKNOWN_FIELDS_MAX) fail(Verdict.TOO_MANY_UNKNOWN_FIELDS);
  else if (wire == Wire.VARINT) readVarint();
  else if (wire == Wire.BYTES) {
    const length = readLength();
    at += length;
  } else {
    const bytes: usize = wire == Wire.FIXED64 ? 8 : 4;
    if (bytes > end - at) fail(Verdict.TRUNCATED);
    else at += bytes;
  }
}
