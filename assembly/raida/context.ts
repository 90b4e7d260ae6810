/**
 * The request that this instance is working on. WebAssembly globals belong to one instance, so they
 * may hold private state; what must survive a park is saved in its slot (request.ts).
 */
import { Flag, Wire } from "../core/layout";
import * as memoryMap from "../core/memory";
import { PAGE_LIST } from "../core/scratch";
import { Status } from "../core/status";
import * as header from "./header";

/** How a run ended. */
export const enum Outcome {
  /** There is a reply: status, replyBody, replyBytes. */
  ANSWER,
  /** Pages are missing and their loads are under way: run again later. */
  PARK,
  /** The journal is full: run again after a commit. */
  BUSY,
}

/** Microseconds since the epoch, as the host gave them to this call. */
export let now: u64 = 0;
/**
 * MFS of today (reference section 7): months since February 2023, 1 to 255, because 0 means a free
 * record.
 */
export let mfs: u32 = 1;
let mfsDay: u64 = u64.MAX_VALUE;

// From the descriptor.
export let message: usize = 0;
export let length: u32 = 0;
export let frame: usize = 0;
export let peer: u32 = 0;
export let flags: u32 = 0;
export let arrival: u64 = 0;
export let capacity: u32 = 0;
/** Descriptor.ADDRESS. */
export let address: u32 = 0;

// From the header.
export let type: u32 = 0;
export let bodySize: u32 = 0;
/** 32 or 48. */
export let headerBytes: u32 = 0;
/** The header was sound: its group and echo may be repeated. */
export let sound: bool = false;

// From the body.
/** The payload, decrypted, in the message itself. */
export let payload: usize = 0;
export let payloadBytes: u32 = 0;

// The answer.
export let status: Status = Status.OK;
/** Where the reply begins: the message itself, or a reply frame. */
export let reply: usize = 0;
export let replyBytes: u32 = 0;
/** Highest journal position among the pages that the request touched. */
export let position: u64 = 0;

/** The last page of the request that is on its way; u32.MAX_VALUE: none is. */
export let missing: u32 = u32.MAX_VALUE;

/** Pages of the request in ascending order of key, at PAGE_LIST (u32 each). */
export let pageCount: u32 = 0;

export function setNow(low: u32, high: u32): void {
  now = ((<u64>high) << 32) | low;
  const day = now / 86400000000;
  if (day == mfsDay) return;
  mfsDay = day;
  mfs = monthsFromStart(<u32>day);
}

/** (year - 2023) * 12 + month - 2 of a civil day (UTC, days since 1970), kept within 1 and 255. */
export function monthsFromStart(day: u32): u32 {
  // Civil date from days (Howard Hinnant's algorithm), with years that begin in March.
  const shifted = day + 719468,
    era = shifted / 146097,
    dayOfEra = shifted - era * 146097;
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const shiftedMonth = (5 * dayOfYear + 2) / 153;
  const month = <i32>(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9);
  const year = <i32>(yearOfEra + era * 400) + i32(month <= 2);
  return <u32>min<i32>(255, max<i32>(1, (year - 2023) * 12 + month - 2));
}

/** Takes up a message: all that the descriptor says. */
export function setMessage(
  at: usize,
  bytes: u32,
  ofFrame: usize,
  ofPeer: u32,
  withFlags: u32,
  arrived: u64,
  room: u32,
): void {
  message = at;
  length = bytes;
  frame = ofFrame;
  peer = ofPeer;
  flags = withFlags;
  arrival = arrived;
  capacity = room;
  status = Status.OK;
  reply = at;
  replyBytes = 0;
  sound = false;
  position = 0;
  pageCount = 0;
  missing = u32.MAX_VALUE;
  payload = 0;
  payloadBytes = 0;
}

export function setAddress(value: u32): void {
  address = value;
}
export function setHeader(ofType: u32, size: u32, bytes: u32): void {
  type = ofType;
  bodySize = size;
  headerBytes = bytes;
}
export function setSound(): void {
  sound = true;
}
export function setPayload(at: usize, bytes: u32): void {
  payload = at;
  payloadBytes = bytes;
}
export function setPageCount(count: u32): void {
  pageCount = count;
}
export function setMissing(key: u32): void {
  missing = key;
}
export function setPosition(value: u64): void {
  position = value;
}
export function raisePosition(value: u64): void {
  if (value > position) position = value;
}
export function pageAt(index: u32): u32 {
  return load<u32>(PAGE_LIST + ((<usize>index) << 2));
}

/** Replies of wire spec and of types 4 and 5 carry a fresh nonce. */
export function needsNonce(): bool {
  return headerBytes == header.MODERN_HEADER_BYTES || memoryMap.wire == Wire.SPEC;
}
export function nonceBytes(): u32 {
  return headerBytes == header.MODERN_HEADER_BYTES ? 24 : 12;
}
export function group(): u32 {
  return load<u8>(message, header.GROUP);
}
export function command(): u32 {
  return load<u8>(message, header.COMMAND);
}
export function shard(): u32 {
  return load<u8>(message, header.SHARD);
}
/** An admin key in clear text is taken only from this machine, or when the operator allows it. */
export function mayShowAdminKey(): bool {
  return type != header.Encryption.NONE || (flags & Flag.LOCAL) != 0 || memoryMap.adminClear;
}

/** Where a command writes its reply body: behind the reply header, in place. */
export function body(): usize {
  return reply + headerBytes;
}

/** Ends a command: status and bytes written at body(). */
export function answer(withStatus: Status, bytes: u32): Outcome {
  status = withStatus;
  replyBytes = bytes;
  return Outcome.ANSWER;
}

/** Ends a command without a reply body. */
export function refuse(withStatus: Status): Outcome {
  return answer(withStatus, 0);
}

/** Moves the reply to a frame of the engine's own; its header follows the same layout. */
export function useReplyFrame(at: usize): void {
  reply = at;
}
