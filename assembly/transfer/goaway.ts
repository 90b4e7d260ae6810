/**
 * GOAWAY (reference: transfer sections 1.4 and 15): no new streams, those up to its number go on to
 * their ends, then CLOSE 0. Expedited numbers (bit 15) are a space of their own, so the number
 * speaks of those of its own kind; streams of the other kind that were under way are refused one by
 * one as they come.
 */
import {
  FrameType,
  StreamCloseError,
  StreamResetError,
  TransferEvent,
  TransferEventKind,
} from "../core/transfer";
import { now } from "./clock";
import { beginEvent, endEvent, eventRoom } from "./events";
import { payloadAt, payloadLength } from "./frame-view";
import { EVENT_PAYLOAD_MAX, keepBytes, messagePayload, newMessage, queueMessage } from "./messages";
import { GoAwayPayload, readU32BE } from "./payload";
import { rangeSum } from "./ranges";
import { takeReset } from "./receive-side";
import { Head, sessionHandle } from "./session-head";
import { hasFlag, Part, partOf, Stream, StreamFlag } from "./stream";
import { settle } from "./stream-events";
import { peerStops } from "./stream-open";
import {
  EXPEDITED_BIT,
  firstStream,
  hasSeenAll,
  isGoingAway,
  plainNumber,
  streamBehind,
} from "./stream-table";
import { Handled } from "./verdict";

/** Reasons of GOAWAY that we send. */
export const GOAWAY_REASON_BYTES_MAX: u32 = 256;
/**
 * With no stream left, how many PTO we wait for one that is not known yet: a STREAM_OPEN goes again
 * after 1, 2, 4 .. PTO, so that one that was lost three times has come by then.
 */
const QUIET_PTOS: u64 = 8;

/**
 * Tells the peer that no new streams are taken: those it opened go on. Reason: UTF-8. False: it was
 * told before, or there is no room for the frame.
 */
export function goAway(session: usize, error: u32, reason: usize, length: u32): bool {
  const part = partOf(session),
    last = load<u32>(part, Part.PEER_HIGHEST);
  if (load<u32>(part, Part.GOAWAY_SENT) || length > GOAWAY_REASON_BYTES_MAX) return false;
  const slot = newMessage(session, FrameType.GOAWAY);
  if (slot == 0) return false;
  const to = messagePayload(slot);
  store<u32>(to, bswap<u32>(last), GoAwayPayload.LAST_STREAM);
  store<u32>(to, bswap<u32>(error), GoAwayPayload.ERROR);
  store<u16>(to, bswap<u16>(<u16>length), GoAwayPayload.REASON_LENGTH);
  memory.copy(to + GoAwayPayload.REASON, reason, length);
  queueMessage(session, slot, GoAwayPayload.REASON + length);
  store<u32>(part, last + 1, Part.GOAWAY_SENT);
  store<u32>(part, load<u32>(part, Part.PEER_HIGHEST + 4) + 1, Part.GOAWAY_SENT + 4);
  return true;
}

/** GOAWAY: streams of ours above its number were not taken, and no new ones are. */
export function onGoAway(session: usize, _frame: usize, _epoch: u32): u32 {
  const number = readU32BE(payloadAt + GoAwayPayload.LAST_STREAM),
    expedited = (number & EXPEDITED_BIT) != 0,
    last = plainNumber(number),
    received = partOf(session) + Part.GOAWAY_RECEIVED + (expedited ? 4 : 0),
    before = load<u32>(received);
  if (before && last >= before - 1) return Handled.OK;
  const bytes = min(payloadLength - GoAwayPayload.REASON, EVENT_PAYLOAD_MAX);
  if (eventRoom() == 0) return Handled.NO_ROOM;
  // A reason too long to be kept is left out: GOAWAY itself must not fail for it.
  const slot = bytes ? keepBytes(session, payloadAt + GoAwayPayload.REASON, bytes) : 0,
    event = beginEvent(TransferEventKind.GOAWAY, sessionHandle(session));
  store<u32>(event, number, TransferEvent.NUMBER);
  store<u32>(event, readU32BE(payloadAt + GoAwayPayload.ERROR), TransferEvent.CODE);
  if (slot) {
    store<u32>(event, slot, TransferEvent.SLOT);
    store<u32>(event, <u32>messagePayload(slot), TransferEvent.OFFSET);
    store<u32>(event, bytes, TransferEvent.LENGTH);
  }
  endEvent();
  store<u32>(received, last + 1);
  let stream = firstStream(session);
  while (stream) {
    const next = streamBehind(stream);
    const above = plainNumber(load<u16>(stream, Stream.NUMBER)) > last;
    if (above && hasFlag(stream, StreamFlag.LOCAL)) {
      if (hasFlag(stream, StreamFlag.EXPEDITED) == expedited) abandon(stream);
    }
    stream = next;
  }
  return Handled.OK;
}

/** The peer will do nothing for a stream of ours. */
function abandon(stream: usize): void {
  peerStops(stream, StreamCloseError.STOPPED);
  if (hasFlag(stream, StreamFlag.RECEIVES) && !hasFlag(stream, StreamFlag.FINAL_KNOWN)) {
    store<u64>(stream, rangeSum(stream + Stream.RECEIVED), Stream.FINAL_SUM);
    takeReset(stream, StreamResetError.NONE);
  }
  settle(stream);
}

/**
 * When a session that is going away may close: u64.MAX_VALUE while streams or messages are left. At
 * once on the side that said GOAWAY, if it has seen every stream that it promised to take; else
 * after a quiet time, since a stream of the peer's may be under way.
 */
export function goAwayDeadline(session: usize, ptoUs: u64): u64 {
  const part = partOf(session);
  if (!isGoingAway(session) || load<u32>(part, Part.COUNT) || load<u32>(session, Head.MESSAGES)) {
    store<u64>(part, 0, Part.GOAWAY_AT);
    return u64.MAX_VALUE;
  }
  if (load<u64>(part, Part.GOAWAY_AT) == 0) {
    const sent = load<u32>(part, Part.GOAWAY_SENT) != 0,
      all = sent && hasSeenAll(session, false) && hasSeenAll(session, true);
    store<u64>(part, all ? now : now + QUIET_PTOS * ptoUs, Part.GOAWAY_AT);
  }
  return load<u64>(part, Part.GOAWAY_AT);
}
