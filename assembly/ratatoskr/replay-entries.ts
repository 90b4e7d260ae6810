/**
 * The replay cache's entries: found by nonce and by digest, and the earliest of all by a heap. An
 * entry is named by its number, from 1; 0 is none.
 *
 * Head: 0 entries ever used, 4 first free one, 8 spans of forgotten seconds, 16 entries in the
 * heap, 20 devices ever used, 24 first free one, 64 those spans (replay-forgotten.ts). Entry (64
 * bytes): 0 nonce (16), 16 digest (16), 32 timestamp (i64), 40 device, 44 next by nonce, 48 next by
 * digest, 52 previous and 56 next of the device, 60 place in the heap; of a free one, 56 is the
 * next free one.
 */
import { REPLAY, REPLAY_ENTRY_BYTES, REPLAY_HEAD_BYTES, replayEntries } from "../core/memory";
import { addForgotten } from "./replay-forgotten";

const HEAPED: usize = 16;
const DIGEST: usize = 16;
const TIMESTAMP: usize = 32;
const DEVICE: usize = 40;
const NONCE_NEXT: usize = 44;
const DIGEST_NEXT: usize = 48;
const PREVIOUS: usize = 52;
const NEXT: usize = 56;
const PLACE: usize = 60;

function at(entry: u32): usize {
  return REPLAY + REPLAY_HEAD_BYTES + <usize>(entry - 1) * REPLAY_ENTRY_BYTES;
}
/** Behind the entries stand four tables of a u32 an entry: the heap and three of buckets. */
function table(index: u32): usize {
  const entries = <usize>replayEntries;
  return at(1) + entries * REPLAY_ENTRY_BYTES + <usize>index * (entries << 2);
}
/** Of a table of buckets, the one for the 16-byte fingerprint at `key`. */
function bucketOf(index: u32, key: usize): usize {
  return table(index) + ((<usize>(load<u32>(key) % replayEntries)) << 2);
}
export function deviceBucket(key: usize): usize {
  return bucketOf(3, key);
}
export function devicesAt(): usize {
  return table(4);
}

export function timestampOf(entry: u32): i64 {
  return load<i64>(at(entry), TIMESTAMP);
}
export function deviceOf(entry: u32): u32 {
  return load<u32>(at(entry), DEVICE);
}
export function setDevice(entry: u32, device: u32): void {
  store<u32>(at(entry), device, DEVICE);
}
/** Neighbours in the list of a device. */
export function nextOf(entry: u32): u32 {
  return load<u32>(at(entry), NEXT);
}
export function previousOf(entry: u32): u32 {
  return load<u32>(at(entry), PREVIOUS);
}
export function setNext(entry: u32, next: u32): void {
  if (entry) store<u32>(at(entry), next, NEXT);
}
export function setPrevious(entry: u32, previous: u32): void {
  if (entry) store<u32>(at(entry), previous, PREVIOUS);
}

/** Entries that are there, stale ones too. */
export function count(): u32 {
  return load<u32>(REPLAY, HEAPED);
}

export function hasRoom(): bool {
  return load<u32>(REPLAY, 4) != 0 || load<u32>(REPLAY) < replayEntries;
}

export function same(a: usize, b: usize): bool {
  return load<u64>(a) == load<u64>(b) && load<u64>(a, 8) == load<u64>(b, 8);
}

/** Has an entry that is no earlier than `oldest` this nonce? Expired ones may still be there. */
export function hasNonce(key: usize, oldest: i64): bool {
  let entry = load<u32>(bucketOf(1, key));
  for (; entry; entry = load<u32>(at(entry), NONCE_NEXT)) {
    if (same(at(entry), key) && timestampOf(entry) >= oldest) return true;
  }
  return false;
}
/** The same for a digest. */
export function hasDigest(key: usize, oldest: i64): bool {
  let entry = load<u32>(bucketOf(2, key));
  for (; entry; entry = load<u32>(at(entry), DIGEST_NEXT)) {
    if (same(at(entry) + DIGEST, key) && timestampOf(entry) >= oldest) return true;
  }
  return false;
}

/** A new entry with these fingerprints; the caller has asked hasRoom(). */
export function add(timestamp: i64, nonce: usize, digest: usize): u32 {
  let entry = load<u32>(REPLAY, 4);
  if (entry) store<u32>(REPLAY, nextOf(entry), 4);
  else {
    entry = load<u32>(REPLAY) + 1;
    store<u32>(REPLAY, entry);
  }
  const place = at(entry);
  memory.fill(place, 0, REPLAY_ENTRY_BYTES);
  memory.copy(place, nonce, 16);
  memory.copy(place + DIGEST, digest, 16);
  store<i64>(place, timestamp, TIMESTAMP);
  push(bucketOf(1, nonce), entry, NONCE_NEXT);
  push(bucketOf(2, digest), entry, DIGEST_NEXT);
  const count = load<u32>(REPLAY, HEAPED) + 1;
  store<u32>(REPLAY, count, HEAPED);
  raise(entry, count);
  return entry;
}

/** Forgets an entry, which has left its device's list. */
export function remove(entry: u32): void {
  const place = at(entry);
  addForgotten(timestampOf(entry));
  drop(bucketOf(1, place), entry, NONCE_NEXT);
  drop(bucketOf(2, place + DIGEST), entry, DIGEST_NEXT);
  leaveHeap(load<u32>(place, PLACE));
  setNext(entry, load<u32>(REPLAY, 4));
  store<u32>(REPLAY, entry, 4);
}

function push(bucket: usize, entry: u32, next: usize): void {
  store<u32>(at(entry) + next, load<u32>(bucket));
  store<u32>(bucket, entry);
}

function drop(bucket: usize, entry: u32, next: usize): void {
  let link = bucket;
  while (load<u32>(link) != entry) link = at(load<u32>(link)) + next;
  store<u32>(link, load<u32>(at(entry) + next));
}

// The heap: places from 1, no entry later than those of places 2n and 2n + 1 below it.

function heapAt(place: u32): usize {
  return table(0) + ((<usize>(place - 1)) << 2);
}

/** The entry with the earliest timestamp, or 0. */
export function earliest(): u32 {
  return load<u32>(REPLAY, HEAPED) ? load<u32>(heapAt(1)) : 0;
}

function put(entry: u32, place: u32): void {
  store<u32>(heapAt(place), entry);
  store<u32>(at(entry), place, PLACE);
}

/** Puts an entry to `place` or above, where it belongs. */
function raise(entry: u32, place: u32): void {
  for (; place > 1; place >>= 1) {
    const above = load<u32>(heapAt(place >> 1));
    if (timestampOf(above) <= timestampOf(entry)) break;
    put(above, place);
  }
  put(entry, place);
}

/** Puts an entry to `place` or below, of `count` places. */
function lower(entry: u32, place: u32, count: u32): void {
  for (let below = place << 1; below <= count; below = place << 1) {
    let least = load<u32>(heapAt(below));
    if (below < count) {
      const other = load<u32>(heapAt(below + 1));
      if (timestampOf(other) < timestampOf(least)) {
        least = other;
        below++;
      }
    }
    if (timestampOf(entry) <= timestampOf(least)) break;
    put(least, place);
    place = below;
  }
  put(entry, place);
}

/** Fills the place that an entry leaves with the last one. */
function leaveHeap(place: u32): void {
  const count = load<u32>(REPLAY, HEAPED) - 1,
    last = load<u32>(heapAt(count + 1));
  store<u32>(REPLAY, count, HEAPED);
  if (place > count) return;
  const above = place > 1 ? load<u32>(heapAt(place >> 1)) : 0;
  if (above && timestampOf(last) < timestampOf(above)) raise(last, place);
  else lower(last, place, count);
}
