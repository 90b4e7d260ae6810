/**
 * Coin pages: a direct index (denomination, page) -> slot, one lock for each slot, loads that
 * belong to the page and not to a request, clock eviction, pins. A page is evicted only when it is
 * ready, unpinned, unlocked and committed; so rollback always finds what it must restore. Locks are
 * taken in ascending page key, one request at a time per worker, and nobody waits for a slot that
 * is no longer the page's: none can deadlock. Reference: RAIDA section 7 (data model).
 */
import {
  add32,
  load32,
  load64,
  lock,
  lockSoon,
  store32,
  store64,
  swap32,
  unlock,
} from "../core/atomics";
import { ALLOCATION, CLOCK_HAND, COMMITTED, LOADS } from "../core/control";
import { WORKER } from "../core/imports";
import { EffectKind, Page, PageState } from "../core/layout";
import { DENOMINATIONS, PAGE_BYTES, PAGE_RECORDS, RECORD_BYTES } from "../core/limits";
import {
  EFFECTS,
  PAGE_DATA,
  PAGE_INDEX,
  PAGE_META,
  pageSlots,
  pagesPerDenomination,
} from "../core/memory";
import { emitEffect, room } from "../core/rings";
import { Status } from "../core/status";

export const NO_PAGE: u32 = u32.MAX_VALUE;
/** Offset of the MFS in a record. */
export const MFS: usize = 16;

/** Key of the page that holds (denomination, serial), or NO_PAGE. */
export function pageKey(denomination: i32, serial: u32): u32 {
  const index = <u32>(denomination + 8),
    page = serial / PAGE_RECORDS;
  return index < DENOMINATIONS && page < pagesPerDenomination
    ? index * pagesPerDenomination + page
    : NO_PAGE;
}

function metaOfSlot(slot: u32): usize {
  return PAGE_META + <usize>slot * Page.BYTES;
}

function slotOf(meta: usize): u32 {
  return <u32>((meta - PAGE_META) / Page.BYTES);
}

/** The page's meta entry, or 0 when it has no slot. */
export function metaOf(key: u32): usize {
  const slot = load32(PAGE_INDEX + ((<usize>key) << 2));
  return slot ? metaOfSlot(slot - 1) : 0;
}

/** The record of a serial number on a page that this worker has locked. */
export function recordOf(meta: usize, serial: u32): usize {
  return (
    PAGE_DATA +
    <usize>slotOf(meta) * PAGE_BYTES +
    <usize>(serial & (PAGE_RECORDS - 1)) * RECORD_BYTES
  );
}

/** Is the page's load finished (ready or absent)? */
export function resident(key: u32): bool {
  const meta = metaOf(key);
  return meta != 0 && load32(meta + Page.STATE) >= <u32>PageState.READY;
}

/** Is the page on its way? */
export function isLoading(key: u32): bool {
  const meta = metaOf(key);
  return meta != 0 && load32(meta + Page.STATE) == PageState.LOADING;
}

export function isReady(meta: usize): bool {
  return load32(meta + Page.STATE) == PageState.READY;
}

/**
 * Starts the page's load if none runs. False: no slot can be freed now; ask again after a commit or
 * an unpin.
 */
export function want(key: u32): bool {
  if (metaOf(key)) return true;
  lock(ALLOCATION);
  if (metaOf(key) == 0 && room(EFFECTS) != 0) {
    const meta = freeSlot();
    if (meta) {
      store32(meta + Page.KEY, key + 1);
      store<u64>(meta, 0, Page.POSITION);
      store32(meta + Page.STATE, PageState.LOADING);
      store32(PAGE_INDEX + ((<usize>key) << 2), slotOf(meta) + 1);
      unlock(meta);
      emitEffect(EffectKind.LOAD_PAGE, recordOf(meta, 0), key, slotOf(meta));
    }
  }
  unlock(ALLOCATION);
  return metaOf(key) != 0;
}

/**
 * A slot to load into, locked and out of the index, or 0: second-chance clock over all slots, at
 * most twice round.
 */
function freeSlot(): usize {
  const committed = load64(COMMITTED);
  let hand = load<u32>(CLOCK_HAND);
  for (let i: u32 = 0; i < pageSlots << 1; i++) {
    const meta = metaOfSlot(hand);
    hand = hand + 1 == pageSlots ? 0 : hand + 1;
    const state = load32(meta + Page.STATE);
    if (state == PageState.LOADING || load32(meta + Page.PINS) != 0) continue;
    if (state != PageState.FREE && load<u32>(meta, Page.RECENT) != 0) {
      store<u32>(meta, 0, Page.RECENT);
      continue;
    }
    if (!swap32(meta, 0, WORKER + 1)) continue;
    // Looked at again under the lock: a pin or a change may have come in between.
    if (load32(meta + Page.PINS) != 0 || load64(meta + Page.POSITION) > committed) {
      unlock(meta);
      continue;
    }
    forget(meta);
    store<u32>(CLOCK_HAND, hand);
    return meta;
  }
  store<u32>(CLOCK_HAND, hand);
  return 0;
}

function forget(meta: usize): void {
  const key = load<u32>(meta, Page.KEY);
  if (key) store32(PAGE_INDEX + ((<usize>(key - 1)) << 2), 0);
  store32(meta + Page.KEY, 0);
}

/**
 * Locks the page's slot; false: it is another page's now. A worker that waited on for a slot given
 * to another page would wait for that page, behind which it may hold others.
 */
function lockPage(meta: usize, key: u32): bool {
  while (!lockSoon(meta)) {
    if (load32(meta + Page.KEY) != key + 1) return false;
  }
  if (load32(meta + Page.KEY) == key + 1) return true;
  unlock(meta);
  return false;
}

/**
 * The host has read the page into its place (status 0), or there is no such page (1). Serves all
 * who wait for it.
 */
export function pageLoaded(slot: u32, status: u32): Status {
  if (slot >= pageSlots || status > 1) return Status.INVALID_ARGUMENT;
  const meta = metaOfSlot(slot);
  if (load32(meta + Page.STATE) != PageState.LOADING) return Status.INVALID_ARGUMENT;
  store<u32>(meta, 1, Page.RECENT);
  store32(meta + Page.STATE, status ? PageState.ABSENT : PageState.READY);
  add32(LOADS, 1);
  return Status.OK;
}

/** Locks the page if it is still here and loaded; 0: not here (any more). */
export function hold(key: u32): usize {
  const meta = metaOf(key);
  if (!meta || !lockPage(meta, key)) return 0;
  if (load32(meta + Page.STATE) < <u32>PageState.READY) {
    unlock(meta);
    return 0;
  }
  store<u32>(meta, 1, Page.RECENT);
  return meta;
}

export function positionOf(meta: usize): u64 {
  return load64(meta + Page.POSITION);
}

/**
 * Keeps the page where it is (also while it loads) until unpin(). Only the holder of the pin token
 * pins.
 */
export function pin(key: u32): void {
  const meta = metaOf(key);
  if (!meta || !lockPage(meta, key)) return;
  if (load<u32>(meta, Page.PINNED) == 0) {
    store<u32>(meta, 1, Page.PINNED);
    add32(meta + Page.PINS, 1);
  }
  unlock(meta);
}

/** Lets every pinned page go. One request at a time pins, so they are all its own. */
export function unpinAll(): void {
  for (let slot: u32 = 0; slot < pageSlots; slot++) {
    const meta = metaOfSlot(slot);
    if (load<u32>(meta, Page.PINNED) == 0) continue;
    store<u32>(meta, 0, Page.PINNED);
    add32(meta + Page.PINS, -1);
  }
}

/** Writes a record and marks its page as changed by the current request. */
export function writeRecord(meta: usize, record: usize, an: v128, mfs: u32): void {
  v128.store(record, an);
  store<u8>(record, mfs, MFS);
  store<u32>(meta, 1, Page.CHANGED);
}

/** Gives a page that was changed its new position. */
export function settle(meta: usize, position: u64): void {
  if (load<u32>(meta, Page.CHANGED) == 0) return;
  store<u32>(meta, 0, Page.CHANGED);
  store64(meta + Page.POSITION, position);
}

/**
 * The record of a coin whose change is being undone (all workers are stopped); its page gets
 * `position`. The page is here: it was not committed, so not evicted.
 */
export function recordToRestore(denominationIndex: u32, serial: u32, position: u64): usize {
  const meta = metaOf(denominationIndex * pagesPerDenomination + serial / PAGE_RECORDS);
  if (!meta) return 0;
  store64(meta + Page.POSITION, position);
  return recordOf(meta, serial);
}

/**
 * Drops every page with changes behind `position`, to be read again (all workers are stopped).
 * Returns how many.
 */
export function dropChangedSince(position: u64): u32 {
  let dropped: u32 = 0;
  for (let slot: u32 = 0; slot < pageSlots; slot++) {
    const meta = metaOfSlot(slot);
    if (load64(meta + Page.POSITION) <= position) continue;
    forget(meta);
    memory.fill(meta, 0, Page.BYTES);
    memory.fill(recordOf(meta, 0), 0, PAGE_BYTES);
    dropped++;
  }
  return dropped;
}
