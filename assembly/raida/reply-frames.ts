/**
 * Frames of the engine's own (1.125 MiB), for replies that outgrow their request's frame and for
 * effects (effects.ts). The host gives one back with release() when the reply has been sent. 32 at
 * the most for each worker, so one word of bits tells which are taken.
 */
import { add32 } from "../core/atomics";
import { LOADS } from "../core/control";
import { Flag } from "../core/layout";
import { DATAGRAM_BYTES_MAX, FILE_BYTES_MAX, REPLY_FRAME_BYTES } from "../core/limits";
import { REPLY_FRAMES, replyFrames } from "../core/memory";
import { inReplyFrame } from "../core/rings";
import { Status } from "../core/status";
import * as context from "./context";
import { Outcome } from "./context";
import { HMAC_BYTES, TRAILER_BYTES } from "./header";

let taken: u32 = 0;

/** A free reply frame, or 0. */
export function takeReplyFrame(): usize {
  const index = ctz<u32>(~taken);
  if (taken == u32.MAX_VALUE || index >= replyFrames) return 0;
  taken |= 1 << index;
  return REPLY_FRAMES + <usize>index * REPLY_FRAME_BYTES;
}

/** Gives the frame at `offset` back. Statuses: OK, INVALID_ARGUMENT. */
export function releaseReplyFrame(offset: usize): Status {
  const index = <u32>((offset - REPLY_FRAMES) / REPLY_FRAME_BYTES);
  if (offset < REPLY_FRAMES || index >= replyFrames || (taken & (1 << index)) == 0)
    return Status.INVALID_ARGUMENT;
  taken &= ~(1 << index);
  // Parked requests may wait for it: news to them, as a load is.
  add32(LOADS, 1);
  return Status.OK;
}

/** Result of makeRoom(). */
export const enum Room {
  /** context.body() has it. */
  FOUND,
  /** All frames are out; one will come back. */
  WAIT,
  /** So much never fits here. */
  NEVER,
}

/** Bytes of the largest reply body: what a reply frame has, or what a datagram can carry. */
export function replyBytesMax(): u32 {
  if ((context.flags & Flag.DATAGRAM) == 0) return FILE_BYTES_MAX;
  return DATAGRAM_BYTES_MAX - context.headerBytes - HMAC_BYTES - TRAILER_BYTES;
}

/**
 * Finds room for a reply body of up to `bytes`: in the request's own buffer, or in a reply frame.
 * Asked after the pages are held: a request that has to run again gives the frame back.
 */
export function makeRoom(bytes: u32): Room {
  const all = context.headerBytes + bytes + HMAC_BYTES + TRAILER_BYTES;
  if (bytes > replyBytesMax()) return Room.NEVER;
  if (all <= context.capacity) return Room.FOUND;
  if (replyFrames == 0) return Room.NEVER;
  const frame = takeReplyFrame();
  if (!frame) return Room.WAIT;
  context.useReplyFrame(frame);
  return Room.FOUND;
}

/** Ends a run for which there was no room; nothing is held any more. */
export function noRoom(room: Room): Outcome {
  return room == Room.WAIT ? Outcome.PARK : context.refuse(Status.MEMORY);
}

/** A run ends without an answer: the frame that it took for one goes back. */
export function letReplyFrameGo(): void {
  if (inReplyFrame(context.reply)) releaseReplyFrame(context.reply);
  context.useReplyFrame(context.message);
}
