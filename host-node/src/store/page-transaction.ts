/**
 * What a transaction changes: pages and cells, each read once, patched record by record, and
 * written once; and what follows for the tables that are derived from the coins.
 */
import {
  type CellChange,
  type CoinChange,
  checkCell,
  DENOMINATIONS,
  PAGE_RECORDS,
  RECORD_BYTES,
  StoreConflictError,
} from './coin-store.ts';
import { coinKey, isInLocker } from './derived.ts';

const AN_BYTES = RECORD_BYTES - 1;

/**
 * Key of a page in maps and tables: denomination index in the upper half, page in the lower 16
 * bits.
 */
export function pageId(denominationIndex: number, page: number): number {
  return (denominationIndex << 16) | page;
}

/** What a store has committed. Throws what apply() and applyCell() may throw. */
export interface TransactionSource {
  /** An own copy of a page; undefined: it was never written. */
  storedPage(denominationIndex: number, page: number): Uint8Array | undefined;
  blankPage(denominationIndex: number, page: number): Uint8Array;
  /** 16 bytes; undefined: the cell was never written. */
  storedCell(index: number): Uint8Array | undefined;
}

export class PageTransaction {
  /** Changed pages by pageId, 17408 bytes each. */
  readonly pages = new Map<number, Uint8Array>();
  /** Those of them whose in-use bits change, or that had none. */
  readonly inUseChanges = new Set<number>();
  /** What is added to the count of each denomination. */
  readonly countChanges = new Int32Array(DENOMINATIONS);
  /**
   * Coins that leave the locker they are in, and go to the end of the locker table with this AN;
   * undefined: they are in none any more. By coin key (derived.ts), in the order of the moves.
   */
  readonly lockerMoves = new Map<number, Uint8Array | undefined>();
  /** Changed cells by index, 16 bytes each. */
  readonly cells = new Map<number, Uint8Array>();
  readonly #source: TransactionSource;

  constructor(source: TransactionSource) {
    this.#source = source;
  }

  /** Nothing was changed. */
  get empty(): boolean {
    return this.pages.size === 0 && this.cells.size === 0;
  }

  /** Throws StoreConflictError, RangeError, and what the source throws. */
  apply(change: CoinChange): void {
    checkChange(change);
    const { denominationIndex, serialNumber, newAn, newMfs } = change;
    const number = Math.floor(serialNumber / PAGE_RECORDS);
    const id = pageId(denominationIndex, number);
    const page = this.pages.get(id) ?? this.#read(denominationIndex, number);
    const record = serialNumber % PAGE_RECORDS;
    const offset = record * RECORD_BYTES;
    if (!holds(page, offset, change)) {
      const coin = `denomination ${denominationIndex - 8}, serial number ${serialNumber}`;
      throw new StoreConflictError(`the store does not hold the old value of the coin: ${coin}`);
    }
    page.set(newAn, offset);
    page[offset + AN_BYTES] = newMfs;
    const difference = Number(newMfs !== 0) - Number(change.oldMfs !== 0);
    if (difference !== 0) {
      const changed = (this.countChanges[denominationIndex] ?? 0) + difference;
      this.countChanges[denominationIndex] = changed;
      this.inUseChanges.add(id);
    }
    this.#moveLocker(coinKey(id, record), change);
  }

  /** Throws StoreConflictError, RangeError, and what the source throws. */
  applyCell(change: CellChange): void {
    checkCell(change);
    const { index, newBytes, oldBytes } = change;
    const now = this.cells.get(index) ?? this.#source.storedCell(index);
    if (oldBytes.some((byte, i) => byte !== (now?.[i] ?? 0))) {
      throw new StoreConflictError(`the store does not hold the old value of cell ${index}`);
    }
    this.cells.set(index, newBytes.slice());
  }

  #read(denominationIndex: number, page: number): Uint8Array {
    const id = pageId(denominationIndex, page);
    const stored = this.#source.storedPage(denominationIndex, page);
    const bytes = stored ?? this.#source.blankPage(denominationIndex, page);
    if (!stored) this.inUseChanges.add(id);
    this.pages.set(id, bytes);
    return bytes;
  }

  #moveLocker(key: number, { newAn, newMfs, oldAn, oldMfs }: CoinChange): void {
    const leaves = isInLocker(oldAn, oldMfs);
    const enters = isInLocker(newAn, newMfs);
    if (!leaves && !enters) return;
    // One that stays where it is keeps its place.
    if (leaves && enters && newAn.every((byte, i) => byte === oldAn[i])) return;
    this.lockerMoves.delete(key);
    this.lockerMoves.set(key, enters ? newAn.slice() : undefined);
  }
}

function holds(page: Uint8Array, offset: number, { oldAn, oldMfs }: CoinChange): boolean {
  for (let i = 0; i < AN_BYTES; i++) if (page[offset + i] !== oldAn[i]) return false;
  return page[offset + AN_BYTES] === oldMfs;
}

function checkChange({ newAn, oldAn, newMfs, oldMfs }: CoinChange): void {
  if (newAn.length !== AN_BYTES || oldAn.length !== AN_BYTES) {
    throw new RangeError(`AN: wanted ${AN_BYTES} bytes, got ${newAn.length} and ${oldAn.length}`);
  }
  for (const mfs of [newMfs, oldMfs]) {
    if (!(mfs >= 0 && mfs <= 255)) throw new RangeError(`MFS: wanted 0-255, got ${mfs}`);
  }
}
