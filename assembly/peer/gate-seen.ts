/**
 * Handshakes that were taken, so that none is taken twice (section 5.3). One that is still fresh is
 * never forgotten: without room a new one is refused. Only what passed every other check comes in,
 * so only listed peers fill it, each its share.
 *
 * Entry (72 bytes): 0 telling part of the peer id (32), 32 digest of the signature (32), 64
 * timestamp (u64). Dense: the last one fills a gap.
 */
import { PeerGateVerdict } from "../core/peer";
import {
  after,
  FOREVER,
  forgotten,
  REMEMBERED,
  SEEN_BYTES,
  SEEN_MAX,
  same32,
  seenAt,
  setForgotten,
  setWord,
  word,
} from "./gate-memory";

const DIGEST: usize = 32;
const TIMESTAMP: usize = 64;
/** 30 s of age and 5 s of the future. */
const SEEN_MS: u64 = 35000;
/** Of one peer: a reconnection a second, and one over. */
const OF_PEER_MAX: u32 = 36;

function endOf(index: u32): u64 {
  return after(load<u64>(seenAt(index), TIMESTAMP), SEEN_MS);
}

/** Forgets what is stale. Of what is forgotten the newest time is kept: a clock may be set back. */
export function forgetStale(now: u64): void {
  for (let i: i32 = word(REMEMBERED) - 1; i >= 0; i--) {
    if (endOf(i) > now) continue;
    setForgotten(max(forgotten(), load<u64>(seenAt(i), TIMESTAMP)));
    const last = word(REMEMBERED) - 1;
    memory.copy(seenAt(i), seenAt(last), SEEN_BYTES);
    memory.fill(seenAt(last), 0, SEEN_BYTES);
    setWord(REMEMBERED, last);
  }
}

/** OK, and it is remembered; REPLAYED; SEEN_FULL. */
export function remember(key: usize, digest: usize, timestamp: u64, now: u64): PeerGateVerdict {
  forgetStale(now);
  if (timestamp <= forgotten()) return PeerGateVerdict.REPLAYED;
  const count = word(REMEMBERED);
  let ofPeer: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const place = seenAt(i);
    if (!same32(place, key)) continue;
    if (same32(place + DIGEST, digest)) return PeerGateVerdict.REPLAYED;
    ofPeer++;
  }
  if (ofPeer >= OF_PEER_MAX || count == SEEN_MAX) return PeerGateVerdict.SEEN_FULL;
  const place = seenAt(count);
  memory.copy(place, key, 32);
  memory.copy(place + DIGEST, digest, 32);
  store<u64>(place, timestamp, TIMESTAMP);
  setWord(REMEMBERED, count + 1);
  return PeerGateVerdict.OK;
}

/** When the next one is stale, or FOREVER. */
export function nextStale(): u64 {
  let next = FOREVER;
  for (let i: u32 = 0; i < word(REMEMBERED); i++) next = min(next, endOf(i));
  return next;
}
