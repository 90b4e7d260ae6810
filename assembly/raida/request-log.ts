/**
 * What a worker counts of its requests (core/requests.ts), and its latest records. Only the
 * worker itself writes, so plain additions do; readers in other threads learn of new records once a
 * batch, when flushRequests() has stored their number.
 */
import { store64 } from "../core/atomics";
import { Descriptor } from "../core/layout";
import { REQUEST_RECORDS, REQUEST_TIMES } from "../core/limits";
import { REQUESTS, requestsOf } from "../core/memory";
import { RequestRecord, Requests } from "../core/requests";
import { Status } from "../core/status";

/** Groups of which each command is counted by itself. */
const GROUPS: u32 = 16;

/** Replies made, and those that readers know of. */
let replies: u64 = 0;
let shown: u64 = 0;

function add(at: usize, value: u64): void {
  store<u64>(at, load<u64>(at) + value);
}

function commandAt(base: usize, kind: u32): usize {
  return base + Requests.COMMANDS + ((<usize>(((kind >>> 16) & 0xff) * 256 + (kind >>> 24))) << 3);
}

function statusAt(base: usize, status: u32): usize {
  return base + Requests.STATUSES + ((<usize>(status & 0xff)) << 3);
}

/** Was the header refused before its group and command were known to be some of ours? */
function refusesHeader(status: u32): bool {
  switch (status) {
    case Status.INVALID_ROUTING:
    case Status.INVALID_SPLIT_ID:
    case Status.INVALID_RAIDA_ID:
    case Status.INVALID_SHARD_ID:
    case Status.INVALID_COMMAND_GROUP:
    case Status.INVALID_COMMAND:
      return true;
  }
  return false;
}

/**
 * Counts the reply whose descriptor is complete but for RECORD, which this sets. `sound`: the
 * header was accepted; `address` and `flags` are those of the request.
 */
export function recordReply(entry: usize, sound: bool, address: u32, flags: u32): void {
  const kind = load<u32>(entry, Descriptor.KIND),
    status = load<u32>(entry, Descriptor.STATUS),
    elapsed = load<u32>(entry, Descriptor.EXECUTION);
  const refused = (kind >>> 16) % 256 >= GROUPS || (!sound && refusesHeader(status));
  add(refused ? REQUESTS + Requests.REFUSED_HEADERS : commandAt(REQUESTS, kind), 1);
  add(statusAt(REQUESTS, status), 1);
  add(REQUESTS + Requests.EXECUTION, elapsed);
  const bucket = min<u32>(32 - clz<u32>(max<u32>(elapsed, 1) - 1), REQUEST_TIMES - 1);
  add(REQUESTS + Requests.TIMES + ((<usize>bucket) << 3), 1);

  const record = recordAt(REQUESTS, <u32>replies);
  store<u32>(record, <u32>replies, RequestRecord.NUMBER);
  store<u32>(record, kind, RequestRecord.KIND);
  store<u64>(record, load<u64>(entry, Descriptor.ARRIVAL), RequestRecord.ARRIVAL);
  store<u32>(record, load<u32>(entry, Descriptor.SERIAL), RequestRecord.SERIAL);
  store<u32>(record, elapsed, RequestRecord.EXECUTION);
  store<u32>(record, address, RequestRecord.ADDRESS);
  store<u32>(record, (status & 0xff) | (flags << 8), RequestRecord.STATUS);
  store<u32>(entry, <u32>replies, Descriptor.RECORD);
  replies++;
}

function recordAt(base: usize, number: u32): usize {
  const index = <usize>(number & (REQUEST_RECORDS - 1));
  return base + Requests.RECENT + index * RequestRecord.BYTES;
}

/** Counts a message that gets no answer. */
export function recordSilence(): void {
  add(REQUESTS + Requests.SILENT, 1);
}

/** Shows readers what this batch has recorded. */
export function flushRequests(): void {
  if (replies == shown) return;
  shown = replies;
  store64(REQUESTS + Requests.REPLIES, replies);
}

/**
 * A held reply of `worker`, which stands still, will leave with 252 instead of the status of its
 * descriptor.
 */
export function recordUnknown(worker: u32, entry: usize): void {
  const base = requestsOf(worker),
    status = load<u32>(entry, Descriptor.STATUS);
  add(statusAt(base, status), u64.MAX_VALUE);
  add(statusAt(base, Status.INTERNAL), 1);
  const record = recordAt(base, load<u32>(entry, Descriptor.RECORD));
  if (load<u32>(record, RequestRecord.NUMBER) != load<u32>(entry, Descriptor.RECORD)) return;
  store<u8>(record, <u8>Status.INTERNAL, RequestRecord.STATUS);
}
