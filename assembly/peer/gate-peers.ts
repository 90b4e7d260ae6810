/**
 * Peers that have a connection. A record begins with the first connection and ends with the last,
 * and with it everything that the peer has proved (section 5.4).
 *
 * Peer (128 bytes): 0 CONNECTED, VERIFIED or FAILED (PeerState), 4 connections, 8 failed
 * handshakes, 12 handshakes tried, 16 when it has to be verified (u64), 24 start of the window in
 * which is counted what it sends (u64), 32 next handshake of ours (u64), 40 peer id (38), 80
 * instance key that it has proved (32), 112 requests of ours that wait, 116 its requests in the
 * window, 120 broadcasts of its own, 124 those of others that it passed on. A place without
 * connections is free.
 */
import { PEER_ID_BYTES } from "../core/limits";
import { PeerState } from "../core/peer";
import { countFailure } from "./gate-bans";
import {
  after,
  BROADCAST_RATE,
  CONNECTIONS_MAX,
  FOREVER,
  PEER_BYTES,
  peerAt,
  REQUEST_RATE,
  same32,
  TARGET,
  TIMEOUT_MS,
  tellingPart,
  WINDOW_MS,
  word,
} from "./gate-memory";
import { keepSpent, takeSpent } from "./gate-spent";

const CONNECTIONS: usize = 4;
const INVALID: usize = 8;
const TRIED: usize = 12;
const DEADLINE: usize = 16;
const WINDOW: usize = 24;
const NEXT: usize = 32;
const ID: usize = 40;
const KEY: usize = 80;
const WAITING: usize = 112;
const REQUESTS: usize = 116;
const BROADCASTS: usize = 120;
const PASSED_ON: usize = 124;

/** Of what a peer may send in its window, three times as much is a ban (section 5.8). */
const FLOOD: u32 = 3;
/** Handshakes that a peer may try before it is verified: each costs a signature. */
const TRIES_MAX: u32 = 8;
const WAITING_MAX: u32 = 64;
/** Ours is sent again to a peer that is not verified. */
const AGAIN_MS: u64 = 3000;

export function stateOf(peer: u32): u32 {
  return load<u32>(peerAt(peer));
}
export function isVerified(peer: u32): bool {
  return (stateOf(peer) & PeerState.VERIFIED) != 0;
}
export function hasFailed(peer: u32): bool {
  return (stateOf(peer) & PeerState.FAILED) != 0;
}
export function isAlive(peer: u32): bool {
  return connectionsOf(peer) != 0;
}
export function connectionsOf(peer: u32): u32 {
  return load<u32>(peerAt(peer), CONNECTIONS);
}
export function idOf(peer: u32): usize {
  return peerAt(peer) + ID;
}
/** What tells it from others: the key in its id (32 bytes). */
export function nameOf(peer: u32): usize {
  return tellingPart(idOf(peer));
}
export function keyOf(peer: u32): usize {
  return peerAt(peer) + KEY;
}

/** The peer with this telling part of an id, or -1. */
export function findPeer(name: usize): i32 {
  for (let i: u32 = 0; i < CONNECTIONS_MAX; i++) {
    if (isAlive(i) && same32(nameOf(i), name)) return i;
  }
  return -1;
}

/** Who is verified with this instance key, or -1. */
export function findKey(key: usize): i32 {
  for (let i: u32 = 0; i < CONNECTIONS_MAX; i++) {
    if (isAlive(i) && isVerified(i) && same32(keyOf(i), key)) return i;
  }
  return -1;
}

/** One connection more of the peer id at `id`. There is a place: as many as connections. */
export function joinPeer(id: usize, now: u64): u32 {
  let peer = findPeer(tellingPart(id));
  if (peer < 0) peer = begin(id, now);
  store<u32>(peerAt(peer), connectionsOf(peer) + 1, CONNECTIONS);
  return peer;
}

function begin(id: usize, now: u64): i32 {
  let peer: u32 = 0;
  while (isAlive(peer)) peer++;
  const place = peerAt(peer);
  memory.fill(place, 0, PEER_BYTES);
  memory.copy(place + ID, id, PEER_ID_BYTES);
  store<u32>(place, PeerState.CONNECTED);
  store<u64>(place, after(now, TIMEOUT_MS), DEADLINE);
  store<u64>(place, now, WINDOW);
  store<u64>(place, now, NEXT);
  return peer;
}

/** One connection less; without any, the peer has proved nothing. */
export function leavePeer(peer: u32, now: u64): void {
  const left = connectionsOf(peer) - 1;
  store<u32>(peerAt(peer), left, CONNECTIONS);
  if (left) return;
  // A flood or bad handshakes are counted though the peer went before their time was over.
  if (isVerified(peer)) keepCounts(peer, now);
  else if (!hasFailed(peer) && (isUnproved(peer) || isFlooding(peer, now))) {
    countFailure(nameOf(peer), now);
  }
  memory.fill(peerAt(peer), 0, PEER_BYTES);
}

function isUnproved(peer: u32): bool {
  return !isVerified(peer) && load<u32>(peerAt(peer), INVALID) != 0;
}
function isFlooding(peer: u32, now: u64): bool {
  const place = peerAt(peer);
  if (now - load<u64>(place, WINDOW) >= WINDOW_MS) return false;
  return load<u32>(place, REQUESTS) > word(REQUEST_RATE);
}
function keepCounts(peer: u32, now: u64): void {
  const place = peerAt(peer);
  keepSpent(place + KEY, load<u64>(place, WINDOW), place + REQUESTS, now);
}

/** It has proved `key`, and whatever was sent with that key a moment ago it has sent. */
export function verify(peer: u32, key: usize, now: u64): void {
  const place = peerAt(peer);
  renewWindow(peer, now);
  const start = takeSpent(key, load<u64>(place, WINDOW), place + REQUESTS, now);
  store<u64>(place, start, WINDOW);
  memory.copy(place + KEY, key, 32);
  store<u32>(place, PeerState.VERIFIED);
  store<u32>(place, 0, WAITING);
}
/** Its failures of this time are counted here, once. */
export function fail(peer: u32, now: u64): void {
  if (hasFailed(peer)) return;
  if (isUnproved(peer)) countFailure(nameOf(peer), now);
  if (isVerified(peer)) keepCounts(peer, now);
  store<u32>(peerAt(peer), PeerState.FAILED);
  store<u32>(peerAt(peer), 0, WAITING);
  memory.fill(keyOf(peer), 0, 32);
}
export function noteInvalid(peer: u32): void {
  store<u32>(peerAt(peer), load<u32>(peerAt(peer), INVALID) + 1, INVALID);
}

/** Counts a handshake; false: it is one too many. */
export function countTry(peer: u32): bool {
  const tried = load<u32>(peerAt(peer), TRIED) + 1;
  store<u32>(peerAt(peer), tried, TRIED);
  return tried <= TRIES_MAX;
}

/** When the peer has to be verified. A clock that was set back gives it no more than its 30 s. */
export function deadlineOf(peer: u32, now: u64): u64 {
  if (stateOf(peer) >= <u32>PeerState.VERIFIED) return FOREVER;
  const place = peerAt(peer) + DEADLINE;
  store<u64>(place, min(load<u64>(place), after(now, TIMEOUT_MS)));
  return load<u64>(place);
}

/** When our next handshake is due, or FOREVER. */
export function nextHandshake(peer: u32, now: u64): u64 {
  if (stateOf(peer) >= <u32>PeerState.VERIFIED) return FOREVER;
  return min(load<u64>(peerAt(peer), NEXT), after(now, AGAIN_MS));
}
export function noteHandshake(peer: u32, now: u64): void {
  store<u64>(peerAt(peer), after(now, AGAIN_MS), NEXT);
}

/** What a peer's request or broadcast is in its 10 s. */
export const enum Rate {
  FINE,
  TOO_MANY,
  FLOOD,
}

export function countRequest(peer: u32, now: u64): Rate {
  return rateOf(countOne(peer, REQUESTS, now), word(REQUEST_RATE));
}
export function countBroadcast(peer: u32, now: u64): Rate {
  return rateOf(countOne(peer, BROADCASTS, now), word(BROADCAST_RATE));
}
/**
 * A broadcast of somebody else: as many as a target of peers may send. Never a flood, since it is
 * others who send them, and some may be of long ago.
 */
export function countPassedOn(peer: u32, now: u64): Rate {
  const passedOn = countOne(peer, PASSED_ON, now);
  return passedOn > word(BROADCAST_RATE) * word(TARGET) ? Rate.TOO_MANY : Rate.FINE;
}

function renewWindow(peer: u32, now: u64): void {
  const place = peerAt(peer),
    start = load<u64>(place, WINDOW);
  if (now >= start && now - start < WINDOW_MS) return;
  store<u64>(place, now, WINDOW);
  memory.fill(place + REQUESTS, 0, PEER_BYTES - REQUESTS);
}

function countOne(peer: u32, counter: usize, now: u64): u32 {
  renewWindow(peer, now);
  const place = peerAt(peer),
    count = load<u32>(place + counter) + 1;
  store<u32>(place + counter, count);
  return count;
}

function rateOf(count: u32, most: u32): Rate {
  if (count > FLOOD * most) return Rate.FLOOD;
  return count > most ? Rate.TOO_MANY : Rate.FINE;
}

/** One request of ours more that waits until the peer is verified; false: they are too many. */
export function queueRequest(peer: u32): bool {
  const waiting = load<u32>(peerAt(peer), WAITING);
  if (waiting >= WAITING_MAX) return false;
  store<u32>(peerAt(peer), waiting + 1, WAITING);
  return true;
}
