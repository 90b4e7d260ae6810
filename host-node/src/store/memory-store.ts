/**
 * Coins in memory: for tests and trials. They are gone when the store is closed, or its thread
 * dies.
 */
import { randomBytes } from 'node:crypto';
import type { StoreTables } from '@andvari/host-common/engine/store-tables';
import { BlankPages, SECRET_BYTES } from './blank-page.ts';
import {
  type CellChange,
  type CoinChange,
  type CoinStore,
  checkIdentity,
  checkPage,
  checkPageBuffer,
  DENOMINATIONS,
  type LeafSlice,
  PAGE_BYTES,
  type PageKey,
  type PageLeaf,
  type StoreIdentity,
} from './coin-store.ts';
import { inUseOf } from './derived.ts';
import { sliceLeaves } from './leaf-slice.ts';
import { LEAF_ROWS_PER_SLICE } from './limits.ts';
import { PageTransaction, pageId } from './page-transaction.ts';
import { emitTables } from './table-rows.ts';

export class MemoryStore implements CoinStore {
  readonly #pages = new Map<number, Uint8Array>();
  /** Of pages that did not change since, by pageId. */
  readonly #leaves = new Map<number, Uint8Array>();
  /** By coin key, in the order in which they came. */
  readonly #lockers = new Map<number, Uint8Array>();
  readonly #cells = new Map<number, Uint8Array>();
  readonly #counts = new Uint32Array(DENOMINATIONS);
  readonly #blank: BlankPages;
  readonly #pagesPerDenomination: number;
  #transaction: PageTransaction | undefined;

  /** `secret`: 32 bytes for the blank pages, random if left out. Throws RangeError. */
  constructor(identity: StoreIdentity, secret: Uint8Array = randomBytes(SECRET_BYTES)) {
    checkIdentity(identity);
    this.#pagesPerDenomination = identity.pagesPerDenomination;
    this.#blank = new BlankPages(secret);
  }

  readPage(denominationIndex: number, page: number, into: Uint8Array): void {
    checkPage(denominationIndex, page, this.#pagesPerDenomination);
    checkPageBuffer(into);
    const stored = this.#pages.get(pageId(denominationIndex, page));
    if (stored) into.set(stored);
    else this.#blank.fill(denominationIndex, page, into);
  }

  begin(): void {
    if (this.#transaction) throw new Error('begin inside a transaction');
    this.#transaction = new PageTransaction({
      storedPage: (denominationIndex, page) => {
        checkPage(denominationIndex, page, this.#pagesPerDenomination);
        return this.#pages.get(pageId(denominationIndex, page))?.slice();
      },
      blankPage: (denominationIndex, page) => {
        const blank = new Uint8Array(PAGE_BYTES);
        this.#blank.fill(denominationIndex, page, blank);
        return blank;
      },
      storedCell: (index) => this.#cells.get(index),
    });
  }

  apply(change: CoinChange): void {
    if (!this.#transaction) throw new Error('apply outside a transaction');
    this.#transaction.apply(change);
  }

  applyCell(change: CellChange): void {
    if (!this.#transaction) throw new Error('applyCell outside a transaction');
    this.#transaction.applyCell(change);
  }

  commit(): void {
    const transaction = this.#transaction;
    if (!transaction) throw new Error('commit outside a transaction');
    this.#transaction = undefined;
    for (const [id, bytes] of transaction.pages) {
      this.#pages.set(id, bytes);
      this.#leaves.delete(id);
    }
    for (const [coin, an] of transaction.lockerMoves) {
      this.#lockers.delete(coin);
      if (an) this.#lockers.set(coin, an);
    }
    for (const [index, bytes] of transaction.cells) this.#cells.set(index, bytes);
    for (const [index, change] of transaction.countChanges.entries()) {
      this.#counts[index] = (this.#counts[index] ?? 0) + change;
    }
  }

  rollback(): void {
    this.#transaction = undefined;
  }

  counts(): Uint32Array {
    return this.#counts.slice();
  }

  tables(): StoreTables {
    const byKey = (rows: Map<number, Uint8Array>) => [...rows].sort(([a], [b]) => a - b);
    return emitTables({
      counts: this.#counts.slice(),
      inUse: byKey(this.#pages).map(([id, page]) => [id, inUseOf(page)]),
      lockers: [...this.#lockers],
      cells: byKey(this.#cells),
    });
  }

  leaves(from: number): LeafSlice {
    const ids = this.#pageIds()
      .filter((id) => id >= from)
      .slice(0, LEAF_ROWS_PER_SLICE);
    const rows = ids.map((id) => [id, this.#leaves.get(id)] as const);
    return sliceLeaves(rows, (id) => this.#pages.get(id) as Uint8Array);
  }

  keepLeaves(computed: readonly PageLeaf[]): void {
    for (const [id, leaf] of computed) this.#leaves.set(id, leaf);
  }

  storedPages(): PageKey[] {
    return this.#pageIds().map((id) => ({ denominationIndex: id >>> 16, page: id & 0xffff }));
  }

  probe(): void {
    // Memory takes every change.
  }

  close(): void {
    this.#transaction = undefined;
    for (const table of [this.#pages, this.#leaves, this.#lockers, this.#cells]) table.clear();
  }

  #pageIds(): number[] {
    return [...this.#pages.keys()].sort((a, b) => a - b);
  }
}
