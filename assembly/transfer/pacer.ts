/**
 * When packets go (draft-ietf-ccwg-bbr-04 sections 5.6.2, 5.6.3): in batches of at most a
 * millisecond or 64 packets, at BBR's rate over any longer time.
 */
import { Bbr, flag, num, setFlag, setNum } from "./bbr-state";
import { now } from "./clock";
import { mtu } from "./mtu";

const BATCH_US: f64 = 1000;
const BATCH_PACKETS: f64 = 64;
const BATCH_PACKETS_MIN: f64 = 2;
/** How late a host may wake us without loss of rate: timers of a millisecond, and a slow turn. */
const LATE_US: f64 = 8000;

export function quantumBytes(session: usize): f64 {
  const packet = <f64>mtu(session),
    batch = (num(session, Bbr.PACING_RATE) * BATCH_US) / 1000000;
  return max(min(batch, BATCH_PACKETS * packet), BATCH_PACKETS_MIN * packet);
}

/** Bytes that may go at once. */
export function sendQuantum(session: usize): u32 {
  return <u32>quantumBytes(session);
}

/** Microseconds that bytes take at the pacing rate. */
function usFor(session: usize, bytes: f64): f64 {
  return (bytes * 1000000) / max(num(session, Bbr.PACING_RATE), 1);
}

/** A packet in flight has gone: the next one's time moves on. */
export function packetPaced(session: usize, bytes: u32): void {
  let slack = usFor(session, quantumBytes(session));
  if (flag(session, Bbr.PACED)) slack += LATE_US;
  const from = max(num(session, Bbr.NEXT_SEND), <f64>now - slack);
  setNum(session, Bbr.NEXT_SEND, from + usFor(session, bytes));
}

/**
 * When the next packet may go: 0 now, or the time at which a whole batch may. Only what counts for
 * the window waits for it; probes and bare acks do not.
 */
export function pacingDeadline(session: usize): u64 {
  const next = num(session, Bbr.NEXT_SEND);
  if (next <= <f64>now) return 0;
  setFlag(session, Bbr.PACED, true);
  return <u64>ceil(next + usFor(session, quantumBytes(session)));
}

/** Something else than pacing holds packets back: what was not sent meanwhile is not made up. */
export function pacingIdle(session: usize): void {
  setFlag(session, Bbr.PACED, false);
}
