/**
 * The streams of a session as a whole: how they begin and end with it, what they do by time, and
 * the calls of the host that end a stream.
 */
import { StreamFact } from "../core/transfer";
import { endOwn, Side } from "./blocks";
import { now } from "./clock";
import { startSessionWindows, want, wantOfSession } from "./flow";
import { tryPeer, tryPeerSoon } from "./peer-room";
import { dropRanges, RangeSet, rangeSum } from "./ranges";
import { readableBytes } from "./readable";
import { stopReceiving } from "./receive-side";
import { offerRoom, refreshSending, resendUnsure } from "./send-side";
import {
  clearFlag,
  hasFlag,
  Mark,
  Offer,
  Part,
  partOf,
  SessionWant,
  Stream,
  StreamFlag,
  setFlag,
  Want,
} from "./stream";
import { mark, noteOver, offerIfRoom, offerStreams, settle, tellStreams } from "./stream-events";
import { openAgain, tryOpenSoon } from "./stream-open";
import { dequeueAll } from "./stream-queues";
import {
  dropSendSide,
  firstStream,
  freeStream,
  shiftNumbers,
  streamBehind,
  withdrawNumber,
} from "./stream-table";
import { holdsEpoch } from "./unacked-ends";

/** Streams that may be open at once, each side (section 5). */
const STREAMS_MAX: u32 = 16384;
/** Until a round trip is known (section 5, 6). */
const FIRST_ROUND_TRIP_US: u64 = 100000;

/** Begins: first windows in bytes, and how many streams each side may hold open. */
export function startStreams(
  session: usize,
  ownWindow: u64,
  peerWindow: u64,
  ownLimit: u32,
  peerLimit: u32,
): void {
  const part = partOf(session);
  startSessionWindows(session, ownWindow, peerWindow);
  // What we let the peer hold open, and what it lets us.
  store<u32>(part, min(ownLimit, STREAMS_MAX), Part.LIMIT_PEER);
  store<u32>(part, min(peerLimit, STREAMS_MAX), Part.LIMIT_LOCAL);
  noteRoundTrip(session, FIRST_ROUND_TRIP_US, 3 * FIRST_ROUND_TRIP_US);
}

/** Smoothed round trip and PTO (without backoff) as they are now, microseconds. */
export function noteRoundTrip(session: usize, smoothedUs: u64, ptoUs: u64): void {
  const part = partOf(session);
  store<u64>(part, smoothedUs, Part.ROUND_TRIP);
  store<u64>(part, ptoUs, Part.PTO);
}

/** From now on the session sends in this epoch. */
export function streamsEpoch(session: usize, epoch: u32): void {
  shiftNumbers(session, epoch);
  for (let stream = firstStream(session); stream; stream = streamBehind(stream)) {
    if (!holdsEpoch(stream)) continue;
    tryOpenSoon(stream);
    tryPeerSoon(stream);
  }
  offerStreams(session);
}

/** Whether no number is left for a new stream until the next epoch: a rekey is due. */
export function wantsNumbers(session: usize): bool {
  return load<u8>(partOf(session), Part.EXHAUSTED) != 0;
}

/** Frees all streams at once; whatever the host holds of them is void. Nothing is told. */
export function dropStreams(session: usize): void {
  while (firstStream(session)) freeStream(firstStream(session));
  dropRest(session);
  store<u64>(partOf(session), 0, Part.EVENTS_AT);
}

/**
 * The session is over. Bytes that came were acked, so the peer holds them for read: of each stream
 * what the host can read in order (or in any, if it does so) stays until it has, or until
 * dropStreams(). All else is freed, and nothing is told of it.
 */
export function cutOffStreams(session: usize): void {
  let stream = firstStream(session);
  while (stream) {
    const next = streamBehind(stream);
    if (isWaitedFor(stream)) cutOff(stream);
    else freeStream(stream);
    stream = next;
  }
  dropRest(session);
}

/** Has the host still to read it, or to hear of its end? */
function isWaitedFor(stream: usize): bool {
  if (!hasFlag(stream, StreamFlag.OPENED) || !hasFlag(stream, StreamFlag.RECEIVES)) return false;
  if (hasFlag(stream, StreamFlag.REFUSED)) return false;
  if (readableBytes(stream) || load<u64>(stream, Stream.HELD)) return true;
  return (load<u32>(stream, Stream.MARKS) & (Mark.FINISHED | Mark.RESET)) != 0;
}

/** Leaves of a stream what came in order. */
function cutOff(stream: usize): void {
  const untold = load<u32>(stream, Stream.MARKS) & (Mark.FINISHED | Mark.RESET);
  dropSendSide(stream);
  dequeueAll(stream);
  store<u32>(stream, 0, Stream.WANT);
  store<u32>(stream, 0, Stream.MARKS);
  clearFlag(stream, StreamFlag.SENDS);
  setFlag(stream, StreamFlag.CUT_OFF | StreamFlag.OPEN_ACKED);
  endOwn(stream, Side.RECEIVE);
  withdrawNumber(stream);
  noteOver(stream);
  if (untold) mark(stream, untold);
}

/** What the streams of a session have in common, but for events that wait. */
function dropRest(session: usize): void {
  const part = partOf(session);
  store<u8>(part, Offer.NONE, Part.AVAILABLE);
  dropRanges(part + Part.CLOSED);
  dropRanges(part + Part.CLOSED + RangeSet.BYTES);
  dropRanges(part + Part.CLOSED + 2 * RangeSet.BYTES);
  store<u32>(part, 0, Part.WANT);
  store<u64>(part, 0, Part.BLOCKED_AT);
  store<u64>(part, 0, Part.ROOM_AT);
}

/** Streams that are not gone yet. */
export function streamCount(session: usize): u32 {
  return load<u32>(partOf(session), Part.COUNT);
}

function earlier(deadline: u64, other: u64): u64 {
  return other != 0 && other < deadline ? other : deadline;
}

/** When onStreamTimer() is to be called; u64.MAX_VALUE: nothing waits for a time. */
export function streamDeadline(session: usize): u64 {
  const part = partOf(session);
  let deadline = earlier(u64.MAX_VALUE, load<u64>(part, Part.BLOCKED_AT));
  deadline = earlier(deadline, load<u64>(part, Part.ROOM_AT));
  return earlier(deadline, load<u64>(part, Part.EVENTS_AT));
}

function isDue(time: u64): bool {
  return time != 0 && time <= now;
}

/** Does what is due; the deadline is a later one then. */
export function onStreamTimer(session: usize): void {
  const part = partOf(session);
  if (isDue(load<u64>(part, Part.EVENTS_AT))) tellStreams(session);
  if (isDue(load<u64>(part, Part.ROOM_AT))) {
    store<u64>(part, 0, Part.ROOM_AT);
    for (let stream = firstStream(session); stream; stream = streamBehind(stream)) {
      resendUnsure(stream);
      offerRoom(stream);
      openAgain(stream);
      if (tryPeer(stream)) refreshSending(stream);
    }
    offerIfRoom(session);
  }
  if (isDue(load<u64>(part, Part.BLOCKED_AT))) {
    store<u64>(part, 0, Part.BLOCKED_AT);
    tellBlocked(session);
  }
}

/** Whoever is still kept from sending by the peer's limits tells it again. */
function tellBlocked(session: usize): void {
  const part = partOf(session);
  if (load<u64>(part, Part.BLOCKED_TOLD) == load<u64>(part, Part.SEND_LIMIT) + 1) {
    store<u64>(part, 0, Part.BLOCKED_TOLD);
  }
  const limit = load<u32>(part, Part.LIMIT_LOCAL) + 1;
  if (load<u8>(part, Part.AVAILABLE) == Offer.OWED && load<u32>(part, Part.STREAMS_TOLD) == limit) {
    wantOfSession(session, SessionWant.STREAMS_BLOCKED);
  }
  for (let stream = firstStream(session); stream; stream = streamBehind(stream)) {
    const told = load<u64>(stream, Stream.BLOCKED_TOLD);
    if (told == 0 || told != load<u64>(stream, Stream.SEND_LIMIT) + 1) continue;
    if (rangeSum(stream + Stream.PENDING)) want(stream, Want.BLOCKED);
  }
}

/** The host takes no more of what comes: the peer is asked to stop. */
export function stopStream(stream: usize): bool {
  const done = stopReceiving(stream);
  settle(stream);
  return done;
}

/** Writes the facts of a stream (StreamFact). */
export function streamInfo(stream: usize, to: usize): void {
  const known = hasFlag(stream, StreamFlag.FINAL_KNOWN);
  store<u64>(to, rangeSum(stream + Stream.WRITTEN), StreamFact.WRITTEN);
  store<u64>(to, load<u64>(stream, Stream.SENT_SUM), StreamFact.SENT);
  store<u64>(to, rangeSum(stream + Stream.ACKED), StreamFact.ACKED);
  store<u64>(to, load<u64>(stream, Stream.SEND_LIMIT), StreamFact.SEND_LIMIT);
  store<u64>(to, rangeSum(stream + Stream.RECEIVED), StreamFact.RECEIVED);
  store<u64>(to, readableBytes(stream), StreamFact.READABLE);
  store<u64>(to, load<u64>(stream, Stream.CONSUMED), StreamFact.CONSUMED);
  const final = known ? load<u64>(stream, Stream.FINAL_SUM) : u64.MAX_VALUE;
  store<u64>(to, final, StreamFact.FINAL);
  store<u64>(to, load<u32>(stream, Stream.FLAGS), StreamFact.FLAGS);
  store<u64>(to, u64(hasFlag(stream, StreamFlag.RECEIVED_ALL)), StreamFact.HAS_ALL);
}
