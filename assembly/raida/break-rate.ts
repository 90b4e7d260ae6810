/**
 * How often a client address breaks coins: 30 times within 28800 s for each 16-bit slot, the last
 * two octets of an IPv4 address. This machine itself is exempt. Reference: RAIDA section 7.
 *
 * Slot (8 bytes): 0 window's start (u32, s), 4 breaks in it (u32).
 */
import { add32, load32, store32 } from "../core/atomics";
import { Flag } from "../core/layout";
import { BREAK_WINDOW_US, BREAKS_PER_WINDOW_MAX } from "../core/limits";
import { BREAK_RATE } from "../core/memory";
import * as context from "./context";

const BREAKS: usize = 4;

function slot(): usize {
  return BREAK_RATE + ((<usize>(context.address & 0xffff)) << 3);
}

/** May the client break another coin? Opens a new window when the old one is over. */
export function mayBreak(): bool {
  if (context.flags & Flag.LOCAL) return true;
  const at = slot(),
    second = <u32>(context.now / 1000000);
  if (second - load32(at) >= <u32>(BREAK_WINDOW_US / 1000000)) {
    store32(at, second);
    store32(at + BREAKS, 0);
  }
  return load32(at + BREAKS) < BREAKS_PER_WINDOW_MAX;
}

/** Counts a break that is made. */
export function countBreak(): void {
  if ((context.flags & Flag.LOCAL) == 0) add32(slot() + BREAKS, 1);
}
