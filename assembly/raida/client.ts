/**
 * The client's side of the wire: sealing a request, opening a reply with every check there is.
 * Wallets run the same bytes as servers. Parameters and results: core/layout.ts, Client. Reference:
 * RAIDA sections 1-4.
 */
import { Client } from "../core/client";
import { Wire } from "../core/layout";
import { DENOMINATIONS, RAIDA_COUNT } from "../core/limits";
import { CLIENT_BLOCK, COUNTER_BLOCK, KEY, WORK } from "../core/scratch";
import { Status } from "../core/status";
import { crc32 } from "../crypto/crc32";
import { ctr128, ctr256, ctrWipe } from "../crypto/ctr";
import { equal16, equalBytes } from "../crypto/equal";
import { hmacSha256, hmacWipe } from "../crypto/hmac-sha256";
import { sha256 } from "../crypto/sha256";
import * as header from "./header";

/** The payload's place in the message: behind header and challenge, or behind the longer header. */
const PAYLOAD_AT: usize = 48;
const BODY_MAX: u32 = 65535;

function word(offset: usize): u32 {
  return load<u32>(CLIENT_BLOCK + offset);
}

function isModern(type: u32): bool {
  return type >= <u32>header.Encryption.MODERN_COIN;
}

function setKey(type: u32): void {
  if (isModern(type)) {
    v128.store(WORK, v128.load(CLIENT_BLOCK + Client.KEY));
    v128.store(WORK, v128.load(CLIENT_BLOCK + Client.KEY_2), 16);
    sha256(WORK, type == header.Encryption.MODERN_TWO_COINS ? 32 : 16, KEY);
    memory.fill(WORK, 0, 32);
  } else {
    v128.store(KEY, v128.load(CLIENT_BLOCK + Client.KEY));
  }
}

function wipeKeys(): void {
  memory.fill(KEY, 0, 32);
  memory.fill(COUNTER_BLOCK, 0, 16);
  memory.fill(WORK, 0, 128);
  ctrWipe();
  hmacWipe();
}

/**
 * Seals the request of the client block in place. Statuses: OK (OUT_OFFSET, OUT_LENGTH),
 * REQUEST_INVALID: an unknown type, a payload too long, or a payload without a body.
 */
export function sealRequest(): Status {
  const type = word(Client.TYPE),
    bytes = word(Client.LENGTH),
    noBody = word(Client.NO_BODY) != 0;
  const known =
    type <= 2 ||
    type == header.Encryption.MODERN_COIN ||
    type == header.Encryption.MODERN_TWO_COINS;
  const around = isModern(type) ? header.HMAC_BYTES + header.TRAILER_BYTES : header.BODY_LEAST;
  if (!known || bytes > BODY_MAX - around || (noBody && bytes != 0)) return Status.REQUEST_INVALID;
  if (!fieldsFit(type)) return Status.REQUEST_INVALID;
  const size = noBody ? 0 : bytes + around,
    message = <usize>word(Client.MESSAGE);
  if (isModern(type)) sealModern(message, type, bytes, size);
  else sealPlain(message, type, bytes, size);
  const headerBytes = isModern(type) ? header.MODERN_HEADER_BYTES : header.HEADER_BYTES;
  store<u32>(CLIENT_BLOCK, <u32>message, Client.OUT_OFFSET);
  store<u32>(CLIENT_BLOCK, headerBytes + size, Client.OUT_LENGTH);
  wipeKeys();
  return Status.OK;
}

/**
 * Every field within its place on the wire; a coin that is named as key within its denominations.
 */
function fieldsFit(type: u32): bool {
  if (word(Client.RAIDA_ID) >= RAIDA_COUNT || word(Client.COIN_ID) > 0xffff) return false;
  if ((word(Client.SHARD) | word(Client.GROUP) | word(Client.COMMAND)) > 0xff) return false;
  const named = type != header.Encryption.NONE && type != header.Encryption.LOCKER;
  if (named && !isDenomination(word(Client.DENOMINATION))) return false;
  const two = type == header.Encryption.MODERN_TWO_COINS;
  return !two || isDenomination(word(Client.DENOMINATION_2));
}

/** -8 to 6, as a signed word. */
function isDenomination(value: u32): bool {
  return value + 8 < DENOMINATIONS;
}

/** Bytes 0-16, the same in both headers. Packet index and count are 1, as clients send them. */
function sealShared(message: usize, type: u32): void {
  memory.fill(message, 0, header.HEADER_BYTES);
  store<u8>(message, 1, header.VERSION_BYTE);
  store<u8>(message, word(Client.RAIDA_ID), header.RAIDA);
  store<u8>(message, word(Client.SHARD), header.SHARD);
  store<u8>(message, word(Client.GROUP), header.GROUP);
  store<u8>(message, word(Client.COMMAND), header.COMMAND);
  header.writeU16BE(message + header.COIN, word(Client.COIN_ID));
  store<u16>(message, 0x0101, 14);
  store<u8>(message, type, header.TYPE);
}

function sealPlain(message: usize, type: u32, bytes: u32, size: u32): void {
  const nonce = CLIENT_BLOCK + Client.NONCE,
    challenge = CLIENT_BLOCK + Client.CHALLENGE;
  sealShared(message, type);
  if (type == header.Encryption.COIN) {
    store<u8>(message, word(Client.DENOMINATION), header.KEY_DENOMINATION);
    header.writeU32BE(message + header.KEY_SERIAL, word(Client.SERIAL));
  } else if (type == header.Encryption.LOCKER) {
    memory.copy(message + header.KEY_DENOMINATION, CLIENT_BLOCK + Client.KEY, 5);
  }
  header.writeU16BE(message + header.BODY_SIZE, size);
  store<u32>(message, load<u32>(nonce, 16), header.LEGACY_NONCE);
  store<u16>(message, load<u16>(nonce, 20), header.LEGACY_NONCE + 4);
  store<u16>(message, load<u16>(nonce, 22), header.ECHO);
  header.writeU32BE(challenge + 12, crc32(challenge, 12));
  if (size == 0) return;
  const body = message + header.HEADER_BYTES;
  memory.copy(body, challenge, header.CHALLENGE_BYTES);
  if (type) {
    setKey(type);
    setRequestCounter(message);
    ctr128(KEY, COUNTER_BLOCK, body, body, bytes + header.CHALLENGE_BYTES);
  }
  store<u16>(body + size - header.TRAILER_BYTES, <u16>header.TRAILER);
}

/**
 * Counter block of a 32-byte header's request: 12 or 8 of its bytes, then zeros (reference section
 * 3).
 */
function setRequestCounter(message: usize): void {
  v128.store(COUNTER_BLOCK, i64x2.splat(0));
  if (word(Client.WIRE) == Wire.SPEC) {
    memory.copy(COUNTER_BLOCK, message + header.SPEC_NONCE, 12);
  } else {
    memory.copy(COUNTER_BLOCK, message + header.LEGACY_NONCE, 8);
  }
}

function sealModern(message: usize, type: u32, bytes: u32, size: u32): void {
  sealShared(message, type);
  header.writeU16BE(message + header.MODERN_BODY_SIZE, size);
  store<u8>(message, word(Client.DENOMINATION), header.MODERN_DENOMINATION);
  header.writeU32BE(message + header.MODERN_SERIAL, word(Client.SERIAL));
  memory.copy(message + header.MODERN_NONCE, CLIENT_BLOCK + Client.NONCE, 24);
  if (type == header.Encryption.MODERN_TWO_COINS) {
    store<u8>(message, word(Client.DENOMINATION_2), header.MODERN_DENOMINATION_2);
    header.writeU32BE(message + header.MODERN_SERIAL_2, word(Client.SERIAL_2));
  }
  if (size == 0) return;
  const body = message + PAYLOAD_AT;
  setKey(type);
  if (bytes) ctr256(KEY, message + header.MODERN_NONCE, body, body, bytes);
  hmacSha256(KEY, 32, body, bytes, body + bytes);
  store<u16>(body + size - header.TRAILER_BYTES, <u16>header.TRAILER);
}

/**
 * Opens the reply at MESSAGE (LENGTH bytes) to the request that the client block still describes:
 * RAIDA, echo, group, size, trailer, challenge or HMAC are checked, the payload is decrypted in
 * place. Statuses: OK, REPLY_*.
 */
export function openReply(): Status {
  store<u32>(CLIENT_BLOCK, 0, Client.OUT_LENGTH);
  const opened = isModern(word(Client.TYPE)) ? openModern() : openPlain();
  wipeKeys();
  return opened;
}

/**
 * Size field against what came: both the reply without a trailer (size 0) and the one with it are
 * taken (section 4.3).
 */
function bodySizeOf(message: usize, headerBytes: u32): u32 {
  const length = word(Client.LENGTH);
  if (length < headerBytes) return u32.MAX_VALUE;
  const size = header.readU32BE(message + header.REPLY_SIZE) & 0xffffff;
  return size == length - headerBytes && size != 1 ? size : u32.MAX_VALUE;
}

/** A legacy server refuses a header without repeating its group and echo. */
function refusedUnheard(message: usize): bool {
  const status = <i32>load<u8>(message, header.REPLY_STATUS);
  const early =
    status == Status.INVALID_ROUTING ||
    (status >= Status.INVALID_SPLIT_ID && status <= Status.INVALID_COIN_ID);
  return word(Client.WIRE) == Wire.LEGACY && early && load<u16>(message, header.REPLY_ECHO) == 0;
}

function result(message: usize, headerBytes: u32, bytes: u32, time: u32): Status {
  store<u32>(CLIENT_BLOCK, <u32>(message + headerBytes), Client.OUT_OFFSET);
  store<u32>(CLIENT_BLOCK, bytes, Client.OUT_LENGTH);
  store<u32>(CLIENT_BLOCK, load<u8>(message, header.REPLY_STATUS), Client.OUT_STATUS);
  store<u32>(CLIENT_BLOCK, time, Client.OUT_EXECUTION);
  return Status.OK;
}

function openPlain(): Status {
  const message = <usize>word(Client.MESSAGE),
    type = word(Client.TYPE),
    body = message + header.HEADER_BYTES;
  const size = bodySizeOf(message, header.HEADER_BYTES);
  if (size == u32.MAX_VALUE) return Status.REPLY_SIZE;
  if (load<u8>(message) != <u8>word(Client.RAIDA_ID)) return Status.REPLY_RAIDA;
  const time = header.readU32BE(message + header.REPLY_TIME);
  if (refusedUnheard(message))
    return size ? Status.REPLY_SIZE : result(message, header.HEADER_BYTES, 0, time);
  const echo = load<u16>(CLIENT_BLOCK, Client.NONCE + 22);
  if (load<u16>(message, header.REPLY_ECHO) != echo) return Status.REPLY_ECHO;
  if (load<u8>(message, header.REPLY_GROUP) != <u8>word(Client.GROUP)) return Status.REPLY_ECHO;
  if (size && load<u16>(body + size - header.TRAILER_BYTES) != <u16>header.TRAILER)
    return Status.REPLY_TRAILER;
  const bytes = size ? size - header.TRAILER_BYTES : 0;
  if (type) setKey(type);
  v128.store(COUNTER_BLOCK, i64x2.splat(0));
  if (word(Client.WIRE) == Wire.LEGACY) {
    if (!challengeAnswered(message, type)) return Status.REPLY_CHALLENGE;
    memory.copy(COUNTER_BLOCK, CLIENT_BLOCK + Client.NONCE + 16, 8);
  } else {
    memory.copy(COUNTER_BLOCK, message + header.REPLY_HASH, 12);
    const nonce = v128.load(COUNTER_BLOCK);
    if (type && bytes && (!v128.any_true(nonce) || reusesNonce())) return Status.REPLY_NONCE;
  }
  if (type && bytes) ctr128(KEY, COUNTER_BLOCK, body, body, bytes);
  return result(message, header.HEADER_BYTES, bytes, time);
}

/**
 * The reply's nonce must not be the request's own: both directions share a key. Bytes 24-31 of the
 * request tell them apart.
 */
function reusesNonce(): bool {
  return load<u64>(COUNTER_BLOCK, 4) == load<u64>(CLIENT_BLOCK, Client.NONCE + 16);
}

/**
 * Legacy: the challenge (type 0) or the challenge XOR key comes back, as proof that the server
 * could read the body. Without a body, and on errors before the body was open, it is zero; such an
 * answer carries no body, and is no proof.
 */
function challengeAnswered(message: usize, type: u32): bool {
  const hash = message + header.REPLY_HASH;
  v128.store(WORK, v128.load(CLIENT_BLOCK + Client.CHALLENGE));
  if (type) v128.store(WORK, v128.xor(v128.load(WORK), v128.load(KEY)));
  if (equal16(hash, WORK)) return true;
  // 37 repeats what the server took for the challenge, as a wrong key has left it.
  const status = <u32>load<u8>(message, header.REPLY_STATUS);
  if (status == Status.INVALID_CRC) return word(Client.NO_BODY) == 0;
  const zero = !v128.any_true(v128.load(hash));
  return zero && (word(Client.NO_BODY) != 0 || isEarlyError(status));
}

/** Errors that are answered before, or because, the body cannot be opened. */
function isEarlyError(status: u32): bool {
  return (
    status == Status.INVALID_PACKET_LENGTH ||
    status == Status.INVALID_EOF ||
    status == Status.INVALID_ENCRYPTION ||
    status == Status.INVALID_ENCRYPTION_CODE ||
    status == Status.INTERNAL
  );
}

/**
 * A server that knows no other header says 27 in one of 32 bytes, without a body; what it takes for
 * the echo is part of our nonce.
 */
function refusesModern(message: usize): bool {
  const size = bodySizeOf(message, header.HEADER_BYTES);
  const short = size == 0 || size == header.TRAILER_BYTES;
  const status = <u32>load<u8>(message, header.REPLY_STATUS);
  return (
    short &&
    status == Status.INVALID_ENCRYPTION_CODE &&
    load<u8>(message) == <u8>word(Client.RAIDA_ID)
  );
}

function openModern(): Status {
  const message = <usize>word(Client.MESSAGE),
    type = word(Client.TYPE),
    body = message + PAYLOAD_AT;
  if (refusesModern(message)) {
    return result(message, header.HEADER_BYTES, 0, header.readU32BE(message + header.REPLY_TIME));
  }
  const size = bodySizeOf(message, header.MODERN_HEADER_BYTES);
  const around = header.HMAC_BYTES + header.TRAILER_BYTES;
  if (size == u32.MAX_VALUE || (size && size < around)) return Status.REPLY_SIZE;
  if (load<u8>(message) != <u8>word(Client.RAIDA_ID)) return Status.REPLY_RAIDA;
  const time = header.readU32BE(message + header.MODERN_REPLY_TIME);
  if (refusedUnheard(message))
    return size ? Status.REPLY_SIZE : result(message, header.MODERN_HEADER_BYTES, 0, time);
  const echo = load<u16>(CLIENT_BLOCK, Client.NONCE + 22);
  if (load<u16>(message, header.MODERN_ECHO) != echo) return Status.REPLY_ECHO;
  if (load<u8>(message, header.REPLY_GROUP) != <u8>word(Client.GROUP)) return Status.REPLY_ECHO;
  if (size == 0) return result(message, header.MODERN_HEADER_BYTES, 0, time);
  if (load<u16>(body + size - header.TRAILER_BYTES) != <u16>header.TRAILER)
    return Status.REPLY_TRAILER;
  const bytes = size - around;
  setKey(type);
  hmacSha256(KEY, 32, body, bytes, WORK);
  if (!equalBytes(WORK, body + bytes, header.HMAC_BYTES)) return Status.REPLY_HMAC;
  if (bytes) ctr256(KEY, message + header.MODERN_REPLY_NONCE, body, body, bytes);
  return result(message, header.MODERN_HEADER_BYTES, bytes, time);
}
