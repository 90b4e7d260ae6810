/**
 * The places of connections. A handle is the place and above it a generation that grows with each
 * use, so that what was begun on a connection that is gone cannot end on its successor.
 *
 * Connection (256 bytes): 0 ConnectionState, 4 generation, 8 peer, 12 address, 16 why it is to be
 * closed (PeerClosing), 20 by the peer (1) or by us (0), 24 when it has to be open (u64), 32 a
 * response of the peer is awaited, 64 and 144 the checks under way of a request and a response: 0
 * one is (u32), 8 timestamp (u64), 16 key (32), 48 digest (32).
 */
import { CONNECTION_BYTES, CONNECTIONS_MAX, connectionAt } from "./gate-memory";

export const enum ConnectionState {
  FREE,
  PENDING,
  OPEN,
  CLOSING,
}

const GENERATION: usize = 4;
const PEER: usize = 8;
const ADDRESS: usize = 12;
const REASON: usize = 16;
const INBOUND: usize = 20;
const DEADLINE: usize = 24;
const AWAITED: usize = 32;
const CHECKS: usize = 64;
const CHECK_BYTES: usize = 80;
const TIMESTAMP: usize = 8;
const KEY: usize = 16;
const DIGEST: usize = 48;
const PLACE_BITS: u32 = 10;

export function connectionState(place: u32): ConnectionState {
  return <ConnectionState>load<u32>(connectionAt(place));
}
export function isInbound(place: u32): bool {
  return load<u32>(connectionAt(place), INBOUND) != 0;
}
export function addressOf(place: u32): u32 {
  return load<u32>(connectionAt(place), ADDRESS);
}
export function peerOf(place: u32): u32 {
  return load<u32>(connectionAt(place), PEER);
}
export function openDeadline(place: u32): u64 {
  return load<u64>(connectionAt(place), DEADLINE);
}
export function setOpenDeadline(place: u32, at: u64): void {
  store<u64>(connectionAt(place), at, DEADLINE);
}

export function handleOf(place: u32): u32 {
  return (load<u32>(connectionAt(place), GENERATION) << PLACE_BITS) | place;
}

/** The place of a handle that is pending or open, or -1. */
export function placeOf(handle: u32): i32 {
  const place = handle & (CONNECTIONS_MAX - 1),
    state = connectionState(place);
  if (state != ConnectionState.PENDING && state != ConnectionState.OPEN) return -1;
  return handleOf(place) == handle ? place : -1;
}

/** A new pending connection. The caller has counted: there is a place. */
export function takePlace(inbound: bool, address: u32, deadline: u64): u32 {
  let place: u32 = 0;
  while (connectionState(place) != ConnectionState.FREE) place++;
  const at = connectionAt(place),
    // From 1 on, so that no handle is 0.
    generation = max<u32>((load<u32>(at, GENERATION) + 1) & (u32.MAX_VALUE >> PLACE_BITS), 1);
  memory.fill(at, 0, CONNECTION_BYTES);
  store<u32>(at, ConnectionState.PENDING);
  store<u32>(at, generation, GENERATION);
  store<u32>(at, address, ADDRESS);
  store<u32>(at, inbound ? 1 : 0, INBOUND);
  store<u64>(at, deadline, DEADLINE);
  return place;
}

export function openPlace(place: u32, peer: u32): void {
  store<u32>(connectionAt(place), ConnectionState.OPEN);
  store<u32>(connectionAt(place), peer, PEER);
  store<u64>(connectionAt(place), 0, DEADLINE);
}

/** Marks it as to be closed; the first reason stays. */
export function closePlace(place: u32, reason: u32): void {
  store<u32>(connectionAt(place), ConnectionState.CLOSING);
  store<u32>(connectionAt(place), reason, REASON);
}
export function reasonOf(place: u32): u32 {
  return load<u32>(connectionAt(place), REASON);
}
/** Whether it had been open, before it was to be closed too. */
export function hadPeer(place: u32): bool {
  return load<u64>(connectionAt(place), DEADLINE) == 0;
}

export function freePlace(place: u32): void {
  const generation = load<u32>(connectionAt(place), GENERATION);
  memory.fill(connectionAt(place), 0, CONNECTION_BYTES);
  store<u32>(connectionAt(place), generation, GENERATION);
}

export function isAwaited(place: u32): bool {
  return load<u32>(connectionAt(place), AWAITED) != 0;
}
export function setAwaited(place: u32, awaited: bool): void {
  store<u32>(connectionAt(place), awaited ? 1 : 0, AWAITED);
}

function checkAt(place: u32, kind: u32): usize {
  return connectionAt(place) + CHECKS + <usize>kind * CHECK_BYTES;
}
export function isChecking(place: u32, kind: u32): bool {
  return load<u32>(checkAt(place, kind)) != 0;
}
export function beginCheck(place: u32, kind: u32, key: usize, digest: usize, time: u64): void {
  const at = checkAt(place, kind);
  store<u32>(at, 1);
  store<u64>(at, time, TIMESTAMP);
  memory.copy(at + KEY, key, 32);
  memory.copy(at + DIGEST, digest, 32);
}
export function endCheck(place: u32, kind: u32): void {
  store<u32>(checkAt(place, kind), 0);
}
export function checkedKey(place: u32, kind: u32): usize {
  return checkAt(place, kind) + KEY;
}
export function checkedDigest(place: u32, kind: u32): usize {
  return checkAt(place, kind) + DIGEST;
}
export function checkedTime(place: u32, kind: u32): u64 {
  return load<u64>(checkAt(place, kind), TIMESTAMP);
}
