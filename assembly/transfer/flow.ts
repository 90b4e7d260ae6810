/**
 * Flow control (reference: transfer section 5): absolute limits on the sum of the bytes of a
 * stream, and of a session, on their first transmission. What a receiver grants grows while its
 * window is used up in less than two round trips. Expedited streams are outside of it all.
 */
import { TRANSFER_BLOCK_BYTES } from "../core/limits";
import { Pool } from "../core/transfer-memory";
import { blocksKept } from "./begin-room";
import { now } from "./clock";
import { OFFSET_MAX } from "./payload";
import { ownerOf, shareSize } from "./pool-share";
import { rangeSum } from "./ranges";
import { makeReady } from "./ready";
import {
  hasFlag,
  Part,
  partOf,
  SessionWant,
  Stream,
  StreamFlag,
  sessionOfStream,
  Want,
} from "./stream";
import { enqueue, Queue } from "./stream-queues";

/** The fields from Stream.CONSUMED and from Part.CONSUMED on, u64 each. */
const enum Window {
  CONSUMED = 0,
  GRANTED = 8,
  BYTES = 16,
  FROM = 24,
  TIME = 32,
}

const STREAM_WINDOW_MAX: u64 = 16 << 20;
const SESSION_WINDOW_MAX: u64 = 64 << 20;
/** By so much may a peer overrun a limit: a chunk that was asked for again. */
const SLACK: u64 = 262144;
/** What is granted at a time to a peer that unread bytes keep from sending. */
const BEYOND: u64 = 65536;

/** Frames of a stream are to go. */
export function want(stream: usize, wants: u32): void {
  store<u32>(stream, load<u32>(stream, Stream.WANT) | wants, Stream.WANT);
  enqueue(stream, Queue.CONTROL);
}

/** Frames of the session's streams as a whole are to go. */
export function wantOfSession(session: usize, wants: u32): void {
  const part = partOf(session);
  store<u32>(part, load<u32>(part, Part.WANT) | wants, Part.WANT);
  makeReady(session);
}

function isFree(stream: usize): bool {
  return hasFlag(stream, StreamFlag.EXPEDITED);
}

/** Bytes that the session may still send for the first time. */
export function sessionCredit(session: usize): u64 {
  const part = partOf(session);
  return load<u64>(part, Part.SEND_LIMIT) - load<u64>(part, Part.SENT_SUM);
}

/** Bytes that the stream may, as far as its own limit goes. */
export function streamCredit(stream: usize): u64 {
  if (isFree(stream)) return u64.MAX_VALUE;
  return load<u64>(stream, Stream.SEND_LIMIT) - load<u64>(stream, Stream.SENT_SUM);
}

/** Bytes go for the first time. */
export function bookSent(stream: usize, bytes: u64): void {
  store<u64>(stream, load<u64>(stream, Stream.SENT_SUM) + bytes, Stream.SENT_SUM);
  if (isFree(stream)) return;
  const part = partOf(sessionOfStream(stream));
  store<u64>(part, load<u64>(part, Part.SENT_SUM) + bytes, Part.SENT_SUM);
}

/** Whether so many new bytes would be more than was granted, with the slack. */
export function overruns(stream: usize, bytes: u64): bool {
  if (isFree(stream)) return false;
  const part = partOf(sessionOfStream(stream)),
    sum = rangeSum(stream + Stream.RECEIVED) + bytes;
  if (sum > load<u64>(stream, Stream.GRANTED) + SLACK) return true;
  return load<u64>(part, Part.RECEIVED_SUM) + bytes > load<u64>(part, Part.GRANTED) + SLACK;
}

/** New bytes of a stream came, or never will, having been given up. */
export function bookReceived(stream: usize, bytes: u64): void {
  if (isFree(stream)) return;
  const part = partOf(sessionOfStream(stream));
  if (load<u64>(part, Part.RECEIVED_SUM) == 0) store<u64>(part, now, Part.WINDOW_TIME);
  store<u64>(part, load<u64>(part, Part.RECEIVED_SUM) + bytes, Part.RECEIVED_SUM);
}

/**
 * The window that is granted now: no more than what the session has room for, but for the first one
 * of a stream, and four of it, which the handshake has told.
 */
function usable(window: usize): u64 {
  const session = ownerOf(window),
    first = load<u64>(partOf(session), Part.OWN_WINDOW),
    least = window == partOf(session) + Part.CONSUMED ? 4 * first : first,
    size = load<u64>(window, Window.BYTES);
  return size <= least ? size : max(least, min(size, roomOf(session)));
}

/** Bytes that a session may hold of what comes, beside streams that may begin yet. */
function roomOf(session: usize): u64 {
  const share = shareSize(session, Pool.BLOCKS),
    kept = (share >> 3) + blocksKept(session);
  return <u64>(share > kept ? share - kept : 0) * TRANSFER_BLOCK_BYTES;
}

/** Takes bytes as consumed; true: half the window is, or more, so that more is to be granted. */
function advance(window: usize, bytes: u64, most: u64, roundTrip: u64): bool {
  const consumed = load<u64>(window, Window.CONSUMED) + bytes,
    size = load<u64>(window, Window.BYTES);
  store<u64>(window, consumed, Window.CONSUMED);
  if (consumed - load<u64>(window, Window.FROM) >= size) {
    if (now - load<u64>(window, Window.TIME) < 2 * roundTrip && size < most) {
      store<u64>(window, min(2 * size, most), Window.BYTES);
    }
    store<u64>(window, consumed, Window.FROM);
    store<u64>(window, now, Window.TIME);
  }
  const granted = load<u64>(window, Window.GRANTED);
  return consumed >= granted || granted - consumed <= usable(window) >> 1;
}

/** The session took bytes of no stream, or of one that is over. */
export function bookSessionConsumed(session: usize, bytes: u64): void {
  const part = partOf(session),
    roundTrip = load<u64>(part, Part.ROUND_TRIP);
  if (advance(part + Part.CONSUMED, bytes, SESSION_WINDOW_MAX, roundTrip)) {
    wantOfSession(session, SessionWant.WINDOW);
  }
}

/** The host took bytes of a stream, or they were thrown away. */
export function bookConsumed(stream: usize, bytes: u64): void {
  const session = sessionOfStream(stream),
    roundTrip = load<u64>(partOf(session), Part.ROUND_TRIP),
    due = advance(stream + Stream.CONSUMED, bytes, STREAM_WINDOW_MAX, roundTrip);
  if (isFree(stream)) return;
  if (due && mayGrant(stream)) want(stream, Want.WINDOW);
  bookSessionConsumed(session, bytes);
}

/** Whether more could be of use to the peer. */
export function mayGrant(stream: usize): bool {
  if (!hasFlag(stream, StreamFlag.RECEIVES) || isFree(stream)) return false;
  const end = StreamFlag.FINAL_KNOWN | StreamFlag.PEER_RESET | StreamFlag.STOPPED;
  return !hasFlag(stream, end | StreamFlag.CUT_OFF);
}

/** Whether the peer may have bytes that found no room, and can be told that there is some. */
export function mayTellRoom(stream: usize): bool {
  if (!hasFlag(stream, StreamFlag.RECEIVES) || isFree(stream)) return false;
  const end = StreamFlag.RECEIVED_ALL | StreamFlag.PEER_RESET | StreamFlag.STOPPED;
  return !hasFlag(stream, end | StreamFlag.CUT_OFF);
}

/**
 * The peer has used all it was granted on a stream, and the host has left nothing unread: the
 * window is what holds it back, as one of two round trips does once packets are lost, for what
 * comes behind a lost one is not consumed. It doubles, once a round trip, the session's with it.
 */
export function widenStream(stream: usize): void {
  const part = partOf(sessionOfStream(stream));
  if (now - load<u64>(stream, Stream.WINDOW_TIME) < load<u64>(part, Part.ROUND_TRIP)) return;
  const size = min(2 * load<u64>(stream, Stream.WINDOW), STREAM_WINDOW_MAX);
  store<u64>(stream, size, Stream.WINDOW);
  store<u64>(stream, load<u64>(stream, Stream.CONSUMED), Stream.WINDOW_FROM);
  store<u64>(stream, now, Stream.WINDOW_TIME);
  if (load<u64>(part, Part.WINDOW) >= 2 * size) return;
  store<u64>(part, min(2 * size, SESSION_WINDOW_MAX), Part.WINDOW);
  wantOfSession(sessionOfStream(stream), SessionWant.WINDOW);
}

/** The limit that a WINDOW_UPDATE tells now: of a stream, or of the session; not below `least`. */
function grant(window: usize, least: u64): u64 {
  const limit = max(load<u64>(window, Window.CONSUMED) + usable(window), min(least, OFFSET_MAX));
  store<u64>(window, max(limit, load<u64>(window, Window.GRANTED)), Window.GRANTED);
  return load<u64>(window, Window.GRANTED);
}
export function grantOfStream(stream: usize, least: u64): u64 {
  return grant(stream + Stream.CONSUMED, least);
}
export function grantOfSession(session: usize): u64 {
  return grant(partOf(session) + Part.CONSUMED, 0);
}

/**
 * Grants more than what was taken calls for: bytes that nobody reads, or that found no room, have
 * used up the session's limit, which must not keep others from the reader that waits for them.
 * What can lie here is bounded by blocks.
 */
export function grantBeyond(session: usize): u64 {
  const part = partOf(session);
  return grant(part + Part.CONSUMED, load<u64>(part, Part.GRANTED) + BEYOND);
}

/** Begins a stream's windows: what the peer may send, what it lets us send. */
export function startWindows(stream: usize, own: u64, peer: u64): void {
  store<u64>(stream, own, Stream.GRANTED);
  store<u64>(stream, own, Stream.WINDOW);
  store<u64>(stream, now, Stream.WINDOW_TIME);
  store<u64>(stream, peer, Stream.SEND_LIMIT);
}

/** Begins the session's, four times those of a stream. */
export function startSessionWindows(session: usize, own: u64, peer: u64): void {
  const part = partOf(session);
  store<u64>(part, 4 * own, Part.GRANTED);
  store<u64>(part, 4 * own, Part.WINDOW);
  store<u64>(part, 4 * peer, Part.SEND_LIMIT);
  store<u64>(part, own, Part.OWN_WINDOW);
  store<u64>(part, peer, Part.PEER_WINDOW);
}
