/** Two sessions in one memory, and the frames of streams that go between them, packet by packet. */

import { Ring } from "../../core/layout";
import { FrameHead, TransferEvent } from "../../core/transfer";
import { Pool, poolSize, TRANSFER_EVENTS, transferEvents } from "../../core/transfer-memory";
import { guarded } from "../../crypto/__tests__/bytes";
import { contentKind, storeContent } from "../content";
import { frameFlags, frameType, payloadAt, payloadLength, viewFrame } from "../frame-view";
import { onGoAway } from "../goaway";
import { dropMessages, releaseBytes } from "../messages";
import { checkPayload } from "../payload";
import { entriesLeft, giveEntry } from "../pool";
import { SentRecord } from "../sent-record";
import { Head, handleEntry, sessionHandle } from "../session-head";
import {
  onData,
  onStreamClose,
  onStreamControl,
  onStreamReset,
  onWindowUpdate,
} from "../stream-input";
import { onStreamOpen } from "../stream-open";
import { streamContentAcked, streamContentLost } from "../stream-outcome";
import { writeStreamFrame } from "../stream-output";
import { dropStreams, startStreams } from "../streams";
import { Handled } from "../verdict";
import { bareSession } from "./configured";

export const ROOM: u32 = 1200;
export const WINDOW: u32 = 65536;

/** A session with streams: so many each way and windows of WINDOW. */
export function newEnd(initiator: bool, streams: u32 = 64): usize {
  const session = bareSession();
  store<u8>(session, initiator ? 1 : 0, Head.INITIATOR);
  startStreams(session, WINDOW, WINDOW, streams, streams);
  return session;
}

export function endEnd(session: usize): void {
  dropStreams(session);
  dropMessages(session);
  giveEntry(Pool.SESSIONS, handleEntry(sessionHandle(session)));
}

/** Whether the pools hold nothing of streams. */
export function isClean(): bool {
  return (
    entriesLeft(Pool.STREAMS) == poolSize(Pool.STREAMS) &&
    entriesLeft(Pool.BLOCKS) == poolSize(Pool.BLOCKS) &&
    entriesLeft(Pool.RANGES) == poolSize(Pool.RANGES) &&
    entriesLeft(Pool.MESSAGES) == poolSize(Pool.MESSAGES)
  );
}

/** Hands a frame to its handler, as a packet of this epoch would. */
export function handle(session: usize, frame: usize, epoch: u32): u32 {
  viewFrame(frame);
  assert(checkPayload(frameType, frameFlags, payloadAt, payloadLength));
  switch (frameType) {
    case 0x01:
      return onData(session, frame, epoch);
    case 0x03:
      return onStreamControl(session, frame, epoch);
    case 0x09:
      return onStreamOpen(session, frame, epoch);
    case 0x0a:
      return onStreamClose(session, frame, epoch);
    case 0x0b:
      return onStreamReset(session, frame, epoch);
    case 0x0c:
      return onWindowUpdate(session, frame, epoch);
    case 0x0d:
      return onGoAway(session, frame, epoch);
  }
  return Handled.CLOSE;
}

/** Packets under way: their frames, and the records that their sender keeps. */
export const PACKETS: u32 = 512;
const SLOT: u32 = 2048;
const frames = guarded(PACKETS * SLOT);
const records = guarded(PACKETS * SentRecord.BYTES_IN_ALL);

export function frameOf(packet: u32): usize {
  return frames + packet * SLOT;
}
export function recordOf(packet: u32): usize {
  return records + packet * SentRecord.BYTES_IN_ALL;
}
export function typeOf(packet: u32): u32 {
  return load<u8>(frameOf(packet), FrameHead.TYPE);
}
export function payloadOf(packet: u32): usize {
  return frameOf(packet) + FrameHead.BYTES;
}
export function lengthOf(packet: u32): u32 {
  return bswap<u16>(load<u16>(frameOf(packet), FrameHead.PAYLOAD_LENGTH));
}
export function offsetOf(packet: u32): u64 {
  return bswap<u64>(load<u64>(frameOf(packet), FrameHead.OFFSET));
}

/** Lets a session write its next frame as this packet; its length, 0: none. */
export function send(session: usize, packet: u32): u32 {
  const length = writeStreamFrame(session, frameOf(packet), ROOM);
  if (length == 0) return 0;
  assert(length <= ROOM && length == lengthOf(packet) + FrameHead.BYTES);
  memory.fill(recordOf(packet), 0, SentRecord.BYTES_IN_ALL);
  assert(contentKind != 0);
  storeContent(recordOf(packet));
  return length;
}

/** The packet arrives: what its handler says; what it says OK to is acked to `from`. */
export function arrive(from: usize, to: usize, packet: u32, epoch: u32): u32 {
  const handled = handle(to, frameOf(packet), epoch);
  if (handled == Handled.OK) streamContentAcked(from, recordOf(packet));
  return handled;
}

export function lose(from: usize, packet: u32): void {
  streamContentLost(from, recordOf(packet));
}

/** Everything that both have to say arrives, in order. */
export function exchange(a: usize, b: usize): void {
  for (let turns = 0; turns < 100000; turns++) {
    if (send(a, 0)) assert(arrive(a, b, 0, 0) == Handled.OK);
    else if (send(b, 0)) assert(arrive(b, a, 0, 0) == Handled.OK);
    else return;
  }
  assert(false, "they never come to rest");
}

/** Writes a frame of a hand-made peer as packet `PACKETS - 1`. */
export function forge(type: u32, flags: u32, number: u32, offset: u64, payload: u32): usize {
  const frame = frameOf(PACKETS - 1);
  memory.fill(frame, 0, FrameHead.BYTES + payload);
  store<u8>(frame, type, FrameHead.TYPE);
  store<u8>(frame, flags, FrameHead.FLAGS);
  store<u16>(frame, bswap<u16>(<u16>number), FrameHead.STREAM);
  store<u64>(frame, bswap<u64>(offset), FrameHead.OFFSET);
  store<u16>(frame, bswap<u16>(<u16>payload), FrameHead.PAYLOAD_LENGTH);
  return frame;
}

const EVENT = guarded(64);
/** Takes the oldest event of the ring; its address, 0: none. Slots are given back. */
export function nextEvent(): usize {
  const tail = load<u32>(TRANSFER_EVENTS, Ring.TAIL);
  if (tail == load<u32>(TRANSFER_EVENTS, Ring.HEAD)) return 0;
  const entry =
    TRANSFER_EVENTS + Ring.ENTRIES + <usize>(tail & (transferEvents - 1)) * Ring.ENTRY_BYTES;
  memory.copy(EVENT, entry, 64);
  store<u32>(TRANSFER_EVENTS, tail + 1, Ring.TAIL);
  if (load<u32>(EVENT, TransferEvent.SLOT)) releaseBytes(load<u32>(EVENT, TransferEvent.SLOT));
  return EVENT;
}

/** The kind of the oldest event, which is taken; 0: none. */
export function nextKind(): u32 {
  const event = nextEvent();
  return event ? load<u32>(event, TransferEvent.KIND) : 0;
}
export function eventStream(): u32 {
  return load<u32>(EVENT, TransferEvent.STREAM);
}
export function eventCode(): u32 {
  return load<u32>(EVENT, TransferEvent.CODE);
}
export function eventValue(): u64 {
  return load<u64>(EVENT, TransferEvent.VALUE);
}
export function eventNumber(): u32 {
  return load<u32>(EVENT, TransferEvent.NUMBER);
}

export function dropEvents(): void {
  while (nextEvent());
}
