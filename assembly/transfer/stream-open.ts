/**
 * How streams begin: ours, the peer's, and those that a frame speaks of before their STREAM_OPEN
 * came (reference: transfer section 5). Limits are on streams that are open at once; expedited ones
 * are counted apart, to the same limit. GOAWAY of either side (goaway.ts) lets no new ones begin.
 */
import { TRANSFER_METADATA_BYTES_MAX } from "../core/limits";
import {
  CloseError,
  OpenRefusal,
  StreamResetError,
  TransferEvent,
  TransferEventKind,
} from "../core/transfer";
import { Pool } from "../core/transfer-memory";
import { mayStart } from "./begin-room";
import { endOwn, noteTakenIn, Side, takeOwn } from "./blocks";
import { now } from "./clock";
import { beginEvent, endEvent, eventRoom } from "./events";
import { startWindows, want, wantOfSession } from "./flow";
import { frameStream, payloadAt } from "./frame-view";
import { EVENT_PAYLOAD_MAX, keepBytes, messagePayload } from "./messages";
import { OpenPayload, readU16BE, readU32BE } from "./payload";
import { entryAt } from "./pool";
import { takeShared } from "./pool-share";
import { offerReading, stopReceiving } from "./receive-side";
import { giveUpSending, offerRoom, refreshSending } from "./send-side";
import { sessionHandle } from "./session-head";
import {
  hasFlag,
  Mark,
  Offer,
  Part,
  partOf,
  SessionWant,
  Stream,
  StreamFlag,
  sessionOfStream,
  setFlag,
  Want,
} from "./stream";
import {
  lookForRoom,
  mark,
  mayKeepMetadata,
  mayOpen,
  offerStreams,
  settle,
  waitForRoom,
} from "./stream-events";
import { setRank } from "./stream-queues";
import {
  addStream,
  comesTooLate,
  countOpened,
  dropMetadata,
  EXPEDITED_BIT,
  findStream,
  freeFrom,
  freeStream,
  isGoingAway,
  isOwnNumber,
  isStreamNumber,
  nextNumber,
  noteNumber,
  notePeerNumber,
  openStreams,
  REST_EPOCHS,
  takeBackNumber,
  wasGiven,
  withdrawNumber,
} from "./stream-table";
import { holdsEpoch } from "./unacked-ends";
import { Handled } from "./verdict";

/** Losses of a STREAM_OPEN after each of which it goes again at once; and the longest wait then. */
const LOST_AT_ONCE: u32 = 3;
const OPEN_WAIT_US_MAX: u64 = 5000000;
/** Streams of a session, open or waiting for the host: twice those that may be open, and these. */
const SPARE_STREAMS: u32 = 64;
/** In a slot of metadata: a link of messages.ts, which is zero; their length, u16; the bytes. */
const enum Metadata {
  LENGTH = 8,
  BYTES = 12,
}
/** Why openStream() opened none (OpenRefusal). */
export let openRefusal: u32 = 0;

function refuseOpen(session: usize, refusal: u32, halves: u32 = 0): u32 {
  openRefusal = refusal;
  const part = partOf(session);
  if (refusal == OpenRefusal.LIMIT || refusal == OpenRefusal.NUMBERS) {
    store<u8>(part, Offer.OWED, Part.AVAILABLE);
  }
  if (refusal == OpenRefusal.ROOM) waitForRoom(session, halves);
  const limit = load<u32>(part, Part.LIMIT_LOCAL) + 1;
  if (refusal == OpenRefusal.LIMIT && load<u32>(part, Part.STREAMS_TOLD) != limit) {
    wantOfSession(session, SessionWant.STREAMS_BLOCKED);
  }
  return 0;
}

/**
 * Opens a stream: type 0 goes one way, 1 both; its priority; whether it is expedited. The metadata
 * lie at `from`. The stream's handle; 0: none, and openRefusal says why.
 */
export function openStream(
  session: usize,
  type: u32,
  priority: u32,
  expedited: bool,
  from: usize,
  length: u32,
): u32 {
  const part = partOf(session),
    halves: u32 = type ? 2 : 1;
  openRefusal = OpenRefusal.NONE;
  if (isGoingAway(session)) {
    return refuseOpen(session, OpenRefusal.GOING_AWAY);
  }
  if (length > TRANSFER_METADATA_BYTES_MAX) return refuseOpen(session, OpenRefusal.METADATA);
  if (openStreams(session, true, expedited) >= load<u32>(part, Part.LIMIT_LOCAL)) {
    return refuseOpen(session, OpenRefusal.LIMIT);
  }
  if (!mayOpen(session, halves) || (length && !mayKeepMetadata(session))) {
    return refuseOpen(session, OpenRefusal.ROOM, halves);
  }
  const number = nextNumber(session, expedited);
  if (number == 0) return refuseOpen(session, OpenRefusal.NUMBERS);
  const flags =
    StreamFlag.LOCAL | StreamFlag.OPENED | StreamFlag.SENDS | (type ? StreamFlag.RECEIVES : 0);
  const stream = addStream(session, number, flags, load<u32>(part, Part.EPOCH));
  if (stream == 0 || !isProvided(stream, type, from, length)) {
    if (stream) freeStream(stream);
    takeBackNumber(session, expedited);
    return refuseOpen(session, OpenRefusal.ROOM, halves);
  }
  store<u8>(stream, type ? 1 : 0, Stream.TYPE);
  store<u8>(stream, priority, Stream.PRIORITY);
  startWindows(stream, load<u64>(part, Part.OWN_WINDOW), load<u64>(part, Part.PEER_WINDOW));
  want(stream, Want.OPEN);
  return load<u32>(stream, Stream.HANDLE);
}

/** Takes what a stream of ours has for itself; false: there is no room. */
function isProvided(stream: usize, type: u32, from: usize, length: u32): bool {
  if (!takeOwn(stream, Side.SEND) || (type && !takeOwn(stream, Side.RECEIVE))) return false;
  return length == 0 || keepMetadata(stream, from, length);
}

function keepMetadata(stream: usize, from: usize, length: u32): bool {
  const session = sessionOfStream(stream),
    slot = takeShared(session, Pool.MESSAGES),
    part = partOf(session);
  if (slot == 0) return false;
  store<u32>(stream, slot, Stream.METADATA);
  store<u32>(part, load<u32>(part, Part.METADATA_SLOTS) + 1, Part.METADATA_SLOTS);
  store<u16>(entryAt(Pool.MESSAGES, slot), length, Metadata.LENGTH);
  memory.copy(entryAt(Pool.MESSAGES, slot) + Metadata.BYTES, from, length);
  return true;
}

/** Length of the metadata of a stream of ours. */
export function metadataLength(stream: usize): u32 {
  const slot = load<u32>(stream, Stream.METADATA);
  return slot ? load<u16>(entryAt(Pool.MESSAGES, slot), Metadata.LENGTH) : 0;
}
export function metadataAt(stream: usize): usize {
  return entryAt(Pool.MESSAGES, load<u32>(stream, Stream.METADATA)) + Metadata.BYTES;
}

/** The peer has our STREAM_OPEN. */
export function openAcked(stream: usize): void {
  noteTakenIn(stream);
  setFlag(stream, StreamFlag.OPEN_ACKED);
  store<u64>(stream, 0, Stream.OPEN_AT);
  dropMetadata(stream);
  refreshSending(stream);
  offerRoom(stream);
}

/**
 * Our STREAM_OPEN was lost. A peer whose application takes no streams does not ack it, however
 * often it comes: after a few times it waits, longer each time, so that it leaves the way to data.
 */
export function openLost(stream: usize): void {
  if (hasFlag(stream, StreamFlag.OPEN_ACKED)) return;
  const lost = load<u8>(stream, Stream.OPEN_LOST) + 1,
    part = partOf(sessionOfStream(stream));
  store<u8>(stream, min(lost, 32), Stream.OPEN_LOST);
  refreshSending(stream);
  if (lost <= LOST_AT_ONCE) {
    want(stream, Want.OPEN);
    return;
  }
  // No longer where a rekey may wait for it.
  const wait = load<u64>(part, Part.PTO) << (holdsEpoch(stream) ? 0 : lost - LOST_AT_ONCE);
  store<u64>(stream, now + min(wait, OPEN_WAIT_US_MAX), Stream.OPEN_AT);
  armOpen(stream);
}

/** The next rekey waits for it from now on: a wait that has doubled is one probe timeout. */
export function tryOpenSoon(stream: usize): void {
  const at = load<u64>(stream, Stream.OPEN_AT),
    soon = now + load<u64>(partOf(sessionOfStream(stream)), Part.PTO);
  if (at <= soon) return;
  store<u64>(stream, soon, Stream.OPEN_AT);
  armOpen(stream);
}

/** Sends STREAM_OPEN again if its time has come, else sees that it will. */
export function openAgain(stream: usize): void {
  const at = load<u64>(stream, Stream.OPEN_AT);
  if (at == 0) return;
  if (at > now) armOpen(stream);
  else {
    store<u64>(stream, 0, Stream.OPEN_AT);
    want(stream, Want.OPEN);
  }
}

function armOpen(stream: usize): void {
  lookForRoom(sessionOfStream(stream), load<u64>(stream, Stream.OPEN_AT));
}

/** What the frame is answered with when admit() has no stream for it. */
export let admitVerdict: u32 = 0;

/**
 * The stream that the frame in view speaks of; a new one of the peer's is made, if the frame is one
 * that `makes` it. 0: there is none, and admitVerdict is what the handler says.
 */
export function admit(session: usize, epoch: u32, makes: bool): usize {
  const number = frameStream;
  admitVerdict = Handled.CLOSE + CloseError.PROTOCOL;
  if (!isStreamNumber(number)) return 0;
  const stream = findStream(session, number);
  if (stream && epoch < load<u32>(stream, Stream.BORN)) {
    admitVerdict = Handled.OK;
    return 0;
  }
  if (isOwnNumber(session, number)) {
    if (stream == 0 && wasGiven(session, number)) admitVerdict = Handled.OK;
    return stream;
  }
  if (stream) {
    // Over so long ago that its number names another now; the host may still be reading it.
    if (!hasFlag(stream, StreamFlag.OVER)) return stream;
    const free = load<u32>(stream, Stream.OVER_EPOCH) + REST_EPOCHS;
    if (epoch < free) return stream;
    admitVerdict = Handled.NO_ROOM;
    if (!makes || !noteNumber(stream)) return 0;
    withdrawNumber(stream);
    return admitNew(session, number, free);
  }
  const free = freeFrom(session, number);
  admitVerdict = Handled.OK;
  if (epoch < free) return 0;
  admitVerdict = Handled.NO_ROOM;
  return makes ? admitNew(session, number, free) : 0;
}

/** A new stream of the peer's, whose frames come in epochs from `born` on. */
function admitNew(session: usize, number: u32, born: u32): usize {
  const part = partOf(session),
    expedited = (number & EXPEDITED_BIT) != 0;
  admitVerdict = Handled.CLOSE + CloseError.STREAM_LIMIT;
  if (openStreams(session, false, expedited) >= load<u32>(part, Part.LIMIT_PEER)) return 0;
  admitVerdict = Handled.NO_ROOM;
  // Those that are over may wait for the host, but not without end.
  const limits = load<u32>(part, Part.LIMIT_PEER) + load<u32>(part, Part.LIMIT_LOCAL);
  if (load<u32>(part, Part.COUNT) >= 2 * limits + SPARE_STREAMS) return 0;
  if (!mayStart(session, Pool.STREAMS, false, 1)) return 0;
  const stream = addStream(session, number, StreamFlag.RECEIVES, born);
  if (stream == 0) return 0;
  startWindows(stream, load<u64>(part, Part.OWN_WINDOW), 0);
  if (comesTooLate(session, number)) {
    setFlag(stream, StreamFlag.REFUSED);
    stopReceiving(stream);
    return stream;
  }
  // Both at once, though it may go one way: streams with one block each would wait for others'.
  const both = mayStart(session, Pool.BLOCKS, false, 2);
  if (!both || !takeOwn(stream, Side.RECEIVE) || !takeOwn(stream, Side.SEND)) {
    freeStream(stream);
    return 0;
  }
  notePeerNumber(session, number);
  return stream;
}

/** STREAM_OPEN. The host is told, with the metadata; or nothing is kept and it comes again. */
export function onStreamOpen(session: usize, _frame: usize, epoch: u32): u32 {
  if (eventRoom() == 0) return Handled.NO_ROOM;
  if (isStreamNumber(frameStream) && isOwnNumber(session, frameStream)) {
    return Handled.CLOSE + CloseError.PROTOCOL;
  }
  const type = load<u8>(payloadAt, OpenPayload.TYPE),
    known = findStream(session, frameStream),
    stream = admit(session, epoch, true);
  if (stream == 0) return admitVerdict;
  if (hasFlag(stream, StreamFlag.OPENED)) {
    if (type == load<u8>(stream, Stream.TYPE)) return Handled.OK;
    return Handled.CLOSE + CloseError.PROTOCOL;
  }
  // Metadata that never find a slot would come again without end.
  if (readU16BE(payloadAt + OpenPayload.METADATA_LENGTH) > EVENT_PAYLOAD_MAX) {
    return Handled.CLOSE + CloseError.PROTOCOL;
  }
  if (!hasFlag(stream, StreamFlag.REFUSED) && !tellOpened(stream, type)) {
    if (stream != known) freeStream(stream);
    return Handled.NO_ROOM;
  }
  store<u8>(stream, type, Stream.TYPE);
  setRank(stream, load<u8>(payloadAt, OpenPayload.PRIORITY));
  setFlag(stream, StreamFlag.OPENED | StreamFlag.OPEN_ACKED | (type ? StreamFlag.SENDS : 0));
  if (!hasFlag(stream, StreamFlag.REFUSED)) countOpened(session, frameStream);
  if (type) store<u64>(stream, readU32BE(payloadAt + OpenPayload.WINDOW), Stream.SEND_LIMIT);
  else endOwn(stream, Side.SEND);
  if (hasFlag(stream, StreamFlag.REFUSED)) giveUpSending(stream, StreamResetError.NONE);
  else {
    mark(stream, 0);
    offerReading(stream);
  }
  settle(stream);
  return Handled.OK;
}

/** False: the ring, the slots, or the host that takes no streams has no room for one more. */
function tellOpened(stream: usize, type: u32): bool {
  const session = sessionOfStream(stream),
    part = partOf(session),
    untaken = load<u32>(part, Part.UNTAKEN),
    length = readU16BE(payloadAt + OpenPayload.METADATA_LENGTH);
  // What a peer opens and ends at once is over for its limit, and yet lies with the host.
  if (untaken >= 2 * load<u32>(part, Part.LIMIT_PEER)) return false;
  let slot: u32 = 0;
  if (length) {
    slot = keepBytes(session, payloadAt + OpenPayload.METADATA, length);
    if (slot == 0) return false;
  }
  const event = beginEvent(TransferEventKind.STREAM_OPENED, sessionHandle(session));
  store<u32>(event, load<u32>(stream, Stream.HANDLE), TransferEvent.STREAM);
  store<u32>(event, load<u16>(stream, Stream.NUMBER), TransferEvent.NUMBER);
  store<u64>(event, type, TransferEvent.VALUE);
  store<u32>(event, load<u8>(payloadAt, OpenPayload.PRIORITY), TransferEvent.CODE);
  if (slot) {
    store<u32>(event, slot, TransferEvent.SLOT);
    store<u32>(event, <u32>messagePayload(slot), TransferEvent.OFFSET);
    store<u32>(event, length, TransferEvent.LENGTH);
  }
  endEvent();
  store<u32>(part, untaken + 1, Part.UNTAKEN);
  return true;
}

/** The host has taken one of the streams that it was told of. False: it had taken them all. */
export function acceptStream(session: usize): bool {
  const part = partOf(session),
    untaken = load<u32>(part, Part.UNTAKEN);
  if (untaken) store<u32>(part, untaken - 1, Part.UNTAKEN);
  return untaken != 0;
}

/** MAX_STREAMS: we may hold so many open, if it was fewer. */
export function raiseLocalLimit(session: usize, limit: u32): void {
  const part = partOf(session);
  if (limit <= load<u32>(part, Part.LIMIT_LOCAL)) return;
  store<u32>(part, min(limit, 16384), Part.LIMIT_LOCAL);
  offerStreams(session);
}

/** Lets the peer hold more streams open. */
export function raisePeerLimit(session: usize, limit: u32): void {
  const part = partOf(session);
  if (limit <= load<u32>(part, Part.LIMIT_PEER)) return;
  store<u32>(part, min(limit, 16384), Part.LIMIT_PEER);
  wantOfSession(session, SessionWant.MAX_STREAMS);
}

/** The peer wants no more of what we send: it is given up, and the host told. */
export function peerStops(stream: usize, error: u32): void {
  if (!hasFlag(stream, StreamFlag.SENDS) || hasFlag(stream, StreamFlag.RESET)) return;
  store<u8>(stream, min(error, 255), Stream.PEER_STOP_ERROR);
  if (giveUpSending(stream, StreamResetError.NONE)) mark(stream, Mark.STOPPED);
}

/** PRIORITY_UPDATE, or the host's own word: the peer is told of the latter. */
export function setPriority(stream: usize, priority: u32, tell: bool): void {
  if (load<u8>(stream, Stream.PRIORITY) == priority) return;
  setRank(stream, priority);
  if (tell) want(stream, Want.PRIORITY);
  refreshSending(stream);
}
