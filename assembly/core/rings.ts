/**
 * Descriptor rings between one host thread and one instance: {head at 0, tail at 64, entries from
 * 128}, each with one producer and one consumer. READY may leave at once. HELD waits for the store;
 * it is first-in-first-out because a position is raised to the one before it, so the host compares
 * one number.
 */
import { load32, load64, store32 } from "./atomics";
import { COMMITTED } from "./control";
import { Descriptor, Effect, EffectKind, Ring } from "./layout";
import { FRAME_BYTES, LARGE_FRAME_BYTES, REPLY_FRAME_BYTES, SLOT_PAYLOAD_BYTES } from "./limits";
import {
  EFFECTS,
  FRAMES,
  FRAMES_END,
  HELD,
  HELD_SLOTS,
  LARGE_FRAMES,
  LARGE_FRAMES_END,
  READY,
  READY_SLOTS,
  REPLY_FRAMES,
  RX,
  replyFrames,
  ringEntries,
} from "./memory";

/** Position of the newest held reply of this instance. */
let lastHeld: u64 = 0;

export function used(ring: usize): u32 {
  return load32(ring + Ring.HEAD) - load32(ring + Ring.TAIL);
}

export function room(ring: usize): u32 {
  return ringEntries - used(ring);
}

export function entryAt(ring: usize, index: u32): usize {
  return ring + Ring.ENTRIES + ((<usize>(index & (ringEntries - 1))) << 6);
}

/** Room for all that one request can put out: its frame, and its reply in either ring. */
export function roomForRequest(): bool {
  return room(READY) >= 2 && room(HELD) >= 1;
}

/** The next received descriptor, or 0. It stays in the ring until consumeReceived(). */
export function nextReceived(): usize {
  const tail = load32(RX + Ring.TAIL);
  return load32(RX + Ring.HEAD) == tail ? 0 : entryAt(RX, tail);
}

export function consumeReceived(): void {
  store32(RX + Ring.TAIL, load32(RX + Ring.TAIL) + 1);
}

/**
 * Bytes from `offset` to the end of the frame of this worker that begins at `frame`. 0: there is no
 * such frame, or less room than SLOT_PAYLOAD_BYTES, which the reply to any short request may need.
 * So a wrong descriptor is refused instead of read, and no reply grows over the end of its frame.
 */
export function capacityAt(frame: usize, offset: usize): u32 {
  let end: usize = 0;
  if (frame >= FRAMES && frame < FRAMES_END) {
    if ((frame - FRAMES) % FRAME_BYTES == 0) end = frame + FRAME_BYTES;
  } else if (frame >= LARGE_FRAMES && frame < LARGE_FRAMES_END) {
    if ((frame - LARGE_FRAMES) % LARGE_FRAME_BYTES == 0) end = frame + LARGE_FRAME_BYTES;
  }
  const inside = offset >= frame && offset < end;
  return inside && end - offset >= SLOT_PAYLOAD_BYTES ? <u32>(end - offset) : 0;
}

/** Gives a receive frame back before, or without, a reply; `flags` says which. */
export function giveBack(frame: usize, peer: u32, flags: u32): void {
  const head = load32(READY + Ring.HEAD),
    entry = entryAt(READY, head);
  store<u32>(entry, <u32>frame, Descriptor.FRAME);
  store<u32>(entry, 0, Descriptor.OFFSET);
  store<u32>(entry, 0, Descriptor.LENGTH);
  store<u32>(entry, peer, Descriptor.PEER);
  store<u32>(entry, flags, Descriptor.FLAGS);
  store32(READY + Ring.HEAD, head + 1);
}

/** The ring of the reply that placeReply() has begun. */
let placedIn: usize = 0;

/**
 * Begins the entry of a reply: in READY, or in HELD when the store has not committed `position`
 * yet. A reply that is small and held, or that lies in a parked copy, moves into the entry's own
 * slot, so that its frame returns at once; one in a reply frame stays there. Sets FRAME, OFFSET,
 * LENGTH and POSITION; the caller adds the rest and ends with pushReply().
 */
export function placeReply(frame: usize, offset: usize, length: u32, position: u64): usize {
  const held = position > load64(COMMITTED);
  if (held) {
    if (position < lastHeld) position = lastHeld;
    lastHeld = position;
  }
  placedIn = held ? HELD : READY;
  const head = load32(placedIn + Ring.HEAD);
  if ((frame == 0 || (held && length <= SLOT_PAYLOAD_BYTES)) && !inReplyFrame(offset)) {
    if (frame) giveBack(frame, 0, 0);
    frame = 0;
    const slots = held ? HELD_SLOTS : READY_SLOTS;
    const slot = slots + <usize>(head & (ringEntries - 1)) * SLOT_PAYLOAD_BYTES;
    memory.copy(slot, offset, length);
    offset = slot;
  }
  const entry = entryAt(placedIn, head);
  store<u32>(entry, <u32>frame, Descriptor.FRAME);
  store<u32>(entry, <u32>offset, Descriptor.OFFSET);
  store<u32>(entry, length, Descriptor.LENGTH);
  store<u64>(entry, position, Descriptor.POSITION);
  return entry;
}

/** Does a message lie in one of the engine's own frames for large replies? */
export function inReplyFrame(offset: usize): bool {
  return offset >= REPLY_FRAMES && offset < REPLY_FRAMES + <usize>replyFrames * REPLY_FRAME_BYTES;
}

/** Shows the host the reply that placeReply() has begun. */
export function pushReply(): void {
  store32(placedIn + Ring.HEAD, load32(placedIn + Ring.HEAD) + 1);
}

/** Asks the host for something; false: the effect ring is full, try again later. */
export function emitEffect(kind: EffectKind, offset: usize, key: u32, slot: u32): bool {
  if (room(EFFECTS) == 0) return false;
  const head = load32(EFFECTS + Ring.HEAD),
    entry = entryAt(EFFECTS, head);
  store<u32>(entry, kind, Effect.KIND);
  store<u32>(entry, <u32>offset, Effect.OFFSET);
  store<u32>(entry, key, Effect.KEY);
  store<u32>(entry, slot, Effect.SLOT);
  store32(EFFECTS + Ring.HEAD, head + 1);
  return true;
}

/**
 * Tells the host that the trade locker with the AN at `an` is empty from `position` on. Without
 * room in the ring nothing is told: the address that stays behind does no harm.
 */
export function emitForgetTrade(an: usize, position: u64): void {
  if (room(EFFECTS) == 0) return;
  const head = load32(EFFECTS + Ring.HEAD),
    entry = entryAt(EFFECTS, head);
  store<u32>(entry, EffectKind.FORGET_TRADE, Effect.KIND);
  store<u64>(entry, position, Effect.POSITION);
  v128.store(entry, v128.load(an), Effect.AN);
  store32(EFFECTS + Ring.HEAD, head + 1);
}
