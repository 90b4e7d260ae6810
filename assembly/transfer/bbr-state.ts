/**
 * What BBR keeps (Session.BBR), as draft-ietf-ccwg-bbr-04 names it. Volumes are bytes, rates bytes
 * a second, both f64, whose operations give the same bits on every host.
 */
import { BbrState } from "../core/transfer";
import { Session } from "./layout";

export const enum Bbr {
  /** u32: a BbrState, an AckPhase. */
  STATE = 0,
  ACK_PHASE = 4,
  /** u8 each, 0 or 1. */
  ROUND_START = 8,
  LOSS_ROUND_START = 9,
  LOSS_IN_ROUND = 10,
  FULL_BW_REACHED = 11,
  FULL_BW_NOW = 12,
  IDLE_RESTART = 13,
  PROBE_RTT_ROUND_DONE = 14,
  PROBE_SAMPLES = 15,
  /** The window was full in this round, in the one before. */
  LIMITED_NOW = 16,
  LIMITED_BEFORE = 17,
  PROBE_RTT_EXPIRED = 18,
  /** pacer.ts: what goes next has waited for its time. */
  PACED = 19,
  /** u32 each. */
  FULL_BW_COUNT = 20,
  UP_ROUNDS = 24,
  ROUNDS_SINCE_PROBE = 28,
  LOSS_EVENTS = 32,
  /** f64 from here on. */
  PACING_GAIN = 40,
  CWND_GAIN = 48,
  PACING_RATE = 56,
  CWND = 64,
  PRIOR_CWND = 72,
  BW = 80,
  /** The highest rate of the cycle before, and of this one. */
  MAX_BW_BEFORE = 88,
  MAX_BW_NOW = 96,
  BW_LATEST = 104,
  INFLIGHT_LATEST = 112,
  BW_SHORTTERM = 120,
  INFLIGHT_SHORTTERM = 128,
  INFLIGHT_LONGTERM = 136,
  FULL_BW = 144,
  PROBE_UP_COUNT = 152,
  PROBE_UP_ACKS = 160,
  EXTRA_DELIVERED = 168,
  EXTRA_ACKED = 176,
  /** f64 microseconds; pacer.ts: when the next packet may go. */
  MIN_RTT = 184,
  PROBE_RTT_MIN = 192,
  NEXT_SEND = 200,
  /** u64 from here on: microseconds. */
  MIN_RTT_STAMP = 208,
  PROBE_RTT_STAMP = 216,
  PROBE_RTT_DONE = 224,
  CYCLE_STAMP = 232,
  PROBE_WAIT = 240,
  EXTRA_START = 248,
  /** u64: rounds, and the round in which DRAIN began. */
  ROUND_COUNT = 256,
  DRAIN_ROUND = 264,
  /** u64: bytes delivered at which a round ends. */
  NEXT_ROUND = 272,
  LOSS_ROUND = 280,
  /** u64: index + 1 of the last packet lost. */
  LAST_LOST = 288,
  RANDOM = 296,
  /** u64: the round until which acks tell of packets that were paced below the bandwidth. */
  SLOW_UNTIL = 304,
  /** f64: the most acked beyond what was expected, in each of ten rounds. */
  EXTRA_ROUNDS = 312,
  BYTES = 768,
}

/** Pacing in ProbeBW_DOWN. */
export const DOWN_GAIN: f64 = 0.9;

export const enum AckPhase {
  INIT = 0,
  REFILLING = 1,
  PROBE_STARTING = 2,
  PROBE_FEEDBACK = 3,
  PROBE_STOPPING = 4,
}

export function num(session: usize, field: usize): f64 {
  return load<f64>(session + Session.BBR + field);
}
export function setNum(session: usize, field: usize, value: f64): void {
  store<f64>(session + Session.BBR + field, value);
}
export function big(session: usize, field: usize): u64 {
  return load<u64>(session + Session.BBR + field);
}
export function setBig(session: usize, field: usize, value: u64): void {
  store<u64>(session + Session.BBR + field, value);
}
export function word(session: usize, field: usize): u32 {
  return load<u32>(session + Session.BBR + field);
}
export function setWord(session: usize, field: usize, value: u32): void {
  store<u32>(session + Session.BBR + field, value);
}
export function flag(session: usize, field: usize): bool {
  return load<u8>(session + Session.BBR + field) != 0;
}
export function setFlag(session: usize, field: usize, value: bool): void {
  store<u8>(session + Session.BBR + field, value ? 1 : 0);
}

export function bbrState(session: usize): BbrState {
  return word(session, Bbr.STATE);
}

export function isInProbeBw(session: usize): bool {
  const state = bbrState(session);
  return state >= BbrState.PROBE_BW_DOWN && state <= BbrState.PROBE_BW_UP;
}

/** Enters a state with its gains (section 5.6.1). */
export function enterState(session: usize, state: BbrState): void {
  setWord(session, Bbr.STATE, state);
  let pacing: f64 = 1,
    window: f64 = 2;
  if (state == BbrState.STARTUP) pacing = 2.77;
  else if (state == BbrState.DRAIN) pacing = 0.5;
  else if (state == BbrState.PROBE_BW_DOWN) pacing = DOWN_GAIN;
  else if (state == BbrState.PROBE_BW_UP) {
    pacing = 1.25;
    window = 2.25;
  } else if (state == BbrState.PROBE_RTT) window = 0.5;
  setNum(session, Bbr.PACING_GAIN, pacing);
  setNum(session, Bbr.CWND_GAIN, window);
}
