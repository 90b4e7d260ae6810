/** BBR's ProbeRTT: now and then a short queue, to see the least round trip (section 5.3.4). */
import { BbrState } from "../core/transfer";
import { startCruise, startDown } from "./bbr-cycle";
import { minWindow, pathVolume, resetShortTerm, startRound } from "./bbr-model";
import { enterStartup } from "./bbr-startup";
import {
  AckPhase,
  Bbr,
  bbrState,
  big,
  enterState,
  flag,
  num,
  setBig,
  setFlag,
  setNum,
  setWord,
} from "./bbr-state";
import { now } from "./clock";
import { markRateLimited } from "./rate-sample";
import { bytesInFlight } from "./recovery-state";

const DURATION_US: u64 = 200000;
const WINDOW_GAIN: f64 = 0.5;

/** Most bytes in flight while the round trip is probed. */
export function probeRttWindow(session: usize): f64 {
  const volume = WINDOW_GAIN * pathVolume(session, num(session, Bbr.BW));
  return max(volume, minWindow(session));
}

/** Remembers the window of better times. */
export function saveWindow(session: usize): void {
  const window = num(session, Bbr.CWND),
    probing = bbrState(session) == BbrState.PROBE_RTT;
  setNum(session, Bbr.PRIOR_CWND, probing ? max(num(session, Bbr.PRIOR_CWND), window) : window);
}

function exitProbeRtt(session: usize): void {
  resetShortTerm(session);
  if (!flag(session, Bbr.FULL_BW_REACHED)) {
    enterStartup(session);
    return;
  }
  startDown(session);
  startCruise(session);
}

export function checkProbeRttDone(session: usize): void {
  const done = big(session, Bbr.PROBE_RTT_DONE);
  if (done == 0 || now <= done) return;
  setBig(session, Bbr.PROBE_RTT_STAMP, now);
  setNum(session, Bbr.CWND, max(num(session, Bbr.CWND), num(session, Bbr.PRIOR_CWND)));
  exitProbeRtt(session);
}

function handleProbeRtt(session: usize): void {
  markRateLimited(session); // the low rates of now are not the path's
  if (big(session, Bbr.PROBE_RTT_DONE) == 0) {
    if (<f64>bytesInFlight(session) > probeRttWindow(session)) return;
    setBig(session, Bbr.PROBE_RTT_DONE, now + DURATION_US);
    setFlag(session, Bbr.PROBE_RTT_ROUND_DONE, false);
    startRound(session);
    return;
  }
  if (flag(session, Bbr.ROUND_START)) setFlag(session, Bbr.PROBE_RTT_ROUND_DONE, true);
  if (flag(session, Bbr.PROBE_RTT_ROUND_DONE)) checkProbeRttDone(session);
}

export function checkProbeRtt(session: usize): void {
  const state = bbrState(session);
  if (
    state != BbrState.PROBE_RTT &&
    flag(session, Bbr.PROBE_RTT_EXPIRED) &&
    !flag(session, Bbr.IDLE_RESTART)
  ) {
    saveWindow(session);
    enterState(session, BbrState.PROBE_RTT);
    setBig(session, Bbr.PROBE_RTT_DONE, 0);
    setWord(session, Bbr.ACK_PHASE, AckPhase.PROBE_STOPPING);
    startRound(session);
  }
  if (bbrState(session) == BbrState.PROBE_RTT) handleProbeRtt(session);
  setFlag(session, Bbr.IDLE_RESTART, false);
}
