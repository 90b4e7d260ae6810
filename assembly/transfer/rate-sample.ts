/**
 * Delivery rate (draft-ietf-ccwg-bbr-04 section 4.1): each packet carries what had been delivered
 * when it went; its ack tells how much was delivered meanwhile, and in what time.
 */
import { now } from "./clock";
import {
  bytesInFlight,
  Recovery,
  recoveryWord,
  sentBytes,
  setRecoveryWord,
} from "./recovery-state";
import { SentFlag } from "./sent";
import { SentRecord } from "./sent-record";

/** The rest of a SentRecord (SentRecord.DELIVERY). */
export const enum Delivery {
  /** u64 each: bytes delivered when it went, when that was, when the packet before it had gone. */
  DELIVERED = 48,
  DELIVERED_TIME = 56,
  FIRST_SENT = 64,
  /** u64: bytes lost when it went. */
  BYTES_LOST = 72,
  /** u32: bytes in flight, itself included. */
  IN_FLIGHT = 80,
  /** u32: epoch and largest number of the ACK block in it (SentFlag.ACKS). */
  ACK_EPOCH = 84,
  ACK_LARGEST = 88,
  /** Once it is acked, u64: the lowest index down to which everything is acked (recovery.ts). */
  RUN = 48,
}

/** The sample of one ACK: bytes a second; 0: none could be taken. */
export let sampleRate: f64 = 0;
/** Bytes delivered while the newest acked packet was under way, and lost in that time. */
export let sampleDelivered: f64 = 0;
export let sampleLost: f64 = 0;
/** Bytes in flight when it went. */
export let sampleInFlight: f64 = 0;
/** Bytes delivered when it went. */
export let samplePrior: u64 = 0;
export let sampleAppLimited: bool = false;
/** Bytes that this ACK tells of. */
export let sampleAcked: f64 = 0;
/** Round trip of the newest acked packet, microseconds. */
export let sampleRttUs: u64 = 0;

let priorTime: u64 = 0;
let sendElapsed: u64 = 0;
let lostBefore: u64 = 0;

/** Notes in a packet's record where things stand; before it counts as in flight. */
export function stampSent(session: usize, record: usize): void {
  const inFlight = bytesInFlight(session);
  if (inFlight == 0) {
    setRecoveryWord(session, Recovery.FIRST_SENT, now);
    setRecoveryWord(session, Recovery.DELIVERED_TIME, now);
  }
  store<u64>(record, recoveryWord(session, Recovery.FIRST_SENT), Delivery.FIRST_SENT);
  store<u64>(record, recoveryWord(session, Recovery.DELIVERED_TIME), Delivery.DELIVERED_TIME);
  store<u64>(record, recoveryWord(session, Recovery.DELIVERED), Delivery.DELIVERED);
  store<u64>(record, recoveryWord(session, Recovery.BYTES_LOST), Delivery.BYTES_LOST);
  store<u32>(record, <u32>inFlight + sentBytes(record), Delivery.IN_FLIGHT);
  if (recoveryWord(session, Recovery.APP_LIMITED) == 0) return;
  store<u32>(record, load<u32>(record, SentRecord.FLAGS) | SentFlag.APP_LIMITED, SentRecord.FLAGS);
}

export function beginSample(): void {
  sampleAcked = 0;
  sampleRate = 0;
}

/** Counts a packet that was just acked; the newest of an ACK comes first. */
export function samplePacket(session: usize, record: usize): void {
  const bytes = sentBytes(record);
  setRecoveryWord(session, Recovery.DELIVERED, recoveryWord(session, Recovery.DELIVERED) + bytes);
  setRecoveryWord(session, Recovery.DELIVERED_TIME, now);
  if (sampleAcked == 0) {
    const sent = load<u64>(record, SentRecord.TIME);
    samplePrior = load<u64>(record, Delivery.DELIVERED);
    priorTime = load<u64>(record, Delivery.DELIVERED_TIME);
    sendElapsed = sent - load<u64>(record, Delivery.FIRST_SENT);
    lostBefore = load<u64>(record, Delivery.BYTES_LOST);
    sampleInFlight = <f64>load<u32>(record, Delivery.IN_FLIGHT);
    sampleAppLimited = (load<u32>(record, SentRecord.FLAGS) & SentFlag.APP_LIMITED) != 0;
    sampleRttUs = now - sent;
    setRecoveryWord(session, Recovery.FIRST_SENT, sent);
  }
  sampleAcked += bytes;
}

/** Ends the sample when the ACK's losses are known, too. */
export function endSample(session: usize): void {
  const delivered = recoveryWord(session, Recovery.DELIVERED),
    limited = recoveryWord(session, Recovery.APP_LIMITED);
  if (limited && delivered > limited) setRecoveryWord(session, Recovery.APP_LIMITED, 0);
  sampleDelivered = <f64>(delivered - samplePrior);
  sampleLost = <f64>(recoveryWord(session, Recovery.BYTES_LOST) - lostBefore);
  const elapsed = max(sendElapsed, now - priorTime);
  // Shorter than any round trip: acks were compressed, and the rate would be too high.
  if (elapsed == 0 || elapsed < recoveryWord(session, Recovery.LEAST)) return;
  sampleRate = (sampleDelivered * 1000000) / <f64>elapsed;
}

/** There is nothing to send though there might be: rates measured now say little of the path. */
export function markRateLimited(session: usize): void {
  const mark = recoveryWord(session, Recovery.DELIVERED) + bytesInFlight(session);
  setRecoveryWord(session, Recovery.APP_LIMITED, max<u64>(mark, 1));
}
