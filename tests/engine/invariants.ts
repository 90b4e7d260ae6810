/**
 * What holds in an engine whenever nothing runs: no lock is taken, and when everything is
 * committed, its coins and all that follows from them equal what the journal alone tells.
 * Web-standard only.
 */
import type { Engine } from '@andvari/host-common/engine/engine';
import { Config, Control, Page, Region } from '@andvari/host-common/engine/generated/layout';
import { CELL_BYTES, CELLS, PAGE_BYTES } from '@andvari/host-common/engine/generated/limits';
import { type DerivedStore, hexOf } from './derived-store.ts';
import { walkLockers } from './locker-walk.ts';

const TICKET_META_BYTES = 64;

/** Lock words that are taken; empty: none is. */
export function heldLocks(engine: Engine): string[] {
  const held: string[] = [];
  const look = (name: string, at: number) => {
    if (engine.u32[at >>> 2] !== 0) held.push(name);
  };
  const config = (index: number) => engine.u32[(engine.exports.configBlock() >>> 2) + index] ?? 0;
  const control = engine.region(Region.CONTROL);
  look('allocation', control + Control.ALLOCATION);
  look('lockers', control + Control.LOCKERS);
  look('reservations', control + Control.RESERVATIONS);
  look('crossover', control + Control.CROSSOVER);
  const pages = engine.region(Region.PAGE_META);
  for (let slot = 0; slot < config(Config.PAGE_SLOTS); slot++) {
    look(`page slot ${slot}`, pages + slot * Page.BYTES + Page.LOCK);
  }
  const tickets = engine.region(Region.TICKET_META);
  for (let slot = 0; slot < config(Config.TICKETS); slot++) {
    look(`ticket ${slot}`, tickets + slot * TICKET_META_BYTES);
  }
  return held;
}

/**
 * Where the engine and its store differ; everything is committed. `ordered`: the coins of a locker
 * stand in the store's order, too (a rollback may change it).
 */
export function differences(engine: Engine, store: DerivedStore, ordered = true): string[] {
  const found: string[] = [];
  const counts = engine.region(Region.COUNTS) >>> 2;
  store.counts.forEach((count, index) => {
    const told = engine.u32[counts + index];
    if (told !== count) found.push(`denomination ${index - 8}: ${told} in use, not ${count}`);
  });
  const map = engine.region(Region.IN_USE);
  store.inUse.forEach((byte, at) => {
    if (engine.u8[map + at] !== byte) found.push(`in-use map: byte ${at}`);
  });
  found.push(...lockerDifferences(engine, store, ordered), ...cellDifferences(engine, store));
  for (const key of store.changed) {
    if (!pageEquals(engine, store, key)) found.push(`page ${key} in memory`);
  }
  return found;
}

function lockerDifferences(engine: Engine, store: DerivedStore, ordered: boolean): string[] {
  const wanted = new Map<string, number[]>();
  for (const [coin, key] of store.lockers) {
    const coins = wanted.get(key);
    if (coins) coins.push(coin);
    else wanted.set(key, [coin]);
  }
  const told = walkLockers(engine);
  const text = (coins: number[] = []) => String(ordered ? coins : coins.toSorted((a, b) => a - b));
  const keys = new Set([...wanted.keys(), ...told.keys()]);
  return [...keys]
    .filter((key) => text(wanted.get(key)) !== text(told.get(key)))
    .map((key) => `locker ${key}: ${text(told.get(key))}, not ${text(wanted.get(key))}`);
}

function cellDifferences(engine: Engine, store: DerivedStore): string[] {
  const region = engine.region(Region.CELLS);
  const found: string[] = [];
  for (const [index, bytes] of store.cells) {
    const at = region + index * CELL_BYTES;
    if (hexOf(engine.u8.subarray(at, at + CELL_BYTES)) !== hexOf(bytes)) {
      found.push(`cell ${index}`);
    }
  }
  // A cell that nobody has written is zeros.
  for (let at = 0; at < CELLS * 4; at++) {
    if (engine.u32[(region >>> 2) + at] && !store.cells.has(at >>> 2)) {
      found.push(`cell ${at >>> 2} without a record`);
    }
  }
  return found;
}

/** True also when the page is not in memory. */
function pageEquals(engine: Engine, store: DerivedStore, key: number): boolean {
  const slot = engine.u32[(engine.region(Region.PAGE_INDEX) >>> 2) + key] ?? 0;
  if (slot === 0) return true;
  const denomination = Math.floor(key / store.perDenomination) - 8;
  const page = store.page(denomination, key % store.perDenomination);
  const at = engine.region(Region.PAGE_DATA) + (slot - 1) * PAGE_BYTES;
  return page?.every((byte, i) => engine.u8[at + i] === byte) ?? false;
}
