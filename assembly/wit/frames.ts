/** Receive frames of the resource engine: those that are free hold the address of the next one. */
import { FRAME_BYTES, LARGE_FRAME_BYTES } from "../core/limits";
import { FRAMES, FRAMES_END, LARGE_FRAMES, LARGE_FRAMES_END } from "../core/memory";

let small: usize = 0;
let large: usize = 0;

/** All of them are free. */
export function freeFrames(): void {
  small = 0;
  large = 0;
  for (let at = FRAMES; at < FRAMES_END; at += FRAME_BYTES) giveFrame(at);
  for (let at = LARGE_FRAMES; at < LARGE_FRAMES_END; at += LARGE_FRAME_BYTES) giveFrame(at);
}

/** A frame, or 0. What lay in it before was wiped. */
export function takeFrame(isLarge: bool): usize {
  const frame = isLarge ? large : small;
  if (frame == 0) return 0;
  const next = <usize>load<u32>(frame);
  if (isLarge) large = next;
  else small = next;
  return frame;
}

export function giveFrame(frame: usize): void {
  const isLarge = frame >= LARGE_FRAMES && frame < LARGE_FRAMES_END;
  memory.fill(frame, 0, isLarge ? LARGE_FRAME_BYTES : FRAME_BYTES);
  store<u32>(frame, <u32>(isLarge ? large : small));
  if (isLarge) large = frame;
  else small = frame;
}
