/**
 * The exports of the engine, nothing else. Every export that can fail returns a number of
 * core/status.ts. Arguments and results are u32; a 64-bit value is two of them, low first. Nothing
 * is allocated after configure(), and nothing an outsider sends can trap.
 */

import { HASH_KEY } from "./core/control";
import { PEER, RATATOSKR } from "./core/memory";
import { Status } from "./core/status";
import { blake3Derive, blake3KeyedXof, blake3Xof } from "./crypto/blake3";
import {
  blake3Init,
  blake3Join,
  blake3Output,
  blake3PartValue,
  blake3Update,
  blake3Value,
} from "./crypto/blake3-hasher";
import { chacha20, hchacha20 } from "./crypto/chacha20";
import { crc32 } from "./crypto/crc32";
import { ctr128, ctr256, ctrWipe } from "./crypto/ctr";
import { hmacSha256, hmacWipe } from "./crypto/hmac-sha256";
import { md5 } from "./crypto/md5";
import { sha256 } from "./crypto/sha256";
import { siphash } from "./crypto/siphash";
import { chachaOpen, chachaSeal, xchachaOpen, xchachaSeal } from "./crypto/xchacha20-poly1305";
import { attachEngine, configureEngine, processBatch, stepEngine } from "./engine";
import {
  checkHandshake,
  encodeMessage as encodePeerMessage,
  makeSigningBytes,
  openMessage as openPeerMessage,
} from "./peer/message";
import { openReply, sealRequest } from "./raida/client";
import { pageLoaded } from "./raida/coins";
import { completeEffect } from "./raida/parked";
import { releaseReplyFrame } from "./raida/reply-frames";
import { requestBytes } from "./raida/request";
import { discardSince, reopenWorkers, rollbackTo } from "./raida/rollback";
import { clearDurableTables, enterLockerCoin } from "./raida/tables";
import { digestRequest } from "./ratatoskr/digest";
import { checkPoint, checkSignature } from "./ratatoskr/ed25519";
import { encodeMessage, openMessage, openRequest } from "./ratatoskr/message";
import { recordRequest } from "./ratatoskr/replay";

export { configBlock } from "./core/control";
export { regions } from "./core/regions";
// The gate of peers: peer/gate-exports.ts says what each takes and gives.
export {
  gateAccept as peerGateAccept,
  gateAllow as peerGateAllow,
  gateBan as peerGateBan,
  gateBanAt as peerGateBanAt,
  gateBegin as peerGateBegin,
  gateClose as peerGateClose,
  gateConclude as peerGateConclude,
  gateCountGossip as peerGateCountGossip,
  gateDial as peerGateDial,
  gateDirect as peerGateDirect,
  gateGossip as peerGateGossip,
  gateNextClosing as peerGateNextClosing,
  gateNextHandshake as peerGateNextHandshake,
  gateOpen as peerGateOpen,
  gateParticipant as peerGateParticipant,
  gateReceive as peerGateReceive,
  gateSend as peerGateSend,
  gateStart as peerGateStart,
  gateState as peerGateState,
  gateTick as peerGateTick,
  gateUnban as peerGateUnban,
} from "./peer/gate-exports";
// Packets of transfer and blocks of LZ4 by themselves, for vectors and benches.
export { lz4Pack, lz4Unpack } from "./transfer/lz4-exports";
export {
  packetsEnd,
  packetsMove,
  packetsOpen,
  packetsRekey,
  packetsSeal,
  packetsStart,
} from "./transfer/packet-session";

export function configure(): u32 {
  return configureEngine();
}
export function attach(): u32 {
  return attachEngine();
}
export function process(batch: u32, nowLow: u32, nowHigh: u32): u32 {
  return processBatch(batch, nowLow, nowHigh);
}
export function step(nowLow: u32, nowHigh: u32): u32 {
  return stepEngine(nowLow, nowHigh);
}
/** The host has finished an effect: page slot, 0 loaded or 1 no such page. */
export function resume(slot: u32, status: u32): u32 {
  return pageLoaded(slot, status);
}
/**
 * The host has finished a request's effect: slot of its entry, an EffectStatus, bytes of the
 * result.
 */
export function complete(slot: u32, status: u32, bytes: u32): u32 {
  return completeEffect(slot, status, bytes);
}
/**
 * Empties the tables that follow from the coins: lockers, in-use map, counts, cells. Before the
 * first load, and between discard() and reopen(); the host writes them anew.
 */
export function clearTables(): void {
  clearDurableTables();
}
/**
 * Enters a coin of a locker, from the store's table. Statuses: raida/tables.ts, enterLockerCoin.
 */
export function enterLocker(denominationIndex: u32, serial: u32, an: u32): u32 {
  return enterLockerCoin(denominationIndex, serial, an);
}
/** Gives a reply frame back after its reply has been sent. */
export function release(offset: u32): u32 {
  return releaseReplyFrame(offset);
}
export function rollback(low: u32, high: u32): u32 {
  return rollbackTo(((<u64>high) << 32) | low);
}
export function discard(low: u32, high: u32): u32 {
  return discardSince(((<u64>high) << 32) | low);
}
export function reopen(): void {
  reopenWorkers();
}
/**
 * Bytes of the request whose first `length` bytes lie at `offset`, as far as they tell: what a
 * stream has to collect.
 */
export function requestLength(offset: u32, length: u32): u32 {
  return requestBytes(offset, length);
}
/**
 * Number of a client whose address is not IPv4 (Descriptor.ADDRESS): 32 bits of SipHash-2-4 under
 * HASH_KEY over the 8 bytes at `offset`, the network half of an IPv6 address.
 */
export function addressHash(offset: u32): u32 {
  return <u32>siphash(HASH_KEY, offset, 8);
}
/** Client side: core/client.ts. */
export function requestSeal(): u32 {
  return sealRequest();
}
export function replyOpen(): u32 {
  return openReply();
}

// Ratatoskr: core/ratatoskr.ts says where messages lie. Verdicts of its list come back, or
// Status.WRONG_STATE: Config.RATATOSKR is 0. Times are seconds since the epoch.

/** Reads the message of `length` bytes at IN: a MessageKind. Freshness is not looked at. */
export function ratatoskrOpen(kind: u32, length: u32): u32 {
  return RATATOSKR ? openMessage(kind, length) : Status.WRONG_STATE;
}
/** Reads a request, checks that it is fresh (`skew` seconds of the future are), digests it. */
export function ratatoskrOpenRequest(length: u32, nowLow: u32, nowHigh: u32, skew: u32): u32 {
  const now = ((<u64>nowHigh) << 32) | nowLow;
  return RATATOSKR ? openRequest(length, <i64>now, skew) : Status.WRONG_STATE;
}
/** Encodes the message that the block describes, to OUT. */
export function ratatoskrEncode(kind: u32): u32 {
  return RATATOSKR ? encodeMessage(kind) : Status.WRONG_STATE;
}
/** Digests the request that the block describes, whatever its lengths. */
export function ratatoskrDigest(): u32 {
  if (!RATATOSKR) return Status.WRONG_STATE;
  digestRequest();
  return Status.OK;
}
/** The replay cache: nonce and digest of the block's request in one step (ratatoskr/replay.ts). */
export function ratatoskrRecord(nowLow: u32, nowHigh: u32, skew: u32): u32 {
  const now = ((<u64>nowHigh) << 32) | nowLow;
  return RATATOSKR ? recordRequest(<i64>now, skew) : Status.WRONG_STATE;
}

// Peer: core/peer.ts says where messages lie. Verdicts of its list come back, or
// Status.WRONG_STATE: Config.PEER is 0. `kind`: PeerKind, `wire`: PeerWire.

/** Reads the message of `length` bytes at IN; arrays of integers become bytes where they stand. */
export function peerOpen(kind: u32, wire: u32, length: u32): u32 {
  return PEER ? openPeerMessage(kind, wire, length) : Status.WRONG_STATE;
}
/** Encodes the message that the block describes, to OUT. */
export function peerEncode(kind: u32, wire: u32): u32 {
  return PEER ? encodePeerMessage(kind, wire) : Status.WRONG_STATE;
}
/** What a handshake of the block is signed over, to OUT. */
export function peerSigningBytes(wire: u32): u32 {
  return PEER ? makeSigningBytes(wire) : Status.WRONG_STATE;
}
/** All that is checked before a signature; `now`: milliseconds since the epoch. */
export function peerCheckHandshake(wire: u32, nowLow: u32, nowHigh: u32): u32 {
  const now = ((<u64>nowHigh) << 32) | nowLow;
  return PEER ? checkHandshake(wire, now) : Status.WRONG_STATE;
}

/** What no provider must be asked about: 32 bytes of a public key, or a signature of 64 with it. */
export function ed25519CheckKey(key: u32): u32 {
  return checkPoint(key);
}
export function ed25519Check(key: u32, signature: u32): u32 {
  return checkSignature(key, signature);
}

// Primitives, so that every host can check them against published vectors. Addresses are the host's
// own, in a frame; whatever they leave in scratch is wiped.

/** CRC-32 (ISO-HDLC) of `length` bytes. */
export function checksumCrc32(source: u32, length: u32): u32 {
  return crc32(source, length);
}
export function digestMd5(source: u32, length: u32, out: u32): void {
  md5(source, length, out);
}
export function digestSha256(source: u32, length: u32, out: u32): void {
  sha256(source, length, out);
}
export function digestHmacSha256(
  key: u32,
  keyLength: u32,
  source: u32,
  length: u32,
  out: u32,
): void {
  hmacSha256(key, keyLength, source, length, out);
  hmacWipe();
}
/**
 * AES-CTR over `length` bytes from `source` to `out`; a key of 16 or 32 bytes, else
 * INVALID_ARGUMENT.
 */
export function cipherCtr(
  key: u32,
  keyLength: u32,
  counterBlock: u32,
  source: u32,
  out: u32,
  length: u32,
): u32 {
  if (keyLength == 16) ctr128(key, counterBlock, source, out, length);
  else if (keyLength == 32) ctr256(key, counterBlock, source, out, length);
  else return Status.INVALID_ARGUMENT;
  ctrWipe();
  return Status.OK;
}

/** BLAKE3 with `outLength` bytes of output. */
export function digestBlake3(source: u32, length: u32, out: u32, outLength: u32): void {
  blake3Xof(source, length, out, outLength);
}
/** The same under a key of 32 bytes. */
export function digestBlake3Keyed(
  key: u32,
  source: u32,
  length: u32,
  out: u32,
  outLength: u32,
): void {
  blake3KeyedXof(key, source, length, out, outLength);
}
/** Key derivation from `length` bytes of material for a context string. */
export function digestBlake3Derive(
  context: u32,
  contextLength: u32,
  source: u32,
  length: u32,
  out: u32,
  outLength: u32,
): void {
  blake3Derive(context, contextLength, source, length, out, outLength);
}
/**
 * BLAKE3 piece by piece: `state` is 2048 bytes of the host's own, a multiple of 16. A part of a
 * larger input begins with chunk `first` (low, high) of it.
 */
export function blake3Begin(state: u32, firstLow: u32, firstHigh: u32): void {
  blake3Init(state, ((<u64>firstHigh) << 32) | firstLow);
}
export function blake3Add(state: u32, source: u32, length: u32): void {
  blake3Update(state, source, length);
}
export function blake3Finish(state: u32, out: u32, outLength: u32): void {
  blake3Output(state, 0, out, outLength);
}
/** Ends a part instead: its chaining value, 32 bytes (see blake3Part). */
export function blake3FinishPart(state: u32, out: u32): void {
  blake3Value(state, out);
}
/**
 * Chaining value (32 bytes) of a part of a larger input: `length` bytes (not 0) that begin with
 * chunk `first` (low, high), a multiple of the power of two of chunks that the part has room in.
 */
export function blake3Part(
  source: u32,
  length: u32,
  firstLow: u32,
  firstHigh: u32,
  out: u32,
): void {
  blake3PartValue(source, length, ((<u64>firstHigh) << 32) | firstLow, out);
}
/** Two neighbouring parts become one; with `root` the digest of all. */
export function blake3Parent(left: u32, right: u32, root: u32, out: u32): void {
  blake3Join(left, right, root != 0, out);
}
/** ChaCha20 over `length` bytes in place: key 32, nonce 12 bytes. */
export function cipherChaCha20(key: u32, counter: u32, nonce: u32, at: u32, length: u32): void {
  chacha20(key, counter, nonce, at, length);
}
/** Sub-key of 32 bytes from a key and 16 bytes of nonce. */
export function deriveHChaCha20(key: u32, nonce: u32, out: u32): void {
  hchacha20(key, nonce, out);
}
/**
 * ChaCha20-Poly1305 in place, XChaCha20-Poly1305 if the nonce has 24 bytes instead of 12: encrypts
 * `length` bytes at `at` and writes 16 bytes of tag. INVALID_ARGUMENT: another nonce.
 */
export function aeadSeal(
  key: u32,
  nonce: u32,
  nonceLength: u32,
  aad: u32,
  aadLength: u32,
  at: u32,
  length: u32,
  tag: u32,
): u32 {
  if (nonceLength == 12) chachaSeal(key, nonce, aad, aadLength, at, length, tag);
  else if (nonceLength == 24) xchachaSeal(key, nonce, aad, aadLength, at, length, tag);
  else return Status.INVALID_ARGUMENT;
  return Status.OK;
}
/** Decrypts in place if the tag fits, else changes nothing and returns BAD_TAG. */
export function aeadOpen(
  key: u32,
  nonce: u32,
  nonceLength: u32,
  aad: u32,
  aadLength: u32,
  at: u32,
  length: u32,
  tag: u32,
): u32 {
  let fits = false;
  if (nonceLength == 12) fits = chachaOpen(key, nonce, aad, aadLength, at, length, tag);
  else if (nonceLength == 24) fits = xchachaOpen(key, nonce, aad, aadLength, at, length, tag);
  else return Status.INVALID_ARGUMENT;
  return fits ? Status.OK : Status.BAD_TAG;
}

// The transfer machine (transfer/exports.ts says what each takes and gives).

export {
  at as transferAt,
  close as transferClose,
  control as transferControl,
  extension as transferExtension,
  keepalive as transferKeepalive,
  migrate as transferMigrate,
  open as transferOpen,
  ping as transferPing,
  prefixChanges as transferPrefixChanges,
  receive as transferReceive,
  rekey as transferRekey,
  rekeyKey as transferRekeyKey,
  rekeySecret as transferRekeySecret,
  release as transferRelease,
  resetFor as transferResetFor,
  send as transferSend,
  statistics as transferStatistics,
  step as transferStep,
  wake as transferWake,
} from "./transfer/exports";
export {
  goaway as transferGoaway,
  streamAccepted as transferStreamAccepted,
  streamConsumed as transferStreamConsumed,
  streamFacts as transferStreamFacts,
  streamFinish as transferStreamFinish,
  streamOpen as transferStreamOpen,
  streamPriority as transferStreamPriority,
  streamReadable as transferStreamReadable,
  streamReset as transferStreamReset,
  streamRoom as transferStreamRoom,
  streamStop as transferStreamStop,
  streamUnordered as transferStreamUnordered,
  streamWritten as transferStreamWritten,
} from "./transfer/stream-exports";
