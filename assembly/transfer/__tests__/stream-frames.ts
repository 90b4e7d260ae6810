/** Frames of a hand-made peer, for the specs of streams. */
import { FrameFlag, FrameType } from "../../core/transfer";
import { forge } from "./stream-ends";

/** STREAM_OPEN with priority 9. */
export function opens(number: u32, type: u8 = 0, window: u32 = 0, metadata: u32 = 0): usize {
  const frame = forge(FrameType.STREAM_OPEN, 0, number, 0, 8 + metadata);
  store<u8>(frame, type, 28);
  store<u8>(frame, 9, 29);
  store<u32>(frame, bswap<u32>(window), 30);
  store<u16>(frame, bswap<u16>(<u16>metadata), 34);
  return frame;
}

/** DATA whose bytes are zero. */
export function data(number: u32, offset: u64, length: u32): usize {
  return forge(FrameType.DATA, 0, number, offset, length);
}

/** STREAM_CLOSE or STREAM_RESET. */
export function ends(type: u32, flags: u32, number: u32, error: u32, sum: u64): usize {
  const frame = forge(type, flags, number, 0, 12);
  store<u32>(frame, bswap<u32>(error), 28);
  store<u64>(frame, bswap<u64>(sum), 32);
  return frame;
}

/** STREAM_CLOSE with FIN. */
export function closes(number: u32, sum: u64): usize {
  return ends(FrameType.STREAM_CLOSE, FrameFlag.FIN, number, 0, sum);
}

export function resets(number: u32, error: u32, sum: u64): usize {
  return ends(FrameType.STREAM_RESET, 0, number, error, sum);
}

export function windowUpdate(number: u32, limit: u64): usize {
  return forge(FrameType.WINDOW_UPDATE, 0, number, limit, 8);
}
