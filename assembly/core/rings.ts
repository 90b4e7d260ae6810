/**
 * Descriptor rings between one host thread and one instance: {head at 0, tail at 64, entries from
 * 128}, each with one producer and one consumer. READY may leave at once. HELD waits for the store;
 * it is first-in-first-out because a position is raised to the one before it, so the host compares
 * one number.
 */
import { load32, load64, store32 } from "./atomics";
import { Descriptor, Effect, EffectKind, Flag, Ring } from "./layout";
import { FRAME_BYTES, LARGE_FRAME_BYTES, SLOT_PAYLOAD_BYTES } from "./limits";
import {
  COMMITTED,
  EFFECTS,
  FRAMES,
  FRAMES_END,
  HELD,
  HELD_SLOTS,
  LARGE_FRAMES,
  LARGE_FRAMES_END,
  READY,
  READY_SLOTS,
  RX,
  ringEntries,
} from "./memory";
import { Status } from "./status";

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

/**
 * Puts a reply into READY, or into HELD when the store has not committed `position` yet. A reply
 * that is small and held, or that lies in a parked copy, moves into the ring entry's own slot, so
 * that its frame returns at once.
 */
export function emitReply(
  frame: usize,
  offset: usize,
  length: u32,
  peer: u32,
  flags: u32,
  status: Status,
  position: u64,
  arrival: u64,
  kind: u32,
  serial: u32,
  execution: u32,
): void {
  const held = position > load64(COMMITTED);
  if (held) {
    if (position < lastHeld) position = lastHeld;
    lastHeld = position;
  }
  const ring = held ? HELD : READY;
  let give = frame;
  const inReplyFrame = (flags & Flag.REPLY_FRAME) != 0;
  if (!inReplyFrame && (frame == 0 || (held && length <= SLOT_PAYLOAD_BYTES))) {
    if (held && frame) giveBack(frame, peer, 0);
    const slots = held ? HELD_SLOTS : READY_SLOTS;
    const slot = slots + <usize>(load32(ring + Ring.HEAD) & (ringEntries - 1)) * SLOT_PAYLOAD_BYTES;
    memory.copy(slot, offset, length);
    offset = slot;
    give = 0;
  }
  const head = load32(ring + Ring.HEAD),
    entry = entryAt(ring, head);
  store<u32>(entry, <u32>give, Descriptor.FRAME);
  store<u32>(entry, <u32>offset, Descriptor.OFFSET);
  store<u32>(entry, length, Descriptor.LENGTH);
  store<u32>(entry, peer, Descriptor.PEER);
  store<u32>(entry, flags, Descriptor.FLAGS);
  store<u32>(entry, status, Descriptor.STATUS);
  store<u64>(entry, position, Descriptor.POSITION);
  store<u64>(entry, arrival, Descriptor.ARRIVAL);
  store<u32>(entry, kind, Descriptor.KIND);
  store<u32>(entry, serial, Descriptor.SERIAL);
  store<u32>(entry, execution, Descriptor.EXECUTION);
  store32(ring + Ring.HEAD, head + 1);
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
