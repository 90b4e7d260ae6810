/**
 * Peers that have a connection. A record begins with the first connection and ends with the last,
 * and with it everything that the peer has proved (section 5.4).
 *
 * Peer (128 bytes): 0 CONNECTED, VERIFIED or FAILED (PeerState), 4 connections, 8 failed
 * handshakes, 12 handshakes tried, 16 when it has to be verified (u64), 24 start of its window of
 * requests (u64), 32 requests in it, 36 requests that wait, 40 peer id (38), 80 instance key that
 * it has proved (32), 112 next handshake of ours (u64). A place without connections is free.
 */
import { PEER_ID_BYTES } from "../core/limits";
import { PeerState } from "../core/peer";
import { countFailure } from "./gate-bans";
import {
  after,
  CONNECTIONS_MAX,
  FOREVER,
  PEER_BYTES,
  peerAt,
  same32,
  TIMEOUT_MS,
  tellingPart,
} from "./gate-memory";

const CONNECTIONS: usize = 4;
const INVALID: usize = 8;
const TRIED: usize = 12;
const DEADLINE: usize = 16;
const WINDOW: usize = 24;
const REQUESTS: usize = 32;
const WAITING: usize = 36;
const ID: usize = 40;
const KEY: usize = 80;
const NEXT: usize = 112;

/** 100 requests in 10 s are answered; three times as many are a ban (section 5.8). */
const WINDOW_MS: u64 = 10000;
const REQUESTS_MAX: u32 = 100;
const REQUESTS_BAN: u32 = 300;
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
  if (!hasFailed(peer) && (isUnproved(peer) || isFlooding(peer, now))) {
    countFailure(nameOf(peer), now);
  }
  memory.fill(peerAt(peer), 0, PEER_BYTES);
}

function isUnproved(peer: u32): bool {
  return !isVerified(peer) && load<u32>(peerAt(peer), INVALID) != 0;
}
function requestsOf(peer: u32): u32 {
  return load<u32>(peerAt(peer), REQUESTS);
}
function isFlooding(peer: u32, now: u64): bool {
  const start = load<u64>(peerAt(peer), WINDOW);
  return requestsOf(peer) > REQUESTS_MAX && now - start < WINDOW_MS;
}

export function verify(peer: u32, key: usize): void {
  const place = peerAt(peer);
  memory.copy(place + KEY, key, 32);
  store<u32>(place, PeerState.VERIFIED);
  store<u32>(place, 0, WAITING);
}
/** Its failures of this time are counted here, once. */
export function fail(peer: u32, now: u64): void {
  if (hasFailed(peer)) return;
  if (isUnproved(peer)) countFailure(nameOf(peer), now);
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

/** What a peer's request is in its 10 s. */
export const enum Rate {
  FINE,
  TOO_MANY,
  FLOOD,
}

export function countRequest(peer: u32, now: u64): Rate {
  const place = peerAt(peer),
    start = load<u64>(place, WINDOW);
  if (now < start || now - start >= WINDOW_MS) {
    store<u64>(place, now, WINDOW);
    store<u32>(place, 0, REQUESTS);
  }
  const requests = requestsOf(peer) + 1;
  store<u32>(place, requests, REQUESTS);
  if (requests > REQUESTS_BAN) return Rate.FLOOD;
  return requests > REQUESTS_MAX ? Rate.TOO_MANY : Rate.FINE;
}

/** One request of ours more that waits until the peer is verified; false: they are too many. */
export function queueRequest(peer: u32): bool {
  const waiting = load<u32>(peerAt(peer), WAITING);
  if (waiting >= WAITING_MAX) return false;
  store<u32>(peerAt(peer), waiting + 1, WAITING);
  return true;
}
