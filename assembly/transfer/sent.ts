/**
 * Records of packets sent (sent-record.ts), in the order in which they went: index s. Packet n of
 * epoch e is s = base of e + n, since a side never sends in an epoch again that it has left
 * (reference: transfer sections 4.7, 6). They lie in chunks that are given back from the front.
 */
import { TRANSFER_CHUNK_ENTRIES } from "../core/limits";
import { Pool, SENT_CHUNK_BYTES, SENT_CHUNKS, SENT_RECORD_BYTES } from "../core/transfer-memory";
import { now } from "./clock";
import { Session } from "./layout";
import { giveShared, shareLeft, takeShared } from "./pool-share";
import { lateBefore } from "./rtt";
import { SentRecord } from "./sent-record";

/** SentRecord.FLAGS. */
export const enum SentFlag {
  /** The peer acks it in time: it carries more than ACK, PAD or CLOSE. */
  ELICITING = 1,
  /** It counts for the congestion window. */
  IN_FLIGHT = 2,
  MTU_PROBE = 4,
  ACKED = 8,
  LOST = 16,
  /** Sent for a probe timeout, whatever the window. */
  PROBE = 32,
  /** There was not enough to send when it went (rate-sample.ts). */
  APP_LIMITED = 64,
  /** A probe has carried its content again. */
  RESENT = 128,
  /** It carries an ACK block (noteAckCarried()). */
  ACKS = 256,
}

const enum Sent {
  /** Numbers of chunks, u16 each: index s lies in chunk s / 64 % 1024. */
  DIRECTORY = 0,
  /** u64: the oldest record there is, and the next to be made. */
  FIRST = 2048,
  NEXT = 2056,
  /** SentEpoch of even and of odd epochs, 24 bytes each. */
  EPOCHS = 2064,
}

const enum SentEpoch {
  NUMBER = 0,
  /** u32: packets sent in it. */
  COUNT = 4,
  /** u64: index s of its packet 0. */
  BASE = 8,
  /** u32: packets before this have no record. */
  LEAST = 16,
  BYTES = 24,
}

const CHUNKS: u64 = 1024;
/** Records that data leaves to acks and probes. */
const RESERVED: u64 = 24;
const ENTRY_BITS: u64 = 6;
const ENTRY_MASK: u64 = <u64>TRANSFER_CHUNK_ENTRIES - 1;

function epochSlot(session: usize, epoch: u32): usize {
  return session + Session.SENT + Sent.EPOCHS + <usize>(epoch & 1) * SentEpoch.BYTES;
}

/** Where the number of the chunk of index s stands. */
function chunkSlot(session: usize, s: u64): usize {
  return (
    session + Session.SENT + Sent.DIRECTORY + ((<usize>((s >> ENTRY_BITS) & (CHUNKS - 1))) << 1)
  );
}

/** Index s of the oldest record that is kept. */
export function firstSent(session: usize): u64 {
  return load<u64>(session, Session.SENT + Sent.FIRST);
}

/** Index s of the next packet. */
export function nextSent(session: usize): u64 {
  return load<u64>(session, Session.SENT + Sent.NEXT);
}

/** The record with index s, which lies in firstSent() .. nextSent() - 1. */
export function sentRecord(session: usize, s: u64): usize {
  return (
    SENT_CHUNKS +
    <usize>load<u16>(chunkSlot(session, s)) * SENT_CHUNK_BYTES +
    <usize>(s & ENTRY_MASK) * SENT_RECORD_BYTES
  );
}

/** Packets sent in an epoch; 0 if it is none of the newest two. */
export function sentInEpoch(session: usize, epoch: u32): u32 {
  const slot = epochSlot(session, epoch);
  return load<u32>(slot, SentEpoch.NUMBER) == epoch ? load<u32>(slot, SentEpoch.COUNT) : 0;
}

/** Whether an epoch is older than the newest two in which was sent: nobody asks for it any more. */
export function isForgottenEpoch(session: usize, epoch: u32): bool {
  return load<u32>(epochSlot(session, epoch), SentEpoch.NUMBER) > epoch;
}

/** The first packet of an epoch that has, or had, a record: 0 unless one went without. */
export function leastInEpoch(session: usize, epoch: u32): u32 {
  return load<u32>(epochSlot(session, epoch), SentEpoch.LEAST);
}

/** Index s of packet n of an epoch, if n lies in leastInEpoch() .. sentInEpoch() - 1. */
export function sentIndex(session: usize, epoch: u32, n: u32): u64 {
  return load<u64>(epochSlot(session, epoch), SentEpoch.BASE) + n;
}

/** A record that nobody asks for any more: acked, or neither in flight nor eliciting. */
function isDone(record: usize, lostBefore: u64): bool {
  const flags = load<u32>(record, SentRecord.FLAGS);
  if (flags & SentFlag.ACKED) return true;
  if (flags & SentFlag.LOST) return load<u64>(record, SentRecord.TIME) < lostBefore;
  return !(flags & (SentFlag.ELICITING | SentFlag.IN_FLIGHT));
}

/**
 * Gives back the oldest records: those that are acked, need no ack, or were given up and went
 * before `lostBefore`. Until then a late ack spares their content another journey.
 */
export function forgetSent(session: usize, lostBefore: u64): void {
  const next = nextSent(session);
  let first = firstSent(session);
  while (first < next && isDone(sentRecord(session, first), lostBefore)) {
    first++;
    if ((first & ENTRY_MASK) != 0) continue;
    const slot = chunkSlot(session, first - 1);
    giveShared(session, Pool.SENT, load<u16>(slot));
    store<u16>(slot, 0);
  }
  store<u64>(session, first, Session.SENT + Sent.FIRST);
}

/** Whether a chunk can be had. */
function hasChunk(session: usize): bool {
  const used = (nextSent(session) >> ENTRY_BITS) - (firstSent(session) >> ENTRY_BITS);
  return used < CHUNKS && shareLeft(session, Pool.SENT) > 0;
}

/** Whether a record can be had without giving up any. */
function hasRoom(session: usize): bool {
  return (nextSent(session) & ENTRY_MASK) != 0 || hasChunk(session);
}

/** Whether a record can be had for one packet more. */
export function roomToSend(session: usize): bool {
  if (hasRoom(session)) return true;
  forgetSent(session, u64.MAX_VALUE);
  return hasRoom(session);
}

/**
 * The same for data: the last records of the last chunk that can be had are for acks and probes, or
 * two sides without room would wait for each other.
 */
export function roomForData(session: usize): bool {
  const left = (<u64>TRANSFER_CHUNK_ENTRIES - nextSent(session)) & ENTRY_MASK;
  if (left > RESERVED || hasChunk(session)) return true;
  forgetSent(session, u64.MAX_VALUE);
  return hasChunk(session);
}

/**
 * Sees to it that packet n of an epoch has index `next`. Where it would not, an epoch begins, or a
 * packet went without a record: what went before that can no more be told by its number.
 */
function placeNumber(slot: usize, epoch: u32, n: u32, next: u64): void {
  if (load<u32>(slot, SentEpoch.NUMBER) != epoch || load<u64>(slot, SentEpoch.BASE) + n != next) {
    store<u32>(slot, epoch, SentEpoch.NUMBER);
    store<u64>(slot, next - n, SentEpoch.BASE);
    store<u32>(slot, n, SentEpoch.LEAST);
  }
  store<u32>(slot, n + 1, SentEpoch.COUNT);
}

/**
 * Makes the record of the packet just sealed: number n of its epoch, `bytes` the whole UDP payload.
 * Its content is zero for the caller to fill (storeContent()); then packetSent() of recovery.ts has
 * to be told what it counts for. 0: there is no room, which roomToSend() tells beforehand.
 */
export function recordSent(session: usize, epochNumber: u32, n: u32, bytes: u32): usize {
  const next = nextSent(session),
    slot = epochSlot(session, epochNumber);
  if ((next & ENTRY_MASK) == 0) {
    forgetSent(session, lateBefore(session));
    if (!roomToSend(session)) return 0;
    store<u16>(chunkSlot(session, next), takeShared(session, Pool.SENT));
  }
  placeNumber(slot, epochNumber, n, next);
  const record = sentRecord(session, next);
  store<u32>(record, epochNumber, SentRecord.EPOCH);
  store<u32>(record, n, SentRecord.N);
  store<u64>(record, now, SentRecord.TIME);
  store<u32>(record, bytes, SentRecord.BYTES);
  store<u64>(session, next + 1, Session.SENT + Sent.NEXT);
  return record;
}

/** Gives back every record. What they carried is nobody's any more. */
export function dropSent(session: usize): void {
  const part = session + Session.SENT;
  for (let i: usize = 0; i < <usize>CHUNKS; i++) {
    const chunk = load<u16>(part + Sent.DIRECTORY + (i << 1));
    if (chunk) giveShared(session, Pool.SENT, chunk);
  }
  memory.fill(part, 0, Session.BYTES - Session.SENT);
}
