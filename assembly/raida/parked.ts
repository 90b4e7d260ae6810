/**
 * Parked requests of one worker, in a ring of slots, oldest first. A small datagram is copied into
 * its slot, so that its frame returns at once; a large message waits in its frame. What a run has
 * made once (decryption, key, counter block, challenge hash) stays in the slot and is wiped with
 * it. One pin token for the whole engine: the oldest parked request of its holder pins its pages.
 *
 * State of a slot: 0 used, 4 stage, 8 frame, 12 message, 16 length, 20 peer, 24 flags, 28 undone,
 * 32 arrival (u64), 40 position (u64), 48 type, 52 body size, 56 header bytes, 60 payload, 64
 * payload bytes, 72 capacity; 80 key (32), 112 counter block, 128 challenge hash.
 */
import { add32, load32, store32, swap32 } from "../core/atomics";
import { SLOT_PAYLOAD_BYTES } from "../core/limits";
import {
  LOADS,
  PARK_BYTES,
  PARK_STATE_BYTES,
  PARKED,
  PIN_TOKEN,
  parkedOf,
  parkSlots,
} from "../core/memory";
import { giveBack } from "../core/rings";
import { CHALLENGE_HASH, COUNTER_BLOCK, KEY, WORKER } from "../core/scratch";
import * as coins from "./coins";
import * as context from "./context";

const USED: usize = 0;
const STAGE: usize = 4;
const FRAME: usize = 8;
const MESSAGE: usize = 12;
const LENGTH: usize = 16;
const PEER: usize = 20;
const FLAGS: usize = 24;
const UNDONE: usize = 28;
const ARRIVAL: usize = 32;
const POSITION: usize = 40;
const TYPE: usize = 48;
const BODY_SIZE: usize = 52;
const HEADER_BYTES: usize = 56;
const PAYLOAD: usize = 60;
const PAYLOAD_BYTES: usize = 64;
const CAPACITY: usize = 72;
const SLOT_KEY: usize = 80;
const SLOT_COUNTER: usize = 112;
const SLOT_HASH: usize = 128;

/** Free-running numbers: requests parked, and the oldest that may still wait. */
let head: u32 = 0;
let tail: u32 = 0;

export function parkedCount(): u32 {
  return head - tail;
}
export function parkedRoom(): bool {
  return head - tail < parkSlots;
}
export function firstParked(): u32 {
  return tail;
}
export function lastParked(): u32 {
  return head;
}

function at(number: u32): usize {
  return PARKED + <usize>(number % parkSlots) * PARK_BYTES;
}

/** The slot of a number if a request waits in it; else 0, and the oldest number moves on. */
export function waiting(number: u32): usize {
  const slot = at(number);
  if (load<u32>(slot, USED) != 0) return slot;
  if (number == tail) tail++;
  return 0;
}

/** Does the oldest request of this worker hold the engine's pin token (or get it now)? */
export function mayPin(number: u32): bool {
  if (number != tail) return false;
  return load32(PIN_TOKEN) == WORKER + 1 || swap32(PIN_TOKEN, 0, WORKER + 1);
}

/** Parks the request of the context for the first time. */
export function park(): void {
  const slot = at(head++);
  let message = context.message,
    frame = context.frame,
    capacity = context.capacity;
  const small = context.length <= SLOT_PAYLOAD_BYTES;
  if (small) {
    memory.copy(slot + PARK_STATE_BYTES, message, context.length);
    const moved = slot + PARK_STATE_BYTES - message;
    message += moved;
    if (context.payload) context.setPayload(context.payload + moved, context.payloadBytes);
    giveBack(frame, context.peer, 0);
    frame = 0;
    capacity = SLOT_PAYLOAD_BYTES;
  }
  store<u32>(slot, 0, STAGE);
  store<u32>(slot, <u32>frame, FRAME);
  store<u32>(slot, <u32>message, MESSAGE);
  store<u32>(slot, context.length, LENGTH);
  store<u32>(slot, context.peer, PEER);
  store<u32>(slot, context.flags, FLAGS);
  store<u32>(slot, 0, UNDONE);
  store<u64>(slot, context.arrival, ARRIVAL);
  store<u32>(slot, capacity, CAPACITY);
  store<u32>(slot, 1, USED);
  keepProgress(slot);
}

/** Keeps what must not be done twice: after decryption a request starts from its open body. */
export function keepProgress(slot: usize): void {
  if (load<u32>(slot, STAGE) != 0 || context.payload == 0) return;
  store<u32>(slot, 1, STAGE);
  store<u64>(slot, context.position, POSITION);
  store<u32>(slot, context.type, TYPE);
  store<u32>(slot, context.bodySize, BODY_SIZE);
  store<u32>(slot, context.headerBytes, HEADER_BYTES);
  store<u32>(slot, <u32>context.payload, PAYLOAD);
  store<u32>(slot, context.payloadBytes, PAYLOAD_BYTES);
  memory.copy(slot + SLOT_KEY, KEY, 32);
  v128.store(slot, v128.load(COUNTER_BLOCK), SLOT_COUNTER);
  v128.store(slot, v128.load(CHALLENGE_HASH), SLOT_HASH);
}

/** Makes a parked request the current one. True: its body is open already. */
export function takeUp(slot: usize): bool {
  context.setMessage(
    load<u32>(slot, MESSAGE),
    load<u32>(slot, LENGTH),
    load<u32>(slot, FRAME),
    load<u32>(slot, PEER),
    load<u32>(slot, FLAGS),
    load<u64>(slot, ARRIVAL),
    load<u32>(slot, CAPACITY),
  );
  if (load<u32>(slot, STAGE) == 0) return false;
  context.setHeader(
    load<u32>(slot, TYPE),
    load<u32>(slot, BODY_SIZE),
    load<u32>(slot, HEADER_BYTES),
  );
  context.setSound();
  context.setPayload(load<u32>(slot, PAYLOAD), load<u32>(slot, PAYLOAD_BYTES));
  context.setPosition(load<u64>(slot, POSITION));
  memory.copy(KEY, slot + SLOT_KEY, 32);
  v128.store(COUNTER_BLOCK, v128.load(slot, SLOT_COUNTER));
  v128.store(CHALLENGE_HASH, v128.load(slot, SLOT_HASH));
  return true;
}

/**
 * Was the request decrypted under a key that a rollback has undone? Then its outcome is unknown:
 * 252.
 */
export function undone(slot: usize): bool {
  return load<u32>(slot, UNDONE) != 0;
}

/** Ends a parked request: its slot is wiped, its pins and the token go. */
export function endParked(slot: usize, number: u32, pinning: bool): void {
  if (pinning) {
    coins.unpinAll();
    store32(PIN_TOKEN, 0);
    // Other workers may have found no page to evict: what was pinned is news to them, as a load is.
    add32(LOADS, 1);
  }
  memory.fill(slot, 0, PARK_BYTES);
  if (number == tail) tail++;
}

/**
 * Marks the parked requests of a worker that rest on changes behind `position` (all workers are
 * stopped).
 */
export function markUndone(worker: u32, position: u64): void {
  let slot = parkedOf(worker);
  for (let i: u32 = 0; i < parkSlots; i++, slot += PARK_BYTES) {
    if (load<u32>(slot, USED) == 0 || load<u32>(slot, STAGE) == 0) continue;
    if (load<u64>(slot, POSITION) > position) store<u32>(slot, 1, UNDONE);
  }
}
