/**
 * BBR's model of the path (draft-ietf-ccwg-bbr-04 section 5.5): rounds, highest bandwidth, least
 * round trip, how acks bunch, and what losses say of the short term.
 */
import { BbrState } from "../core/transfer";
import {
  Bbr,
  bbrState,
  big,
  DOWN_GAIN,
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
import { mtu } from "./mtu";
import { quantumBytes } from "./pacer";
import {
  sampleAcked,
  sampleAppLimited,
  sampleDelivered,
  samplePrior,
  sampleRate,
  sampleRttUs,
} from "./rate-sample";
import { Recovery, recoveryWord } from "./recovery-state";

/** What a cut keeps at the least. */
export const BETA: f64 = 0.7;
export const LOSS_THRESHOLD: f64 = 0.02;
/** Standard deviations around the threshold's count of losses that are laid to chance. */
const CHANCE: f64 = 2;
/** Pacing stays a hundredth below what was computed. */
export const PACING_SHARE: f64 = 0.99;
/** A peer acks every second packet. */
const ACK_PACKETS: f64 = 2;
const HEADROOM: f64 = 0.15;
const MIN_PACKETS: u32 = 4;
const FULL_ROUNDS: u32 = 3;
const FULL_GROWTH: f64 = 1.25;
const EXTRA_ROUNDS: u64 = 10;
const MIN_RTT_US: u64 = 10000000;
const PROBE_RTT_US: u64 = 5000000;

export function packetBytes(session: usize): f64 {
  return <f64>mtu(session);
}

/**
 * The most of what was in flight that may be lost before it was too much: the threshold, and what
 * chance adds to it. Of 340 packets the threshold is 7 lost, which 1 % of loss reaches in one round
 * of 17; taken to the letter, each probe then finds too much sooner or later on such a path.
 */
export function lossLimit(session: usize, inFlight: f64): f64 {
  const expected = LOSS_THRESHOLD * inFlight;
  return expected + CHANCE * sqrt(expected * packetBytes(session));
}

/** The least window that keeps packets and acks under way. */
export function minWindow(session: usize): f64 {
  return <f64>(MIN_PACKETS * mtu(session));
}

export function maxBandwidth(session: usize): f64 {
  return max(num(session, Bbr.MAX_BW_BEFORE), num(session, Bbr.MAX_BW_NOW));
}

/** Whether no round trip has been measured yet. */
export function hasNoRtt(session: usize): bool {
  return num(session, Bbr.MIN_RTT) == Infinity;
}

/**
 * Bytes that a bandwidth puts into the path in its least round trip; 0 as long as there is none:
 * no bandwidth times a round trip without end is no number, nor is any window that comes of it, and
 * no packet would ever go again.
 */
export function pathVolume(session: usize, bandwidth: f64): f64 {
  return hasNoRtt(session) ? 0 : (bandwidth * num(session, Bbr.MIN_RTT)) / 1000000;
}

/** Raises a volume to what batches and pipelining need at the least. */
export function withBudget(session: usize, volume: f64): f64 {
  const least = max(3 * quantumBytes(session), minWindow(session)),
    extra = bbrState(session) == BbrState.PROBE_BW_UP ? 2 * packetBytes(session) : 0;
  return max(volume, least) + extra;
}

/** inflight_longterm less what is left for others. */
export function withHeadroom(session: usize): f64 {
  const longterm = num(session, Bbr.INFLIGHT_LONGTERM);
  if (longterm == Infinity) return Infinity;
  const headroom = max(packetBytes(session), HEADROOM * longterm);
  return max(longterm - headroom, minWindow(session));
}

/** What congestion lets us aim at: our estimate of the path's volume, or the window. */
export function targetInflight(session: usize): f64 {
  return min(pathVolume(session, num(session, Bbr.BW)), num(session, Bbr.CWND));
}

function delivered(session: usize): u64 {
  return recoveryWord(session, Recovery.DELIVERED);
}

export function startRound(session: usize): void {
  setBig(session, Bbr.NEXT_ROUND, delivered(session));
}

function updateRound(session: usize): void {
  const starts = samplePrior >= big(session, Bbr.NEXT_ROUND);
  setFlag(session, Bbr.ROUND_START, starts);
  if (!starts) return;
  startRound(session);
  setBig(session, Bbr.ROUND_COUNT, big(session, Bbr.ROUND_COUNT) + 1);
  setWord(session, Bbr.ROUNDS_SINCE_PROBE, word(session, Bbr.ROUNDS_SINCE_PROBE) + 1);
  setFlag(session, Bbr.LIMITED_BEFORE, flag(session, Bbr.LIMITED_NOW));
  setFlag(session, Bbr.LIMITED_NOW, false);
}

/** Whether the window was full at some time of the last round. */
export function isWindowLimited(session: usize): bool {
  return flag(session, Bbr.LIMITED_NOW) || flag(session, Bbr.LIMITED_BEFORE);
}

export function resetFullBandwidth(session: usize): void {
  setNum(session, Bbr.FULL_BW, 0);
  setWord(session, Bbr.FULL_BW_COUNT, 0);
  setFlag(session, Bbr.FULL_BW_NOW, false);
}

/** Three rounds without growth by a quarter: the path is full. */
export function checkFullBandwidth(session: usize): void {
  if (flag(session, Bbr.FULL_BW_NOW) || !flag(session, Bbr.ROUND_START)) return;
  if (sampleAppLimited || sampleRate == 0) return;
  if (sampleRate >= num(session, Bbr.FULL_BW) * FULL_GROWTH) {
    resetFullBandwidth(session);
    setNum(session, Bbr.FULL_BW, sampleRate);
    return;
  }
  const count = word(session, Bbr.FULL_BW_COUNT) + 1;
  setWord(session, Bbr.FULL_BW_COUNT, count);
  if (count < FULL_ROUNDS) return;
  setFlag(session, Bbr.FULL_BW_NOW, true);
  setFlag(session, Bbr.FULL_BW_REACHED, true);
}

function updateMaxBandwidth(session: usize): void {
  if (sampleRate == 0) return;
  if (sampleAppLimited && sampleRate < maxBandwidth(session)) return;
  setNum(session, Bbr.MAX_BW_NOW, max(num(session, Bbr.MAX_BW_NOW), sampleRate));
}

/** Another cycle begins: of the two that count, the older is forgotten. */
export function advanceMaxBandwidth(session: usize): void {
  if (num(session, Bbr.MAX_BW_NOW) == 0) return;
  setNum(session, Bbr.MAX_BW_BEFORE, num(session, Bbr.MAX_BW_NOW));
  setNum(session, Bbr.MAX_BW_NOW, 0);
}

export function resetCongestionSignals(session: usize): void {
  setFlag(session, Bbr.LOSS_IN_ROUND, false);
  setNum(session, Bbr.BW_LATEST, 0);
  setNum(session, Bbr.INFLIGHT_LATEST, 0);
}

export function resetShortTerm(session: usize): void {
  setNum(session, Bbr.BW_SHORTTERM, Infinity);
  setNum(session, Bbr.INFLIGHT_SHORTTERM, Infinity);
}

function isProbingBandwidth(session: usize): bool {
  const state = bbrState(session);
  return (
    state == BbrState.STARTUP || state == BbrState.PROBE_BW_REFILL || state == BbrState.PROBE_BW_UP
  );
}

/** What the delivery rate shows of the bandwidth while packets are paced below it on purpose. */
function pacedShare(session: usize): f64 {
  const slow = big(session, Bbr.ROUND_COUNT) < big(session, Bbr.SLOW_UNTIL);
  return slow || bbrState(session) == BbrState.PROBE_BW_DOWN
    ? DOWN_GAIN * PACING_SHARE
    : PACING_SHARE;
}

/**
 * Once a round with losses, and while not probing: no more than what was just delivered. Three
 * things are no sign of congestion and left out, or a single lost packet would cost more than its
 * share, by which the draft means to slow down (its section 5.3.3.5.3): what pacing keeps back,
 * rounds in which we had less to send, and the two packets by which acks count.
 */
function adaptShortTerm(session: usize): void {
  if (isProbingBandwidth(session) || !flag(session, Bbr.LOSS_IN_ROUND) || sampleAppLimited) return;
  let bandwidth = num(session, Bbr.BW_SHORTTERM),
    inflight = num(session, Bbr.INFLIGHT_SHORTTERM);
  if (bandwidth == Infinity) bandwidth = maxBandwidth(session);
  if (inflight == Infinity) inflight = num(session, Bbr.CWND);
  const delivering = num(session, Bbr.BW_LATEST) / pacedShare(session);
  setNum(session, Bbr.BW_SHORTTERM, min(bandwidth, max(delivering, BETA * bandwidth)));
  const latest = num(session, Bbr.INFLIGHT_LATEST) + ACK_PACKETS * packetBytes(session);
  setNum(session, Bbr.INFLIGHT_SHORTTERM, min(inflight, max(latest, BETA * inflight)));
}

/** The first steps of each ACK: what was delivered, rounds, bandwidth, losses of the round. */
export function updateSignals(session: usize): void {
  const endsLossRound = samplePrior >= big(session, Bbr.LOSS_ROUND);
  setFlag(session, Bbr.LOSS_ROUND_START, endsLossRound);
  setNum(session, Bbr.BW_LATEST, max(num(session, Bbr.BW_LATEST), sampleRate));
  const latest = max(num(session, Bbr.INFLIGHT_LATEST), sampleDelivered);
  setNum(session, Bbr.INFLIGHT_LATEST, latest);
  if (endsLossRound) setBig(session, Bbr.LOSS_ROUND, delivered(session));
  updateRound(session);
  updateMaxBandwidth(session);
}

/** What a round with losses changes; after updateSignals(). */
export function updateCongestion(session: usize): void {
  if (!flag(session, Bbr.LOSS_ROUND_START)) return;
  adaptShortTerm(session);
  setFlag(session, Bbr.LOSS_IN_ROUND, false);
}

/** The last steps of each ACK. */
export function advanceSignals(session: usize): void {
  if (flag(session, Bbr.LOSS_ROUND_START)) {
    setNum(session, Bbr.BW_LATEST, sampleRate);
    setNum(session, Bbr.INFLIGHT_LATEST, sampleDelivered);
  }
  setNum(session, Bbr.BW, min(maxBandwidth(session), num(session, Bbr.BW_SHORTTERM)));
}

/** How much more is acked at once than the bandwidth explains: the window grows by as much. */
export function updateAggregation(session: usize): void {
  const interval = <f64>(now - big(session, Bbr.EXTRA_START));
  let expected = (num(session, Bbr.BW) * interval) / 1000000,
    deliveredNow = num(session, Bbr.EXTRA_DELIVERED);
  if (deliveredNow <= expected) {
    deliveredNow = 0;
    expected = 0;
    setBig(session, Bbr.EXTRA_START, now);
  }
  deliveredNow += sampleAcked;
  setNum(session, Bbr.EXTRA_DELIVERED, deliveredNow);
  const extra = min(deliveredNow - expected, num(session, Bbr.CWND)),
    rounds = session + Session.BBR + Bbr.EXTRA_ROUNDS,
    slot = (<usize>(big(session, Bbr.ROUND_COUNT) % EXTRA_ROUNDS)) << 3;
  // In startup one round counts alone.
  if (!flag(session, Bbr.FULL_BW_REACHED) && flag(session, Bbr.ROUND_START)) {
    memory.fill(rounds, 0, (<usize>EXTRA_ROUNDS) << 3);
  }
  if (flag(session, Bbr.ROUND_START)) store<f64>(rounds + slot, 0);
  store<f64>(rounds + slot, max(load<f64>(rounds + slot), extra));
  let most: f64 = 0;
  for (let i: usize = 0; i < <usize>EXTRA_ROUNDS; i++)
    most = max(most, load<f64>(rounds + (i << 3)));
  setNum(session, Bbr.EXTRA_ACKED, most);
}

export function updateMinRtt(session: usize): void {
  const rtt = <f64>sampleRttUs,
    expired = now > big(session, Bbr.PROBE_RTT_STAMP) + PROBE_RTT_US;
  setFlag(session, Bbr.PROBE_RTT_EXPIRED, expired);
  if (rtt < num(session, Bbr.PROBE_RTT_MIN) || expired) {
    setNum(session, Bbr.PROBE_RTT_MIN, rtt);
    setBig(session, Bbr.PROBE_RTT_STAMP, now);
  }
  const least = num(session, Bbr.PROBE_RTT_MIN);
  if (least >= num(session, Bbr.MIN_RTT) && now <= big(session, Bbr.MIN_RTT_STAMP) + MIN_RTT_US) {
    return;
  }
  setNum(session, Bbr.MIN_RTT, least);
  setBig(session, Bbr.MIN_RTT_STAMP, big(session, Bbr.PROBE_RTT_STAMP));
}

/** The most that the model allows in flight just now (section 5.6.4.7). */
export function modelCap(session: usize): f64 {
  const state = bbrState(session);
  let cap: f64 = Infinity;
  if (isInProbeBw(session) && state != BbrState.PROBE_BW_CRUISE) {
    cap = num(session, Bbr.INFLIGHT_LONGTERM);
  } else if (state == BbrState.PROBE_RTT || state == BbrState.PROBE_BW_CRUISE) {
    cap = withHeadroom(session);
  }
  return max(min(cap, num(session, Bbr.INFLIGHT_SHORTTERM)), minWindow(session));
}
