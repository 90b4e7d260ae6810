/**
 * The replay cache: which requests of a device were seen, by nonce and by digest, in one atomic
 * step. A live entry is never forgotten: without room the request is refused. Stale ones stay in a
 * part of the room, in case the clock is put right and they are not stale at all; of those that go
 * the second is remembered, and nothing of it is taken any more. So whatever the clock does, no
 * request is taken twice. Reference: Ratatoskr sections 3.2 and 9.2.
 *
 * Everything is found by 128 bits of SipHash under HASH_KEY, so nobody can choose collisions. A
 * call looks at two chains, removes at most REPLAY_EXPIRED_PER_CALL entries, and walks one device's
 * entries when that device is full and has one that is not fresh now: once a second at the most.
 */
import { lock, unlock } from "../core/atomics";
import { HASH_KEY, REPLAY_LOCK } from "../core/control";
import {
  MESSAGE_AGE_S_MAX,
  MESSAGE_ID_BYTES_MAX,
  MESSAGE_NONCE_BYTES_MAX,
  MESSAGE_SKEW_S_MAX,
  REPLAY_ENTRIES_PER_DEVICE_MAX,
  REPLAY_EXPIRED_PER_CALL,
  REPLAY_STALE_SHARE,
} from "../core/limits";
import { RATATOSKR, replayEntries } from "../core/memory";
import { Block, RequestField, Verdict } from "../core/ratatoskr";
import { Status } from "../core/status";
import { siphash } from "../crypto/siphash";
import { bytesOf, lengthOf, numberOf } from "./block";
import * as devices from "./replay-devices";
import * as entries from "./replay-entries";
import { isForgotten } from "./replay-forgotten";

/** In WORK: what is hashed (8 bytes and an id at the most), then three fingerprints. */
const DEVICE: usize = Block.WORK + 272;
const NONCE: usize = Block.WORK + 288;
const DIGEST: usize = Block.WORK + 304;

/** Which fingerprint: two tags each. */
const enum Tag {
  DEVICE = 0,
  NONCE = 2,
  DIGEST = 4,
}

/** 128 bits for the `length` bytes at `source`, at `out` in the block. */
function fingerprint(tag: Tag, device: u32, source: usize, length: u32, out: usize): usize {
  const text = RATATOSKR + Block.WORK,
    place = RATATOSKR + out;
  memory.copy(text + 8, source, length);
  store<u32>(text, device, 4);
  store<u32>(text, tag);
  store<u64>(place, siphash(HASH_KEY, text, 8 + length));
  store<u32>(text, tag + 1);
  store<u64>(place, siphash(HASH_KEY, text, 8 + length), 8);
  return place;
}

/**
 * Records the request of the block (DEVICE_ID, NONCE, TIMESTAMP, and its DIGEST), whose signature
 * is good and whose timestamp was fresh. `now`: seconds since the epoch. OK; NONCE_REPLAYED;
 * NONCE_CACHE_FULL, also when there is no cache; Status.INVALID_ARGUMENT: a length out of bounds.
 */
export function recordRequest(now: i64, skew: u32): u32 {
  const id = lengthOf(RequestField.DEVICE_ID),
    nonce = lengthOf(RequestField.NONCE);
  if (id > MESSAGE_ID_BYTES_MAX || nonce > MESSAGE_NONCE_BYTES_MAX) return Status.INVALID_ARGUMENT;
  if (skew > MESSAGE_SKEW_S_MAX) return Status.INVALID_ARGUMENT;
  if (replayEntries == 0) return Verdict.NONCE_CACHE_FULL;
  lock(REPLAY_LOCK);
  const oldest = now - MESSAGE_AGE_S_MAX - skew;
  const newest = now + MESSAGE_AGE_S_MAX + skew;
  const recorded = record(numberOf(RequestField.TIMESTAMP), oldest, newest);
  unlock(REPLAY_LOCK);
  return recorded;
}

/** `oldest`: the earliest timestamp that is alive; `newest`: later are those of a clock ahead. */
function record(timestamp: i64, oldest: i64, newest: i64): Verdict {
  const kept = replayEntries / REPLAY_STALE_SHARE;
  for (let i: u32 = 0; i < REPLAY_EXPIRED_PER_CALL && entries.count() > kept; i++) {
    const entry = entries.earliest();
    if (!entry || entries.timestampOf(entry) >= oldest) break;
    forget(entry);
  }
  const id = bytesOf(RequestField.DEVICE_ID),
    idBytes = lengthOf(RequestField.DEVICE_ID);
  const deviceKey = fingerprint(Tag.DEVICE, 0, id, idBytes, DEVICE);
  let device = devices.find(deviceKey);
  // Whatever is in the cache belongs to a device that is in it, so a new one has seen nothing.
  if (device && isSeen(device, oldest)) return Verdict.NONCE_REPLAYED;
  if (device && isFull(device, oldest, newest)) return Verdict.NONCE_CACHE_FULL;
  // Nobody knows whether it was seen: verifying took so long that it is stale by now, or the clock
  // shows for the second time what has been forgotten since.
  if (timestamp < oldest || isForgotten(timestamp)) return Verdict.NONCE_REPLAYED;
  if (!entries.hasRoom()) return Verdict.NONCE_CACHE_FULL;
  // The device may have gone with its last entry.
  device = devices.find(deviceKey) || devices.add(deviceKey);
  keys(device);
  const entry = entries.add(timestamp, RATATOSKR + NONCE, RATATOSKR + DIGEST);
  devices.addEntry(device, entry, timestamp);
  return Verdict.OK;
}

/** Fingerprints of nonce and digest for this device. */
function keys(device: u32): void {
  const nonce = bytesOf(RequestField.NONCE),
    nonceBytes = lengthOf(RequestField.NONCE);
  fingerprint(Tag.NONCE, device, nonce, nonceBytes, NONCE);
  fingerprint(Tag.DIGEST, device, RATATOSKR + Block.DIGEST, 32, DIGEST);
}

function isSeen(device: u32, oldest: i64): bool {
  keys(device);
  const nonce = RATATOSKR + NONCE;
  return entries.hasNonce(nonce, oldest) || entries.hasDigest(RATATOSKR + DIGEST, oldest);
}

/**
 * Has the device all the entries that it may, also without those that nothing can repeat now: the
 * expired, and those of a clock that was far ahead and was put right?
 */
function isFull(device: u32, oldest: i64, newest: i64): bool {
  if (devices.countOf(device) < REPLAY_ENTRIES_PER_DEVICE_MAX) return false;
  if (devices.earliestOf(device) >= oldest && devices.latestOf(device) <= newest) return true;
  let earliest = i64.MAX_VALUE,
    latest = i64.MIN_VALUE;
  for (let entry = devices.firstOf(device), next: u32 = 0; entry; entry = next) {
    next = entries.nextOf(entry);
    const timestamp = entries.timestampOf(entry);
    if (timestamp < oldest || timestamp > newest) forget(entry);
    else {
      earliest = min<i64>(earliest, timestamp);
      latest = max<i64>(latest, timestamp);
    }
  }
  if (!devices.isAlive(device)) return false;
  devices.setBounds(device, earliest, latest);
  return devices.countOf(device) >= REPLAY_ENTRIES_PER_DEVICE_MAX;
}

function forget(entry: u32): void {
  devices.removeEntry(entry);
  entries.remove(entry);
}
