/**
 * A factory for StoreClient whose stores wait: while `FILE.gate` beside the database says `commit`
 * (or `read`), the store thread stands still before a commit (or before reading a page). Faults as
 * in store/testing/fault-store.ts.
 */
import { readFileSync } from 'node:fs';
import type { CoinStore } from '../../store/coin-store.ts';
import type { OpenStore } from '../../store/open-store.ts';
import { openStore as openFaultStore } from '../../store/testing/fault-store.ts';
import { WrappedStore } from '../../store/testing/wrapped-store.ts';

export type Gate = 'commit' | 'read';

const LOOK_EVERY_MS = 2;

class GatedStore extends WrappedStore {
  readonly #path: string;

  constructor(store: CoinStore, path: string) {
    super(store);
    this.#path = path;
  }

  override readPage(denominationIndex: number, page: number, into: Uint8Array): void {
    waitAt(this.#path, 'read');
    super.readPage(denominationIndex, page, into);
  }

  override commit(): void {
    waitAt(this.#path, 'commit');
    super.commit();
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
