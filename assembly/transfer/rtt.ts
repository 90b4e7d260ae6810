/** Round trip and probe timeout (RFC 9002 section 5; reference: transfer section 6). */
import { now } from "./clock";
import { ACK_DELAY_US } from "./received";
import { Recovery, recoveryWord, setRecoveryWord } from "./recovery-state";

/** Before any sample, unless the handshake gave one. */
const INITIAL_US: u64 = 100000;
/** Least time that timers tell apart. */
export const GRANULARITY_US: u64 = 1000;
/** No probe timeout is shorter, whatever the path. */
export const PTO_MIN_US: u64 = GRANULARITY_US + ACK_DELAY_US;
/** A probe timeout does not double beyond this. */
const TIMEOUT_MAX_US: u64 = 5000000;
/** Probe timeouts for which a late ack of a packet given up is waited for. */
const LATE_TIMEOUTS: u64 = 3;

/** Begins anew; rttUs: the round trip of the handshake, 0 if it is not known. */
export function startRtt(session: usize, rttUs: u64): void {
  const us = rttUs ? rttUs : INITIAL_US;
  setRecoveryWord(session, Recovery.SMOOTHED, us);
  setRecoveryWord(session, Recovery.VARIATION, us >> 1);
  setRecoveryWord(session, Recovery.LEAST, 0);
  setRecoveryWord(session, Recovery.LATEST, us);
  setRecoveryWord(session, Recovery.SAMPLED, 0);
}

/** Takes a sample; ackDelayUs: how long the peer says it held the ack back. */
export function sampleRtt(session: usize, latest: u64, ackDelayUs: u64): void {
  setRecoveryWord(session, Recovery.LATEST, latest);
  if (recoveryWord(session, Recovery.SAMPLED) == 0) {
    setRecoveryWord(session, Recovery.SAMPLED, max<u64>(now, 1));
    setRecoveryWord(session, Recovery.LEAST, latest);
    setRecoveryWord(session, Recovery.SMOOTHED, latest);
    setRecoveryWord(session, Recovery.VARIATION, latest >> 1);
    return;
  }
  const least = min(recoveryWord(session, Recovery.LEAST), latest),
    delay = min(ackDelayUs, ACK_DELAY_US),
    adjusted = latest >= least + delay ? latest - delay : latest,
    smoothed = recoveryWord(session, Recovery.SMOOTHED),
    variation = recoveryWord(session, Recovery.VARIATION),
    away = smoothed > adjusted ? smoothed - adjusted : adjusted - smoothed;
  setRecoveryWord(session, Recovery.LEAST, least);
  setRecoveryWord(session, Recovery.VARIATION, (3 * variation + away) >> 2);
  setRecoveryWord(session, Recovery.SMOOTHED, (7 * smoothed + adjusted) >> 3);
}

/** Microseconds. */
export function smoothedUs(session: usize): u64 {
  return recoveryWord(session, Recovery.SMOOTHED);
}

/** Probe timeout in microseconds, doubled for those since the last ack if `backoff`. */
export function ptoUs(session: usize, backoff: bool): u64 {
  const variation = recoveryWord(session, Recovery.VARIATION),
    once = smoothedUs(session) + max(4 * variation, GRANULARITY_US) + ACK_DELAY_US;
  if (!backoff) return once;
  const doublings = <u64>min<u32>(<u32>recoveryWord(session, Recovery.TIMEOUTS), 16);
  return max(once, min(once << doublings, TIMEOUT_MAX_US));
}

/**
 * The probe timeout, not above that of the path's shortest round trip once one was measured: a
 * spike of the round trip does not lengthen it.
 */
export function leastPtoUs(session: usize): u64 {
  const pto = ptoUs(session, false);
  if (recoveryWord(session, Recovery.SAMPLED) == 0) return pto;
  return min(pto, recoveryWord(session, Recovery.LEAST) + PTO_MIN_US);
}

/** What was given up and sent before this is not waited for any more: three probe timeouts ago. */
export function lateBefore(session: usize): u64 {
  const late = LATE_TIMEOUTS * ptoUs(session, false);
  return now > late ? now - late : 0;
}

/** How long a packet sent before one that was acked may still be overtaken: microseconds. */
export function lossDelayUs(session: usize): u64 {
  const longest = max(smoothedUs(session), recoveryWord(session, Recovery.LATEST));
  return max((longest * 9) >> 3, GRANULARITY_US);
}
