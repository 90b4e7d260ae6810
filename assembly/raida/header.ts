/**
 * Request and reply headers of RAIDA, 32 bytes (encryption types 0, 1, 2) and 48 bytes (4, 5).
 * Reference: RAIDA sections 1, 4. Multi-byte numbers are big-endian.
 *
 * Request 32: 0 version, 1 split, 2 RAIDA id, 3 shard, 4 group, 5 command, 6 coin id (2), 16
 * encryption type, 17 denomination, 18 serial (4), 22 body size (2), 24 nonce (6), 30 echo (2). The
 * 12-byte nonce of wire spec is bytes 20-31. Request 48: 0-16 as above, 17 body size (2), 19
 * denomination, 20 serial (4), 24 nonce (24; type 5: 24 denomination and 25 serial of the second
 * coin), 46 echo (2). Reply 32: 0 RAIDA id, 2 status, 3 group, 4 00 01, 6 echo (2), 9 body size
 * (3), 12 execution time in us (4), 16 challenge hash (legacy) or 12-byte nonce and 4 zeros (spec).
 * Reply 48: 0 id, 2 status, 3 group, 4 time (4), 9 body size (3), 16 type, 17 denomination, 18
 * serial (4), 24 nonce (22), 46 echo (2).
 */

import { Wire } from "../core/layout";
import { modern, wire } from "../core/memory";

export const HEADER_BYTES: u32 = 32;
export const MODERN_HEADER_BYTES: u32 = 48;
/** Below this many bytes there is no type byte, so no answer: silence (reference section 5). */
export const SHORTEST: u32 = 17;

export const VERSION_BYTE: usize = 0;
export const SPLIT: usize = 1;
export const RAIDA: usize = 2;
export const SHARD: usize = 3;
export const GROUP: usize = 4;
export const COMMAND: usize = 5;
export const COIN: usize = 6;
export const TYPE: usize = 16;
export const KEY_DENOMINATION: usize = 17;
export const KEY_SERIAL: usize = 18;
export const BODY_SIZE: usize = 22;
export const SPEC_NONCE: usize = 20;
export const LEGACY_NONCE: usize = 24;
export const ECHO: usize = 30;

export const MODERN_BODY_SIZE: usize = 17;
export const MODERN_DENOMINATION: usize = 19;
export const MODERN_SERIAL: usize = 20;
export const MODERN_NONCE: usize = 24;
export const MODERN_DENOMINATION_2: usize = 24;
export const MODERN_SERIAL_2: usize = 25;
export const MODERN_ECHO: usize = 46;

export const REPLY_STATUS: usize = 2;
export const REPLY_GROUP: usize = 3;
export const REPLY_ECHO: usize = 6;
export const REPLY_SIZE: usize = 8;
export const REPLY_TIME: usize = 12;
export const REPLY_HASH: usize = 16;
export const MODERN_REPLY_TIME: usize = 4;
export const MODERN_REPLY_DENOMINATION: usize = 17;
export const MODERN_REPLY_SERIAL: usize = 18;
export const MODERN_REPLY_NONCE: usize = 24;

/** 3e 3e closes every body, in clear. */
export const TRAILER: u32 = 0x3e3e;
export const TRAILER_BYTES: u32 = 2;
/** Twelve free bytes and their CRC-32. */
export const CHALLENGE_BYTES: u32 = 16;
export const HMAC_BYTES: u32 = 32;
/** A body has room for challenge and trailer, or it is refused. */
export const BODY_LEAST: u32 = CHALLENGE_BYTES + TRAILER_BYTES;

export const enum Encryption {
  NONE = 0,
  COIN = 1,
  LOCKER = 2,
  MODERN_COIN = 4,
  MODERN_TWO_COINS = 5,
}

export function readU16BE(address: usize): u32 {
  return <u32>bswap<u16>(load<u16>(address));
}
export function readU32BE(address: usize): u32 {
  return bswap<u32>(load<u32>(address));
}
export function writeU32BE(address: usize, value: u32): void {
  store<u32>(address, bswap<u32>(value));
}
export function writeU16BE(address: usize, value: u32): void {
  store<u16>(address, bswap<u16>(<u16>value));
}

/**
 * Bytes of the header that a type byte announces: a wire that knows 48-byte headers expects one for
 * every type but 0, 1, 2.
 */
export function headerBytesOf(type: u32): u32 {
  return type <= 2 || (wire == Wire.SPEC && !modern) ? HEADER_BYTES : MODERN_HEADER_BYTES;
}

/** Is there a whole header? Anything shorter gets no answer (reference section 5). */
export function hasHeader(message: usize, length: u32): bool {
  return length >= SHORTEST && length >= headerBytesOf(load<u8>(message, TYPE));
}
