/**
 * What a store keeps besides the coin pages, all of it a function of the committed journal: counts,
 * in-use map, lockers, durable cells. A host hands it to the engine at start, and again after an
 * unknown outcome.
 */
import { CELL_BYTES, CELLS, DENOMINATIONS } from './generated/limits.ts';

export interface StoreTables {
  /** Coins in use by denomination index, 15 numbers. */
  counts: Uint32Array;
  /**
   * Pages that were ever written, IN_USE_ROW_BYTES each: denomination index << 16 | page (u32,
   * little-endian), then a bit a coin, bit i % 8 of byte i / 8, least significant first.
   */
  inUse: Uint8Array;
  /**
   * Coins in lockers, in the order in which they came: LOCKER_ROW_BYTES each: denomination index
   * and serial number (u32, little-endian), AN (16).
   */
  lockers: Uint8Array;
  /** Cells that were ever written: CELL_ROW_BYTES each: index (u32, little-endian), 16 bytes. */
  cells: Uint8Array;
}

export const IN_USE_ROW_BYTES = 132;
export const LOCKER_ROW_BYTES = 24;
export const CELL_ROW_BYTES = 20;

const IN_USE_BYTES = IN_USE_ROW_BYTES - 4;

/** Writes the rows of an in-use map to the engine's region at `region`. Throws RangeError. */
export function loadInUse(
  rows: Uint8Array,
  memory: Uint8Array,
  region: number,
  pagesPerDenomination: number,
): void {
  const words = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  for (let row = 0; row < rows.length; row += IN_USE_ROW_BYTES) {
    const id = words.getUint32(row, true);
    const page = id & 0xffff;
    const index = id >>> 16;
    if (index >= DENOMINATIONS || page >= pagesPerDenomination) {
      throw new RangeError(`in-use map: no page ${page} of denomination ${index - 8}`);
    }
    const at = region + (index * pagesPerDenomination + page) * IN_USE_BYTES;
    memory.set(rows.subarray(row + 4, row + IN_USE_ROW_BYTES), at);
  }
}

/** Writes cells to the engine's region at `region`. Throws RangeError. */
export function loadCells(rows: Uint8Array, memory: Uint8Array, region: number): void {
  const words = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  for (let row = 0; row < rows.length; row += CELL_ROW_BYTES) {
    const index = words.getUint32(row, true);
    if (index >= CELLS) throw new RangeError(`cells: there is no cell ${index}`);
    memory.set(rows.subarray(row + 4, row + CELL_ROW_BYTES), region + index * CELL_BYTES);
  }
}
