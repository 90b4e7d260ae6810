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
import { tookContent } from "./refusal-ping";
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
import { holdsEpoch } from "./unacked-ends";

/** Round trips in which what had gone again was lost, each ack halving them, that are enough. */
const LOST_AGAIN_MAX: u32 = 3;
/** Packets of 1250 bytes in a block; and the credit with which all goes as it did before. */
const BLOCK_PACKETS: u32 = 13;
const CREDIT_ENOUGH: u32 = 64;
/** Microseconds between two tries at the most, as of probes: a peer need not tell of its room. */
const WAIT_US_MAX: u64 = 5000000;
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
    session = sessionOfStream(stream),
    part = partOf(session);
  // It is learnt what is refused: PINGs that tell it need not wait.
  tookContent(session);
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
  tries(sessionOfStream(stream));
  if (credit == 1) wait(stream);
}

/** A packet goes that may well be refused. */
export function tries(session: usize): void {
  store<u8>(partOf(session), 1, Part.TRYING);
}

/**
 * Whether such packets have gone, and nothing behind them; from now on not. What is refused stays
 * in flight, and fills the window, until something behind it is acked: a PING is, by every peer.
 */
export function endTrying(session: usize): bool {
  const part = partOf(session),
    trying = load<u8>(part, Part.TRYING) != 0;
  store<u8>(part, 0, Part.TRYING);
  return trying;
}

/** Nothing goes but in some time. */
function wait(stream: usize): void {
  const session = sessionOfStream(stream),
    tries = holdsEpoch(stream) ? 0 : load<u8>(stream, Stream.TRIES),
    doubled = min<u32>(tries, DOUBLED_MAX),
    wait = min(load<u64>(partOf(session), Part.PTO) << doubled, WAIT_US_MAX);
  store<u64>(stream, now + wait, Stream.TRY_AT);
  lookForRoom(session, now + wait);
}

/** The next rekey waits for it from now on: no longer than a probe timeout. */
export function tryPeerSoon(stream: usize): void {
  const soon = now + load<u64>(partOf(sessionOfStream(stream)), Part.PTO);
  if (mayTryPeer(stream) || load<u64>(stream, Stream.TRY_AT) <= soon) return;
  store<u64>(stream, soon, Stream.TRY_AT);
  lookForRoom(sessionOfStream(stream), soon);
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
