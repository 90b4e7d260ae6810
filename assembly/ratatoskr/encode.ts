/**
 * Canonical protobuf: ascending field numbers, default values left out, map entries by their keys'
 * bytes, in an entry an empty field left out. Reference: Ratatoskr section 1.
 */
import { METADATA_ENTRIES_MAX } from "../core/limits";
import { RATATOSKR } from "../core/memory";
import { Block, MessageKind } from "../core/ratatoskr";
import { bytesOf, lengthOf, metadataAt, metadataCount, numberOf } from "./block";
import { Type, typeOf } from "./kinds";

let out: usize = 0;

/**
 * Writes the message that the block describes to OUT, and its length to OUT_LENGTH. Its fields are
 * within the bounds of schema.ts, so it fits.
 */
export function encode(kind: MessageKind): void {
  const first = RATATOSKR + Block.OUT;
  out = first;
  for (let number: u32 = 1; number < 10; number++) {
    const type = typeOf(kind, number);
    if (type == Type.MAP) writeMap(number);
    else if (type == Type.STRING || type == Type.BYTES) {
      if (lengthOf(number)) writeBytes(number, bytesOf(number), lengthOf(number));
    } else if (type != Type.NONE && numberOf(number) != 0) {
      writeVarint((number << 3) | 0);
      writeVarint(<u64>numberOf(number));
    }
  }
  store<u32>(RATATOSKR, <u32>(out - first), Block.OUT_LENGTH);
}

function writeVarint(value: u64): void {
  for (; value > 0x7f; value >>= 7) store<u8>(out++, <u8>value | 0x80);
  store<u8>(out++, <u8>value);
}

function varintBytes(value: u32): u32 {
  let bytes: u32 = 1;
  for (; value > 0x7f; value >>= 7) bytes++;
  return bytes;
}

function writeBytes(number: u32, source: usize, length: u32): void {
  writeVarint((number << 3) | 2);
  writeVarint(length);
  memory.copy(out, source, length);
  out += length;
}

/** Bytes of a field of an entry (its tag is one byte); 0 for an empty one, which is left out. */
function entryFieldBytes(length: u32): u32 {
  return length ? 1 + varintBytes(length) + length : 0;
}

function writeMap(number: u32): void {
  const count = sortEntries();
  for (let i: u32 = 0; i < count; i++) {
    const entry = metadataAt(load<u8>(RATATOSKR + i, Block.WORK)),
      key = load<u32>(entry, 4),
      value = load<u32>(entry, 12);
    writeVarint((number << 3) | 2);
    writeVarint(entryFieldBytes(key) + entryFieldBytes(value));
    if (key) writeBytes(1, <usize>load<u32>(entry), key);
    if (value) writeBytes(2, <usize>load<u32>(entry, 8), value);
  }
}

/** The entries' numbers, a byte each in WORK, in the order of their keys; returns how many. */
function sortEntries(): u32 {
  const order = RATATOSKR + Block.WORK,
    count = min<u32>(metadataCount(), METADATA_ENTRIES_MAX);
  for (let i: u32 = 0; i < count; i++) {
    let place = i;
    for (; place > 0 && isBefore(i, load<u8>(order + place - 1)); place--) {
      store<u8>(order + place, load<u8>(order + place - 1));
    }
    store<u8>(order + place, <u8>i);
  }
  return count;
}

function isBefore(a: u32, b: u32): bool {
  const one = metadataAt(a),
    other = metadataAt(b),
    length = load<u32>(one, 4),
    otherLength = load<u32>(other, 4);
  const order = memory.compare(
    <usize>load<u32>(one),
    <usize>load<u32>(other),
    min<u32>(length, otherLength),
  );
  return order < 0 || (order == 0 && length < otherLength);
}
