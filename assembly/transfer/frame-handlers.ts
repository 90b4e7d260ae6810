/**
 * What each type of frame does (section 1.3, 1.4). Streams, recovery and rekey have handlers of
 * their own; here is the way to them and what is the session's.
 */
import {
  CloseError,
  ControlType,
  FrameFlag,
  FrameType,
  TransferEvent,
  TransferEventKind,
} from "../core/transfer";
import { ackBlockBytes } from "./ack";
import { now } from "./clock";
import { beginEvent, endEvent, eventRoom, SessionBit, tell } from "./events";
import {
  frameFlags,
  frameOffset,
  frameStream,
  frameType,
  payloadAt,
  payloadLength,
  skipPayload,
} from "./frame-view";
import { onGoAway } from "./goaway";
import { EVENT_PAYLOAD_MAX, keepBytes, messagePayload } from "./messages";
import { openedEpoch } from "./packet";
import { Answered, onChallenge, onResponse } from "./path";
import { checkPayload } from "./payload";
import { onAckBlock } from "./recovery";
import { onRekey } from "./rekey";
import { peerClosed, restartPath } from "./session";
import { Head, Life, sessionHandle } from "./session-head";
import { onResetToken } from "./session-reset";
import {
  isStreamControl,
  onData,
  onStreamClose,
  onStreamControl,
  onStreamReset,
  onWindowUpdate,
} from "./stream-input";
import { onStreamOpen } from "./stream-open";
import { Handled } from "./verdict";

const PONGS_MAX: u32 = 2;

/** PATH_* and PAD are the probing frames (section 6). */
export function isProbing(): bool {
  if (frameType == FrameType.PATH_CHALLENGE || frameType == FrameType.PATH_RESPONSE) return true;
  return frameType == FrameType.PAD;
}

/** ACK, PAD and CLOSE want no ack. */
export function isEliciting(): bool {
  if (frameType == FrameType.ACK || frameType == FrameType.PAD) return false;
  return frameType != FrameType.CLOSE;
}

/** Handles the viewed frame, which came by `path` in a packet of so many bytes. */
export function handleFrame(session: usize, frame: usize, path: usize, bytes: u32): u32 {
  const refused = load<u8>(session, Head.LIFE) != Life.OPEN && frameType != FrameType.CLOSE;
  if (refused) return Handled.OK;
  const acked = takeAckBlock(session);
  if (acked != Handled.OK) return acked;
  if (!checkPayload(frameType, frameFlags, payloadAt, payloadLength)) {
    return Handled.CLOSE + CloseError.FRAME_ENCODING;
  }
  switch (frameType) {
    case FrameType.ACK:
      return onAck(session);
    case FrameType.CONTROL:
      return onControl(session, frame);
    case FrameType.REKEY:
      return onRekey(session, openedEpoch);
    case FrameType.PING:
      return onPing(session);
    case FrameType.PONG:
      return onPong(session);
    case FrameType.CLOSE:
      return onClose(session);
    case FrameType.PAD:
      return Handled.OK;
    case FrameType.PATH_CHALLENGE:
      onChallenge(path, payloadAt, bytes);
      return Handled.OK;
    case FrameType.PATH_RESPONSE:
      return onPathResponse(session);
  }
  if (<i32>frameType >= FrameType.EXTENSION_FIRST) return onExtension(session);
  return onStreamFrame(session, frame);
}

function onStreamFrame(session: usize, frame: usize): u32 {
  switch (frameType) {
    case FrameType.DATA:
      return onData(session, frame, openedEpoch);
    case FrameType.STREAM_OPEN:
      return onStreamOpen(session, frame, openedEpoch);
    case FrameType.STREAM_CLOSE:
      return onStreamClose(session, frame, openedEpoch);
    case FrameType.STREAM_RESET:
      return onStreamReset(session, frame, openedEpoch);
    case FrameType.WINDOW_UPDATE:
      return onWindowUpdate(session, frame, openedEpoch);
  }
  return onGoAway(session, frame, openedEpoch);
}

/** An ACK block in front of the payload lists numbers of the packet's own epoch. */
function takeAckBlock(session: usize): u32 {
  if (!(frameFlags & FrameFlag.ACK) || frameType == FrameType.REKEY) return Handled.OK;
  if (frameType == FrameType.ACK) return Handled.CLOSE + CloseError.FRAME_ENCODING;
  const bytes = ackBlockBytes(payloadAt, payloadLength);
  if (bytes == 0) return Handled.CLOSE + CloseError.FRAME_ENCODING;
  // Where we have closed, what was sent is not kept: nobody asks what became of it.
  const isOpen = load<u8>(session, Head.LIFE) == Life.OPEN,
    handled = isOpen ? onAckBlock(session, openedEpoch, payloadAt, bytes) : Handled.OK;
  skipPayload(bytes);
  return handled;
}

/** The offset names the epoch: the packet's, or the one before. */
function onAck(session: usize): u32 {
  const before = openedEpoch > 0 && frameOffset == openedEpoch - 1;
  if (frameOffset != openedEpoch && !before) return Handled.CLOSE + CloseError.FRAME_ENCODING;
  return onAckBlock(session, <u32>frameOffset, payloadAt, payloadLength);
}

/** The newest PINGs are answered; a flood of them is not kept. */
function onPing(session: usize): u32 {
  const owed = min<u32>(load<u8>(session, Head.PONGS_OWED), PONGS_MAX - 1);
  v128.store(session + Head.PONGS + <usize>owed * 16, v128.load(payloadAt));
  store<u8>(session, owed + 1, Head.PONGS_OWED);
  return Handled.OK;
}

function onPong(session: usize): u32 {
  const asked = load<u64>(session, Head.PING_TIME);
  if (asked == 0 || bswap<u64>(load<u64>(payloadAt)) != load<u64>(session, Head.PING_ID)) {
    return Handled.OK;
  }
  store<u64>(session, 0, Head.PING_TIME);
  store<u64>(session, now - asked, Head.PONG_US);
  tell(session, SessionBit.PONG);
  return Handled.OK;
}

function onClose(session: usize): u32 {
  const error = bswap<u32>(load<u32>(payloadAt)),
    length = bswap<u16>(load<u16>(payloadAt, 4));
  peerClosed(session, error, payloadAt + 6, length);
  return Handled.OK;
}

function onPathResponse(session: usize): u32 {
  const answered = onResponse(session, payloadAt);
  if (answered == Answered.NOTHING) return Handled.OK;
  if (answered != Answered.CURRENT) {
    restartPath(session, answered == Answered.MOVED);
    // What is no probe tells the peer to follow.
    store<u8>(session, 1, Head.PING_WANTED);
  }
  tell(session, SessionBit.MIGRATED);
  return Handled.OK;
}

function onControl(session: usize, frame: usize): u32 {
  const type: i32 = bswap<u16>(load<u16>(payloadAt));
  if (isStreamControl(type)) {
    return onStreamControl(session, frame, openedEpoch);
  }
  if (type == ControlType.RESET_TOKEN) return onResetToken(session);
  // Nobody knows the others below the application's.
  if (type < ControlType.APPLICATION) return Handled.OK;
  return tellFrame(session, TransferEventKind.CONTROL, type, 2);
}

function onExtension(session: usize): u32 {
  return tellFrame(session, TransferEventKind.EXTENSION, frameStream, 0);
}

/** Hands a frame's payload, without its first `skip` bytes, to the host. */
function tellFrame(session: usize, kind: TransferEventKind, number: u32, skip: u32): u32 {
  const length = payloadLength - skip;
  // Of a jumbo packet: as if nobody here knew its type.
  if (length > EVENT_PAYLOAD_MAX) return Handled.OK;
  if (eventRoom() == 0) return Handled.NO_ROOM;
  const slot = keepBytes(session, payloadAt + skip, length),
    entry = slot ? beginEvent(kind, sessionHandle(session)) : 0;
  if (!entry) return Handled.NO_ROOM;
  store<u32>(entry, number, TransferEvent.NUMBER);
  store<u64>(entry, frameOffset, TransferEvent.VALUE);
  store<u32>(entry, frameType, TransferEvent.CODE);
  store<u32>(entry, slot, TransferEvent.SLOT);
  store<u32>(entry, <u32>messagePayload(slot), TransferEvent.OFFSET);
  store<u32>(entry, length, TransferEvent.LENGTH);
  endEvent();
  return Handled.OK;
}
