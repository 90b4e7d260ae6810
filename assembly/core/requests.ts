/**
 * What an instance counts of its requests, as host and engine agree on it; offsets in bytes, words
 * as in layout.ts. scripts/generate.mjs makes the TypeScript constants from these enums.
 */

/**
 * Region.REQUESTS, one for each worker, which alone writes it: u64 each where nothing else is said.
 * Other threads see whole numbers, and REPLIES after each batch.
 */
export const enum Requests {
  /** Replies made; so the next record's number. */
  REPLIES = 0,
  /** Of them those whose header was refused: their group and command are a stranger's bytes. */
  REFUSED_HEADERS = 8,
  /** Messages that got no answer. */
  SILENT = 16,
  /** Microseconds from arrival to answer, all replies together. */
  EXECUTION = 24,
  /** By execution time: up to 1 us, 2 us, 4 us ... 2^24 us, and above: 26 numbers. */
  TIMES = 64,
  /** By wire status: 256 numbers. */
  STATUSES = 320,
  /** By command (group * 256 + command): 16 * 256 numbers. */
  COMMANDS = 2368,
  /** The latest records (RequestRecord), record n at n % REQUEST_RECORDS. */
  RECENT = 35136,
}

/** A record of Requests: one reply (32 bytes). */
export const enum RequestRecord {
  /** Number of the record, low word; written before all else of it. */
  NUMBER = 0,
  /** As Descriptor has them. */
  KIND = 4,
  /** Two words. */
  ARRIVAL = 8,
  SERIAL = 16,
  EXECUTION = 20,
  ADDRESS = 24,
  /** Wire status in the low byte; above it the Flags of the descriptor. */
  STATUS = 28,
  BYTES = 32,
}
