/**
 * One request from header to answer, in place. It changes nothing but its own frame until all its
 * pages are here and locked and its journal space is claimed; so it can park and start again at two
 * points: before decryption and after it. Order of checks: reference RAIDA sections 1 and 2.
 */
import { Wire } from "../core/layout";
import { coinId, modern, raidaId, wire } from "../core/memory";
import { randomReady } from "../core/random";
import { CHALLENGE_HASH, COUNTER_BLOCK, KEY, WORK } from "../core/scratch";
import { Status } from "../core/status";
import { crc32 } from "../crypto/crc32";
import { ctr128, ctr256 } from "../crypto/ctr";
import { equalBytes } from "../crypto/equal";
import { hmacSha256 } from "../crypto/hmac-sha256";
import * as coins from "./coins";
import * as context from "./context";
import { Outcome } from "./context";
import { commandIndex } from "./dispatch";
import * as header from "./header";
import { findKey, KEY_PARKED } from "./key";

/** Groups 14 and 15 exist on the public servers only (reference section 10, point 2). */
const GROUP_MAX_SPEC: u32 = 13;
const GROUP_MAX_LEGACY: u32 = 15;
const SHARD_MAX: u32 = 3;

/** Runs the request of the context from its header on. `pinning`: it holds the pin token. */
export function runFromHeader(pinning: bool): Outcome {
  takeHeader();
  if (!hasNonce()) return context.refuse(Status.INTERNAL);
  const refused = checkHeader();
  if (refused != Status.OK) return context.refuse(refused);
  context.setSound();
  if (context.type) {
    const found = findKey(pinning);
    if (pinning && found != KEY_PARKED) coins.unpinAll();
    if (found == KEY_PARKED) return Outcome.PARK;
    if (found != Status.OK) return context.refuse(found);
  }
  const opened = openWhole();
  return opened == Status.OK ? runCommand(pinning) : context.refuse(opened);
}

/** What the header says of itself: type, body size, its own length. There is a whole header. */
export function takeHeader(): void {
  const type = <u32>load<u8>(context.message, header.TYPE);
  const bytes = header.headerBytesOf(type);
  const sizeAt = bytes == header.HEADER_BYTES ? header.BODY_SIZE : header.MODERN_BODY_SIZE;
  context.setHeader(type, header.readU16BE(context.message + sizeAt), bytes);
  v128.store(CHALLENGE_HASH, i64x2.splat(0));
}

/** Opens the body, if there is one, with key and counter block in place. */
export function openWhole(): Status {
  if (context.length < context.headerBytes + context.bodySize) return Status.INVALID_PACKET_LENGTH;
  if (context.bodySize == 0) return Status.OK;
  return context.headerBytes == header.HEADER_BYTES ? openBody() : openModernBody();
}

/** Is there randomness for the reply's nonce? Asked before anything can change. */
function hasNonce(): bool {
  return !context.needsNonce() || randomReady();
}

/**
 * Runs a request again that parked after its body was opened; key, counter block and challenge hash
 * are in place.
 */
export function runAgain(pinning: bool): Outcome {
  return hasNonce() ? runCommand(pinning) : context.refuse(Status.INTERNAL);
}

/** Runs the command of a request whose body is open . */
function runCommand(pinning: bool): Outcome {
  const run = commandIndex(context.group(), context.command());
  return call_indirect<Outcome>(run, pinning);
}

/** First failure wins: version, split, RAIDA, group, shard, command, coin, encryption type. */
export function checkHeader(): Status {
  const at = context.message;
  if (load<u8>(at, header.VERSION_BYTE) != 1) return Status.INVALID_ROUTING;
  if (load<u8>(at, header.SPLIT) != 0) return Status.INVALID_SPLIT_ID;
  if (load<u8>(at, header.RAIDA) != raidaId) return Status.INVALID_RAIDA_ID;
  const group = <u32>load<u8>(at, header.GROUP);
  if (group > (wire == Wire.SPEC ? GROUP_MAX_SPEC : GROUP_MAX_LEGACY))
    return Status.INVALID_COMMAND_GROUP;
  if (load<u8>(at, header.SHARD) > SHARD_MAX) return Status.INVALID_SHARD_ID;
  if (commandIndex(group, load<u8>(at, header.COMMAND)) == 0) return Status.INVALID_COMMAND;
  if (header.readU16BE(at + header.COIN) != coinId) return Status.INVALID_COIN_ID;
  const type = <u32>load<u8>(at, header.TYPE);
  const known =
    type <= 2 ||
    (modern &&
      (type == header.Encryption.MODERN_COIN || type == header.Encryption.MODERN_TWO_COINS));
  return known ? Status.OK : Status.INVALID_ENCRYPTION_CODE;
}

/**
 * Types 0, 1, 2: challenge (16), payload, trailer. The trailer is clear and is checked before
 * decryption.
 */
function openBody(): Status {
  const size = context.bodySize,
    body = context.message + header.HEADER_BYTES;
  if (size < header.BODY_LEAST) return Status.INVALID_PACKET_LENGTH;
  if (load<u16>(body + size - header.TRAILER_BYTES) != <u16>header.TRAILER)
    return Status.INVALID_EOF;
  const challenge = v128.load(body);
  if (context.type) {
    ctr128(KEY, COUNTER_BLOCK, body, body, size - header.TRAILER_BYTES);
    v128.store(CHALLENGE_HASH, v128.xor(v128.load(body), v128.load(KEY)));
  } else {
    v128.store(CHALLENGE_HASH, challenge);
  }
  if (crc32(body, 12) != header.readU32BE(body + 12)) return Status.INVALID_CRC;
  context.setPayload(body + header.CHALLENGE_BYTES, size - header.BODY_LEAST);
  return Status.OK;
}

/** Types 4, 5: payload, HMAC-SHA-256 over the ciphertext (32), trailer. */
function openModernBody(): Status {
  const size = context.bodySize,
    body = context.message + header.MODERN_HEADER_BYTES;
  if (size < header.HMAC_BYTES + header.TRAILER_BYTES) return Status.INVALID_PACKET_LENGTH;
  if (load<u16>(body + size - header.TRAILER_BYTES) != <u16>header.TRAILER)
    return Status.INVALID_EOF;
  const bytes = size - header.HMAC_BYTES - header.TRAILER_BYTES;
  hmacSha256(KEY, 32, body, bytes, WORK);
  if (!equalBytes(WORK, body + bytes, header.HMAC_BYTES)) return Status.INVALID_HMAC;
  if (bytes) ctr256(KEY, COUNTER_BLOCK, body, body, bytes);
  context.setPayload(body, bytes);
  return Status.OK;
}

/**
 * How many bytes the request that begins at `offset` has, as far as its first `length` bytes tell.
 * A header that will be refused ends the request: the error is answered without its body (reference
 * section 5).
 */
export function requestBytes(offset: usize, length: u32): u32 {
  if (length < header.SHORTEST) return header.SHORTEST;
  const type = <u32>load<u8>(offset, header.TYPE),
    bytes = header.headerBytesOf(type);
  if (length < bytes) return bytes;
  context.setMessage(offset, length, 0, 0, 0, 0, 0);
  if (checkHeader() != Status.OK) return bytes;
  const sizeAt = bytes == header.HEADER_BYTES ? header.BODY_SIZE : header.MODERN_BODY_SIZE;
  return bytes + header.readU16BE(offset + sizeAt);
}
