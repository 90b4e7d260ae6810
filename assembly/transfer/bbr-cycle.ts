/** BBR's ProbeBW: down, cruise, refill, up (draft-ietf-ccwg-bbr-04 section 5.3.3). */
import { BbrState } from "../core/transfer";
import {
  advanceMaxBandwidth,
  isWindowLimited,
  lossLimit,
  maxBandwidth,
  packetBytes,
  pathVolume,
  resetCongestionSignals,
  resetFullBandwidth,
  resetShortTerm,
  startRound,
  targetInflight,
  withBudget,
  withHeadroom,
} from "./bbr-model";
import {
  AckPhase,
  Bbr,
  bbrState,
  big,
  enterState,
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
import {
  sampleAcked,
  sampleAppLimited,
  sampleInFlight,
  sampleLost,
  sampleRate,
} from "./rate-sample";
import { bytesInFlight } from "./recovery-state";

/** Rounds between probes at most, so that Reno and CUBIC find room beside us. */
const RENO_ROUNDS: f64 = 63;
const PROBE_WAIT_US: u64 = 2000000;
const PROBE_WAIT_MORE_US: u64 = 1000000;
const UP_ROUNDS_MAX: u32 = 30;
/** Rounds behind DOWN until everything acked was sent later and is measured so. */
const SLOW_ROUNDS: u64 = 2;

/** A pseudo-random number of the session's own sequence (splitmix64). */
function random(session: usize): u64 {
  const state = big(session, Bbr.RANDOM) + 0x9e3779b97f4a7c15;
  setBig(session, Bbr.RANDOM, state);
  let mixed = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

export function startDown(session: usize): void {
  resetCongestionSignals(session);
  setNum(session, Bbr.PROBE_UP_COUNT, Infinity);
  const drawn = random(session);
  setWord(session, Bbr.ROUNDS_SINCE_PROBE, <u32>(drawn >> 63));
  setBig(session, Bbr.PROBE_WAIT, PROBE_WAIT_US + ((drawn & 0xffffffff) % PROBE_WAIT_MORE_US));
  setBig(session, Bbr.CYCLE_STAMP, now);
  setWord(session, Bbr.ACK_PHASE, AckPhase.PROBE_STOPPING);
  startRound(session);
  enterState(session, BbrState.PROBE_BW_DOWN);
}

export function startCruise(session: usize): void {
  setBig(session, Bbr.SLOW_UNTIL, big(session, Bbr.ROUND_COUNT) + SLOW_ROUNDS);
  enterState(session, BbrState.PROBE_BW_CRUISE);
}

function startRefill(session: usize): void {
  resetShortTerm(session);
  setWord(session, Bbr.UP_ROUNDS, 0);
  setNum(session, Bbr.PROBE_UP_ACKS, 0);
  setWord(session, Bbr.ACK_PHASE, AckPhase.REFILLING);
  startRound(session);
  enterState(session, BbrState.PROBE_BW_REFILL);
}

/** inflight_longterm grows by 1, 2, 4 .. packets a round. */
function raiseSlope(session: usize): void {
  const rounds = word(session, Bbr.UP_ROUNDS),
    growth = packetBytes(session) * <f64>((<u64>1) << rounds);
  setWord(session, Bbr.UP_ROUNDS, min(rounds + 1, UP_ROUNDS_MAX));
  setNum(session, Bbr.PROBE_UP_COUNT, max(num(session, Bbr.CWND) / growth, 1));
}

function startUp(session: usize): void {
  setWord(session, Bbr.ACK_PHASE, AckPhase.PROBE_STARTING);
  startRound(session);
  resetFullBandwidth(session);
  setNum(session, Bbr.FULL_BW, sampleRate);
  enterState(session, BbrState.PROBE_BW_UP);
  raiseSlope(session);
}

function isTimeToProbe(session: usize): bool {
  if (now > big(session, Bbr.CYCLE_STAMP) + big(session, Bbr.PROBE_WAIT)) return true;
  const rounds = min(targetInflight(session) / packetBytes(session), RENO_ROUNDS);
  return <f64>word(session, Bbr.ROUNDS_SINCE_PROBE) >= rounds;
}

function isTimeToCruise(session: usize): bool {
  const inFlight = <f64>bytesInFlight(session);
  if (inFlight > withHeadroom(session)) return false;
  return inFlight <= withBudget(session, pathVolume(session, maxBandwidth(session)));
}

/** Whether the window is what keeps us from sending more, and it is inflight_longterm. */
function isLongtermLimited(session: usize): bool {
  return isWindowLimited(session) && num(session, Bbr.CWND) >= num(session, Bbr.INFLIGHT_LONGTERM);
}

function isTimeToGoDown(session: usize, limited: bool): bool {
  if (!limited) return flag(session, Bbr.FULL_BW_NOW);
  resetFullBandwidth(session);
  setNum(session, Bbr.FULL_BW, sampleRate);
  return false;
}

function raiseLongterm(session: usize): void {
  if (!isLongtermLimited(session)) return;
  const count = num(session, Bbr.PROBE_UP_COUNT);
  let acks = num(session, Bbr.PROBE_UP_ACKS) + sampleAcked;
  if (acks >= count) {
    const growth = floor(acks / count);
    acks -= growth * count;
    setNum(session, Bbr.INFLIGHT_LONGTERM, num(session, Bbr.INFLIGHT_LONGTERM) + growth);
  }
  setNum(session, Bbr.PROBE_UP_ACKS, acks);
  if (flag(session, Bbr.ROUND_START)) raiseSlope(session);
}

function adaptLongterm(session: usize): void {
  const phase = word(session, Bbr.ACK_PHASE);
  if (flag(session, Bbr.ROUND_START)) {
    if (phase == AckPhase.PROBE_STARTING) setWord(session, Bbr.ACK_PHASE, AckPhase.PROBE_FEEDBACK);
    if (phase == AckPhase.PROBE_STOPPING) {
      // What the probe sent has been acked: its cycle of bandwidth samples ends, once.
      setWord(session, Bbr.ACK_PHASE, AckPhase.INIT);
      setFlag(session, Bbr.PROBE_SAMPLES, false);
      if (isInProbeBw(session) && !sampleAppLimited) advanceMaxBandwidth(session);
    }
  }
  if (sampleLost > lossLimit(session, sampleInFlight)) return;
  const longterm = num(session, Bbr.INFLIGHT_LONGTERM);
  if (longterm == Infinity) return;
  if (sampleInFlight > longterm) setNum(session, Bbr.INFLIGHT_LONGTERM, sampleInFlight);
  if (bbrState(session) == BbrState.PROBE_BW_UP) raiseLongterm(session);
}

/** Goes on in the cycle, on each ACK. */
export function updateCycle(session: usize): void {
  if (!flag(session, Bbr.FULL_BW_REACHED)) return;
  // Before inflight_longterm is raised, as it is by some bytes with each ACK: afterwards the window
  // is always below it, and a probe would end after three rounds, whatever it found.
  const limited = isLongtermLimited(session);
  adaptLongterm(session);
  const state = bbrState(session);
  if (state == BbrState.PROBE_BW_DOWN) {
    if (isTimeToProbe(session)) startRefill(session);
    else if (isTimeToCruise(session)) startCruise(session);
  } else if (state == BbrState.PROBE_BW_CRUISE) {
    if (isTimeToProbe(session)) startRefill(session);
  } else if (state == BbrState.PROBE_BW_REFILL) {
    if (!flag(session, Bbr.ROUND_START)) return;
    setFlag(session, Bbr.PROBE_SAMPLES, true);
    startUp(session);
  } else if (state == BbrState.PROBE_BW_UP) {
    if (isTimeToGoDown(session, limited)) startDown(session);
  }
}
