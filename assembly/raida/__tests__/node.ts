/**
 * A RAIDA node without sockets and store, for the specs of raida/: coins by a formula, pages served
 * on demand, commits when the spec says so, replies read out of the rings.
 */
import { setWord, startRingsAt, writeConfiguration } from "../../core/__tests__/configuration";
import { load64, store64 } from "../../core/atomics";
import { COMMITTED, HEAD } from "../../core/control";
import { Config, Descriptor, Effect, EffectKind, Flag, Random, Ring } from "../../core/layout";
import {
  EFFECTS,
  FRAMES,
  HELD,
  LARGE_FRAMES,
  pagesPerDenomination,
  RANDOM,
  READY,
  REPLY_FRAMES,
  RX,
} from "../../core/memory";
import { entryAt, used } from "../../core/rings";
import { Status } from "../../core/status";
import { GUARD, guarded, toHex } from "../../crypto/__tests__/bytes";
import { attachEngine, configureEngine, processBatch, stepEngine } from "../../engine";
import { metaOf, NO_PAGE, pageKey, pageLoaded, recordOf } from "../coins";
import { releaseReplyFrame } from "../reply-frames";

/** Serial numbers 0 to 2047 exist; of each page the first 512 are in use. */
export const PAGES: u32 = 2;
/** 21 November 2026, microseconds since the epoch: MFS 45. */
export const TODAY: u64 = 1795219200 * <u64>1000000;
export const MFS_TODAY: u8 = 45;
/** MFS of the coins in use. */
export const MFS_OLD: u8 = 30;

/** What the clock of processBatch says. */
export let now: u64 = TODAY;
/** A page that the store does not have. */
export let absentPage: u32 = NO_PAGE;
/** Loads served, random fills asked for. */
export let loads: u32 = 0;
export let fillsAsked: u32 = 0;
/** Commit after every turn. */
export let autoCommit: bool = true;
/** Receive frames that the node still has. */
export let framesOut: i32 = 0;

// The reply that popReply() took last.
export const reply: usize = guarded(70000);
export let replyLength: u32 = 0;
export let replyPeer: u32 = 0;
export let replyHeld: bool = false;
export let replyFlags: u32 = 0;
export let replyKind: u32 = 0;
export let replySerial: u32 = 0;
export let replyExecution: u32 = 0;
export let replyPosition: u64 = 0;

export function setNow(value: u64): void {
  now = value;
}
export function setAbsentPage(key: u32): void {
  absentPage = key;
}
export function setAutoCommit(value: bool): void {
  autoCommit = value;
}

/** The AN of a coin in the base state. */
export function anOf(denomination: i32, serial: u32): v128 {
  const first = <u64>(denomination + 9) * 0x9e3779b97f4a7;
  const low = first + <u64>(serial + 1) * 0xc2b2ae3d27d4e;
  return i64x2.replace_lane(i64x2.splat(low ^ (low >> 29)), 1, low * 0x165667b19e377 + 5);
}

/** Configures the engine with two pages a denomination and attaches it. */
export function startNode(wire: u32, modern: bool): void {
  writeConfiguration(PAGES);
  setWord(Config.VERSION_0, 0x35323032);
  setWord(Config.VERSION_1, 0x33323330);
  setWord(Config.WIRE, wire);
  assert(configureEngine() == Status.OK);
  useWire(wire, modern);
  fillRandom();
}

/** Changes the wire of the running node. */
export function useWire(wire: u32, modern: bool): void {
  setWord(Config.WIRE, wire);
  setWord(Config.MODERN, modern ? 1 : 0);
  assert(attachEngine() == Status.OK);
}

/** As the host: a pool of bytes 1 to 251 round and round. */
export function fillRandom(): void {
  for (let i: u32 = 0; i < 32768; i++) store<u8>(RANDOM + Random.BYTES + i, <u8>(i % 251) + 1);
  store<u32>(RANDOM, 32768, Random.FILLED);
  store<u32>(RANDOM, 0, Random.TAKEN);
}

export function dryRandom(): void {
  store<u32>(RANDOM, load<u32>(RANDOM, Random.FILLED), Random.TAKEN);
}

/** Entries of requests' effects (files, servers, proxy) that wait for effect-host.ts. */
export const desk: usize = guarded(64 * 16);
export let deskCount: u32 = 0;

/** Takes the oldest of them away. */
export function consumeDesk(): void {
  memory.copy(desk, desk + 64, 64 * 15);
  deskCount--;
}

/** The newest trade locker to be forgotten, and how many there were. */
export const forgotten: usize = guarded(64);
export let forgottenCount: u32 = 0;

let keptBack: u32 = NO_PAGE;
let keptSlot: u32 = 0;
let keptOffset: usize = 0;

/** From now on the load of this page takes until serveKept(). */
export function keepBack(key: u32): void {
  keptBack = key;
}
export function serveKept(): void {
  writePage(keptOffset, keptBack);
  pageLoaded(keptSlot, 0);
  keptBack = NO_PAGE;
}

function writePage(at: usize, key: u32): void {
  const denomination = <i32>(key / pagesPerDenomination) - 8;
  const first = (key % pagesPerDenomination) * 1024;
  for (let i: u32 = 0; i < 1024; i++, at += 17) {
    v128.store(at, anOf(denomination, first + i));
    store<u8>(at, i < 512 ? MFS_OLD : 0, 16);
  }
}

/** Does what the engine has asked for; returns how many effects there were. */
export function serveEffects(): u32 {
  let served: u32 = 0;
  for (; used(EFFECTS) != 0; served++) {
    const tail = load<u32>(EFFECTS, Ring.TAIL);
    const entry = entryAt(EFFECTS, tail);
    const key = load<u32>(entry, Effect.KEY);
    store<u32>(EFFECTS, tail + 1, Ring.TAIL);
    const kind = load<u32>(entry, Effect.KIND);
    if (kind >= <u32>EffectKind.READ_FILE && kind <= <u32>EffectKind.ASK_PROXY) {
      memory.copy(desk + (deskCount++ << 6), entry, 64);
      continue;
    }
    if (kind == EffectKind.FORGET_TRADE) {
      memory.copy(forgotten, entry, 64);
      forgottenCount++;
      continue;
    }
    if (kind != EffectKind.LOAD_PAGE) {
      fillsAsked++;
      continue;
    }
    const offset = <usize>load<u32>(entry, Effect.OFFSET);
    const slot = load<u32>(entry, Effect.SLOT);
    loads++;
    if (key == keptBack) {
      keptSlot = slot;
      keptOffset = offset;
      continue;
    }
    writePage(offset, key);
    pageLoaded(slot, key == absentPage ? 1 : 0);
  }
  return served;
}

/** The store has taken everything. */
export function commit(): void {
  store64(COMMITTED, load64(HEAD));
}

export function head(): u64 {
  return load64(HEAD);
}

/** The record of a coin in memory, or 0 while its page is not here. */
export function recordInMemory(denomination: i32, serial: u32): usize {
  const meta = metaOf(pageKey(denomination, serial));
  return meta ? recordOf(meta, serial) : 0;
}

/** Puts a coin back to the base state. */
export function resetCoin(denomination: i32, serial: u32): void {
  const record = recordInMemory(denomination, serial);
  if (record == 0) return;
  v128.store(record, anOf(denomination, serial));
  store<u8>(record, (serial & 1023) < 512 ? MFS_OLD : 0, 16);
}

/** Does the coin have this AN and this MFS? */
export function holds(denomination: i32, serial: u32, an: v128, mfs: u8): bool {
  const record = recordInMemory(denomination, serial);
  if (record == 0 || load<u8>(record, 16) != mfs) return false;
  return !v128.any_true(v128.xor(v128.load(record), an));
}

let nextFrame: u32 = 0;
let nextPeer: u32 = 0;

/** Hands a message to the engine, in a frame of guard bytes; returns its peer handle. */
export function deliver(message: usize, length: u32, flags: u32): u32 {
  const large = length > 4096;
  const bytes: usize = large ? 65664 : 4096;
  const frame = large
    ? LARGE_FRAMES + <usize>(nextFrame & 1) * bytes
    : FRAMES + <usize>(nextFrame & 15) * bytes;
  nextFrame++;
  memory.fill(frame, GUARD, bytes);
  memory.copy(frame, message, length);
  push(frame, frame, length, flags);
  return nextPeer;
}

/** Puts a descriptor into RX. */
export function push(frame: usize, offset: usize, length: u32, flags: u32): void {
  const at = load<u32>(RX, Ring.HEAD);
  const entry = entryAt(RX, at);
  memory.fill(entry, GUARD, 64);
  store<u32>(entry, <u32>frame, Descriptor.FRAME);
  store<u32>(entry, <u32>offset, Descriptor.OFFSET);
  store<u32>(entry, length, Descriptor.LENGTH);
  store<u32>(entry, ++nextPeer, Descriptor.PEER);
  store<u32>(entry, flags, Descriptor.FLAGS);
  store<u64>(entry, now - 7, Descriptor.ARRIVAL);
  store<u32>(RX, at + 1, Ring.HEAD);
  framesOut++;
}

export function processNow(batch: u32): u32 {
  return processBatch(batch, <u32>now, <u32>(now >> 32));
}

export function stepNow(): u32 {
  return stepEngine(<u32>now, <u32>(now >> 32));
}

/** Turns until nothing moves; 100 at the most. */
export function settle(): void {
  let idle = 0;
  for (let turn = 0; turn < 100 && idle < 2; turn++) {
    const moved = processNow(64) + serveEffects();
    stepNow();
    if (autoCommit) commit();
    idle = moved ? 0 : idle + 1;
  }
}

function take(ring: usize): void {
  const tail = load<u32>(ring, Ring.TAIL);
  const entry = entryAt(ring, tail);
  const offset = <usize>load<u32>(entry, Descriptor.OFFSET);
  replyLength = load<u32>(entry, Descriptor.LENGTH);
  replyFlags = load<u32>(entry, Descriptor.FLAGS);
  replyPeer = load<u32>(entry, Descriptor.PEER);
  replyKind = load<u32>(entry, Descriptor.KIND);
  replySerial = load<u32>(entry, Descriptor.SERIAL);
  replyExecution = load<u32>(entry, Descriptor.EXECUTION);
  replyPosition = load<u64>(entry, Descriptor.POSITION);
  replyHeld = ring == HELD;
  memory.fill(reply, GUARD, 70000);
  memory.copy(reply, offset, replyLength);
  const told = load<u32>(entry, Descriptor.STATUS);
  assert(replyLength == 0 || told == <u32>load<u8>(reply, 2), "the status that the host is told");
  if (load<u32>(entry, Descriptor.FRAME) != 0) framesOut--;
  if (replyFlags & Flag.REPLY_FRAME) {
    assert(offset >= REPLY_FRAMES);
    releaseReplyFrame(offset);
  }
  store<u32>(ring, tail + 1, Ring.TAIL);
}

/** Takes the next reply or silence out; false: there is none that may leave. */
export function popReply(): bool {
  while (used(READY) != 0) {
    take(READY);
    if (replyLength != 0 || replyFlags & Flag.SILENT) return true;
  }
  if (used(HELD) == 0) return false;
  const entry = entryAt(HELD, load<u32>(HELD, Ring.TAIL));
  if (load<u64>(entry, Descriptor.POSITION) > load64(COMMITTED)) return false;
  take(HELD);
  return true;
}

/** Answer of one message: the wire status, or SILENCE. Exactly one answer must come. */
export const SILENCE: u32 = 999;
export function answerTo(message: usize, length: u32, flags: u32): u32 {
  const peer = deliver(message, length, flags);
  settle();
  assert(popReply(), "no answer");
  assert(replyPeer == peer, "the answer of another");
  const status = replyLength == 0 ? SILENCE : <u32>load<u8>(reply, 2);
  const length0 = replyLength;
  const flags0 = replyFlags;
  const kept = popReply();
  assert(!kept, "a second answer");
  replyLength = length0;
  replyFlags = flags0;
  return status;
}

/** Payload of the last reply of types 0 to 2 as it lies there; size and trailer are right. */
export function replyBody(): string {
  const size = bswap<u32>(load<u32>(reply, 8)) & 0xffffff;
  assert(replyLength == 32 + size, "size field and length");
  if (size == 0) return "";
  assert(load<u16>(reply + replyLength - 2) == 0x3e3e, "trailer");
  return toHex(reply + 32, size - 2);
}

/** Empties all rings. */
export function clearRings(): void {
  startRingsAt(0);
  framesOut = 0;
}
