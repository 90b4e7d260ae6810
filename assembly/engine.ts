/**
 * The engine behind its exports: which room a descriptor goes to, and what happens around a batch.
 * border.md "Batch", "Parking".
 */
import { enter, leave, load32, load64 } from "./core/atomics";
import { COMMITTED, LOADS, STOP } from "./core/control";
import { Descriptor, Flag } from "./core/layout";
import { PROCESS_BYTES_MAX } from "./core/limits";
import { attachMemory, CRC_TABLE, layOutMemory, openMemory, readShared } from "./core/memory";
import { capacityAt, consumeReceived, giveBack, nextReceived, roomForRequest } from "./core/rings";
import { CHALLENGE_HASH, COUNTER_BLOCK, KEY, LOOKED_UP, REPLY_NONCE, WORK } from "./core/scratch";
import { Status } from "./core/status";
import { crc32Attach, crc32Fill } from "./crypto/crc32";
import { ctrWipe } from "./crypto/ctr";
import { hmacWipe } from "./crypto/hmac-sha256";
import { fillCommandTable } from "./raida/commands/table";
import * as context from "./raida/context";
import { Outcome } from "./raida/context";
import * as effects from "./raida/effects";
import { hasHeader } from "./raida/header";
import * as parked from "./raida/parked";
import { letReplyFrameGo } from "./raida/reply-frames";
import { runAgain, runFromHeader } from "./raida/request";
import { flushRequests, recordSilence } from "./raida/request-log";
import { sendReply } from "./raida/response";
import { countDatagram, flushStatistics } from "./raida/statistics";
import { sweepTickets } from "./raida/tickets";
import { answerVote } from "./raida/vote";

/** What again() last saw; parked requests run when either has moved. */
let seenLoads: u32 = 0;
let seenCommitted: u64 = 0;
/** again() stopped in the middle for want of room in a ring. */
let unfinished: bool = false;
/** A request found the journal full: nothing new starts until a commit. */
let journalFull: bool = false;

/**
 * Lays the memory out and fills the tables, once for all instances. Statuses: core/memory.ts,
 * layOutMemory().
 */
export function configureEngine(): Status {
  const laidOut = layOutMemory();
  if (laidOut != Status.OK) return laidOut;
  readShared();
  crc32Fill(CRC_TABLE);
  fillCommandTable();
  openMemory();
  return Status.OK;
}

/** Every instance calls this once after configure(). */
export function attachEngine(): Status {
  const attached = attachMemory();
  if (attached == Status.OK) crc32Attach(CRC_TABLE);
  return attached;
}

/**
 * Answers up to `batch` received descriptors; `low` and `high` are microseconds since the epoch.
 * Stops early when a ring, the journal or the park is full, or after PROCESS_BYTES_MAX body bytes.
 * Returns how many it took.
 */
export function processBatch(batch: u32, low: u32, high: u32): u32 {
  if (!enter(STOP)) return 0;
  context.setNow(low, high);
  const taken = mayRunAgain() && !again() ? 0 : takeBatch(batch);
  endBatch();
  return taken;
}

/** Runs parked requests and timers. Returns how many requests are still parked. */
export function stepEngine(low: u32, high: u32): u32 {
  if (enter(STOP)) {
    context.setNow(low, high);
    sweepTickets(context.now);
    if (parked.parkedCount() != 0) again();
    endBatch();
  }
  return parked.parkedCount();
}

function endBatch(): void {
  flushStatistics();
  flushRequests();
  wipeSecrets();
  leave();
}

/** No key of a request outlives its batch. */
export function wipeSecrets(): void {
  memory.fill(KEY, 0, 32);
  memory.fill(COUNTER_BLOCK, 0, 16);
  memory.fill(CHALLENGE_HASH, 0, 16);
  memory.fill(REPLY_NONCE, 0, 32);
  memory.fill(WORK, 0, 128);
  memory.fill(LOOKED_UP, 0, 64);
  ctrWipe();
  hmacWipe();
}

function mayRunAgain(): bool {
  if (parked.parkedCount() == 0) return false;
  return unfinished || seenLoads != load32(LOADS) || seenCommitted != load64(COMMITTED);
}

function takeBatch(batch: u32): u32 {
  let taken: u32 = 0,
    bytes: u32 = 0;
  for (; taken < batch && bytes < PROCESS_BYTES_MAX; taken++) {
    // Full park: the host sheds datagrams or stops reading streams. Full journal: only a commit
    // helps.
    if (journalFull || !roomForRequest() || !parked.parkedRoom()) break;
    const entry = nextReceived();
    if (!entry) break;
    bytes += load<u32>(entry, Descriptor.LENGTH);
    receive(entry);
    consumeReceived();
  }
  return taken;
}

function receive(entry: usize): void {
  const frame = <usize>load<u32>(entry, Descriptor.FRAME),
    offset = <usize>load<u32>(entry, Descriptor.OFFSET);
  const length = load<u32>(entry, Descriptor.LENGTH),
    capacity = capacityAt(frame, offset);
  context.setMessage(
    offset,
    length,
    frame,
    load<u32>(entry, Descriptor.PEER),
    load<u32>(entry, Descriptor.FLAGS),
    load<u64>(entry, Descriptor.ARRIVAL),
    capacity,
  );
  context.setAddress(load<u32>(entry, Descriptor.ADDRESS));
  effects.reset();
  if (length > capacity || !hasHeader(offset, length)) {
    giveBack(frame, context.peer, Flag.SILENT);
    recordSilence();
    return;
  }
  if (context.flags & Flag.DATAGRAM) countDatagram();
  if (answerVote()) return;
  const outcome = runFromHeader(false);
  if (!finished(outcome)) {
    parked.park();
    journalFull = outcome == Outcome.BUSY;
  }
}

/** Sends what there is to send; false: the request has to run again. */
function finished(outcome: Outcome): bool {
  if (outcome != Outcome.ANSWER) {
    letReplyFrameGo();
    return false;
  }
  sendReply();
  effects.close();
  return true;
}

/** Runs parked requests, oldest first. False: stopped for want of room. */
function again(): bool {
  seenLoads = load32(LOADS);
  seenCommitted = load64(COMMITTED);
  journalFull = false;
  unfinished = false;
  let oldest = true;
  for (let slot = parked.firstParked(), next: usize = 0; slot; slot = next) {
    next = parked.nextParked(slot);
    if (parked.awaitsEffect(slot)) continue;
    const first = oldest;
    oldest = false;
    if (!first && parked.stillWaits(slot)) continue;
    if (!roomForRequest()) {
      unfinished = true;
      return false;
    }
    const pinning = first && parked.mayPin(slot);
    const outcome = runParked(slot, pinning);
    if (outcome == Outcome.BUSY) journalFull = true;
    if (finished(outcome)) parked.endParked(slot, pinning);
    else parked.keepProgress(slot, pinning);
  }
  return true;
}

function runParked(slot: usize, pinning: bool): Outcome {
  const opened = parked.takeUp(slot);
  if (parked.undone(slot)) return context.refuse(Status.INTERNAL);
  return opened ? runAgain(pinning) : runFromHeader(pinning);
}
