/** The smallest engine there is: one worker, one page a denomination; what specs configure. */

import { configBlock } from "../control";
import { Config, Ring } from "../layout";
import { CONFIG_WORDS } from "../limits";
import {
  attachMemory,
  EFFECTS,
  HELD,
  layOutMemory,
  openMemory,
  READY,
  RX,
  readShared,
} from "../memory";
import { Status } from "../status";

/** Entries of each ring. */
export const RING_ENTRIES: u32 = 16;
export const JOURNAL_RECORDS: u32 = 8192;
export const LOCKER_COINS: u32 = 64;

/** Sets a configuration word; a word that attach reads takes effect with the next attach. */
export function setWord(index: u32, value: u32): void {
  store<u32>(configBlock() + ((<usize>index) << 2), value);
}

export function getWord(index: u32): u32 {
  return load<u32>(configBlock() + ((<usize>index) << 2));
}

/** Writes every configuration word. */
export function writeConfiguration(pagesPerDenomination: u32): void {
  memory.fill(configBlock(), 0, 4 * CONFIG_WORDS);
  setWord(Config.WORKERS, 1);
  setWord(Config.PAGES_PER_DENOMINATION, pagesPerDenomination);
  setWord(Config.PAGE_SLOTS, 15 * pagesPerDenomination);
  setWord(Config.JOURNAL_RECORDS, JOURNAL_RECORDS);
  setWord(Config.RING_ENTRIES, RING_ENTRIES);
  setWord(Config.PARK_SLOTS, 4);
  setWord(Config.FRAMES, 16);
  setWord(Config.LARGE_FRAMES, 2);
  setWord(Config.REPLY_FRAMES, 2);
  setWord(Config.TICKETS, 4);
  setWord(Config.LOCKER_COINS, LOCKER_COINS);
  setWord(Config.RAIDA_ID, 14);
  setWord(Config.COIN_ID, 6);
}

/** Configures and attaches core/ alone: no tables of crypto/ and raida/. */
export function configureCore(): void {
  writeConfiguration(1);
  assert(layOutMemory() == Status.OK);
  openMemory();
  readShared();
  assert(attachMemory() == Status.OK);
}

/** Sets both counters of a ring: it is empty then. */
export function setCounters(ring: usize, value: u32): void {
  store<u32>(ring, value, Ring.HEAD);
  store<u32>(ring, value, Ring.TAIL);
}

/** Empties all four rings and lets their counters run from `value`. */
export function startRingsAt(value: u32): void {
  setCounters(RX, value);
  setCounters(READY, value);
  setCounters(HELD, value);
  setCounters(EFFECTS, value);
}
