/**
 * The frame that is being handled: its head (section 1.2), read once, and where its payload lies
 * when an ACK block before it (section 1.4) has been taken off.
 */
import { FrameHead } from "../core/transfer";

export let payloadAt: usize = 0;
export let payloadLength: u32 = 0;
export let frameType: u32 = 0;
export let frameFlags: u32 = 0;
export let frameStream: u32 = 0;
export let frameOffset: u64 = 0;

/** Reads the head of a frame that frame.ts has checked. */
export function viewFrame(frame: usize): void {
  frameType = load<u8>(frame, FrameHead.TYPE);
  frameFlags = load<u8>(frame, FrameHead.FLAGS);
  frameStream = bswap<u16>(load<u16>(frame, FrameHead.STREAM));
  frameOffset = bswap<u64>(load<u64>(frame, FrameHead.OFFSET));
  payloadAt = frame + FrameHead.BYTES;
  payloadLength = bswap<u16>(load<u16>(frame, FrameHead.PAYLOAD_LENGTH));
}

/** Takes the first bytes off the payload; the caller knows that it has them. */
export function skipPayload(bytes: u32): void {
  payloadAt += bytes;
  payloadLength -= bytes;
}
