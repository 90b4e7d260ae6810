/**
 * What becomes of packets sent (RFC 9002; reference: transfer section 6): acks, losses and probe
 * timeouts, over the send order of all epochs. A timeout never ends a session; idle does.
 */
import { CloseError } from "../core/transfer";
import { ackBlockBytes, ackCount, ackDelay, ackFirst, ackGap, ackLargest, ackLength } from "./ack";
import { bbrAcked, bbrSending, startBbr } from "./bbr";
import { now } from "./clock";
import { setLargestAcked } from "./epoch";
import { Session } from "./layout";
import { detectLost, leaveFlight } from "./loss";
import { noteArrived } from "./loss-rate";
import { mtuPacketAcked, mtuProbeAcked, mtuProbeSent, mtuSuspect } from "./mtu";
import { contentAcked } from "./outcome";
import { packetPaced } from "./pacer";
import { indexCame } from "./path-index";
import {
  beginSample,
  Delivery,
  endSample,
  sampleAcked,
  samplePacket,
  stampSent,
} from "./rate-sample";
import { forgetReceived, largestReceived } from "./received";
import {
  bytesInFlight,
  isOnPath,
  Recovery,
  recoveryCount,
  recoveryWord,
  sentBytes,
  setRecoveryCount,
  setRecoveryWord,
} from "./recovery-state";
import { lateBefore, ptoUs, sampleRtt, startRtt } from "./rtt";
import {
  firstSent,
  forgetSent,
  isForgottenEpoch,
  leastInEpoch,
  nextSent,
  SentFlag,
  sentIndex,
  sentInEpoch,
  sentRecord,
} from "./sent";
import { SentRecord } from "./sent-record";
import { NEVER } from "./timer-wheel";
import { Handled } from "./verdict";

/** Packets that a probe timeout lets go. */
const PROBES: u32 = 2;
/** Probe timeouts in a row after which large packets are suspected. */
const SUSPECT_TIMEOUTS: u32 = 3;

/** Whether the ACK that is handled acks something ack-eliciting that was not acked before. */
let ackedEliciting: bool = false;

/** Begins a session; rttUs: the round trip of its handshake, 0 if it is not known. mtu.ts first. */
export function startRecovery(session: usize, rttUs: u64): void {
  memory.fill(session + Session.RECOVERY, 0, Recovery.BYTES);
  startRtt(session, rttUs);
  startBbr(session);
}

/**
 * Begins anew on another path: window and round trip. Packets that went on the old one may still be
 * acked or lost, but say nothing of this one.
 */
export function resetPath(session: usize): void {
  setRecoveryWord(session, Recovery.PATH_FROM, nextSent(session));
  setRecoveryWord(session, Recovery.IN_FLIGHT, 0);
  setRecoveryWord(session, Recovery.APP_LIMITED, 0);
  setRecoveryCount(session, Recovery.TIMEOUTS, 0);
  startRtt(session, 0);
  startBbr(session);
}

/**
 * The packet of a record (recordSent()) goes. `flags`: SentFlag ELICITING, IN_FLIGHT, MTU_PROBE and
 * PROBE, or 0 for what carries ACK, CLOSE or PAD alone: that nobody acks, so that it would fill the
 * window for good. ELICITING alone goes to another far end than the path's: nothing of it counts.
 */
export function packetSent(session: usize, record: usize, flags: u32): void {
  const bytes = sentBytes(record);
  store<u32>(record, load<u32>(record, SentRecord.FLAGS) | flags, SentRecord.FLAGS);
  if (flags & SentFlag.IN_FLIGHT) {
    bbrSending(session);
    stampSent(session, record);
    setRecoveryWord(session, Recovery.IN_FLIGHT, bytesInFlight(session) + bytes);
    packetPaced(session, bytes);
  }
  if (flags & SentFlag.ELICITING) {
    const eliciting = recoveryCount(session, Recovery.ELICITING);
    setRecoveryCount(session, Recovery.ELICITING, eliciting + 1);
    setRecoveryWord(session, Recovery.ELICITING_TIME, now);
  }
  if (flags & SentFlag.MTU_PROBE) mtuProbeSent(session, bytes);
  if (flags & SentFlag.PROBE) probeSent(session);
}

/** The packet of a record carries the ACK block that writeAckBlock() has just given. */
export function noteAckCarried(session: usize, record: usize, epochNumber: u32): void {
  store<u32>(record, load<u32>(record, SentRecord.FLAGS) | SentFlag.ACKS, SentRecord.FLAGS);
  store<u32>(record, epochNumber, Delivery.ACK_EPOCH);
  store<u32>(record, largestReceived(session, epochNumber), Delivery.ACK_LARGEST);
}

function ackPacket(session: usize, record: usize, s: u64): void {
  const flags = load<u32>(record, SentRecord.FLAGS),
    bytes = sentBytes(record);
  store<u32>(record, flags | SentFlag.ACKED, SentRecord.FLAGS);
  indexCame(session, load<u32>(record, SentRecord.EPOCH), load<u8>(record, SentRecord.PATH_INDEX));
  if (flags & SentFlag.ELICITING) {
    ackedEliciting = true;
    noteArrived(session);
  }
  if (!(flags & SentFlag.LOST)) leaveFlight(session, record, s);
  if (flags & SentFlag.IN_FLIGHT && isOnPath(session, s)) {
    samplePacket(session, record);
    if (flags & SentFlag.MTU_PROBE) mtuProbeAcked(session, bytes);
    mtuPacketAcked(session, bytes, s);
  }
  if (flags & SentFlag.ACKS) {
    forgetReceived(
      session,
      load<u32>(record, Delivery.ACK_EPOCH),
      load<u32>(record, Delivery.ACK_LARGEST),
      load<u64>(record, SentRecord.TIME),
    );
  }
  contentAcked(session, record);
}

/**
 * Acks the packets low .. high of an epoch. What an ACK before it has acked is passed in one step:
 * ACKs list the same ranges again and again.
 */
function ackRange(session: usize, epochNumber: u32, from: u32, to: u32): void {
  const recorded = leastInEpoch(session, epochNumber);
  if (to < recorded) return;
  const low = sentIndex(session, epochNumber, max(from, recorded)),
    high = sentIndex(session, epochNumber, to),
    least = max(low, firstSent(session));
  if (high < least) return;
  let s = high,
    run = high;
  while (s >= least) {
    const record = sentRecord(session, s);
    run = s;
    if (load<u32>(record, SentRecord.FLAGS) & SentFlag.ACKED) run = load<u64>(record, Delivery.RUN);
    else ackPacket(session, record, s);
    store<u64>(record, run, Delivery.RUN);
    if (run == 0) break;
    s = run - 1;
  }
  store<u64>(sentRecord(session, high), run, Delivery.RUN);
}

/** Acks what a block lists, whose numbers were all sent. */
function ackRanges(session: usize, epochNumber: u32, at: usize): void {
  const largest = ackLargest(at),
    count = ackCount(at);
  let low = largest - ackFirst(at);
  ackRange(session, epochNumber, low, largest);
  for (let i: u32 = 0; i < count; i++) {
    const high = low - ackGap(at, i) - 1;
    low = high + 1 - ackLength(at, i);
    ackRange(session, epochNumber, low, high);
  }
}

/** When the packet with index s went, if an ack of it gives a round trip; 0: it gives none. */
function newlyAckedTime(session: usize, s: u64): u64 {
  if (s < firstSent(session) || !isOnPath(session, s)) return 0;
  const record = sentRecord(session, s),
    flags = load<u32>(record, SentRecord.FLAGS);
  if (flags & SentFlag.ACKED) return 0;
  if (flags & SentFlag.ELICITING && !(flags & SentFlag.IN_FLIGHT)) return 0;
  return max<u64>(load<u64>(record, SentRecord.TIME), 1);
}

/** What follows from the packets that an ACK has acked. */
function afterAck(session: usize, largest: u64): void {
  const before = recoveryWord(session, Recovery.LARGEST);
  setRecoveryWord(session, Recovery.LARGEST, max(before, largest + 1));
  if (ackedEliciting) {
    setRecoveryCount(session, Recovery.TIMEOUTS, 0);
    setRecoveryCount(session, Recovery.PROBES, 0);
  }
  detectLost(session);
  if (sampleAcked > 0) {
    endSample(session);
    bbrAcked(session);
  }
  forgetSent(session, lateBefore(session));
}

/**
 * Handles the ACK block of `length` bytes or fewer at `at`, whose numbers are those of an epoch
 * (ackBlockBytes() tells its length). The caller has seen to it that the epoch is the carrying
 * packet's own or the one before.
 */
export function onAckBlock(session: usize, epochNumber: u32, at: usize, length: u32): u32 {
  if (ackBlockBytes(at, length) == 0) return Handled.CLOSE + CloseError.FRAME_ENCODING;
  const n = ackLargest(at);
  if (isForgottenEpoch(session, epochNumber)) return Handled.OK;
  if (n >= sentInEpoch(session, epochNumber)) return Handled.CLOSE + CloseError.PROTOCOL;
  if (n < leastInEpoch(session, epochNumber)) return Handled.OK;
  const largest = sentIndex(session, epochNumber, n),
    sentTime = newlyAckedTime(session, largest);
  ackedEliciting = false;
  beginSample();
  ackRanges(session, epochNumber, at);
  setLargestAcked(session, epochNumber, n);
  if (sentTime && ackedEliciting) sampleRtt(session, now - sentTime, ackDelay(at));
  afterAck(session, largest);
  return Handled.OK;
}

export function ackElicitingInFlight(session: usize): bool {
  return recoveryCount(session, Recovery.ELICITING) > 0;
}

function timeoutTime(session: usize): u64 {
  if (!ackElicitingInFlight(session)) return NEVER;
  const from = max(
    recoveryWord(session, Recovery.ELICITING_TIME),
    recoveryWord(session, Recovery.TIMEOUT_TIME),
  );
  return from + ptoUs(session, true);
}

/** When onRecoveryTimer() has to be called; NEVER: not at all. */
export function recoveryDeadline(session: usize): u64 {
  const lossTime = recoveryWord(session, Recovery.LOSS_TIME);
  return lossTime ? lossTime : timeoutTime(session);
}

/** Time may have run out for packets: some are given up, or probes are wanted. */
export function onRecoveryTimer(session: usize): void {
  if (now < recoveryDeadline(session)) return;
  if (recoveryWord(session, Recovery.LOSS_TIME)) {
    detectLost(session);
    return;
  }
  const timeouts = recoveryCount(session, Recovery.TIMEOUTS) + 1;
  setRecoveryCount(session, Recovery.TIMEOUTS, timeouts);
  setRecoveryWord(session, Recovery.TIMEOUT_TIME, now);
  setRecoveryCount(session, Recovery.PROBES, PROBES);
  if (timeouts == SUSPECT_TIMEOUTS) mtuSuspect(session);
}

/** Packets that should go whatever window and pacing say; the first must, the second may. */
export function probesWanted(session: usize): u32 {
  return recoveryCount(session, Recovery.PROBES);
}

/** Probe timeouts since the last ack of something new. */
export function timeoutsInRow(session: usize): u32 {
  return recoveryCount(session, Recovery.TIMEOUTS);
}

/** A packet went as a probe (packetSent() tells it here). */
export function probeSent(session: usize): void {
  const probes = recoveryCount(session, Recovery.PROBES);
  if (probes) setRecoveryCount(session, Recovery.PROBES, probes - 1);
  const sent = recoveryWord(session, Recovery.PROBES_SENT);
  setRecoveryWord(session, Recovery.PROBES_SENT, sent + 1);
}

/**
 * The oldest packet in flight whose content no probe has carried again: a probe carries it now. 0:
 * there is none, and a probe is a PING. The caller gives the content up with contentLost(), so that
 * its owner writes it anew.
 */
export function oldestUnacked(session: usize): usize {
  const next = nextSent(session);
  let s = max(recoveryWord(session, Recovery.LOSS_FROM), firstSent(session));
  for (; s < next; s++) {
    const record = sentRecord(session, s),
      flags = load<u32>(record, SentRecord.FLAGS);
    if (flags & (SentFlag.ACKED | SentFlag.LOST | SentFlag.RESENT | SentFlag.MTU_PROBE)) continue;
    if (!(flags & SentFlag.ELICITING) || load<u8>(record, SentRecord.KIND) == 0) continue;
    store<u32>(record, flags | SentFlag.RESENT, SentRecord.FLAGS);
    return record;
  }
  return 0;
}
