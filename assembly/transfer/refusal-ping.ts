/**
 * A PING among the probes. What a peer has no room for is neither acked nor lost: it stays in
 * flight and fills the window, until an ack of something behind it makes it count as lost. Every
 * peer has room for a PING. But its ack also begins the probes' times anew, and what was refused
 * goes again; to a peer whose host reads nothing that would be some hundred times a second. So the
 * next one waits twice as long as the last, until content is acked.
 */
import { now } from "./clock";
import {
  Recovery,
  recoveryCount,
  recoveryWord,
  setRecoveryCount,
  setRecoveryWord,
} from "./recovery-state";
import { ptoUs } from "./rtt";

/** Microseconds; as long as a probe timeout at the most (section 6). */
const WAIT_MAX_US: u64 = 5000000;
const DOUBLED_MAX: u32 = 16;

export function mayPingRefused(session: usize): bool {
  return now >= recoveryWord(session, Recovery.REFUSAL_PING_AT);
}

export function pingedRefused(session: usize): void {
  const before = recoveryCount(session, Recovery.REFUSAL_PINGS),
    wait = ptoUs(session, false) << min(before, DOUBLED_MAX);
  setRecoveryCount(session, Recovery.REFUSAL_PINGS, before + 1);
  setRecoveryWord(session, Recovery.REFUSAL_PING_AT, now + min(wait, WAIT_MAX_US));
}

/** The peer has taken in some content. */
export function tookContent(session: usize): void {
  setRecoveryCount(session, Recovery.REFUSAL_PINGS, 0);
  setRecoveryWord(session, Recovery.REFUSAL_PING_AT, 0);
}
