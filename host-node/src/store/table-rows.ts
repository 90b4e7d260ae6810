/** The rows of StoreTables and of the Merkle leaves, as they go to the engine: little-endian. */
import {
  CELL_ROW_BYTES,
  IN_USE_ROW_BYTES,
  LOCKER_ROW_BYTES,
  type StoreTables,
} from '@andvari/host-common/engine/store-tables';
import { PAGE_RECORDS } from './coin-store.ts';

/** A key and the bytes under it. */
export type Row = readonly [key: number, bytes: Uint8Array];

/** What a store has of each table; the rows in the order in which they are to stand. */
export interface TableRows {
  counts: Uint32Array<ArrayBuffer>;
  /** pageId (page-transaction.ts) and 128 bytes. */
  inUse: readonly Row[];
  /** Coin key (derived.ts) and AN. */
  lockers: readonly Row[];
  /** Index and 16 bytes. */
  cells: readonly Row[];
}

export const LEAF_ROW_BYTES = 36;

export function emitTables({ counts, inUse, lockers, cells }: TableRows): StoreTables {
  return {
    counts,
    inUse: emitRows(inUse, IN_USE_ROW_BYTES),
    lockers: emitLockers(lockers),
    cells: emitRows(cells, CELL_ROW_BYTES),
  };
}

/** Key (u32) and bytes of each row, `rowBytes` in all. */
export function emitRows(rows: readonly Row[], rowBytes: number): Uint8Array<ArrayBuffer> {
  const into = new Uint8Array(rows.length * rowBytes);
  const view = new DataView(into.buffer);
  for (const [index, [key, bytes]] of rows.entries()) {
    view.setUint32(index * rowBytes, key, true);
    into.set(bytes, index * rowBytes + 4);
  }
  return into;
}

/** Denomination index, serial number (u32 each) and AN of each coin. */
function emitLockers(rows: readonly Row[]): Uint8Array<ArrayBuffer> {
  const into = new Uint8Array(rows.length * LOCKER_ROW_BYTES);
  const view = new DataView(into.buffer);
  for (const [index, [key, an]] of rows.entries()) {
    const at = index * LOCKER_ROW_BYTES;
    const pageId = Math.floor(key / PAGE_RECORDS);
    view.setUint32(at, pageId >>> 16, true);
    view.setUint32(at + 4, (pageId & 0xffff) * PAGE_RECORDS + (key % PAGE_RECORDS), true);
    into.set(an, at + 8);
  }
  return into;
}
