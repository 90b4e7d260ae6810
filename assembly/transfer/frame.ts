/**
 * The frame within a packet (reference: transfer sections 1.2, 1.3): 28 bytes of head (FrameHead,
 * big-endian), the payload, padding up to the end. What follows the payload is never a second
 * frame.
 */
import { FrameError, FrameHead, FrameType } from "../core/transfer";

const TYPE_LAST: i32 = FrameType.PATH_RESPONSE;
const FLAGS: u32 = 0x1f;

/** Whether the `length` bytes at `at` are a frame, and if not, why. */
export function checkFrame(at: usize, length: u32): FrameError {
  if (length < <u32>FrameHead.BYTES) return FrameError.TOO_SHORT;
  const typed = checkType(load<u8>(at, FrameHead.TYPE));
  if (typed != FrameError.NONE) return typed;
  if (load<u8>(at, FrameHead.FLAGS) & ~FLAGS) return FrameError.INVALID_FLAGS;
  return fitFrame(length, frameLength(at));
}

/** 01 to 0F are ours, 20 to 3F extensions; 00 and 10 to 1F are reserved, the rest is none. */
function checkType(type: i32): FrameError {
  if (type >= FrameType.DATA && type <= TYPE_LAST) return FrameError.NONE;
  if (type >= FrameType.EXTENSION_FIRST && type <= FrameType.EXTENSION_LAST) {
    return FrameError.NONE;
  }
  return type < FrameType.EXTENSION_FIRST ? FrameError.RESERVED_TYPE : FrameError.INVALID_TYPE;
}

/** Whether a frame of `total` bytes has room for a payload: else PAYLOAD_OVERFLOW. */
export function fitFrame(total: u32, payload: u32): FrameError {
  if (total < <u32>FrameHead.BYTES) return FrameError.PAYLOAD_OVERFLOW;
  return payload > total - FrameHead.BYTES ? FrameError.PAYLOAD_OVERFLOW : FrameError.NONE;
}

/** Payload bytes as the head says. */
export function frameLength(at: usize): u32 {
  return bswap<u16>(load<u16>(at, FrameHead.PAYLOAD_LENGTH));
}

/**
 * Writes what a head says besides salt and numbers, which sealPacket() does: type, flags, stream,
 * offset, payload length. The payload goes to at + 28.
 */
export function writeFrameHead(
  at: usize,
  type: u32,
  flags: u32,
  stream: u32,
  offset: u64,
  payload: u32,
): void {
  store<u8>(at, <u8>type, FrameHead.TYPE);
  store<u8>(at, <u8>flags, FrameHead.FLAGS);
  store<u16>(at, bswap<u16>(<u16>stream), FrameHead.STREAM);
  store<u64>(at, bswap<u64>(offset), FrameHead.OFFSET);
  store<u16>(at, bswap<u16>(<u16>payload), FrameHead.PAYLOAD_LENGTH);
}
