/**
 * The coins of the stress, and what its threads share. An AN holds its generation: byte 0 the coin,
 * bytes 8-11 the generation (little- endian), byte 15 who made it (0 nobody, else worker + 1).
 * Every change that is made raises the generation by one.
 */
import { PAGE_BYTES } from '@andvari/host-common/engine/generated/limits';

/** Many more pages than slots, so that sweeps drive pages out. */
export const PAGES_PER_DENOMINATION = 1024;
export const MFS = 30;
export const COINS_COUNT = 64;
/** Page 0 of denominations -2 to 5. */
export const HOT_PAGES = 8;
/** On every page that is not hot, this record is in use and has the AN of zeros. */
export const COLD_RECORD = 5;

export interface Coin {
  denomination: number;
  serialNumber: number;
}

export const COINS: readonly Coin[] = Array.from({ length: COINS_COUNT }, (_, i) => ({
  denomination: (i & 7) - 2,
  serialNumber: (i >> 3) * 3 + 5,
}));

/** Index of a coin by denomination index and serial number, or -1. */
export function coinAt(denominationIndex: number, serialNumber: number): number {
  return COINS.findIndex(
    (coin) => coin.denomination + 8 === denominationIndex && coin.serialNumber === serialNumber,
  );
}

/** Number of a hot page by page key, or -1. */
export function hotPage(pageKey: number): number {
  const number = pageKey / PAGES_PER_DENOMINATION - 6;
  return Number.isInteger(number) && number >= 0 && number < HOT_PAGES ? number : -1;
}

/** Where the record of a coin lies among the hot pages. */
export function recordAt(index: number): number {
  return (index & 7) * PAGE_BYTES + (COINS[index]?.serialNumber ?? 0) * 17;
}

export const Word = {
  /** 1: the committer ends when nothing is left to commit. */
  FINISH: 0,
  /** 1: something went wrong, everybody stops. */
  ABORT: 1,
  /** Bit p: hot page p is in use now; the others may be driven out. */
  IN_USE: 2,
  /** For Atomics.wait: nobody ever changes it. */
  NEVER: 3,
  /** Seconds that have passed for all workers: tickets end. */
  CLOCK: 4,
  /** Tickets that were given, the newest TICKETS_KNOWN of them, by whichever worker. */
  TICKETS_GIVEN: 5,
  TICKETS: 6,
  /** Committed generation of each coin. */
  GENERATIONS: 6 + 8,
} as const;
const WORDS = Word.GENERATIONS + COINS_COUNT;
/** A power of two; more than live at once. */
export const TICKETS_KNOWN = 8;

export interface SharedState {
  words: SharedArrayBuffer;
  /**
   * The hot pages as the store has them. A page with changes is never loaded, so nobody reads what
   * is being written.
   */
  pages: SharedArrayBuffer;
}

export function newSharedState(): SharedState {
  const state = {
    words: new SharedArrayBuffer(4 * WORDS),
    pages: new SharedArrayBuffer(HOT_PAGES * PAGE_BYTES),
  };
  const pages = new Uint8Array(state.pages);
  for (let i = 0; i < COINS_COUNT; i++) {
    pages[recordAt(i)] = i;
    pages[recordAt(i) + 16] = MFS;
  }
  new Int32Array(state.words)[Word.IN_USE] = 0xff;
  return state;
}

/** Generation in the AN at `at`. */
export function generationAt(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at + 8, at + 12);
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

export function setGeneration(bytes: Uint8Array, at: number, generation: number): void {
  bytes[at + 8] = generation;
  bytes[at + 9] = generation >>> 8;
  bytes[at + 10] = generation >>> 16;
  bytes[at + 11] = generation >>> 24;
}
