/**
 * The tables and leaves of a store in a form that tests compare: as it keeps them, and as they
 * follow from its pages by the rules written down a second time.
 */
import { createHash } from 'node:crypto';
import {
  CELL_ROW_BYTES,
  IN_USE_ROW_BYTES,
  LOCKER_ROW_BYTES,
  type StoreTables,
} from '@andvari/host-common/engine/store-tables';
import { type CoinStore, PAGE_BYTES, type PageLeaf } from '../coin-store.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

export interface ReadTables {
  counts: number[];
  /** Denomination index and page, and the records in use. */
  inUse: Record<string, number[]>;
  /** Denomination index, serial number and AN, in order. */
  lockers: string[];
  cells: Record<number, string>;
}

function rowsOf(bytes: Uint8Array, rowBytes: number): DataView[] {
  if (bytes.length % rowBytes !== 0) throw new Error(`${bytes.length} bytes are no whole rows`);
  return Array.from(
    { length: bytes.length / rowBytes },
    (_, row) => new DataView(bytes.buffer, bytes.byteOffset + row * rowBytes, rowBytes),
  );
}

const rest = (row: DataView, from: number) =>
  new Uint8Array(row.buffer, row.byteOffset + from, row.byteLength - from);

const pageName = (pageId: number) => `${pageId >>> 16}/${pageId & 0xffff}`;

export function readTables({ counts, inUse, lockers, cells }: StoreTables): ReadTables {
  const bitsOf = (row: DataView) => {
    const set = (record: number) => ((rest(row, 4)[record >>> 3] ?? 0) >>> (record & 7)) & 1;
    return Array.from({ length: 1024 }, (_, record) => record).filter(set);
  };
  return {
    counts: [...counts],
    inUse: Object.fromEntries(
      rowsOf(inUse, IN_USE_ROW_BYTES).map((row) => [pageName(row.getUint32(0, true)), bitsOf(row)]),
    ),
    lockers: rowsOf(lockers, LOCKER_ROW_BYTES).map((row) => {
      return `${row.getUint32(0, true)}/${row.getUint32(4, true)} ${hex(rest(row, 8))}`;
    }),
    cells: Object.fromEntries(
      rowsOf(cells, CELL_ROW_BYTES).map((row) => [row.getUint32(0, true), hex(rest(row, 4))]),
    ),
  };
}

/** Locker or trade locker, told from the AN as text. */
export const lockerPattern = /(?:f{8}|0[0-2]eeee)$/;

/** All that follows from the pages; lockers in order of coin. Cells follow from nothing. */
export function scanTables(store: CoinStore): Omit<ReadTables, 'cells'> {
  const counts: number[] = Array(15).fill(0);
  const inUse: Record<string, number[]> = {};
  const lockers: string[] = [];
  for (const { denominationIndex, page } of store.storedPages()) {
    const used: number[] = [];
    for (const { record, an, mfs } of recordsOf(store, denominationIndex, page)) {
      if (mfs === 0) continue;
      used.push(record);
      counts[denominationIndex] = (counts[denominationIndex] ?? 0) + 1;
      if (lockerPattern.test(an))
        lockers.push(`${denominationIndex}/${page * 1024 + record} ${an}`);
    }
    inUse[`${denominationIndex}/${page}`] = used;
  }
  return { counts, inUse, lockers };
}

/** The same of the tables that a store keeps: without cells, lockers in order of coin. */
export function keptTables(store: CoinStore): Omit<ReadTables, 'cells'> {
  const { counts, inUse, lockers } = readTables(store.tables());
  const keyOf = (row: string) => {
    const [index = 0, serialNumber = 0] = (row.split(' ')[0] ?? '').split('/').map(Number);
    return index * 2 ** 20 + serialNumber;
  };
  return { counts, inUse, lockers: lockers.sort((a, b) => keyOf(a) - keyOf(b)) };
}

/** Leaves by page, as they follow from the pages. */
export function scanLeaves(store: CoinStore): Record<string, string> {
  const pages = store.storedPages().map(({ denominationIndex, page }) => {
    const leaf = createHash('sha256');
    for (const { an, mfs } of recordsOf(store, denominationIndex, page)) {
      leaf.update(mfs === 0 ? '00'.repeat(16) : an, 'hex');
    }
    return [`${denominationIndex}/${page}`, leaf.digest('hex')];
  });
  return Object.fromEntries(pages);
}

/** Leaves by page, from the rows that a handle gives. */
export function readLeaves(leaves: Uint8Array): Record<string, string> {
  const rows = rowsOf(leaves, 36);
  return Object.fromEntries(
    rows.map((row) => [pageName(row.getUint32(0, true)), hex(rest(row, 4))]),
  );
}

/** Walks over all leaves, and keeps what was computed; gives them, and what was computed. */
export function walkLeaves(store: CoinStore) {
  const leaves: PageLeaf[] = [];
  const computed: string[] = [];
  let slices = 0;
  for (let next: number | undefined = 0; next !== undefined; slices++) {
    const slice = store.leaves(next);
    leaves.push(...slice.leaves);
    computed.push(...slice.computed.map(([id]) => pageName(id)));
    store.keepLeaves(slice.computed);
    next = slice.next;
  }
  const found = Object.fromEntries(leaves.map(([id, leaf]) => [pageName(id), hex(leaf)]));
  return { leaves: found, computed, slices };
}

function recordsOf(store: CoinStore, denominationIndex: number, page: number) {
  const bytes = new Uint8Array(PAGE_BYTES);
  store.readPage(denominationIndex, page, bytes);
  return Array.from({ length: 1024 }, (_, record) => ({
    record,
    an: hex(bytes.subarray(record * 17, record * 17 + 16)),
    mfs: bytes[record * 17 + 16] ?? -1,
  }));
}
