/**
 * The gate's tables, all of a fixed size, behind the messages (PeerBlock.GATE). How much of those
 * of connections is used follows from the target that the host sets. Reference: peer sections 4, 5
 * and 8. Times are milliseconds since the epoch (u64).
 *
 * Head (128 bytes): 0 target, 4 keys listed, 8 bans, 12 handshakes seen, 16 newest timestamp of a
 * handshake that was forgotten (u64), 24 requests and 28 broadcasts that a peer has in 10 s, 32
 * peers that have gone within theirs, 64 our peer id.
 */
import { PEER_ID_BYTES, PEER_KEY_BYTES } from "../core/limits";
import { PEER } from "../core/memory";
import { PeerBlock } from "../core/peer";

export const CONNECTIONS_MAX: u32 = 1024;
export const WHITELIST_MAX: u32 = 4096;
export const BANS_MAX: u32 = 4096;
export const SEEN_MAX: u32 = 4096;
export const SPENT_MAX: u32 = 4096;
/** Target peers: 2 * target connections are open, target pending in and target pending out. */
export const TARGET_MAX: u32 = 256;
/** Of a peer's requests, and of its broadcasts, in 10 s: 256 times three times it fit a word. */
export const RATE_MAX: u32 = 1000000;

export const CONNECTION_BYTES: usize = 256;
export const PEER_BYTES: usize = 128;
export const BAN_BYTES: usize = 64;
export const SEEN_BYTES: usize = 72;
export const SPENT_BYTES: usize = 56;

const HEAD_BYTES: usize = 128;
const PEERS: usize = HEAD_BYTES + 1024 * CONNECTION_BYTES;
const WHITELIST: usize = PEERS + 1024 * PEER_BYTES;
const BANS: usize = WHITELIST + 4096 * PEER_KEY_BYTES;
const SEEN: usize = BANS + 4096 * BAN_BYTES;
const SPENT_TABLE: usize = SEEN + 4096 * SEEN_BYTES;
/** What PeerBlock keeps for all of it. */
export const GATE_BYTES: usize = SPENT_TABLE + 4096 * SPENT_BYTES;

/** Words of the head. */
export const TARGET: usize = 0;
export const LISTED: usize = 4;
export const BANNED: usize = 8;
export const REMEMBERED: usize = 12;
const FORGOTTEN: usize = 16;
export const REQUEST_RATE: usize = 24;
export const BROADCAST_RATE: usize = 28;
export const SPENT: usize = 32;
const LOCAL: usize = 64;

/** 30 s to prove oneself, and for a transport to open. */
export const TIMEOUT_MS: u64 = 30000;
/** In which what a peer sends is counted (section 5.8). */
export const WINDOW_MS: u64 = 10000;
export const FOREVER: u64 = u64.MAX_VALUE;

function gate(): usize {
  return PEER + PeerBlock.GATE;
}
export function word(index: usize): u32 {
  return load<u32>(gate() + index);
}
export function setWord(index: usize, value: u32): void {
  store<u32>(gate() + index, value);
}
export function forgotten(): u64 {
  return load<u64>(gate() + FORGOTTEN);
}
export function setForgotten(timestamp: u64): void {
  store<u64>(gate() + FORGOTTEN, timestamp);
}
export function localId(): usize {
  return gate() + LOCAL;
}

export function connectionAt(index: u32): usize {
  return gate() + HEAD_BYTES + <usize>index * CONNECTION_BYTES;
}
export function peerAt(index: u32): usize {
  return gate() + PEERS + <usize>index * PEER_BYTES;
}
export function listedAt(index: u32): usize {
  return gate() + WHITELIST + <usize>index * PEER_KEY_BYTES;
}
export function banAt(index: u32): usize {
  return gate() + BANS + <usize>index * BAN_BYTES;
}
export function seenAt(index: u32): usize {
  return gate() + SEEN + <usize>index * SEEN_BYTES;
}
export function spentAt(index: u32): usize {
  return gate() + SPENT_TABLE + <usize>index * SPENT_BYTES;
}

/** The part of a peer id that tells it from others; its first 6 bytes are the same in all. */
export function tellingPart(id: usize): usize {
  return id + PEER_ID_BYTES - PEER_KEY_BYTES;
}
export function same32(a: usize, b: usize): bool {
  return (
    load<u64>(a) == load<u64>(b) &&
    load<u64>(a, 8) == load<u64>(b, 8) &&
    load<u64>(a, 16) == load<u64>(b, 16) &&
    load<u64>(a, 24) == load<u64>(b, 24)
  );
}

/** The sum, or FOREVER. */
export function after(now: u64, span: u64): u64 {
  return now > FOREVER - span ? FOREVER : now + span;
}

/** Forgets everything. The generations of connections stay, so that old handles stay dead. */
export function clearTables(): void {
  memory.fill(gate(), 0, HEAD_BYTES);
  for (let i: u32 = 0; i < CONNECTIONS_MAX; i++) {
    const place = connectionAt(i),
      generation = load<u32>(place, 4);
    memory.fill(place, 0, CONNECTION_BYTES);
    store<u32>(place, generation, 4);
  }
  memory.fill(gate() + PEERS, 0, GATE_BYTES - PEERS);
}
