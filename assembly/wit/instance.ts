/**
 * The one engine of a component: its configuration, and that it can begin anew. What calls no
 * `engine` resource works on a small configuration that nobody sees.
 */
import { CONTROL, configBlock } from "../core/control";
import { Config } from "../core/layout";
import { regionsEnd } from "../core/memory";
import { BASE } from "../core/scratch";
import { Status } from "../core/status";
import { attachEngine, configureEngine } from "../engine";
import { fresh } from "./imports";

const PAGE_BYTES: u64 = 65536;

/** How often this instance began anew; what begins anew does not forget it. */
const GENERATION: usize = memory.data(4, 4);
const GENERATIONS: u32 = 65536;

let configured: bool = false;

/** Handles of an earlier generation name nothing any more. Below 65536. */
export function generation(): u32 {
  return load<u32>(GENERATION);
}

/** Grows the memory to `end` bytes at the least; false: there is no more. */
export function reach(end: u64): bool {
  const present = (<u64>memory.size()) << 16;
  if (end <= present) return true;
  if (end > 1 << 32) return false;
  return memory.grow(<i32>((end - present + PAGE_BYTES - 1) >> 16)) >= 0;
}

/** Forgets everything: globals and memory are as those of a new instance, but the size of it. */
export function beginAnew(): void {
  store<u32>(GENERATION, (generation() + 1) % GENERATIONS);
  fresh();
  const end = (<usize>memory.size()) << 16;
  memory.fill(BASE, 0, end - BASE);
}

export function setWord(index: u32, value: u32): void {
  store<u32>(configBlock() + ((<usize>index) << 2), value);
}

/** Configuration words from bytes. */
export function setBytes(index: u32, at: usize, length: u32): void {
  memory.copy(configBlock() + ((<usize>index) << 2), at, length);
}

/** Lays out the memory by the configuration words. Statuses: core/memory.ts, layOutMemory(). */
export function layOut(): Status {
  let status = configureEngine();
  if (status == Status.MEMORY_TOO_SMALL) {
    if (!reach(regionsEnd())) return status;
    status = configureEngine();
  }
  if (status != Status.OK) return status;
  configured = true;
  return attachEngine();
}

/** The configuration without an engine resource: the least, and room for every protocol. */
export function prepare(): void {
  if (configured) return;
  reach(CONTROL + PAGE_BYTES);
  setWord(Config.WORKERS, 1);
  setWord(Config.PAGES_PER_DENOMINATION, 1);
  setWord(Config.PAGE_SLOTS, 15);
  setWord(Config.JOURNAL_RECORDS, 8192);
  setWord(Config.RING_ENTRIES, 4);
  setWord(Config.PARK_SLOTS, 1);
  setWord(Config.FRAMES, 1);
  setWord(Config.LOCKER_COINS, 16);
  setWord(Config.VERSION_0, 0x30303030);
  setWord(Config.VERSION_1, 0x30303030);
  setMessageRooms();
  if (layOut() != Status.OK) unreachable();
}

/** Room for Ratatoskr, peer and transfer, which every configuration has. */
export function setMessageRooms(): void {
  setWord(Config.RATATOSKR, 1);
  setWord(Config.PEER, 1);
  setWord(Config.TRANSFER_SESSIONS, 16);
  setWord(Config.TRANSFER_STREAMS, 16);
  setWord(Config.TRANSFER_SENT_CHUNKS, 16);
  setWord(Config.TRANSFER_KEY_CHUNKS, 100);
  setWord(Config.TRANSFER_BLOCKS, 16);
  setWord(Config.TRANSFER_RANGES, 16);
  setWord(Config.TRANSFER_MESSAGES, 16);
  setWord(Config.TRANSFER_EVENTS, 64);
}

/** First byte that no region needs. */
export function freeMemory(): usize {
  return (regionsEnd() + 63) & ~63;
}
