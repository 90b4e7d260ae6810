/** A store that hands everything on; faults and gates override what they are about. */
import type { CellChange, CoinChange, CoinStore, PageLeaf } from '../coin-store.ts';

export class WrappedStore implements CoinStore {
  /** The store inside. */
  protected readonly store: CoinStore;

  constructor(store: CoinStore) {
    this.store = store;
  }

  readPage(denominationIndex: number, page: number, into: Uint8Array): void {
    this.store.readPage(denominationIndex, page, into);
  }
  begin(): void {
    this.store.begin();
  }
  apply(change: CoinChange): void {
    this.store.apply(change);
  }
  applyCell(change: CellChange): void {
    this.store.applyCell(change);
  }
  commit(): void {
    this.store.commit();
  }
  rollback(): void {
    this.store.rollback();
  }
  probe(): void {
    this.store.probe();
  }
  counts() {
    return this.store.counts();
  }
  tables() {
    return this.store.tables();
  }
  leaves(from: number) {
    return this.store.leaves(from);
  }
  keepLeaves(computed: readonly PageLeaf[]): void {
    this.store.keepLeaves(computed);
  }
  storedPages() {
    return this.store.storedPages();
  }
  close(): void {
    this.store.close();
  }
}
