/**
 * Payloads of the frame types (reference: transfer section 1.4), without the ACK block that may
 * stand before them. Numbers are big-endian. Error codes are not looked at: what they mean is for
 * whoever reads them, and an unknown one ends no session.
 */

import { ControlType, FrameFlag, FrameType } from "../core/transfer";
import { isUtf8 } from "../core/utf8";
import { ACK_HEAD_BYTES, ackBytes, ackCount } from "./ack";

/** Offsets within a payload, and its length where it is always the same. */
export const enum DataPayload {
  /** Only with SYN: the first 16 bytes of the chunk's BLAKE3. */
  HASH = 0,
  HASH_BYTES = 16,
}
export const enum ControlPayload {
  TYPE = 0,
  DATA = 2,
  /** MAX_STREAMS and STREAMS_BLOCKED: a limit of 4 bytes. */
  STREAMS_BYTES = 6,
  /** STREAM_BLOCKED and DATA_BLOCKED: one of 8. */
  BLOCKED_BYTES = 10,
  /** PRIORITY_UPDATE: one byte. */
  PRIORITY_BYTES = 3,
  /** RESET_TOKEN: CID bytes 0 to 4, token. */
  RESET_PREFIX = 2,
  RESET_TOKEN = 6,
  RESET_BYTES = 22,
}
export const enum RekeyPayload {
  REPRESENTATIVE = 0,
  NUMBER = 32,
  BYTES = 52,
}
export const enum PingPayload {
  ID = 0,
  TIME = 8,
  BYTES = 16,
}
export const enum ClosePayload {
  ERROR = 0,
  REASON_LENGTH = 4,
  REASON = 6,
}
export const enum OpenPayload {
  TYPE = 0,
  PRIORITY = 1,
  WINDOW = 2,
  METADATA_LENGTH = 6,
  METADATA = 8,
}
/** STREAM_CLOSE and STREAM_RESET. */
export const enum EndPayload {
  ERROR = 0,
  SIZE = 4,
  BYTES = 12,
}
export const enum WindowPayload {
  INCREMENT = 0,
  BYTES = 8,
}
export const enum GoAwayPayload {
  LAST_STREAM = 0,
  ERROR = 4,
  REASON_LENGTH = 8,
  REASON = 10,
}
export const enum PathPayload {
  BYTES = 8,
}

/** 2^62 - 1: no offset, size or window is above it. */
export const OFFSET_MAX: u64 = 0x3fffffffffffffff;

export function readU16BE(at: usize): u32 {
  return bswap<u16>(load<u16>(at));
}
export function readU32BE(at: usize): u32 {
  return bswap<u32>(load<u32>(at));
}
export function readU64BE(at: usize): u64 {
  return bswap<u64>(load<u64>(at));
}

/**
 * Whether the `length` bytes at `at` are a payload of this type with these flags. Lengths must fit
 * to the byte; what follows a payload is padding of the frame. False is FRAME_ENCODING.
 */
export function checkPayload(type: u32, flags: u32, at: usize, length: u32): bool {
  // Nothing but data is ever compressed; what an extension's flags mean is its own.
  const isPlain = type != FrameType.DATA && <i32>type < FrameType.EXTENSION_FIRST;
  if (isPlain && (flags & FrameFlag.CMP) != 0) return false;
  switch (type) {
    case FrameType.DATA:
      return (flags & FrameFlag.SYN) == 0 || length >= <u32>DataPayload.HASH_BYTES;
    case FrameType.ACK:
      return (flags & FrameFlag.ACK) == 0 && checkAck(at, length);
    case FrameType.CONTROL:
      return checkControl(at, length);
    case FrameType.REKEY:
      return length == <u32>RekeyPayload.BYTES;
    case FrameType.PING:
    case FrameType.PONG:
      return length == <u32>PingPayload.BYTES;
    case FrameType.CLOSE:
      return checkReason(at, length, ClosePayload.REASON);
    case FrameType.STREAM_OPEN:
      return checkOpen(at, length);
    case FrameType.STREAM_CLOSE:
    case FrameType.STREAM_RESET:
      return length == <u32>EndPayload.BYTES && readU64BE(at + EndPayload.SIZE) <= OFFSET_MAX;
    case FrameType.WINDOW_UPDATE:
      return length == <u32>WindowPayload.BYTES; // the increment is ignored, whatever it is
    case FrameType.GOAWAY:
      if (!checkReason(at, length, GoAwayPayload.REASON)) return false;
      return readU32BE(at + GoAwayPayload.LAST_STREAM) <= 0xffff;
    case FrameType.PATH_CHALLENGE:
    case FrameType.PATH_RESPONSE:
      return length == <u32>PathPayload.BYTES;
  }
  return true; // PAD and extensions
}

/** As many ranges as it counts; what they say is for ackBlockBytes(). */
function checkAck(at: usize, length: u32): bool {
  return length >= ACK_HEAD_BYTES && length == ackBytes(ackCount(at));
}

/** A BLOCKED may leave its limit out; what types without a name carry is for whoever has them. */
function checkControl(at: usize, length: u32): bool {
  if (length < <u32>ControlPayload.DATA) return false;
  const empty = length == <u32>ControlPayload.DATA;
  switch (readU16BE(at)) {
    case ControlType.MAX_STREAMS:
      return length == <u32>ControlPayload.STREAMS_BYTES;
    case ControlType.STREAMS_BLOCKED:
      return empty || length == <u32>ControlPayload.STREAMS_BYTES;
    case ControlType.STREAM_BLOCKED:
    case ControlType.DATA_BLOCKED:
      return empty || length == <u32>ControlPayload.BLOCKED_BYTES;
    case ControlType.PRIORITY_UPDATE:
      return length == <u32>ControlPayload.PRIORITY_BYTES;
    case ControlType.RESET_TOKEN:
      return length == <u32>ControlPayload.RESET_BYTES;
  }
  return true;
}

/** A reason of UTF-8 up to the end, its length in the two bytes before it. */
function checkReason(at: usize, length: u32, reason: u32): bool {
  if (length < reason) return false;
  const bytes = readU16BE(at + reason - 2);
  return length == reason + bytes && isUtf8(at + reason, bytes);
}

function checkOpen(at: usize, length: u32): bool {
  if (length < <u32>OpenPayload.METADATA) return false;
  if (load<u8>(at, OpenPayload.TYPE) > 1) return false;
  return length == <u32>OpenPayload.METADATA + readU16BE(at + OpenPayload.METADATA_LENGTH);
}
