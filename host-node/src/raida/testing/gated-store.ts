/**
 * A factory for StoreClient whose stores wait: while `FILE.gate` beside the database says `commit`
 * (or `read`), the store thread stands still before a commit (or before reading a page). Faults as
 * in store/testing/fault-store.ts.
 */
import { readFileSync } from 'node:fs';
import type { CoinChange, CoinStore } from '../../store/coin-store.ts';
import type { OpenStore } from '../../store/open-store.ts';
import { openStore as openFaultStore } from '../../store/testing/fault-store.ts';

export type Gate = 'commit' | 'read';

const LOOK_EVERY_MS = 2;

class GatedStore implements CoinStore {
  readonly #store: CoinStore;
  readonly #path: string;

  constructor(store: CoinStore, path: string) {
    this.#store = store;
    this.#path = path;
  }

  readPage(denominationIndex: number, page: number, into: Uint8Array): void {
    waitAt(this.#path, 'read');
    this.#store.readPage(denominationIndex, page, into);
  }

  commit(): void {
    waitAt(this.#path, 'commit');
    this.#store.commit();
  }

  begin(): void {
    this.#store.begin();
  }
  apply(change: CoinChange): void {
    this.#store.apply(change);
  }
  rollback(): void {
    this.#store.rollback();
  }
  probe(): void {
    this.#store.probe();
  }
  counts() {
    return this.#store.counts();
  }
  storedPages() {
    return this.#store.storedPages();
  }
  close(): void {
    this.#store.close();
  }
}

function waitAt(path: string, gate: Gate): void {
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  while (gateAt(path) === gate) Atomics.wait(nobody, 0, 0, LOOK_EVERY_MS);
}

function gateAt(path: string): string {
  try {
    return readFileSync(`${path}.gate`, 'utf8');
  } catch {
    return '';
  }
}

export const openStore: OpenStore = (options) =>
  new GatedStore(openFaultStore(options), options.url.slice('sqlite:'.length));
