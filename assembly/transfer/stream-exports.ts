/**
 * What the host calls of streams (index.ts exports it under these names, with "transfer" in front).
 * Streams are handles; a call that names none that lives answers INVALID_ARGUMENT, or 0 bytes.
 */
import { TRANSFER } from "../core/memory";
import { Status } from "../core/status";
import { Compression, OpenRefusal, TransferBlock } from "../core/transfer";
import { goAway } from "./goaway";
import { makeReady } from "./ready";
import { consumed, nextReadable, readAt, readOffset, setUnordered } from "./receive-side";
import { askRekey } from "./rekey";
import { finishStream, giveUpSending, roomAt, writeRoom, written } from "./send-side";
import { lifeOf } from "./session";
import { tellWaiting } from "./session-events";
import { Head, Life, sessionOf } from "./session-head";
import { StreamFlag, sessionOfStream, setFlag, streamOf } from "./stream";
import { acceptStream, openRefusal, openStream, setPriority } from "./stream-open";
import { stopStream, streamInfo } from "./streams";

const ARGUMENTS = TransferBlock.ARGUMENTS;

/** Bits of `kind` of streamOpen(); the priority is the byte above them. */
const enum OpenKind {
  BIDI = 1,
  EXPEDITED = 2,
  UNORDERED = 4,
  /** It packs what we send, where that gains enough; not in obfuscation Full. */
  PACKS = 8,
}

function mayPack(session: usize): bool {
  return load<u8>(session, Head.COMPRESSION) == Compression.BOTH_WAYS;
}

function live(handle: u32): usize {
  return TRANSFER ? streamOf(handle) : 0;
}

/** Ends a call after which there may be something to send or to tell. */
function touched(session: usize, done: bool): Status {
  makeReady(session);
  tellWaiting(session);
  return done ? Status.OK : Status.WRONG_STATE;
}

function offsetOf(low: u32, high: u32): u64 {
  return ((<u64>high) << 32) | low;
}

/**
 * Opens a stream of a kind (OpenKind), whose metadata are the first `length` bytes of ARGUMENTS:
 * its handle. 0: none, and ARGUMENTS hold why, a u32 (OpenRefusal); STREAMS_AVAILABLE tells when to
 * try again.
 */
export function streamOpen(handle: u32, kind: u32, length: u32): u32 {
  const session = TRANSFER ? sessionOf(handle) : 0;
  if (!session || lifeOf(session) != Life.OPEN) {
    if (TRANSFER) store<u32>(TRANSFER + ARGUMENTS, OpenRefusal.CLOSED);
    return 0;
  }
  const type: u32 = kind & OpenKind.BIDI ? 1 : 0,
    expedited = (kind & OpenKind.EXPEDITED) != 0,
    from = TRANSFER + ARGUMENTS,
    opened = openStream(session, type, (kind >> 8) & 0xff, expedited, from, length);
  if (opened && kind & OpenKind.UNORDERED) setUnordered(streamOf(opened));
  if (opened && kind & OpenKind.PACKS && mayPack(session)) {
    setFlag(streamOf(opened), StreamFlag.PACKS);
  }
  // Numbers are used again when an epoch is over.
  if (!opened && openRefusal == OpenRefusal.NUMBERS) askRekey(session);
  store<u32>(from, openRefusal);
  touched(session, true);
  return opened;
}

/**
 * The host has taken one of the streams that STREAM_OPENED told of, whichever. Of those it has not
 * taken there are twice as many as the peer may hold open, at the most: what comes beyond is not
 * acked, and comes again.
 */
export function streamAccepted(handle: u32): Status {
  const session = TRANSFER ? sessionOf(handle) : 0;
  if (!session) return Status.INVALID_ARGUMENT;
  return acceptStream(session) ? Status.OK : Status.WRONG_STATE;
}

/** From now on the host reads a stream in any order; WRONG_STATE: it has begun to read. */
export function streamUnordered(handle: u32): Status {
  const stream = live(handle);
  if (!stream) return Status.INVALID_ARGUMENT;
  return touched(sessionOfStream(stream), setUnordered(stream));
}

/**
 * Bytes, up to `length`, that can be written at an offset, at the address that ARGUMENTS then hold
 * (u32). 0: there is no room, and STREAM_WRITABLE tells when there is. written() must follow.
 */
export function streamRoom(handle: u32, low: u32, high: u32, length: u32): u32 {
  const stream = live(handle),
    bytes = stream ? writeRoom(stream, offsetOf(low, high), length) : 0;
  if (bytes) store<u32>(TRANSFER + ARGUMENTS, <u32>roomAt);
  return bytes;
}

/** Takes over what was written where streamRoom() said; 0 bytes if none were. */
export function streamWritten(handle: u32, low: u32, high: u32, length: u32): Status {
  const stream = live(handle);
  if (!stream) return Status.INVALID_ARGUMENT;
  const session = sessionOfStream(stream);
  return touched(session, written(stream, offsetOf(low, high), length));
}

/** Nothing more will be written. */
export function streamFinish(handle: u32): Status {
  const stream = live(handle);
  if (!stream) return Status.INVALID_ARGUMENT;
  return touched(sessionOfStream(stream), finishStream(stream));
}

/** Gives up sending, for a StreamResetError. */
export function streamReset(handle: u32, error: u32): Status {
  const stream = live(handle);
  if (!stream) return Status.INVALID_ARGUMENT;
  return touched(sessionOfStream(stream), giveUpSending(stream, error));
}

/** Wants no more of what comes. */
export function streamStop(handle: u32): Status {
  const stream = live(handle);
  if (!stream) return Status.INVALID_ARGUMENT;
  const session = sessionOfStream(stream);
  return touched(session, stopStream(stream));
}

/** 0 to 255, higher first; the peer is told. */
export function streamPriority(handle: u32, priority: u32): Status {
  const stream = live(handle);
  if (!stream || priority > 255) return Status.INVALID_ARGUMENT;
  setPriority(stream, priority, true);
  return touched(sessionOfStream(stream), true);
}

/**
 * Bytes that can be read: ARGUMENTS then hold the address (u32) and, from byte 8 on, the offset in
 * the stream (u64). 0: none, and STREAM_READABLE tells when there are. They stay until consumed().
 */
export function streamReadable(handle: u32): u32 {
  const stream = live(handle),
    bytes = stream ? nextReadable(stream) : 0;
  if (bytes == 0) return 0;
  store<u32>(TRANSFER + ARGUMENTS, <u32>readAt);
  store<u64>(TRANSFER + ARGUMENTS, readOffset, 8);
  return bytes;
}

/** Gives back bytes that streamReadable() has handed out, in any order and in parts. */
export function streamConsumed(handle: u32, low: u32, high: u32, length: u32): Status {
  const stream = live(handle);
  if (!stream) return Status.INVALID_ARGUMENT;
  const session = sessionOfStream(stream);
  return touched(session, consumed(stream, offsetOf(low, high), length));
}

/** Writes a stream's figures to ARGUMENTS (StreamFact). */
export function streamFacts(handle: u32): Status {
  const stream = live(handle);
  if (!stream) return Status.INVALID_ARGUMENT;
  streamInfo(stream, TRANSFER + ARGUMENTS);
  return Status.OK;
}

/**
 * Tells the peer that no new streams are taken, for a GoAwayError; the reason, UTF-8, is the first
 * `length` bytes of ARGUMENTS. WRONG_STATE: it was told before, or there is no room.
 */
export function goaway(handle: u32, error: u32, length: u32): Status {
  const session = TRANSFER ? sessionOf(handle) : 0;
  if (!session || lifeOf(session) != Life.OPEN) return Status.INVALID_ARGUMENT;
  return touched(session, goAway(session, error, TRANSFER + ARGUMENTS, length));
}
