/** Transfer memory for specs: one worker, small pools, and sessions that are only an entry. */
import { setWord, writeConfiguration } from "../../core/__tests__/configuration";
import { Config } from "../../core/layout";
import { attachMemory, layOutMemory, openMemory, readShared } from "../../core/memory";
import { Status } from "../../core/status";
import { Pool } from "../../core/transfer-memory";
import { takeEntry } from "../pool";
import { Head, Life, newHandle, sessionOfEntry } from "../session-head";

/** Lays transfer's memory out; each spec file does so once. Fewer sessions have larger shares. */
export function configureTransfer(sessions: u32 = 64, blocks: u32 = 512, streams: u32 = 256): void {
  writeConfiguration(1);
  setWord(Config.TRANSFER_SESSIONS, sessions);
  setWord(Config.TRANSFER_STREAMS, streams);
  setWord(Config.TRANSFER_SENT_CHUNKS, 256);
  setWord(Config.TRANSFER_KEY_CHUNKS, 256);
  setWord(Config.TRANSFER_BLOCKS, blocks);
  setWord(Config.TRANSFER_RANGES, 4096);
  setWord(Config.TRANSFER_MESSAGES, 128);
  setWord(Config.TRANSFER_EVENTS, 256);
  assert(layOutMemory() == Status.OK);
  openMemory();
  readShared();
  assert(attachMemory() == Status.OK);
}

/** A session with a handle and nothing else. */
export function bareSession(): usize {
  const entry = takeEntry(Pool.SESSIONS),
    session = sessionOfEntry(entry);
  store<u32>(session, newHandle(entry), Head.HANDLE);
  store<u8>(session, Life.OPEN, Head.LIFE);
  return session;
}

/** A seeded generator (xorshift32), so that a failure can be run again. */
let random: u32 = 1;
export function seed(value: u32): void {
  random = value ? value : 1;
}
export function below(bound: u32): u32 {
  random ^= random << 13;
  random ^= random >> 17;
  random ^= random << 5;
  return random % bound;
}
