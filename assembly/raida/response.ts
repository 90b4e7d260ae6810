/**
 * Reply header and body: layout by wire and type, encryption, HMAC, trailer. Reference: RAIDA
 * section 4.
 */
import { Descriptor, Flag, Wire } from "../core/layout";
import { raidaId, wire } from "../core/memory";
import { randomReady, takeRandom } from "../core/random";
import { inReplyFrame, placeReply, pushReply } from "../core/rings";
import { CHALLENGE_HASH, COUNTER_BLOCK, KEY, REPLY_NONCE } from "../core/scratch";
import { Status } from "../core/status";
import { ctr128, ctr256 } from "../crypto/ctr";
import { hmacSha256 } from "../crypto/hmac-sha256";
import * as context from "./context";
import * as header from "./header";
import { recordReply } from "./request-log";

/**
 * Writes header and trailer around the body that lies at context.body(), and puts the reply into
 * its ring.
 */
export function sendReply(): void {
  const kind = kindOf(),
    serial = serialOf();
  const elapsed = executionTime();
  drawNonce();
  const total = emitReply(elapsed);
  const entry = placeReply(context.frame, context.reply, total, context.position);
  const flags = context.flags & (Flag.DATAGRAM | Flag.LOCAL);
  store<u32>(entry, context.peer, Descriptor.PEER);
  store<u32>(
    entry,
    inReplyFrame(context.reply) ? flags | Flag.REPLY_FRAME : flags,
    Descriptor.FLAGS,
  );
  store<u32>(entry, context.status, Descriptor.STATUS);
  store<u64>(entry, context.arrival, Descriptor.ARRIVAL);
  store<u32>(entry, kind, Descriptor.KIND);
  store<u32>(entry, serial, Descriptor.SERIAL);
  store<u32>(entry, elapsed, Descriptor.EXECUTION);
  recordReply(entry, context.sound, context.address, context.flags);
  pushReply();
}

/**
 * Writes header and trailer around the body, with the nonce that is in place. Returns the length of
 * the whole.
 */
export function emitReply(elapsed: u32): u32 {
  if (context.headerBytes == header.MODERN_HEADER_BYTES) return emitModern(elapsed);
  return wire == Wire.SPEC ? emitSpec(elapsed) : emitLegacy(elapsed);
}

/** Microseconds from arrival to now, saturated. */
function executionTime(): u32 {
  if (context.now <= context.arrival) return 0;
  return <u32>min<u64>(context.now - context.arrival, u32.MAX_VALUE);
}

/** Does the header name a coin that encrypts? In type 2 it has five bytes of a locker key there. */
function namesCoin(): bool {
  return context.type != header.Encryption.NONE && context.type != header.Encryption.LOCKER;
}

/**
 * Descriptor.KIND: type, denomination, group, command. Read before the reply header overwrites
 * them. What is a secret, or no coin, does not go where hosts log from.
 */
function kindOf(): u32 {
  const at =
    context.headerBytes == header.MODERN_HEADER_BYTES
      ? header.MODERN_DENOMINATION
      : header.KEY_DENOMINATION;
  const denomination = namesCoin() ? <u32>load<u8>(context.message + at) : 0;
  return context.type | (denomination << 8) | (context.group() << 16) | (context.command() << 24);
}
function serialOf(): u32 {
  if (!namesCoin()) return 0;
  const at =
    context.headerBytes == header.MODERN_HEADER_BYTES ? header.MODERN_SERIAL : header.KEY_SERIAL;
  return header.readU32BE(context.message + at);
}

function emitLegacy(elapsed: u32): u32 {
  const bytes = context.replyBytes;
  // As the peer: a header that was refused is answered without its group and echo.
  const group = context.sound ? context.group() : 0;
  const echo = context.sound ? load<u16>(context.message, header.ECHO) : 0;
  emitShared(group, echo, bytes ? bytes + header.TRAILER_BYTES : 0, elapsed);
  v128.store(context.reply, v128.load(CHALLENGE_HASH), header.REPLY_HASH);
  if (bytes == 0) return header.HEADER_BYTES;
  // The peer's software AES: same nonce, counter from 0 again (reference section 3). A known
  // weakness of this wire.
  if (context.type) ctr128(KEY, COUNTER_BLOCK, context.body(), context.body(), bytes);
  store<u16>(context.body() + bytes, <u16>header.TRAILER);
  return header.HEADER_BYTES + bytes + header.TRAILER_BYTES;
}

function emitSpec(elapsed: u32): u32 {
  const bytes = context.replyBytes,
    reply = context.reply;
  emitShared(
    context.group(),
    load<u16>(context.message, header.ECHO),
    bytes + header.TRAILER_BYTES,
    elapsed,
  );
  v128.store(reply, v128.load(REPLY_NONCE), header.REPLY_HASH);
  store<u32>(reply, 0, header.REPLY_HASH + 12);
  if (bytes && context.type) {
    v128.store(COUNTER_BLOCK, v128.load(REPLY_NONCE));
    store<u32>(COUNTER_BLOCK, 0, 12);
    ctr128(KEY, COUNTER_BLOCK, context.body(), context.body(), bytes);
  }
  store<u16>(context.body() + bytes, <u16>header.TRAILER);
  return header.HEADER_BYTES + bytes + header.TRAILER_BYTES;
}

/** Bytes 0-15, the same in both wires. */
function emitShared(group: u32, echo: u16, size: u32, elapsed: u32): void {
  const reply = context.reply;
  store<u8>(reply, raidaId);
  store<u8>(reply, 0, 1);
  store<u8>(reply, context.status, header.REPLY_STATUS);
  store<u8>(reply, group, header.REPLY_GROUP);
  store<u16>(reply, 0x0100, 4);
  store<u16>(reply, echo, header.REPLY_ECHO);
  header.writeU32BE(reply + header.REPLY_SIZE, size);
  header.writeU32BE(reply + header.REPLY_TIME, elapsed);
}

function emitModern(elapsed: u32): u32 {
  const reply = context.reply,
    message = context.message;
  const group = context.group();
  const echo = load<u16>(message, header.MODERN_ECHO);
  const denomination = load<u8>(message, header.MODERN_DENOMINATION);
  const serial = load<u32>(message, header.MODERN_SERIAL);
  const second = context.type == header.Encryption.MODERN_TWO_COINS;
  if (second) {
    // Type 5 shares nonce bytes 0-4 with the second coin, as the request does; so the receiver
    // knows the whole nonce.
    store<u8>(REPLY_NONCE, load<u8>(message, header.MODERN_DENOMINATION_2));
    store<u32>(REPLY_NONCE, load<u32>(message, header.MODERN_SERIAL_2), 1);
  }
  let bytes = context.replyBytes;
  const size = bytes ? bytes + header.HMAC_BYTES + header.TRAILER_BYTES : 0;
  memory.fill(reply, 0, header.MODERN_HEADER_BYTES);
  store<u8>(reply, raidaId);
  store<u8>(reply, context.status, header.REPLY_STATUS);
  store<u8>(reply, group, header.REPLY_GROUP);
  header.writeU32BE(reply + header.MODERN_REPLY_TIME, elapsed);
  header.writeU32BE(reply + header.REPLY_SIZE, size);
  store<u8>(reply, context.type, header.TYPE);
  store<u8>(reply, denomination, header.MODERN_REPLY_DENOMINATION);
  store<u32>(reply, serial, header.MODERN_REPLY_SERIAL);
  memory.copy(reply + header.MODERN_REPLY_NONCE, REPLY_NONCE, 22);
  store<u16>(reply, echo, header.MODERN_ECHO);
  if (bytes == 0) return header.MODERN_HEADER_BYTES;
  ctr256(KEY, REPLY_NONCE, context.body(), context.body(), bytes);
  hmacSha256(KEY, 32, context.body(), bytes, context.body() + bytes);
  bytes += header.HMAC_BYTES;
  store<u16>(context.body() + bytes, <u16>header.TRAILER);
  return header.MODERN_HEADER_BYTES + bytes + header.TRAILER_BYTES;
}

/**
 * Draws the reply's nonce, where the wire has one. A request that can change anything has found the
 * pool filled before; an answer that needs none (252) gets zeros from a dry pool.
 */
function drawNonce(): void {
  if (!context.needsNonce()) return;
  if (randomReady()) takeRandom(REPLY_NONCE, context.nonceBytes());
  else memory.fill(REPLY_NONCE, 0, 24);
}

/** Turns a finished reply (a held descriptor) into 252 without a body; returns its new length. */
export function rewriteAsUnknown(descriptor: usize): u32 {
  const reply = <usize>load<u32>(descriptor, Descriptor.OFFSET);
  const type = load<u32>(descriptor, Descriptor.KIND) & 0xff;
  const bytes = header.headerBytesOf(type);
  store<u8>(reply, Status.INTERNAL, header.REPLY_STATUS);
  const trailer = bytes == header.HEADER_BYTES && wire == Wire.SPEC ? header.TRAILER_BYTES : 0;
  header.writeU32BE(reply + header.REPLY_SIZE, trailer);
  if (trailer) store<u16>(reply + bytes, <u16>header.TRAILER);
  return bytes + trailer;
}
