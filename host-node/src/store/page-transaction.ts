/**
 * The pages that a transaction changes: each is read once, patched record by record, and written
 * once.
 */
import {
  type CoinChange,
  DENOMINATIONS,
  PAGE_RECORDS,
  RECORD_BYTES,
  StoreConflictError,
} from './coin-store.ts';

const AN_BYTES = RECORD_BYTES - 1;

/**
 * Key of a page in maps and tables: denomination index in the upper half, page in the lower 16
 * bits.
 */
export function pageId(denominationIndex: number, page: number): number {
  return (denominationIndex << 16) | page;
}

export class PageTransaction {
  /** Changed pages by pageId, 17408 bytes each. */
  readonly pages = new Map<number, Uint8Array>();
  /** What is added to the count of each denomination. */
  readonly countChanges = new Int32Array(DENOMINATIONS);
  readonly #read: (denominationIndex: number, page: number) => Uint8Array;

  /** `read` gives a page as an own copy, or throws. */
  constructor(read: (denominationIndex: number, page: number) => Uint8Array) {
    this.#read = read;
  }

  /** Throws StoreConflictError, RangeError, and what `read` throws. */
  apply(change: CoinChange): void {
    checkChange(change);
    const { denominationIndex, serialNumber, newAn, newMfs } = change;
    const page = this.#page(denominationIndex, Math.floor(serialNumber / PAGE_RECORDS));
    const offset = (serialNumber % PAGE_RECORDS) * RECORD_BYTES;
    if (!holds(page, offset, change)) {
      const coin = `denomination ${denominationIndex - 8}, serial number ${serialNumber}`;
      throw new StoreConflictError(`the store does not hold the old value of the coin: ${coin}`);
    }
    page.set(newAn, offset);
    page[offset + AN_BYTES] = newMfs;
    const difference = Number(newMfs !== 0) - Number(change.oldMfs !== 0);
    this.countChanges[denominationIndex] = (this.countChanges[denominationIndex] ?? 0) + difference;
  }

  #page(denominationIndex: number, page: number): Uint8Array {
    const id = pageId(denominationIndex, page);
    const known = this.pages.get(id);
    if (known) return known;
    const bytes = this.#read(denominationIndex, page);
    this.pages.set(id, bytes);
    return bytes;
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
