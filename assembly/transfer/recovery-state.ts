/** What is known of the packets under way and of the round trip (Session.RECOVERY). */
import { Session } from "./layout";
import { SentRecord } from "./sent-record";

export const enum Recovery {
  /** Round trips, u64 microseconds each: smoothed, variation, least, latest (rtt.ts). */
  SMOOTHED = 0,
  VARIATION = 8,
  LEAST = 16,
  LATEST = 24,
  /** u64: when the first sample came; 0: none has. */
  SAMPLED = 32,
  /** u32: probe timeouts since the last ack, and probe packets that are to go. */
  TIMEOUTS = 40,
  PROBES = 44,
  /** u32: ack-eliciting packets in flight. */
  ELICITING = 48,
  /** u64: bytes in flight on the path that is used. */
  IN_FLIGHT = 56,
  /** u64: when the newest ack-eliciting packet went, and the last probe timeout ended. */
  ELICITING_TIME = 64,
  TIMEOUT_TIME = 72,
  /** u64: when the next packet counts as lost by time; 0: there is none that might. */
  LOSS_TIME = 80,
  /** u64: every record before this index is acked or given up. */
  LOSS_FROM = 88,
  /** u64: index of the largest packet acked, + 1. */
  LARGEST = 96,
  /** u64: index of the first packet of the path that is used. */
  PATH_FROM = 104,
  /** u64: packets given up, and probes sent, in all. */
  PACKETS_LOST = 112,
  PROBES_SENT = 120,
  /** rate-sample.ts. u64: bytes delivered, and when; when the newest packet acked was sent. */
  DELIVERED = 128,
  DELIVERED_TIME = 136,
  FIRST_SENT = 144,
  /** u64: bytes lost; bytes delivered at which sending is no more limited by the application. */
  BYTES_LOST = 152,
  APP_LIMITED = 160,
  /** refusal-ping.ts. u64: when the next may go; u32: how many went since content was acked. */
  REFUSAL_PING_AT = 168,
  REFUSAL_PINGS = 176,
  BYTES = 512,
}

export function recoveryWord(session: usize, field: usize): u64 {
  return load<u64>(session + Session.RECOVERY + field);
}

export function setRecoveryWord(session: usize, field: usize, value: u64): void {
  store<u64>(session + Session.RECOVERY + field, value);
}

export function recoveryCount(session: usize, field: usize): u32 {
  return load<u32>(session + Session.RECOVERY + field);
}

export function setRecoveryCount(session: usize, field: usize, value: u32): void {
  store<u32>(session + Session.RECOVERY + field, value);
}

/** Bytes of whole UDP payloads in flight on the path that is used. */
export function bytesInFlight(session: usize): u64 {
  return recoveryWord(session, Recovery.IN_FLIGHT);
}

/** Whether the packet with index s went on the path that is used. */
export function isOnPath(session: usize, s: u64): bool {
  return s >= recoveryWord(session, Recovery.PATH_FROM);
}

export function sentBytes(record: usize): u32 {
  return load<u32>(record, SentRecord.BYTES);
}
