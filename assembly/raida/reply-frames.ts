/**
 * Frames of the engine's own, for replies that outgrow their request's frame. The host gives one
 * back with release() when the reply has been sent. 32 at the most for each worker, so one word of
 * bits tells which are free.
 */
import { add32 } from "../core/atomics";
import { LARGE_FRAME_BYTES } from "../core/limits";
import { LOADS, REPLY_FRAMES, replyFrames } from "../core/memory";
import { Status } from "../core/status";

let taken: u32 = 0;

/** A free reply frame, or 0. */
export function takeReplyFrame(): usize {
  const index = ctz<u32>(~taken);
  if (taken == u32.MAX_VALUE || index >= replyFrames) return 0;
  taken |= 1 << index;
  return REPLY_FRAMES + <usize>index * LARGE_FRAME_BYTES;
}

/** Gives the frame at `offset` back. Statuses: OK, INVALID_ARGUMENT. */
export function releaseReplyFrame(offset: usize): Status {
  const index = <u32>((offset - REPLY_FRAMES) / LARGE_FRAME_BYTES);
  if (offset < REPLY_FRAMES || index >= replyFrames || (taken & (1 << index)) == 0)
    return Status.INVALID_ARGUMENT;
  taken &= ~(1 << index);
  // Parked requests may wait for it: news to them, as a load is.
  add32(LOADS, 1);
  return Status.OK;
}
