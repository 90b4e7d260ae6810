/**
 * The packet ratchet (reference: transfer sections 4.5, 4.6): mk_n = BLAKE3(ck_n | 02), ck_{n+1} =
 * BLAKE3(ck_n | 01), of each direction. Receiving, the chain runs forward on a copy; nothing of a
 * session changes before commitKey(), which the caller calls when the tag has fitted.
 *
 * Keys of numbers that were overtaken are kept for the newest 2048 numbers: in blocks of 64, each a
 * chunk of Pool.KEYS, with a bit for each key that is there. A key that was used, or whose number
 * is further behind, is gone. When the share is used up keys are not kept, and their packets count
 * as lost.
 *
 * A gap above 64 costs steps of the session's bucket. The chain keys of such a run stay in AHEAD,
 * so that the same gap is not paid for twice, until they are committed or a second has passed.
 */
import { TRANSFER_GAP_MAX, TRANSFER_SKIPPED_MAX } from "../core/limits";
import { PACKET_WORK } from "../core/scratch";
import { AHEAD, KEY_RECORD_BYTES, Pool } from "../core/transfer-memory";
import { blake3Ratchet } from "../crypto/generated/blake3-lanes";
import { wipe } from "../crypto/wipe";
import {
  aheadCount,
  aheadEpoch,
  aheadFrom,
  aheadKey,
  dropAhead,
  expireAhead,
  growAhead,
  passAhead,
  startAhead,
} from "./ahead";
import { Epoch, SKIP_BLOCKS, takeSteps } from "./epoch";
import { entryAt } from "./pool";
import { giveShared, ownerOf, takeShared } from "./pool-share";

/** The packet's key, 32 bytes. */
export const PACKET_KEY: usize = PACKET_WORK;
/** The chain key behind it, and a digest that nobody wants. */
const NEXT_CHAIN: usize = PACKET_WORK + 32;
const UNWANTED: usize = PACKET_WORK + 64;

/** Steps that a gap may take without asking the bucket. */
const FREE_GAP: u32 = 64;
const BLOCK: u32 = 64;

/** What commitKey() has to do. */
const enum Pending {
  NONE,
  SKIPPED,
  NEXT,
  NEAR,
  AHEAD,
}
let pending: Pending = Pending.NONE;
let pendingNumber: u64 = 0;

/** Makes the next packet's key of the sending chain at PACKET_KEY and moves the chain on. */
export function stepSending(epoch: usize): void {
  blake3Ratchet(epoch + Epoch.SEND_CHAIN, epoch + Epoch.SEND_CHAIN, PACKET_KEY);
}

/**
 * Makes the key of number `n` of an epoch at PACKET_KEY. False: it was used, is too old, or the gap
 * is too wide. Otherwise commitKey() or dropKey() follows.
 */
export function prepareKey(session: usize, epoch: usize, n: u32): bool {
  const next = load<u64>(epoch, Epoch.RECEIVE_NEXT);
  pendingNumber = n;
  if (<u64>n < next) return prepareSkipped(epoch, n, next);
  const gap = <u64>n - next;
  if (gap >= TRANSFER_GAP_MAX) return false;
  if (gap == 0) {
    blake3Ratchet(epoch + Epoch.RECEIVE_CHAIN, NEXT_CHAIN, PACKET_KEY);
    pending = Pending.NEXT;
    return true;
  }
  if (gap > FREE_GAP) return prepareAhead(session, epoch, n, next);
  memory.copy(NEXT_CHAIN, epoch + Epoch.RECEIVE_CHAIN, 32);
  for (let i: usize = 0; i < <usize>gap; i++) {
    blake3Ratchet(NEXT_CHAIN, NEXT_CHAIN, nearKey(i));
  }
  blake3Ratchet(NEXT_CHAIN, NEXT_CHAIN, PACKET_KEY);
  pending = Pending.NEAR;
  return true;
}

function nearKey(i: usize): usize {
  return AHEAD + (<usize>TRANSFER_GAP_MAX + i) * KEY_RECORD_BYTES;
}

function prepareAhead(session: usize, epoch: usize, n: u32, next: u64): bool {
  expireAhead();
  if (aheadEpoch != epoch || aheadFrom + TRANSFER_GAP_MAX <= <u64>n) {
    if (!takeSteps(session, <u32>(<u64>n - next))) return false;
    startAhead(epoch, next);
    memory.copy(AHEAD, epoch + Epoch.RECEIVE_CHAIN, 32);
  } else if (aheadFrom + aheadCount <= <u64>n) {
    if (!takeSteps(session, <u32>(<u64>n - aheadFrom) + 1 - aheadCount)) return false;
  }
  const wanted = <u64>n - aheadFrom;
  for (; <u64>aheadCount <= wanted; growAhead()) {
    const from = aheadKey(aheadCount - 1);
    blake3Ratchet(from, from + KEY_RECORD_BYTES, UNWANTED);
  }
  blake3Ratchet(aheadKey(wanted), NEXT_CHAIN, PACKET_KEY);
  pending = Pending.AHEAD;
  return true;
}

/** The key was right: the epoch moves on, and the key is wiped. */
export function commitKey(epoch: usize): void {
  const n = pendingNumber,
    kind = pending;
  if (kind == Pending.SKIPPED) {
    useSkipped(epoch, n);
  } else if (kind != Pending.NONE) {
    const next = load<u64>(epoch, Epoch.RECEIVE_NEXT);
    advance(epoch, next, n + 1);
    if (kind == Pending.NEAR) keepNear(epoch, next, n);
    else if (kind == Pending.AHEAD) keepAhead(epoch, next, n);
    memory.copy(epoch + Epoch.RECEIVE_CHAIN, NEXT_CHAIN, 32);
    store<u64>(epoch, n + 1, Epoch.RECEIVE_NEXT);
    passAhead(epoch, n + 1);
  }
  dropKey();
}

/** Wipes what prepareKey() made. */
export function dropKey(): void {
  wipe(PACKET_WORK, 96);
  if (pending == Pending.NEAR) wipe(nearKey(0), <usize>FREE_GAP * KEY_RECORD_BYTES);
  pending = Pending.NONE;
}

function keepNear(epoch: usize, next: u64, n: u64): void {
  for (let skipped = next; skipped < n; skipped++) {
    const to = roomFor(epoch, skipped);
    if (to) memory.copy(to, nearKey(<usize>(skipped - next)), KEY_RECORD_BYTES);
  }
}

function keepAhead(epoch: usize, next: u64, n: u64): void {
  // The chain goes on from n; of those before it the newest are kept.
  const first = n > TRANSFER_SKIPPED_MAX ? max<u64>(next, n + 1 - TRANSFER_SKIPPED_MAX) : next;
  for (let skipped = first; skipped < n; skipped++) {
    const to = roomFor(epoch, skipped);
    if (to) blake3Ratchet(aheadKey(skipped - aheadFrom), UNWANTED, to);
  }
  dropAhead();
}

function bitsAt(epoch: usize, n: u64): usize {
  return epoch + Epoch.SKIP_BITS + ((<usize>((n / BLOCK) % SKIP_BLOCKS)) << 3);
}

function chunkAt(epoch: usize, n: u64): usize {
  return epoch + Epoch.SKIP_CHUNKS + ((<usize>((n / BLOCK) % SKIP_BLOCKS)) << 1);
}

function keyAt(chunk: u32, n: u64): usize {
  return entryAt(Pool.KEYS, chunk) + <usize>(n % BLOCK) * KEY_RECORD_BYTES;
}

function prepareSkipped(epoch: usize, n: u64, next: u64): bool {
  if (n + TRANSFER_SKIPPED_MAX < next) return false;
  if ((load<u64>(bitsAt(epoch, n)) & ((<u64>1) << (n % BLOCK))) == 0) return false;
  memory.copy(PACKET_KEY, keyAt(load<u16>(chunkAt(epoch, n)), n), KEY_RECORD_BYTES);
  pending = Pending.SKIPPED;
  return true;
}

/** The key of a number that was overtaken is used and gone. */
function useSkipped(epoch: usize, n: u64): void {
  const at = bitsAt(epoch, n),
    left = load<u64>(at) & ~((<u64>1) << (n % BLOCK)),
    chunk = load<u16>(chunkAt(epoch, n));
  store<u64>(at, left);
  wipe(keyAt(chunk, n), KEY_RECORD_BYTES);
  if (left == 0) freeBlock(epoch, n);
}

function freeBlock(epoch: usize, n: u64): void {
  const at = chunkAt(epoch, n),
    chunk = load<u16>(at);
  if (chunk) giveShared(ownerOf(epoch), Pool.KEYS, chunk);
  store<u16>(at, 0);
  store<u64>(bitsAt(epoch, n), 0);
}

/** Where the key of an overtaken number goes; 0: nowhere. */
function roomFor(epoch: usize, n: u64): usize {
  const at = chunkAt(epoch, n);
  let chunk: u32 = load<u16>(at);
  if (chunk == 0) {
    chunk = takeShared(ownerOf(epoch), Pool.KEYS);
    if (chunk == 0) return 0;
    store<u16>(at, <u16>chunk);
  }
  const bits = bitsAt(epoch, n);
  store<u64>(bits, load<u64>(bits) | ((<u64>1) << (n % BLOCK)));
  return keyAt(chunk, n);
}

/** Frees the blocks that are no longer among the newest when the next number moves on. */
function advance(epoch: usize, from: u64, to: u64): void {
  if (to <= TRANSFER_SKIPPED_MAX) return;
  const keep = (to - TRANSFER_SKIPPED_MAX) / BLOCK;
  let block = from > TRANSFER_SKIPPED_MAX ? (from - TRANSFER_SKIPPED_MAX) / BLOCK : 0;
  for (let steps: u32 = 0; block < keep && steps < SKIP_BLOCKS; steps++, block++) {
    freeBlock(epoch, block * BLOCK);
  }
}
