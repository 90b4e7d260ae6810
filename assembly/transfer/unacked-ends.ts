/**
 * Streams whose end has gone and of which the peer has not acked all (reference: transfer sections
 * 4.7, 5). What is sent again carries the epoch of its new packet. The peer knows the number of a
 * stream that is over for two epochs; a frame that came again after that would open a stream that
 * is none, and its bytes come twice. So no epoch is left while an end that had gone before it began
 * is unacked: all frames of a stream that can be over at the peer lie in two epochs.
 *
 * A peer need not ack what it has no room for, and a reader may let it wait for hours; a stream of
 * which it refuses bytes is not over there. It keeps nobody in an epoch: what has gone again in a
 * later epoch than its end and was lost so often that it is no chance (loss-rate.ts), each time
 * after the last was known to be lost and with something behind it acked, lets that epoch go. For
 * the next it counts as an end of this one: the peer may take it in at any time, and its ack may
 * be lost.
 */
import { now } from "./clock";
import { Content } from "./content";
import { Epoch, epochOf } from "./epoch";
import { lossesForSure } from "./loss-rate";
import { SentRecord } from "./sent-record";
import {
  clearFlag,
  hasFlag,
  Part,
  partOf,
  Stream,
  StreamFlag,
  sessionOfStream,
  setFlag,
  streamOf,
} from "./stream";

/** Where the ends are counted that went first in an epoch: the one that is sent in, or before. */
function countOf(session: usize, epoch: u32): usize {
  const part = partOf(session);
  return part + (epoch == load<u32>(part, Part.EPOCH) ? Part.ENDS : Part.ENDS_BEFORE);
}

/** STREAM_CLOSE or STREAM_RESET goes. */
export function noteEnd(stream: usize): void {
  if (hasFlag(stream, StreamFlag.ENDED)) return;
  const session = sessionOfStream(stream),
    epoch = load<u32>(partOf(session), Part.EPOCH),
    count = countOf(session, epoch);
  setFlag(stream, StreamFlag.ENDED | StreamFlag.END_UNACKED);
  store<u32>(stream, epoch, Stream.END_EPOCH);
  store<u32>(count, load<u32>(count) + 1);
}

/** All of the stream that goes is acked, or it is no more. */
export function forgetEnd(stream: usize): void {
  if (!hasFlag(stream, StreamFlag.END_UNACKED)) return;
  clearFlag(stream, StreamFlag.END_UNACKED);
  const count = countOf(sessionOfStream(stream), load<u32>(stream, Stream.END_EPOCH));
  store<u32>(count, load<u32>(count) - 1);
}

/** What the record of a packet tells of was given up. */
export function endLost(stream: usize, record: usize): void {
  if (!hasFlag(stream, StreamFlag.END_UNACKED)) return;
  const number = load<u32>(record, SentRecord.EPOCH),
    epoch = epochOf(sessionOfStream(stream), number);
  if (epoch == 0 || number <= load<u32>(stream, Stream.END_EPOCH)) return;
  if (<i64>load<u32>(record, SentRecord.N) >= load<i64>(epoch, Epoch.LARGEST_ACKED)) return;
  if (load<u64>(record, SentRecord.TIME) < load<u64>(stream, Stream.END_LOST_AT)) return;
  const lost: u32 = load<u8>(stream, Stream.END_LOST) + 1;
  store<u8>(stream, lost, Stream.END_LOST);
  store<u64>(stream, now, Stream.END_LOST_AT);
  if (lost >= lossesForSure(sessionOfStream(stream))) postpone(stream, number);
}

/** The stream is not over at the peer in this epoch: its end is as one that went in it. */
function postpone(stream: usize, epoch: u32): void {
  const session = sessionOfStream(stream),
    before = countOf(session, load<u32>(stream, Stream.END_EPOCH)),
    count = countOf(session, epoch);
  store<u32>(before, load<u32>(before) - 1);
  store<u32>(count, load<u32>(count) + 1);
  store<u32>(stream, epoch, Stream.END_EPOCH);
  store<u8>(stream, 0, Stream.END_LOST);
}

/** Whether the loss of what a record tells of says nothing of the way: the peer may lack room. */
export function mayBeRefused(session: usize, record: usize): bool {
  const kind = load<u8>(record, SentRecord.KIND);
  if (kind == Content.NONE || kind == Content.MESSAGE) return false;
  const stream = streamOf(load<u32>(record, SentRecord.STREAM));
  if (kind != Content.DATA || stream == 0 || sessionOfStream(stream) != session) return true;
  return hasFlag(stream, StreamFlag.END_UNACKED);
}

/** The session sends in another epoch from now on; before Part.EPOCH is set to it. */
export function shiftEnds(session: usize): void {
  const part = partOf(session);
  store<u32>(
    part,
    load<u32>(part, Part.ENDS_BEFORE) + load<u32>(part, Part.ENDS),
    Part.ENDS_BEFORE,
  );
  store<u32>(part, 0, Part.ENDS);
}

/** Whether this is one of the ends for which the session has to stay in its epoch. */
export function holdsEpoch(stream: usize): bool {
  if (!hasFlag(stream, StreamFlag.END_UNACKED)) return false;
  return (
    load<u32>(stream, Stream.END_EPOCH) != load<u32>(partOf(sessionOfStream(stream)), Part.EPOCH)
  );
}

/** Whether there are any. */
export function endsHoldEpoch(session: usize): bool {
  return load<u32>(partOf(session), Part.ENDS_BEFORE) != 0;
}
