/**
 * The CBOR that the networks write: structs in the order of their fields, bytes as arrays of
 * integers, peer ids as bytes. Reference: peer section 2.
 */
import { PEER } from "../core/memory";
import { PeerBlock, PeerField, PeerKeyKind, PeerKind, PeerVerdict, PeerWire } from "../core/peer";
import { bytesOf, has, lengthOf, numberOf, setOutLength, variant } from "./block";
import { Major, NULL, TAG_BIG } from "./cbor";
import { Shape, shapeOf } from "./names";

const BYTE_FOLLOWS: u8 = 24;
/** More than all there is in a message besides the bytes of its fields. */
const ENVELOPE_BYTES: u32 = 256;

let out: usize = 0;

/**
 * Writes the message that the block describes, which schema.ts found good, to OUT, and its length
 * to OUT_LENGTH. Verdicts: OK; MESSAGE_TOO_LARGE: more than `most` bytes, or so close to it that it
 * could be.
 */
export function encode(kind: PeerKind, wire: PeerWire, most: u32): PeerVerdict {
  setOutLength(0);
  if (<u64>ENVELOPE_BYTES + fieldsBytes() > most) return PeerVerdict.MESSAGE_TOO_LARGE;
  const first = PEER + PeerBlock.OUT;
  out = first;
  const shape = shapeOf(kind, wire, variant());
  writeMap(1);
  if (shape == Shape.PROTOCOL) writeProtocol();
  else if (shape == Shape.SUCCESS) writeSuccess();
  else if (shape == Shape.ERROR) writeError();
  else if (shape == Shape.DATA) writeData("Protocol", "data", PeerField.PAYLOAD);
  else if (shape == Shape.HELLO) writeData("Hello", "challenge", PeerField.CHALLENGE);
  else if (shape == Shape.BARE_HANDSHAKE) writeBareHandshake();
  else writeHandshake();
  setOutLength(out - first);
  return PeerVerdict.OK;
}

/** Bytes that all fields together have when they are written. */
function fieldsBytes(): u64 {
  return (
    <u64>integersBytes(PeerField.PAYLOAD) +
    integersBytes(PeerField.METADATA) +
    2 * lengthOf(PeerField.KEY) +
    2 * lengthOf(PeerField.SIGNATURE) +
    2 * lengthOf(PeerField.CHALLENGE) +
    lengthOf(PeerField.SENDER) +
    lengthOf(PeerField.PROTOCOL) +
    lengthOf(PeerField.TEXT)
  );
}

function integersBytes(field: PeerField): u32 {
  const length = lengthOf(field),
    source = bytesOf(field);
  let bytes = length;
  for (let i: u32 = 0; i < length; i++) bytes += load<u8>(source + i) < BYTE_FOLLOWS ? 0 : 1;
  return bytes;
}

function writeProtocol(): void {
  writeName("Protocol");
  writeMap(3);
  writeName("protocol");
  writeText(PeerField.PROTOCOL);
  writeName("payload");
  writeIntegers(PeerField.PAYLOAD);
  writeName("metadata");
  writeOptional(PeerField.METADATA);
}

/** Without a protocol: the document's form, which is only written if it was asked for. */
function writeSuccess(): void {
  writeName("Success");
  writeMap(has(PeerField.PROTOCOL) ? 2 : 1);
  if (has(PeerField.PROTOCOL)) {
    writeName("protocol");
    writeText(PeerField.PROTOCOL);
  }
  writeName("data");
  writeOptional(PeerField.PAYLOAD);
}

function writeError(): void {
  writeName("Error");
  writeMap(2);
  writeName("code");
  writeHead(Major.UNSIGNED, numberOf(PeerField.CODE));
  writeName("message");
  writeText(PeerField.TEXT);
}

function writeData(name: string, key: string, field: PeerField): void {
  writeName(name);
  writeMap(1);
  writeName(key);
  writeIntegers(field);
}

function writeBareHandshake(): void {
  writeName("Handshake");
  writeMap(2);
  writeName("public_key");
  writeIntegers(PeerField.KEY);
  writeName("signature");
  writeIntegers(PeerField.SIGNATURE);
}

function writeHandshake(): void {
  writeName("Handshake");
  writeMap(3);
  writeName("verification_id_key");
  writeMap(1);
  const isAddress = numberOf(PeerField.KEY_KIND) == PeerKeyKind.EVM_ADDRESS;
  writeName(isAddress ? "EvmAddress" : "InstancePublicKey");
  writeIntegers(PeerField.KEY);
  writeName("signature");
  writeIntegers(PeerField.SIGNATURE);
  writeName("msg");
  writeMap(2);
  writeName("sender");
  writeHead(Major.BYTES, lengthOf(PeerField.SENDER));
  writeRaw(PeerField.SENDER);
  writeName("timestamp");
  writeTimestamp();
}

/** In the fewest bytes. */
function writeHead(major: Major, value: u64): void {
  const type = <u8>(major << 5);
  if (value < BYTE_FOLLOWS) {
    store<u8>(out++, type | <u8>value);
    return;
  }
  let size: u8 = 0;
  if (value > u8.MAX_VALUE) size = 1;
  if (value > u16.MAX_VALUE) size = 2;
  if (value > u32.MAX_VALUE) size = 3;
  store<u8>(out++, type | (BYTE_FOLLOWS + size));
  for (let bits: i32 = (8 << size) - 8; bits >= 0; bits -= 8) {
    store<u8>(out++, <u8>(value >> <u64>bits));
  }
}

function writeMap(pairs: u32): void {
  writeHead(Major.MAP, pairs);
}

/** A text of ASCII that we know. */
function writeName(name: string): void {
  writeHead(Major.TEXT, name.length);
  const characters = changetype<usize>(name);
  for (let i: usize = 0; i < <usize>name.length; i++) {
    store<u8>(out++, <u8>load<u16>(characters + (i << 1)));
  }
}

function writeText(field: PeerField): void {
  writeHead(Major.TEXT, lengthOf(field));
  writeRaw(field);
}

function writeRaw(field: PeerField): void {
  memory.copy(out, bytesOf(field), lengthOf(field));
  out += lengthOf(field);
}

function writeOptional(field: PeerField): void {
  if (has(field)) writeIntegers(field);
  else store<u8>(out++, NULL);
}

function writeIntegers(field: PeerField): void {
  writeHead(Major.ARRAY, lengthOf(field));
  const source = bytesOf(field),
    end = source + lengthOf(field);
  for (let from = source; from < end; from++) {
    const byte = load<u8>(from);
    if (byte >= BYTE_FOLLOWS) store<u8>(out++, BYTE_FOLLOWS);
    store<u8>(out++, byte);
  }
}

function writeTimestamp(): void {
  const high = numberOf(PeerField.TIMESTAMP_HIGH),
    low = numberOf(PeerField.TIMESTAMP);
  if (high == 0) {
    writeHead(Major.UNSIGNED, low);
    return;
  }
  const bytes = 8 - (<u32>clz<u64>(high) >> 3);
  writeHead(Major.TAG, TAG_BIG);
  writeHead(Major.BYTES, bytes + 8);
  for (let i = bytes; i > 0; i--) store<u8>(out++, <u8>(high >> <u64>((i - 1) << 3)));
  store<u64>(out, bswap<u64>(low));
  out += 8;
}
