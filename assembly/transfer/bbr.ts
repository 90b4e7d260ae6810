/**
 * BBRv3 (draft-ietf-ccwg-bbr-04 with the constants of reference: transfer section 6): how much may
 * be in flight and at what rate it goes. recovery.ts tells what was sent, acked and lost.
 */
import { BbrState } from "../core/transfer";
import { startDown, updateCycle } from "./bbr-cycle";
import {
  advanceSignals,
  BETA,
  checkFullBandwidth,
  hasNoRtt,
  LOSS_THRESHOLD,
  lossLimit,
  minWindow,
  modelCap,
  PACING_SHARE,
  packetBytes,
  pathVolume,
  resetCongestionSignals,
  resetFullBandwidth,
  resetShortTerm,
  startRound,
  targetInflight,
  updateAggregation,
  updateCongestion,
  updateMinRtt,
  updateSignals,
  withBudget,
} from "./bbr-model";
import { checkProbeRtt, checkProbeRttDone, probeRttWindow, saveWindow } from "./bbr-probe-rtt";
import { checkDrainDone, checkStartupDone, enterStartup } from "./bbr-startup";
import {
  Bbr,
  bbrState,
  big,
  flag,
  isInProbeBw,
  num,
  setBig,
  setFlag,
  setNum,
  setWord,
  word,
} from "./bbr-state";
import { now } from "./clock";
import { Session } from "./layout";
import { pacingIdle } from "./pacer";
import { Delivery, markRateLimited, sampleAcked } from "./rate-sample";
import { bytesInFlight, Recovery, recoveryWord, sentBytes } from "./recovery-state";
import { smoothedUs } from "./rtt";
import { SentFlag } from "./sent";
import { SentRecord } from "./sent-record";
import { sessionHandle } from "./session-head";

/** The first window. */
const INITIAL_PACKETS: f64 = 10;
const STARTUP_GAIN: f64 = 2.77;

/** Begins on a path of which nothing is known but the round trip of rtt.ts. */
export function startBbr(session: usize): void {
  memory.fill(session + Session.BBR, 0, Bbr.BYTES);
  const window = INITIAL_PACKETS * packetBytes(session);
  setNum(session, Bbr.CWND, window);
  setNum(session, Bbr.MIN_RTT, Infinity);
  setNum(session, Bbr.PROBE_RTT_MIN, Infinity);
  setNum(session, Bbr.INFLIGHT_LONGTERM, Infinity);
  setNum(session, Bbr.PROBE_UP_COUNT, Infinity);
  setBig(session, Bbr.MIN_RTT_STAMP, now);
  setBig(session, Bbr.PROBE_RTT_STAMP, now);
  setBig(session, Bbr.EXTRA_START, now);
  setBig(session, Bbr.RANDOM, now ^ ((<u64>sessionHandle(session)) << 32));
  resetCongestionSignals(session);
  resetShortTerm(session);
  resetFullBandwidth(session);
  startRound(session);
  setNum(session, Bbr.PACING_RATE, (STARTUP_GAIN * window * 1000000) / <f64>smoothedUs(session));
  enterStartup(session);
}

/**
 * Without a sample of the bandwidth the first rate stays: packets that were acked within one tick
 * of the host's clock give none, and at a rate of 0 no packet would ever go again. Nor does one
 * wait longer than the idle time lasts: the least window goes each second.
 */
function setPacingRate(session: usize, gain: f64): void {
  const bandwidth = num(session, Bbr.BW);
  if (bandwidth == 0) return;
  const rate = max(gain * bandwidth * PACING_SHARE, minWindow(session));
  if (flag(session, Bbr.FULL_BW_REACHED) || rate > num(session, Bbr.PACING_RATE)) {
    setNum(session, Bbr.PACING_RATE, rate);
  }
}

/** Before a packet is in flight: one that ends a silence starts neither late nor with a burst. */
export function bbrSending(session: usize): void {
  if (bytesInFlight(session) != 0 || recoveryWord(session, Recovery.APP_LIMITED) == 0) return;
  setFlag(session, Bbr.IDLE_RESTART, true);
  setBig(session, Bbr.EXTRA_START, now);
  // Both begin anew: what came before the silence would look like acks in bunches, without end.
  setNum(session, Bbr.EXTRA_DELIVERED, 0);
  if (isInProbeBw(session)) setPacingRate(session, 1);
  else if (bbrState(session) == BbrState.PROBE_RTT) checkProbeRttDone(session);
}

function setWindow(session: usize): void {
  const initial = INITIAL_PACKETS * packetBytes(session),
    volume = hasNoRtt(session)
      ? initial
      : num(session, Bbr.CWND_GAIN) * pathVolume(session, num(session, Bbr.BW)),
    most = withBudget(session, volume + num(session, Bbr.EXTRA_ACKED));
  let window = num(session, Bbr.CWND);
  if (flag(session, Bbr.FULL_BW_REACHED)) window = min(window + sampleAcked, most);
  else if (window < most || <f64>recoveryWord(session, Recovery.DELIVERED) < initial) {
    window += sampleAcked;
  }
  window = max(window, minWindow(session));
  if (bbrState(session) == BbrState.PROBE_RTT) window = min(window, probeRttWindow(session));
  setNum(session, Bbr.CWND, min(window, modelCap(session)));
}

/** After an ACK that tells of packets in flight; the sample (rate-sample.ts) is complete. */
export function bbrAcked(session: usize): void {
  updateSignals(session);
  updateCongestion(session);
  updateAggregation(session);
  checkFullBandwidth(session);
  checkStartupDone(session);
  checkDrainDone(session);
  updateCycle(session);
  updateMinRtt(session);
  checkProbeRtt(session);
  advanceSignals(session);
  setPacingRate(session, num(session, Bbr.PACING_GAIN));
  setWindow(session);
}

/** What was in flight when losses passed the limit, which may have been within this packet. */
function inflightAtLoss(session: usize, inFlight: f64, lost: f64, bytes: f64): f64 {
  const before = inFlight - bytes,
    lostBefore = lost - bytes,
    prefix = (lossLimit(session, before) - lostBefore) / (1 - LOSS_THRESHOLD);
  return before + prefix;
}

/** The packet with index s, which was in flight, was given up; it counts as lost already. */
export function bbrLost(session: usize, record: usize, s: u64): void {
  if (!flag(session, Bbr.LOSS_IN_ROUND)) {
    setBig(session, Bbr.LOSS_ROUND, recoveryWord(session, Recovery.DELIVERED));
    setFlag(session, Bbr.LOSS_IN_ROUND, true);
  }
  if (s != big(session, Bbr.LAST_LOST)) {
    setWord(session, Bbr.LOSS_EVENTS, word(session, Bbr.LOSS_EVENTS) + 1);
  }
  setBig(session, Bbr.LAST_LOST, s + 1);
  if (!flag(session, Bbr.PROBE_SAMPLES)) return;
  const inFlight = <f64>load<u32>(record, Delivery.IN_FLIGHT),
    before = load<u64>(record, Delivery.BYTES_LOST),
    lost = <f64>(recoveryWord(session, Recovery.BYTES_LOST) - before);
  if (lost <= lossLimit(session, inFlight)) return;
  setFlag(session, Bbr.PROBE_SAMPLES, false); // one reaction for each probe
  if ((load<u32>(record, SentRecord.FLAGS) & SentFlag.APP_LIMITED) == 0) {
    const safe = inflightAtLoss(session, inFlight, lost, <f64>sentBytes(record));
    setNum(session, Bbr.INFLIGHT_LONGTERM, max(safe, BETA * targetInflight(session)));
  }
  if (bbrState(session) == BbrState.PROBE_BW_UP) startDown(session);
}

/** Persistent congestion (RFC 9002 section 7.6): the window starts again from its least. */
export function bbrPersistent(session: usize): void {
  saveWindow(session);
  const window = <f64>bytesInFlight(session) + packetBytes(session);
  setNum(session, Bbr.CWND, max(min(window, num(session, Bbr.CWND)), minWindow(session)));
}

/**
 * Whether the window has room for one packet of `bytes` more. Ask only with something to send: a
 * window that was full is remembered.
 */
export function mayCongestionSend(session: usize, bytes: u32): bool {
  if (<f64>(bytesInFlight(session) + bytes) <= num(session, Bbr.CWND)) return true;
  setFlag(session, Bbr.LIMITED_NOW, true);
  pacingIdle(session);
  return false;
}

/**
 * There is nothing to send although window and pacing would let it go. What is measured until all
 * in flight is acked says little of the path. Without this mark every pause of a file's reader
 * would look like a slow path.
 */
export function markAppLimited(session: usize): void {
  markRateLimited(session);
  pacingIdle(session);
}

/** Bytes; bytes a second, twice; a BbrState. For statistics. */
export function congestionWindow(session: usize): u64 {
  return <u64>num(session, Bbr.CWND);
}
export function pacingRate(session: usize): u64 {
  return <u64>num(session, Bbr.PACING_RATE);
}
export function bandwidth(session: usize): u64 {
  return <u64>num(session, Bbr.BW);
}
export function congestionState(session: usize): BbrState {
  return bbrState(session);
}
