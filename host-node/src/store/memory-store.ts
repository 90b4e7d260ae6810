/**
 * Coins in memory: for tests and trials. They are gone when the store is closed, or its thread
 * dies.
 */
import { randomBytes } from 'node:crypto';
import { BlankPages, SECRET_BYTES } from './blank-page.ts';
import {
  type CoinChange,
  type CoinStore,
  checkIdentity,
  checkPage,
  checkPageBuffer,
  DENOMINATIONS,
  PAGE_BYTES,
  type PageKey,
  type StoreIdentity,
} from './coin-store.ts';
import { PageTransaction, pageId } from './page-transaction.ts';

export class MemoryStore implements CoinStore {
  readonly #pages = new Map<number, Uint8Array>();
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
    this.#transaction = new PageTransaction((denominationIndex, page) => {
      const bytes = new Uint8Array(PAGE_BYTES);
      this.readPage(denominationIndex, page, bytes);
      return bytes;
    });
  }

  apply(change: CoinChange): void {
    if (!this.#transaction) throw new Error('apply outside a transaction');
    this.#transaction.apply(change);
  }

  commit(): void {
    const transaction = this.#transaction;
    if (!transaction) throw new Error('commit outside a transaction');
    this.#transaction = undefined;
    for (const [id, bytes] of transaction.pages) this.#pages.set(id, bytes);
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

  storedPages(): PageKey[] {
    const ids = [...this.#pages.keys()].sort((a, b) => a - b);
    return ids.map((id) => ({ denominationIndex: id >>> 16, page: id & 0xffff }));
  }

  probe(): void {
    // Memory takes every change.
  }

  close(): void {
    this.#transaction = undefined;
    this.#pages.clear();
  }
}
