/**
 * Bytes that the peer has no room for, since nobody reads them there. It acks none of them, so they
 * count as lost, and what was lost goes before what never went: streams that lie unread would keep
 * the way from the one that is read. So when bytes that had gone again are lost in several round
 * trips with no ack in between, while something behind them is acked, the stream's packets go by
 * credit: two for each that is acked, a block's worth when a higher limit tells that its reader
 * goes on, and one in ever longer times else. Whoever changes the credit here puts the stream into
 * its queues (send-side.ts).
 */
import { now } from "./clock";
import { Head } from "./session-head";
import {
  clearFlag,
  hasFlag,
  Part,
  partOf,
  Stream,
  StreamFlag,
  sessionOfStream,
  setFlag,
} from "./stream";
import { lookForRoom } from "./stream-events";

/** Round trips in which what had gone again was lost, each ack halving them, that are enough. */
const LOST_AGAIN_MAX: u32 = 3;
/** Packets of 1250 bytes in a block; and the credit with which all goes as it did before. */
const BLOCK_PACKETS: u32 = 13;
const CREDIT_ENOUGH: u32 = 64;
/** Microseconds between two tries at the most: a peer may tell of its room, and need not. */
const WAIT_US_MAX: u64 = 1000000;
const DOUBLED_MAX: u32 = 16;

function creditOf(stream: usize): u32 {
  return load<u8>(stream, Stream.CREDIT);
}

/** Whether a packet with its bytes may go. */
export function mayTryPeer(stream: usize): bool {
  return !hasFlag(stream, StreamFlag.PEER_FULL) || creditOf(stream) != 0;
}

/** Bytes that had gone again were lost again; what went after them was acked. */
export function lostAgain(stream: usize): void {
  if (hasFlag(stream, StreamFlag.PEER_FULL) || now < load<u64>(stream, Stream.TRY_AT)) return;
  const lost: u32 = load<u8>(stream, Stream.LOST_AGAIN) + 1,
    part = partOf(sessionOfStream(stream));
  store<u8>(stream, lost, Stream.LOST_AGAIN);
  store<u64>(stream, now + load<u64>(part, Part.ROUND_TRIP), Stream.TRY_AT);
  if (lost < LOST_AGAIN_MAX) return;
  setFlag(stream, StreamFlag.PEER_FULL);
  store<u8>(stream, 0, Stream.CREDIT);
  store<u8>(stream, 0, Stream.TRIES);
  wait(stream);
}

/** Bytes of it were acked for the first time; whether that gave credit. */
export function peerTook(stream: usize): bool {
  if (!hasFlag(stream, StreamFlag.PEER_FULL)) {
    store<u8>(stream, load<u8>(stream, Stream.LOST_AGAIN) >> 1, Stream.LOST_AGAIN);
    return false;
  }
  give(stream, creditOf(stream) + 2);
  return true;
}

/** The peer raised the stream's limit: its reader has gone on. */
export function peerHasRoom(stream: usize): void {
  if (hasFlag(stream, StreamFlag.PEER_FULL)) give(stream, max(creditOf(stream), BLOCK_PACKETS));
}

function give(stream: usize, credit: u32): void {
  store<u8>(stream, credit, Stream.CREDIT);
  store<u8>(stream, 0, Stream.TRIES);
  if (credit >= CREDIT_ENOUGH) {
    clearFlag(stream, StreamFlag.PEER_FULL);
    store<u8>(stream, 0, Stream.LOST_AGAIN);
  }
}

/** A packet with its bytes goes. */
export function triedPeer(stream: usize): void {
  const credit = creditOf(stream);
  if (!hasFlag(stream, StreamFlag.PEER_FULL) || credit == 0) return;
  store<u8>(stream, credit - 1, Stream.CREDIT);
  if (credit == 1) wait(stream);
}

/**
 * Nothing goes but in some time. What has gone stays in flight, and fills the window, until
 * something behind it is acked: a PING is, by every peer.
 */
function wait(stream: usize): void {
  const session = sessionOfStream(stream),
    doubled = min<u32>(load<u8>(stream, Stream.TRIES), DOUBLED_MAX),
    wait = min(load<u64>(partOf(session), Part.PTO) << doubled, WAIT_US_MAX);
  store<u8>(session, 1, Head.PING_WANTED);
  store<u64>(stream, now + wait, Stream.TRY_AT);
  lookForRoom(session, now + wait);
}

/** Whether the time has come that one more packet may go; else sees that it will. */
export function tryPeer(stream: usize): bool {
  if (mayTryPeer(stream)) return false;
  const at = load<u64>(stream, Stream.TRY_AT);
  if (at > now) {
    lookForRoom(sessionOfStream(stream), at);
    return false;
  }
  const tries: u32 = load<u8>(stream, Stream.TRIES);
  store<u8>(stream, min(tries + 1, DOUBLED_MAX), Stream.TRIES);
  store<u8>(stream, 1, Stream.CREDIT);
  return true;
}
