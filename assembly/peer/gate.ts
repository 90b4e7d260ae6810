/**
 * The gate: which connections there may be, and what of a peer is let through. Whatever ends a
 * connection from here only marks it; nextClosing() hands it to the host, which closes it. A
 * handle is dead from that mark on. Reference: peer sections 4, 5 and 8.
 */
import { PEER_ID_BYTES } from "../core/limits";
import { PEER } from "../core/memory";
import {
  PeerBlock,
  PeerClosing,
  PeerField,
  PeerGateVerdict,
  PeerState,
  PeerVerdict,
} from "../core/peer";
import { bytesOf } from "./block";
import * as bans from "./gate-bans";
import * as connections from "./gate-connections";
import { ConnectionState } from "./gate-connections";
import {
  after,
  BROADCAST_RATE,
  CONNECTIONS_MAX,
  clearTables,
  localId,
  RATE_MAX,
  REQUEST_RATE,
  same32,
  setWord,
  TARGET,
  TARGET_MAX,
  TIMEOUT_MS,
  tellingPart,
  word,
} from "./gate-memory";
import * as peers from "./gate-peers";
import { indexOf, replaceList } from "./gate-whitelist";
import { isPeerId } from "./schema";

const OF_PEER_MAX: u32 = 2;
const OF_ADDRESS_MAX: u32 = 8;

export function setHandle(handle: u32): void {
  store<u32>(PEER, handle, PeerBlock.HANDLE);
}

/**
 * Empties the gate; our own id is RECIPIENT. `requests` and `broadcasts`: of a peer in 10 s. False:
 * no peer id, or a number out of bounds.
 */
export function startGate(target: u32, requests: u32, broadcasts: u32): bool {
  if (!isWithin(target, TARGET_MAX) || !isPeerId(PeerField.RECIPIENT)) return false;
  if (!isWithin(requests, RATE_MAX) || !isWithin(broadcasts, RATE_MAX)) return false;
  clearTables();
  setWord(TARGET, target);
  setWord(REQUEST_RATE, requests);
  setWord(BROADCAST_RATE, broadcasts);
  memory.copy(localId(), bytesOf(PeerField.RECIPIENT), PEER_ID_BYTES);
  return true;
}

function isWithin(value: u32, most: u32): bool {
  return value != 0 && value <= most;
}

// Counts are made anew each time: there is nothing that could go wrong by one.

function isPending(place: u32, inbound: bool): bool {
  const state = connections.connectionState(place);
  return state == ConnectionState.PENDING && connections.isInbound(place) == inbound;
}
function countPending(inbound: bool): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < CONNECTIONS_MAX; i++) if (isPending(i, inbound)) count++;
  return count;
}
/** Those that are open, and those that the host has to close yet. */
function countOpen(): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < CONNECTIONS_MAX; i++) {
    if (connections.connectionState(i) >= ConnectionState.OPEN) count++;
  }
  return count;
}
function hasProved(place: u32): bool {
  const state = connections.connectionState(place);
  return state == ConnectionState.OPEN && peers.isVerified(connections.peerOf(place));
}
function countOfAddress(address: u32): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < CONNECTIONS_MAX; i++) {
    if (connections.connectionState(i) == ConnectionState.FREE || !connections.isInbound(i))
      continue;
    if (connections.addressOf(i) == address && !hasProved(i)) count++;
  }
  return count;
}

/** What speaks against one more connection with the peer at CONNECTION, whoever began it. */
function checkPeer(now: u64): u32 {
  if (!isPeerId(PeerField.CONNECTION)) return PeerVerdict.PEER_ID;
  const name = tellingPart(bytesOf(PeerField.CONNECTION));
  if (same32(name, tellingPart(localId()))) return PeerGateVerdict.OWN_ID;
  if (bans.isBanned(name, now)) return PeerGateVerdict.BANNED;
  const peer = peers.findPeer(name);
  if (peer < 0) return PeerGateVerdict.OK;
  if (peers.hasFailed(peer)) return PeerGateVerdict.FAILED;
  const isFull = peers.connectionsOf(peer) >= OF_PEER_MAX;
  return isFull ? PeerGateVerdict.TOO_MANY_OF_PEER : PeerGateVerdict.OK;
}

function checkRoom(inbound: bool): u32 {
  const isFull = countPending(inbound) >= word(TARGET) || countOpen() >= 2 * word(TARGET);
  return isFull ? PeerGateVerdict.TOO_MANY_CONNECTIONS : PeerGateVerdict.OK;
}

function take(inbound: bool, address: u32, now: u64): u32 {
  const place = connections.takePlace(inbound, address, after(now, TIMEOUT_MS));
  setHandle(connections.handleOf(place));
  return PeerGateVerdict.OK;
}

/** Before a dial to the peer at CONNECTION. OK: its HANDLE. */
export function dial(now: u64): u32 {
  const fits = checkPeer(now) || checkRoom(false);
  return fits ? fits : take(false, 0, now);
}

/** Before a transport's handshake with whoever came from `address`. OK: its HANDLE. */
export function accept(address: u32, now: u64): u32 {
  const fits = checkRoom(true);
  if (fits) return fits;
  if (countOfAddress(address) >= OF_ADDRESS_MAX) return PeerGateVerdict.TOO_MANY_OF_ADDRESS;
  return take(true, address, now);
}

/** The transport has proved the peer id at CONNECTION. Refused: the handle is gone; close it. */
export function open(handle: u32, now: u64): u32 {
  const place = connections.placeOf(handle);
  if (place < 0 || connections.connectionState(place) != ConnectionState.PENDING) {
    return PeerGateVerdict.UNKNOWN_CONNECTION;
  }
  let fits = checkPeer(now);
  if (!fits && countOpen() >= 2 * word(TARGET)) fits = PeerGateVerdict.TOO_MANY_CONNECTIONS;
  if (fits) connections.freePlace(place);
  else connections.openPlace(place, peers.joinPeer(bytesOf(PeerField.CONNECTION), now));
  return fits;
}

/** The transport has closed, of itself or after nextClosing(), which makes it UNKNOWN here. */
export function close(handle: u32, now: u64): u32 {
  const place = connections.placeOf(handle);
  if (place < 0) return PeerGateVerdict.UNKNOWN_CONNECTION;
  free(place, now);
  return PeerGateVerdict.OK;
}

function free(place: u32, now: u64): void {
  if (connections.hadPeer(place)) peers.leavePeer(connections.peerOf(place), now);
  connections.freePlace(place);
}

/** Whether there is a connection to close: HANDLE and REASON. Each is told once. */
export function nextClosing(now: u64): bool {
  for (let i: u32 = 0; i < CONNECTIONS_MAX; i++) {
    if (connections.connectionState(i) != ConnectionState.CLOSING) continue;
    setHandle(connections.handleOf(i));
    store<u32>(PEER, connections.reasonOf(i), PeerBlock.REASON);
    free(i, now);
    return true;
  }
  return false;
}

/** The peer has failed: nothing of it passes from here on, and all its connections close. */
export function failPeer(peer: u32, reason: PeerClosing, now: u64): void {
  peers.fail(peer, now);
  for (let i: u32 = 0; i < CONNECTIONS_MAX; i++) {
    const isOpen = connections.connectionState(i) == ConnectionState.OPEN;
    if (isOpen && connections.peerOf(i) == peer) connections.closePlace(i, reason);
  }
}

/** The place of an open connection, or -1: also of a peer whose time is over by now. */
export function openConnection(handle: u32, now: u64): i32 {
  const place = connections.placeOf(handle);
  if (place < 0 || connections.connectionState(place) != ConnectionState.OPEN) return -1;
  const peer = connections.peerOf(place);
  if (peers.deadlineOf(peer, now) > now) return place;
  failPeer(peer, PeerClosing.TIMEOUT, now);
  return -1;
}

/** PeerState bits of the peer at CONNECTION. */
export function stateOfPeer(): u32 {
  if (!isPeerId(PeerField.CONNECTION)) return PeerState.NONE;
  const peer = peers.findPeer(tellingPart(bytesOf(PeerField.CONNECTION)));
  if (peer < 0) return PeerState.NONE;
  let state = peers.stateOf(peer);
  if (state >= <u32>PeerState.VERIFIED) return state;
  for (let i: u32 = 0; i < CONNECTIONS_MAX; i++) {
    if (connections.connectionState(i) != ConnectionState.OPEN) continue;
    if (connections.peerOf(i) != <u32>peer) continue;
    if (connections.isAwaited(i)) state |= PeerState.OUTBOUND_PENDING;
    if (connections.isChecking(i, 0)) state |= PeerState.INBOUND_PENDING;
  }
  return state;
}

/** Bans the peer id whose telling part is at `name`, and closes what it has. OK; BANS_FULL. */
export function banName(name: usize, until: u64, now: u64): u32 {
  const banned = bans.ban(name, until, now),
    peer = peers.findPeer(name);
  if (peer >= 0 && until > now) failPeer(peer, PeerClosing.BANNED, now);
  return banned;
}

/** The same for the peer at CONNECTION. */
export function banPeer(until: u64, now: u64): u32 {
  if (!isPeerId(PeerField.CONNECTION)) return PeerVerdict.PEER_ID;
  return banName(tellingPart(bytesOf(PeerField.CONNECTION)), until, now);
}
/** Ends the ban of the peer at CONNECTION and forgets its failures. */
export function unbanPeer(): u32 {
  if (!isPeerId(PeerField.CONNECTION)) return PeerVerdict.PEER_ID;
  bans.unban(tellingPart(bytesOf(PeerField.CONNECTION)));
  return PeerGateVerdict.OK;
}

/**
 * The `count` keys of 32 bytes at IN take the place of the list, at once; who was verified with a
 * key that is not among them is not any more. False: too many, and nothing has changed.
 */
export function replaceWhitelist(count: u32, now: u64): bool {
  if (!replaceList(PEER + PeerBlock.IN, count)) return false;
  for (let i: u32 = 0; i < CONNECTIONS_MAX; i++) {
    if (!peers.isAlive(i) || !peers.isVerified(i)) continue;
    if (indexOf(peers.keyOf(i)) < 0) failPeer(i, PeerClosing.REMOVED, now);
  }
  return true;
}
