/**
 * What a handle asks of its store besides pages: the tables, answered in one go, and the Merkle
 * leaves, in slices that may wait for others' work. One question of each at a time. What cannot be
 * read is tried again until it can.
 */
import type { StoreTables } from '@andvari/host-common/engine/store-tables';
import { type CoinStore, type PageLeaf, StoreRefusedError } from './coin-store.ts';
import { RetryTimer } from './retry-timer.ts';
import { emitRows, LEAF_ROW_BYTES } from './table-rows.ts';

export interface TableReadsHost {
  tables(tables: StoreTables): void;
  /** LEAF_ROW_BYTES for each page. */
  leaves(leaves: Uint8Array<ArrayBuffer>): void;
  /** A read that will be made again. */
  failed(error: unknown): void;
  /** Nobody knows whether leaves were written; nothing can be done with the store any more. */
  broken(error: unknown): void;
  /** Call serveTables(). */
  busy(): void;
  /** Call serveLeaves() when there is time. */
  spare(): void;
}

export class TableReads {
  readonly #host: TableReadsHost;
  readonly #tablesTimer = new RetryTimer(() => this.askTables());
  readonly #leavesTimer: RetryTimer;
  #tablesDue = false;
  #walk: { leaves: PageLeaf[]; next: number; due: boolean } | undefined;

  constructor(host: TableReadsHost) {
    this.#host = host;
    this.#leavesTimer = new RetryTimer(() => {
      if (this.#walk) this.#walk.due = true;
      host.spare();
    });
  }

  askTables(): void {
    this.#tablesDue = true;
    this.#host.busy();
  }

  askLeaves(): void {
    this.#walk ??= { leaves: [], next: 0, due: true };
    this.#host.spare();
  }

  serveTables(store: CoinStore): void {
    if (!this.#tablesDue) return;
    this.#tablesDue = false;
    let tables: StoreTables;
    try {
      tables = store.tables();
    } catch (error) {
      this.#host.failed(error);
      this.#tablesTimer.start();
      return;
    }
    this.#tablesTimer.reset();
    this.#host.tables(tables);
  }

  /** Looks up or computes the next leaves. true: there are more. */
  serveLeaves(store: CoinStore): boolean {
    const walk = this.#walk;
    if (!walk?.due) return false;
    let computed: readonly PageLeaf[];
    try {
      const slice = store.leaves(walk.next);
      walk.leaves.push(...slice.leaves);
      if (slice.next === undefined) this.#walk = undefined;
      else walk.next = slice.next;
      computed = slice.computed;
    } catch (error) {
      walk.due = false;
      this.#host.failed(error);
      this.#leavesTimer.start();
      return false;
    }
    this.#leavesTimer.reset();
    if (!this.#walk) this.#host.leaves(emitRows(walk.leaves, LEAF_ROW_BYTES));
    return this.#keep(store, computed) && this.#walk !== undefined;
  }

  stop(): void {
    this.#tablesTimer.stop();
    this.#leavesTimer.stop();
    this.#tablesDue = false;
    this.#walk = undefined;
  }

  /** A refusal is no harm: the leaves are right, and will be computed once more. */
  #keep(store: CoinStore, computed: readonly PageLeaf[]): boolean {
    try {
      store.keepLeaves(computed);
    } catch (error) {
      if (error instanceof StoreRefusedError) return true;
      this.#host.broken(error);
      return false;
    }
    return true;
  }
}
