/** BBR's Startup and Drain (draft-ietf-ccwg-bbr-04 sections 5.3.1, 5.3.2). */
import { BbrState } from "../core/transfer";
import { startDown } from "./bbr-cycle";
import { LOSS_THRESHOLD, pathVolume, withBudget } from "./bbr-model";
import {
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
  word,
} from "./bbr-state";
import { sampleInFlight, sampleLost } from "./rate-sample";
import { bytesInFlight } from "./recovery-state";

/** Ranges lost in a round that end Startup, beside the share lost. */
const LOSS_EVENTS_FULL: u32 = 6;
const DRAIN_ROUNDS: u64 = 3;

export function enterStartup(session: usize): void {
  enterState(session, BbrState.STARTUP);
}

/** A round in which many ranges and more than 2 % were lost ends Startup. */
function checkHighLoss(session: usize): void {
  if (!flag(session, Bbr.LOSS_ROUND_START)) return;
  const events = word(session, Bbr.LOSS_EVENTS);
  setWord(session, Bbr.LOSS_EVENTS, 0);
  if (flag(session, Bbr.FULL_BW_REACHED) || events < LOSS_EVENTS_FULL) return;
  if (sampleLost <= sampleInFlight * LOSS_THRESHOLD) return;
  setFlag(session, Bbr.FULL_BW_REACHED, true);
  const volume = pathVolume(session, num(session, Bbr.BW));
  setNum(session, Bbr.INFLIGHT_LONGTERM, max(volume, num(session, Bbr.INFLIGHT_LATEST)));
}

export function checkStartupDone(session: usize): void {
  checkHighLoss(session);
  if (bbrState(session) != BbrState.STARTUP || !flag(session, Bbr.FULL_BW_REACHED)) return;
  enterState(session, BbrState.DRAIN);
  setBig(session, Bbr.DRAIN_ROUND, big(session, Bbr.ROUND_COUNT));
}

export function checkDrainDone(session: usize): void {
  if (bbrState(session) != BbrState.DRAIN) return;
  const drained =
    <f64>bytesInFlight(session) <= withBudget(session, pathVolume(session, num(session, Bbr.BW)));
  const rounds = big(session, Bbr.ROUND_COUNT) - big(session, Bbr.DRAIN_ROUND);
  if (drained || rounds >= DRAIN_ROUNDS) startDown(session);
}
