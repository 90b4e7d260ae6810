/**
 * Frames of streams that came (reference: transfer sections 1.4 and 5). Each handler takes the
 * session, the frame and the epoch of its packet, finds head and payload in frame-view.ts, checked
 * by payload.ts, and says a Handled. All are idempotent.
 */
import {
  CloseError,
  Compression,
  ControlType,
  FrameFlag,
  StreamCloseError,
  TransferEvent,
  TransferEventKind,
} from "../core/transfer";
import { beginEvent, endEvent, eventRoom } from "./events";
import { mayGrant, want, wantOfSession, widenStream } from "./flow";
import { frameFlags, frameOffset, frameStream, payloadAt, payloadLength } from "./frame-view";
import { keepBytes, messagePayload } from "./messages";
import {
  ControlPayload,
  DataPayload,
  EndPayload,
  OFFSET_MAX,
  readU16BE,
  readU32BE,
  readU64BE,
} from "./payload";
import { peerHasRoom } from "./peer-room";
import { readableBytes } from "./readable";
import { makeReady } from "./ready";
import { takeData, takeFinal, takeReset } from "./receive-side";
import { offerRoom, refreshSending } from "./send-side";
import { Head, sessionHandle } from "./session-head";
import { hasFlag, Part, partOf, SessionWant, Stream, StreamFlag, Want } from "./stream";
import { settle } from "./stream-events";
import { admit, admitVerdict, peerStops, raiseLocalLimit, setPriority } from "./stream-open";
import { findStream, freeStream, readerWaits } from "./stream-table";
import { unpackedAt, unpackFrame } from "./unpack";
import { Handled } from "./verdict";

const PROTOCOL_ERROR: u32 = Handled.CLOSE + CloseError.PROTOCOL;
const ENCODING_ERROR: u32 = Handled.CLOSE + CloseError.FRAME_ENCODING;

/** DATA. */
export function onData(session: usize, _frame: usize, epoch: u32): u32 {
  const hashed = (frameFlags & FrameFlag.SYN) != 0,
    hash: u32 = hashed ? DataPayload.HASH_BYTES : 0;
  if (payloadLength < hash) return ENCODING_ERROR;
  if (hashed && eventRoom() == 0) return Handled.NO_ROOM;
  const known = findStream(session, frameStream),
    stream = admit(session, epoch, true);
  if (stream == 0) return admitVerdict;
  if (!hasFlag(stream, StreamFlag.RECEIVES)) return PROTOCOL_ERROR;
  let at = payloadAt + hash,
    length = payloadLength - hash;
  if (frameFlags & FrameFlag.CMP) {
    if (load<u8>(session, Head.COMPRESSION) == Compression.NONE) return ENCODING_ERROR;
    const unpacked = unpackFrame(at, length);
    if (unpacked < 0) return ENCODING_ERROR;
    at = unpackedAt();
    length = unpacked;
  }
  const handled = takeData(stream, frameOffset, at, length);
  if (handled == Handled.OK && hashed) tellHash(session, stream);
  if (handled == Handled.NO_ROOM && stream != known) freeStream(stream);
  else settle(stream);
  return handled;
}

/** A hash is a hint: without a slot for it, the host reads on and has the hash from elsewhere. */
function tellHash(session: usize, stream: usize): void {
  if (!hasFlag(stream, StreamFlag.OPENED) || hasFlag(stream, StreamFlag.REFUSED)) return;
  if (eventRoom() == 0) return;
  const slot = keepBytes(session, payloadAt, DataPayload.HASH_BYTES);
  if (slot == 0) return;
  const event = beginEvent(TransferEventKind.CHUNK_HASH, sessionHandle(session));
  store<u32>(event, load<u32>(stream, Stream.HANDLE), TransferEvent.STREAM);
  store<u32>(event, frameStream, TransferEvent.NUMBER);
  store<u64>(event, frameOffset, TransferEvent.VALUE);
  store<u32>(event, slot, TransferEvent.SLOT);
  store<u32>(event, <u32>messagePayload(slot), TransferEvent.OFFSET);
  store<u32>(event, DataPayload.HASH_BYTES, TransferEvent.LENGTH);
  endEvent();
}

/** STREAM_CLOSE: with FIN the clean end; STOPPED a wish for no more; anything else both halves. */
export function onStreamClose(session: usize, _frame: usize, epoch: u32): u32 {
  const error = readU32BE(payloadAt + EndPayload.ERROR),
    sum = readU64BE(payloadAt + EndPayload.SIZE),
    clean = (frameFlags & FrameFlag.FIN) != 0,
    stream = admit(session, epoch, clean);
  if (stream == 0) return admitVerdict;
  if (clean) {
    if (!hasFlag(stream, StreamFlag.RECEIVES)) return PROTOCOL_ERROR;
    const handled = takeFinal(stream, sum, true);
    settle(stream);
    return handled;
  }
  // Whether the stream goes both ways is known with its STREAM_OPEN only.
  if (!hasFlag(stream, StreamFlag.OPENED)) return Handled.NO_ROOM;
  if (error == StreamCloseError.STOPPED) {
    if (!hasFlag(stream, StreamFlag.SENDS)) return PROTOCOL_ERROR;
  } else if (hasFlag(stream, StreamFlag.RECEIVES)) {
    const handled = takeFinal(stream, sum, false);
    if (handled != Handled.OK) return handled;
    takeReset(stream, 0);
  }
  peerStops(stream, error);
  settle(stream);
  return Handled.OK;
}

/** STREAM_RESET: the peer sends no more, and what it sent need not be kept. */
export function onStreamReset(session: usize, _frame: usize, epoch: u32): u32 {
  const stream = admit(session, epoch, true);
  if (stream == 0) return admitVerdict;
  if (!hasFlag(stream, StreamFlag.RECEIVES)) return PROTOCOL_ERROR;
  const handled = takeFinal(stream, readU64BE(payloadAt + EndPayload.SIZE), false);
  if (handled != Handled.OK) return handled;
  takeReset(stream, readU32BE(payloadAt + EndPayload.ERROR));
  settle(stream);
  return Handled.OK;
}

/** WINDOW_UPDATE: the limit is the header's offset, the increment in the payload counts nothing. */
export function onWindowUpdate(session: usize, _frame: usize, epoch: u32): u32 {
  if (frameOffset > OFFSET_MAX) return Handled.CLOSE + CloseError.FLOW_CONTROL;
  if (frameStream == 0) {
    const part = partOf(session);
    if (frameOffset > load<u64>(part, Part.SEND_LIMIT)) {
      store<u64>(part, frameOffset, Part.SEND_LIMIT);
      makeReady(session);
    }
    return Handled.OK;
  }
  const stream = admit(session, epoch, false);
  if (stream == 0) return admitVerdict;
  if (!hasFlag(stream, StreamFlag.OPENED)) return Handled.NO_ROOM;
  if (!hasFlag(stream, StreamFlag.SENDS)) return PROTOCOL_ERROR;
  if (frameOffset > load<u64>(stream, Stream.SEND_LIMIT)) {
    store<u64>(stream, frameOffset, Stream.SEND_LIMIT);
    peerHasRoom(stream);
    refreshSending(stream);
    offerRoom(stream);
  }
  return Handled.OK;
}

/** Whether onStreamControl() takes a CONTROL of this type. */
export function isStreamControl(type: i32): bool {
  return type >= ControlType.STREAM_BLOCKED && type <= ControlType.PRIORITY_UPDATE;
}

/** The peer has used up a limit of the session. */
function onDataBlocked(session: usize, limit: u64): void {
  const isNewest = limit == load<u64>(partOf(session), Part.GRANTED),
    more = isNewest && readerWaits(session);
  wantOfSession(session, more ? SessionWant.MORE : SessionWant.WINDOW);
}

/** CONTROL of the types that isStreamControl() names; the stream is the header's. */
export function onStreamControl(session: usize, _frame: usize, epoch: u32): u32 {
  const type = readU16BE(payloadAt),
    data = payloadAt + ControlPayload.DATA,
    isBlank = payloadLength == ControlPayload.DATA;
  switch (type) {
    case ControlType.MAX_STREAMS:
      raiseLocalLimit(session, readU32BE(data));
      return Handled.OK;
    case ControlType.STREAMS_BLOCKED:
      wantOfSession(session, SessionWant.MAX_STREAMS);
      return Handled.OK;
    case ControlType.DATA_BLOCKED:
      onDataBlocked(session, isBlank ? 0 : readU64BE(data));
      return Handled.OK;
  }
  const priority = type == ControlType.PRIORITY_UPDATE,
    stream = admit(session, epoch, false);
  if (stream == 0 || !hasFlag(stream, StreamFlag.OPENED)) {
    if (stream == 0 && admitVerdict != Handled.NO_ROOM) return admitVerdict;
    return priority ? Handled.NO_ROOM : Handled.OK;
  }
  if (priority) setPriority(stream, load<u8>(data), false);
  else if (mayGrant(stream)) {
    const isNewest = !isBlank && readU64BE(data) == load<u64>(stream, Stream.GRANTED);
    if (isNewest && readableBytes(stream) == 0) widenStream(stream);
    want(stream, Want.WINDOW);
  }
  return Handled.OK;
}
