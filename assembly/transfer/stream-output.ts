/**
 * What streams have to send, frame by frame: what was lost, then control frames, then data by
 * priority, expedited streams first, equals in turn.
 */
import { ControlType, FrameFlag, FrameHead, FrameType, StreamCloseError } from "../core/transfer";
import { copyOut, Side } from "./blocks";
import { now } from "./clock";
import {
  CONTENT_AGAIN,
  CONTENT_STOP,
  Content,
  setContent,
  setContentDetails,
  setContentRange,
} from "./content";
import {
  bookSent,
  grantBeyond,
  grantOfSession,
  grantOfStream,
  mayGrant,
  mayTellRoom,
  sessionCredit,
  streamCredit,
} from "./flow";
import { packedBytes } from "./pack";
import { ControlPayload, EndPayload, OpenPayload } from "./payload";
import { triedPeer } from "./peer-room";
import { highestEnd, lowestEnd, lowestFirst, rangeSum, removeRange } from "./ranges";
import { offerRoom, refreshSending } from "./send-side";
import {
  hasFlag,
  Part,
  partOf,
  SessionWant,
  Stream,
  StreamFlag,
  sessionOfStream,
  setFlag,
  Want,
} from "./stream";
import { noteOver } from "./stream-events";
import { metadataAt, metadataLength } from "./stream-open";
import { packData } from "./stream-pack";
import { dequeue, firstOf, Queue, rotate } from "./stream-queues";
import { noteEnd } from "./unacked-ends";

const PAYLOAD_MAX: u32 = 65535;

/** Writes a frame's head; the payload's length follows from what is returned. */
function head(at: usize, type: u32, flags: u32, number: u32): usize {
  memory.fill(at, 0, FrameHead.BYTES);
  store<u8>(at, type, FrameHead.TYPE);
  store<u8>(at, flags, FrameHead.FLAGS);
  store<u16>(at, bswap<u16>(<u16>number), FrameHead.STREAM);
  return at + FrameHead.BYTES;
}

/** Ends a frame with its payload's length; the frame's length. */
function ended(at: usize, payload: u32): u32 {
  store<u16>(at, bswap<u16>(<u16>payload), FrameHead.PAYLOAD_LENGTH);
  return FrameHead.BYTES + payload;
}

function numberOf(stream: usize): u32 {
  return load<u16>(stream, Stream.NUMBER);
}
function handleOf(stream: usize): u32 {
  return load<u32>(stream, Stream.HANDLE);
}

/** Whether data that was never sent may go now; if the session's limit forbids, it is told so. */
function mayData(session: usize): bool {
  if (firstOf(session, Queue.EXPEDITED)) return true;
  if (firstOf(session, Queue.DATA) == 0) return false;
  if (sessionCredit(session)) return true;
  const part = partOf(session),
    limit = load<u64>(part, Part.SEND_LIMIT) + 1;
  if (load<u64>(part, Part.BLOCKED_TOLD) != limit) {
    store<u32>(part, load<u32>(part, Part.WANT) | SessionWant.DATA_BLOCKED, Part.WANT);
  }
  return false;
}

/** Whether writeStreamFrame() has anything to write, given the room. */
export function hasStreamOutput(session: usize): bool {
  if (firstOf(session, Queue.RETRANSMIT) || firstOf(session, Queue.CONTROL)) return true;
  return mayData(session) || load<u32>(partOf(session), Part.WANT) != 0;
}

/**
 * Writes one frame, head and payload (at + 28), into `room` bytes: its length; 0: nothing fits.
 * What it carries is left in content.ts; nonce and sequence of the head are the packet's.
 */
export function writeStreamFrame(session: usize, at: usize, room: u32): u32 {
  if (room <= <u32>FrameHead.BYTES) return 0;
  const lost = firstOf(session, Queue.RETRANSMIT);
  if (lost) {
    rotate(session, Queue.RETRANSMIT);
    return writeData(lost, at, room, true);
  }
  const data = mayData(session);
  const frame = writeControl(session, at, room);
  if (frame || !data) return frame;
  const expedited = firstOf(session, Queue.EXPEDITED),
    queue: u32 = expedited ? Queue.EXPEDITED : Queue.DATA,
    stream = firstOf(session, queue);
  rotate(session, queue);
  return writeData(stream, at, room, false);
}

/** Bytes of a stream: those that were lost, or those that wait. */
export function writeData(stream: usize, at: usize, room: u32, lost: bool): u32 {
  const set = stream + (lost ? Stream.LOST : Stream.PENDING),
    first = lowestFirst(set),
    payloadMax = min(room - FrameHead.BYTES, PAYLOAD_MAX);
  let bytes = lowestEnd(set) - first;
  if (!lost) {
    bytes = min(bytes, streamCredit(stream));
    if (!hasFlag(stream, StreamFlag.EXPEDITED)) {
      bytes = min(bytes, sessionCredit(sessionOfStream(stream)));
    }
  }
  const packed = packData(stream, first, bytes, at + FrameHead.BYTES, payloadMax);
  bytes = packed ? <u64>packedBytes : min(bytes, <u64>payloadMax);
  const end = first + bytes;
  removeRange(set, first, end);
  if (!lost) bookSent(stream, bytes);
  let flags: u32 = hasFlag(stream, StreamFlag.EXPEDITED) ? FrameFlag.PRI : 0;
  if (hasFlag(stream, StreamFlag.FINISHING) && end == highestEnd(stream + Stream.WRITTEN)) {
    flags |= FrameFlag.FIN;
  }
  if (packed) flags |= FrameFlag.CMP;
  const payload = head(at, FrameType.DATA, flags, numberOf(stream));
  store<u64>(at, bswap<u64>(first), FrameHead.OFFSET);
  if (!packed) copyOut(stream, Side.SEND, first, payload, <u32>bytes);
  setContent(Content.DATA, handleOf(stream));
  setContentRange(first, <u32>bytes);
  setContentDetails(lost ? CONTENT_AGAIN : 0, 0);
  triedPeer(stream);
  refreshSending(stream);
  if (!lost) offerRoom(stream);
  return ended(at, packed ? packed : <u32>bytes);
}

/** The first control frame that fits. */
export function writeControl(session: usize, at: usize, room: u32): u32 {
  const wants = load<u32>(partOf(session), Part.WANT);
  if (wants) {
    const frame = writeSessionControl(session, at, room, wants & (0 - wants));
    if (frame) return frame;
  }
  let stream = firstOf(session, Queue.CONTROL);
  // A stream whose frame is not wanted any more leaves the queue; so this ends.
  while (stream) {
    const frame = writeWanted(stream, at, room, u32.MAX_VALUE);
    if (frame == TOO_LONG) {
      rotate(session, Queue.CONTROL);
      return 0;
    }
    if (frame) return frame;
    stream = firstOf(session, Queue.CONTROL);
  }
  return 0;
}

/** The first frame that a stream wants, of these (Want bits): TOO_LONG, or its bytes. */
function writeWanted(stream: usize, at: usize, room: u32, which: u32): u32 {
  const wanted = load<u32>(stream, Stream.WANT),
    next = wanted & which & (0 - (wanted & which)),
    frame = next ? writeStreamControl(stream, at, room, next) : 0;
  if (frame == TOO_LONG) return frame;
  const left = load<u32>(stream, Stream.WANT) & ~next;
  store<u32>(stream, left, Stream.WANT);
  if (left == 0) dequeue(stream, Queue.CONTROL);
  return frame;
}

/** A frame that a stream needs to be over at the peer, of those that it wants; 0: none. */
export function writeEnding(stream: usize, at: usize, room: u32): u32 {
  const frame = writeWanted(stream, at, room, Want.OPEN | Want.CLOSE | Want.RESET);
  return frame == TOO_LONG ? 0 : frame;
}

/** What writeStreamControl() says of a frame that does not fit. */
const TOO_LONG: u32 = u32.MAX_VALUE;

function writeStreamControl(stream: usize, at: usize, room: u32, wanted: u32): u32 {
  if (wanted == Want.OPEN) return writeOpen(stream, at, room);
  if (room < <u32>FrameHead.BYTES + EndPayload.BYTES) return TOO_LONG;
  switch (wanted) {
    case Want.PRIORITY:
      return writePriority(stream, at);
    case Want.RESET:
    case Want.STOP:
    case Want.CLOSE:
      return writeEnd(stream, at, wanted);
    case Want.WINDOW:
      return mayGrant(stream) ? writeWindow(stream, at, 0) : 0;
    case Want.ROOM:
      return mayTellRoom(stream) ? writeWindow(stream, at, 1) : 0;
  }
  return writeBlocked(stream, at);
}

function writeOpen(stream: usize, at: usize, room: u32): u32 {
  const length = metadataLength(stream),
    bytes: u32 = OpenPayload.METADATA + length;
  if (room < <u32>FrameHead.BYTES + bytes) return TOO_LONG;
  const payload = head(at, FrameType.STREAM_OPEN, 0, numberOf(stream)),
    both = load<u8>(stream, Stream.TYPE) != 0,
    window = both ? <u32>min(load<u64>(stream, Stream.GRANTED), u32.MAX_VALUE) : 0;
  store<u8>(payload, both ? 1 : 0, OpenPayload.TYPE);
  store<u8>(payload, load<u8>(stream, Stream.PRIORITY), OpenPayload.PRIORITY);
  store<u32>(payload, bswap<u32>(window), OpenPayload.WINDOW);
  store<u16>(payload, bswap<u16>(<u16>length), OpenPayload.METADATA_LENGTH);
  if (length) memory.copy(payload + OpenPayload.METADATA, metadataAt(stream), length);
  setContent(Content.STREAM_OPEN, handleOf(stream));
  return ended(at, bytes);
}

function writePriority(stream: usize, at: usize): u32 {
  const payload = head(at, FrameType.CONTROL, 0, numberOf(stream)),
    priority = load<u8>(stream, Stream.PRIORITY);
  store<u16>(payload, bswap<u16>(<u16>ControlType.PRIORITY_UPDATE));
  store<u8>(payload, priority, ControlPayload.DATA);
  setContent(Content.STREAM_CONTROL, handleOf(stream));
  setContentRange(0, priority);
  setContentDetails(0, ControlType.PRIORITY_UPDATE);
  return ended(at, ControlPayload.DATA + 1);
}

/** STREAM_CLOSE, clean or as the wish that the peer stop, and STREAM_RESET. */
function writeEnd(stream: usize, at: usize, wanted: u32): u32 {
  const reset = wanted == Want.RESET,
    stop = wanted == Want.STOP;
  if (stop && hasFlag(stream, StreamFlag.PEER_RESET | StreamFlag.RECEIVED_ALL)) return 0;
  const type: u32 = reset ? FrameType.STREAM_RESET : FrameType.STREAM_CLOSE,
    payload = head(at, type, wanted == Want.CLOSE ? FrameFlag.FIN : 0, numberOf(stream));
  let error: u32 = 0;
  if (reset) error = load<u8>(stream, Stream.RESET_ERROR);
  if (stop) error = StreamCloseError.STOPPED;
  store<u32>(payload, bswap<u32>(error), EndPayload.ERROR);
  store<u64>(payload, bswap<u64>(load<u64>(stream, Stream.SENT_SUM)), EndPayload.SIZE);
  setContent(reset ? Content.STREAM_RESET : Content.STREAM_CLOSE, handleOf(stream));
  setContentDetails(stop ? CONTENT_STOP : 0, 0);
  if (reset) setFlag(stream, StreamFlag.RESET_SENT);
  else if (!stop) setFlag(stream, StreamFlag.CLOSE_SENT);
  if (!stop) noteEnd(stream);
  noteOver(stream);
  return ended(at, EndPayload.BYTES);
}

/** WINDOW_UPDATE of a stream, whose limit is higher than the last by `more` at the least. */
function writeWindow(stream: usize, at: usize, more: u64): u32 {
  const before = load<u64>(stream, Stream.GRANTED),
    limit = grantOfStream(stream, before + more);
  setContent(Content.WINDOW_UPDATE, handleOf(stream));
  return writeLimit(at, numberOf(stream), before, limit);
}

/** WINDOW_UPDATE: the limit in the head, the increment in the payload. */
function writeLimit(at: usize, number: u32, before: u64, limit: u64): u32 {
  const payload = head(at, FrameType.WINDOW_UPDATE, 0, number);
  store<u64>(at, bswap<u64>(limit), FrameHead.OFFSET);
  store<u64>(payload, bswap<u64>(limit - before));
  setContentRange(limit, 0);
  return ended(at, 8);
}

/** STREAM_BLOCKED, if the stream still is. */
function writeBlocked(stream: usize, at: usize): u32 {
  if (rangeSum(stream + Stream.PENDING) == 0 || streamCredit(stream)) return 0;
  const limit = load<u64>(stream, Stream.SEND_LIMIT);
  store<u64>(stream, limit + 1, Stream.BLOCKED_TOLD);
  again(sessionOfStream(stream));
  setContent(Content.STREAM_CONTROL, handleOf(stream));
  return writeTold(at, ControlType.STREAM_BLOCKED, numberOf(stream), limit);
}

/** BLOCKED frames go again after a PTO, if things are still so. */
function again(session: usize): void {
  const part = partOf(session);
  store<u64>(part, now + load<u64>(part, Part.PTO), Part.BLOCKED_AT);
}

/** CONTROL that tells a limit of 8 bytes. */
function writeTold(at: usize, type: u32, number: u32, limit: u64): u32 {
  const payload = head(at, FrameType.CONTROL, 0, number);
  store<u16>(payload, bswap<u16>(<u16>type));
  store<u64>(payload, bswap<u64>(limit), ControlPayload.DATA);
  setContentRange(limit, 0);
  setContentDetails(0, type);
  return ended(at, ControlPayload.DATA + 8);
}

function writeSessionControl(session: usize, at: usize, room: u32, wanted: u32): u32 {
  if (room < <u32>FrameHead.BYTES + 10) return 0;
  const part = partOf(session);
  store<u32>(part, load<u32>(part, Part.WANT) & ~wanted, Part.WANT);
  if (wanted == SessionWant.WINDOW || wanted == SessionWant.MORE) {
    const before = load<u64>(part, Part.GRANTED),
      limit = wanted == SessionWant.MORE ? grantBeyond(session) : grantOfSession(session);
    setContent(Content.WINDOW_UPDATE, 0);
    return writeLimit(at, 0, before, limit);
  }
  setContent(Content.STREAM_CONTROL, 0);
  if (wanted == SessionWant.DATA_BLOCKED) {
    const limit = load<u64>(part, Part.SEND_LIMIT);
    store<u64>(part, limit + 1, Part.BLOCKED_TOLD);
    again(session);
    return writeTold(at, ControlType.DATA_BLOCKED, 0, limit);
  }
  const most = wanted == SessionWant.MAX_STREAMS,
    type: u32 = most ? ControlType.MAX_STREAMS : ControlType.STREAMS_BLOCKED,
    limit = most ? load<u32>(part, Part.LIMIT_PEER) : load<u32>(part, Part.LIMIT_LOCAL),
    payload = head(at, FrameType.CONTROL, 0, 0);
  if (!most) {
    store<u32>(part, limit + 1, Part.STREAMS_TOLD);
    again(session);
  }
  store<u16>(payload, bswap<u16>(<u16>type));
  store<u32>(payload, bswap<u32>(limit), ControlPayload.DATA);
  setContentRange(limit, 0);
  setContentDetails(0, type);
  return ended(at, ControlPayload.DATA + 4);
}
