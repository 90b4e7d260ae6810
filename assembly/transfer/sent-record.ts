/**
 * The record of a packet sent (SENT_RECORD_BYTES): sent.ts keeps them, and whoever put something
 * into the packet finds it again in KIND .. EXTRA when it was acked or lost (content.ts).
 */
export const enum SentRecord {
  EPOCH = 0,
  N = 4,
  /** u64, microseconds. */
  TIME = 8,
  /** The whole UDP payload, u32. */
  BYTES = 16,
  /** sent.ts: ack-eliciting, in flight, MTU probe, acked, lost, probe, u32. */
  FLAGS = 20,
  /** A Content, u8. */
  KIND = 24,
  /** The owner's own, u8. */
  CONTENT_FLAGS = 25,
  /** The index of the CID that it shows (section 4.9), u8. */
  PATH_INDEX = 26,
  /** Handle of a stream, u32. */
  STREAM = 28,
  /** u64. */
  OFFSET = 32,
  LENGTH = 40,
  EXTRA = 44,
  /** rate-sample.ts: the rest. */
  DELIVERY = 48,
  BYTES_IN_ALL = 96,
}
