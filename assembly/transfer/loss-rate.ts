/**
 * What part of the packets is lost on the way, of late, and how many losses of one thing in a row
 * are no chance then. What a peer may have refused for want of room is not counted.
 */
import { Part, partOf } from "./stream";

/** Packets after which those before count half. */
const COUNTED_MAX: u32 = 128;
/** By chance one in a million. */
const CHANCE_BITS: u32 = 20;
/** A chance of 1, in fixed point. */
const ONE: u64 = (<u64>1) << 40;
/** More are never asked for: 45 % of loss for a million, and no way is worse for long. */
const LOSSES_MAX: u32 = 18;

function note(session: usize, field: Part): void {
  const part = partOf(session),
    arrived: u32 = load<u16>(part, Part.ARRIVED),
    lost: u32 = load<u16>(part, Part.LOST),
    halves = u32(arrived + lost >= COUNTED_MAX);
  store<u16>(part, arrived >> halves, Part.ARRIVED);
  store<u16>(part, lost >> halves, Part.LOST);
  store<u16>(part + field, load<u16>(part + field) + 1);
}

export function noteArrived(session: usize): void {
  note(session, Part.ARRIVED);
}

export function noteLost(session: usize): void {
  note(session, Part.LOST);
}

/** The least number of losses in a row that are no chance; at first nothing is known of the way. */
export function lossesForSure(session: usize): u32 {
  const part = partOf(session),
    // Laplace's rule: one more of each has been seen than was.
    lost = <u64>load<u16>(part, Part.LOST) + 1,
    all = <u64>load<u16>(part, Part.ARRIVED) + lost + 1;
  let losses: u32 = 0;
  for (let chance = ONE; chance > ONE >> CHANCE_BITS; losses++) chance = (chance * lost) / all;
  return min(losses, LOSSES_MAX);
}
