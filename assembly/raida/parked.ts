/**
 * Parked requests of one worker, in a list of slots, oldest first. A small datagram is copied into
 * its slot, so that its frame returns at once; a large message waits in its frame. What a run has
 * made once (decryption, key, counter block, challenge hash) stays in the slot and is wiped with
 * it. One pin token for the whole engine: the oldest parked request of its holder pins its pages.
 *
 * State of a slot: 0 used, 4 stage, 8 frame, 12 message, 16 length, 20 peer, 24 flags, 28 undone,
 * 32 arrival (u64), 40 position (u64), 48 type, 52 body size, 56 header bytes, 60 payload, 64
 * payload bytes, 68 page that is missing, 72 capacity, 76 next slot, 80 key (32), 112 counter
 * block, 128 challenge hash, 144 slot before, 148 address, 152 effect frame, 156 effects done, 160
 * effect under way (0: none, else its kind), 164 effect status, 168 effect bytes, 172 effect note.
 */
import { add32, load32, store32, swap32 } from "../core/atomics";
import { LOADS, PIN_TOKEN } from "../core/control";
import { WORKER } from "../core/imports";
import { FILE_BYTES_MAX, SLOT_PAYLOAD_BYTES } from "../core/limits";
import { PARK_BYTES, PARK_STATE_BYTES, PARKED, parkedOf, parkSlots } from "../core/memory";
import { giveBack } from "../core/rings";
import { CHALLENGE_HASH, COUNTER_BLOCK, KEY } from "../core/scratch";
import { Status } from "../core/status";
import * as coins from "./coins";
import * as context from "./context";
import * as effects from "./effects";

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
const MISSING: usize = 68;
const CAPACITY: usize = 72;
const NEXT: usize = 76;
const SLOT_KEY: usize = 80;
const SLOT_COUNTER: usize = 112;
const SLOT_HASH: usize = 128;
const PREVIOUS: usize = 144;
const ADDRESS: usize = 148;
const EFFECT_FRAME: usize = 152;
const EFFECTS_DONE: usize = 156;
const EFFECT_UNDER_WAY: usize = 160;
const EFFECT_STATUS: usize = 164;
const EFFECT_BYTES: usize = 168;
const EFFECT_NOTE: usize = 172;

/** Waiting requests in the order of their arrival, as a list through the slots; 0: none. */
let oldest: usize = 0;
let newest: usize = 0;
/** Slots that were used and are free again, through NEXT. */
let free: usize = 0;
/** Slots that were ever used; the rest are free, too. */
let opened: u32 = 0;
let count: u32 = 0;
/** The slot whose pages are pinned, while this instance has the pin token; 0: none. */
let pinned: usize = 0;

export function parkedCount(): u32 {
  return count;
}
export function parkedRoom(): bool {
  return count < parkSlots;
}
export function firstParked(): usize {
  return oldest;
}
export function nextParked(slot: usize): usize {
  return load<u32>(slot, NEXT);
}

/** A free slot at the end of the list. The caller has looked at parkedRoom(). */
function append(): usize {
  let slot = free;
  if (slot) free = load<u32>(slot, NEXT);
  else {
    slot = PARKED + <usize>opened * PARK_BYTES;
    opened++;
  }
  store<u32>(slot, 0, NEXT);
  store<u32>(slot, <u32>newest, PREVIOUS);
  if (newest) store<u32>(newest, <u32>slot, NEXT);
  else oldest = slot;
  newest = slot;
  count++;
  return slot;
}

/** Takes a slot out of the list and wipes it. */
function remove(slot: usize): void {
  const next = <usize>load<u32>(slot, NEXT),
    previous = <usize>load<u32>(slot, PREVIOUS);
  if (previous) store<u32>(previous, <u32>next, NEXT);
  else oldest = next;
  if (next) store<u32>(next, <u32>previous, PREVIOUS);
  else newest = previous;
  memory.fill(slot, 0, PARK_BYTES);
  store<u32>(slot, <u32>free, NEXT);
  free = slot;
  count--;
}

/** Does the host still work on an effect of this request? Until then it does not run. */
export function awaitsEffect(slot: usize): bool {
  return load<u32>(slot, EFFECT_UNDER_WAY) != 0;
}

/**
 * Does this request, the oldest of this worker that can run, hold the engine's pin token (or get it
 * now)? When another one was the oldest before, its pins go.
 */
export function mayPin(slot: usize): bool {
  if (load32(PIN_TOKEN) != WORKER + 1 && !swap32(PIN_TOKEN, 0, WORKER + 1)) return false;
  if (pinned && pinned != slot) coins.unpinAll();
  pinned = slot;
  return true;
}

/**
 * Would a run find nothing new? The last page that it waited for is still on its way. The oldest
 * request that can run does so in any case: it may have something to pin.
 */
export function stillWaits(slot: usize): bool {
  const key = load<u32>(slot, MISSING);
  return key != coins.NO_PAGE && !undone(slot) && coins.isLoading(key);
}

/** The host has ended an effect. Statuses: OK, INVALID_ARGUMENT (no request waits in this slot). */
export function completeEffect(index: u32, status: u32, bytes: u32): Status {
  if (index >= opened) return Status.INVALID_ARGUMENT;
  const slot = PARKED + <usize>index * PARK_BYTES,
    kind = load<u32>(slot, EFFECT_UNDER_WAY);
  if (kind == 0 || bytes > FILE_BYTES_MAX) return Status.INVALID_ARGUMENT;
  store<u32>(slot, 0, EFFECT_UNDER_WAY);
  store<u32>(slot, load<u32>(slot, EFFECTS_DONE) + 1, EFFECTS_DONE);
  store<u32>(slot, status, EFFECT_STATUS);
  store<u32>(slot, bytes, EFFECT_BYTES);
  effects.ended(kind);
  return Status.OK;
}

/** Parks the request of the context for the first time. */
export function park(): void {
  const slot = append();
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
  store<u32>(slot, context.address, ADDRESS);
  store<u32>(slot, 1, USED);
  keepProgress(slot, false);
}

/**
 * Keeps what a run has found out: the page that it waits for, and what must not be done twice:
 * after decryption a request starts from its open body.
 */
export function keepProgress(slot: usize, pinning: bool): void {
  store<u32>(slot, context.missing, MISSING);
  keepEffect(slot, pinning);
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

/** Keeps what belongs to the request's effects, and tells the host of the one that it asks for. */
function keepEffect(slot: usize, pinning: bool): void {
  store<u32>(slot, <u32>effects.frame, EFFECT_FRAME);
  store<u32>(slot, effects.note, EFFECT_NOTE);
  if (!effects.isAsked()) return;
  store<u32>(slot, effects.askedKind(), EFFECT_UNDER_WAY);
  effects.tell(<u32>((slot - PARKED) / PARK_BYTES));
  if (pinning) letPinsGo();
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
  context.setAddress(load<u32>(slot, ADDRESS));
  effects.takeUp(
    load<u32>(slot, EFFECT_FRAME),
    load<u32>(slot, EFFECTS_DONE),
    load<u32>(slot, EFFECT_STATUS),
    load<u32>(slot, EFFECT_BYTES),
    load<u32>(slot, EFFECT_NOTE),
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
export function endParked(slot: usize, pinning: bool): void {
  if (pinning) letPinsGo();
  remove(slot);
}

function letPinsGo(): void {
  coins.unpinAll();
  pinned = 0;
  store32(PIN_TOKEN, 0);
  // Other workers may have found no page to evict: what was pinned is news to them, as a load is.
  add32(LOADS, 1);
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
