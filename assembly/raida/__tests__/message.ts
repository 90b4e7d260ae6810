/**
 * Requests written byte by byte, apart from the engine's own client (client.ts), so that a fault
 * shared by both sides shows. Fields first, then seal().
 */
import { Flag, Wire } from "../../core/layout";
import { wire } from "../../core/memory";
import { guarded } from "../../crypto/__tests__/bytes";
import { crc32 } from "../../crypto/crc32";
import { ctr128, ctr256, ctrWipe } from "../../crypto/ctr";
import { hmacSha256 } from "../../crypto/hmac-sha256";
import { sha256 } from "../../crypto/sha256";
import { anOf, answerTo, deliver } from "./node";

const buffer: usize = guarded(70000);
/** The sealed message. */
export let message: usize = buffer;
/** Its bytes, after seal(). */
export let messageBytes: u32 = 0;

let type: u32 = 0;
let end: usize = 0;
let withBody: bool = true;
/** Encryption coin: denomination 0, serial 1, and for type 5 denomination 1, serial 2. */
export let keyDenomination: i32 = 0;
export let keySerial: u32 = 1;
/** Key of types 1 and 2; types 4 and 5 hash it (with the second one). */
const an: usize = guarded(32);
const key: usize = guarded(32);
const block: usize = guarded(16);

function write16(at: usize, value: u32): void {
  store<u16>(at, bswap<u16>(<u16>value));
}
function write32(at: usize, value: u32): void {
  store<u32>(at, bswap<u32>(value));
}

/** Begins a request of the given type: header with nonce c0, c1, .. d7 and an empty payload. */
export function begin(ofType: u32, group: u32, command: u32): void {
  type = ofType;
  withBody = true;
  keyDenomination = 0;
  keySerial = 1;
  message = buffer;
  memory.fill(buffer, 0, 48);
  store<u8>(buffer, 1);
  store<u8>(buffer, 14, 2);
  store<u8>(buffer, group, 4);
  store<u8>(buffer, command, 5);
  write16(buffer + 6, 6);
  // Packet 1 of 1.
  write16(buffer + 14, 0x0101);
  store<u8>(buffer, type, 16);
  for (let i: u32 = 0; i < (isLong() ? 24 : 8); i++) store<u8>(buffer + 24 + i, 0xc0 + i);
  end = payload();
  v128.store(an, anOf(keyDenomination, keySerial));
  v128.store(an, anOf(1, 2), 16);
}

/** Types 4 and 5 have the header of 48 bytes and no challenge. */
function isLong(): bool {
  return type >= 4;
}

/** Where the payload begins: behind header and challenge, or behind the long header. */
export function payload(): usize {
  return buffer + 48;
}

export function setByte(offset: usize, value: u32): void {
  store<u8>(buffer + offset, value);
}

/** Encrypts under another coin, with its AN unless another is set afterwards. */
export function useKeyCoin(denomination: i32, serial: u32): void {
  keyDenomination = denomination;
  keySerial = serial;
  v128.store(an, anOf(denomination, serial));
}
export function useKey(value: v128): void {
  v128.store(an, value);
}

export function noBody(): void {
  withBody = false;
}
export function addByte(value: u32): void {
  store<u8>(end++, value);
}
export function add32(value: u32): void {
  write32(end, value);
  end += 4;
}
export function add16Bytes(value: v128): void {
  v128.store(end, value);
  end += 16;
}
/** `count` bytes that mean nothing. */
export function addFiller(count: u32): void {
  memory.fill(end, 0x11, count);
  end += count;
}
export function addText(text: string): void {
  for (let i = 0; i < text.length; i++) addByte(text.charCodeAt(i));
}
/** Denomination and serial number. */
export function addCoin(denomination: i32, serial: u32): void {
  addByte(denomination);
  add32(serial);
}
/** The coin with the AN that it has in the base state. */
export function addTrueCoin(denomination: i32, serial: u32): void {
  addCoin(denomination, serial);
  add16Bytes(anOf(denomination, serial));
}
/** The coin with an AN that it never has. */
export function addFalseCoin(denomination: i32, serial: u32): void {
  addCoin(denomination, serial);
  add16Bytes(v128.not(anOf(denomination, serial)));
}

/** Closes the message: sizes, challenge, encryption, HMAC, trailer. */
export function seal(): void {
  if (isLong()) sealLong();
  else sealShort();
  ctrWipe();
}

function sealShort(): void {
  const size = withBody ? <u32>(end - buffer) - 30 : 0;
  if (type == 1) {
    store<u8>(buffer, keyDenomination, 17);
    write32(buffer + 18, keySerial);
  } else if (type == 2) {
    memory.copy(buffer + 17, an, 5);
  }
  write16(buffer + 22, size);
  messageBytes = 32 + size;
  if (!withBody) return;
  for (let i: u32 = 0; i < 12; i++) store<u8>(buffer + 32 + i, 0xa0 + i);
  write32(buffer + 44, crc32(buffer + 32, 12));
  store<u16>(end, 0x3e3e);
  if (type == 0) return;
  v128.store(block, i64x2.splat(0));
  if (wire == Wire.SPEC) memory.copy(block, buffer + 20, 12);
  else memory.copy(block, buffer + 24, 8);
  ctr128(an, block, buffer + 32, buffer + 32, size - 2);
}

function sealLong(): void {
  const bytes = <u32>(end - payload());
  const size = withBody ? bytes + 34 : 0;
  write16(buffer + 17, size);
  store<u8>(buffer, keyDenomination, 19);
  write32(buffer + 20, keySerial);
  if (type == 5) {
    store<u8>(buffer, 1, 24);
    write32(buffer + 25, 2);
  }
  messageBytes = 48 + size;
  if (!withBody) return;
  sha256(an, type == 5 ? 32 : 16, key);
  if (bytes) ctr256(key, buffer + 24, payload(), payload(), bytes);
  hmacSha256(key, 32, payload(), bytes, end);
  store<u16>(end, 0x3e3e, 32);
}

/** Seals, and gives the wire status of the answer (node.ts, SILENCE). */
export function ask(): u32 {
  seal();
  return answerTo(message, messageBytes, Flag.DATAGRAM | Flag.LOCAL);
}

/** The answer to the message as it stands, sealed before. */
export function askAgain(): u32 {
  return answerTo(message, messageBytes, Flag.DATAGRAM | Flag.LOCAL);
}

/** Seals and hands over, without a turn; returns the peer handle. */
export function hand(): u32 {
  seal();
  return deliver(message, messageBytes, Flag.DATAGRAM | Flag.LOCAL);
}

/** Decrypts the body of a reply of `bytes` payload bytes in place, with the key of the request. */
export function openReplyBody(reply: usize, bytes: u32): usize {
  if (isLong()) {
    sha256(an, type == 5 ? 32 : 16, key);
    ctr256(key, reply + 24, reply + 48, reply + 48, bytes);
    ctrWipe();
    return reply + 48;
  }
  if (type == 0) return reply + 32;
  v128.store(block, i64x2.splat(0));
  if (wire == Wire.SPEC) memory.copy(block, reply + 16, 12);
  else memory.copy(block, message + 24, 8);
  ctr128(an, block, reply + 32, reply + 32, bytes);
  ctrWipe();
  return reply + 32;
}
