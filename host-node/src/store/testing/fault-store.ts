/**
 * A factory for StoreClient whose stores fail on demand: `FILE.fault` beside the database names the
 * fault. It happens once (the file is removed) or, with " always" behind its name, until the file
 * is gone.
 *
 *   refuse          commit, probe: certainly not made
 *   unknown-before  commit: unknown, was not made
 *   unknown-after   commit: unknown, was made
 *   die-before      the thread ends before the commit
 *   die-after       the thread ends after it
 *   read            a page cannot be read
 *   open            the store cannot be opened
 */
import { readFileSync, rmSync } from 'node:fs';
import {
  type CoinChange,
  type CoinStore,
  StoreOpenError,
  StoreRefusedError,
  StoreUnknownError,
} from '../coin-store.ts';
import { type OpenStore, openStore as openRealStore } from '../open-store.ts';

export type Fault =
  | 'refuse'
  | 'unknown-before'
  | 'unknown-after'
  | 'die-before'
  | 'die-after'
  | 'read'
  | 'open';

class FaultStore implements CoinStore {
  readonly #store: CoinStore;
  readonly #path: string;

  constructor(store: CoinStore, path: string) {
    this.#store = store;
    this.#path = path;
  }

  readPage(denominationIndex: number, page: number, into: Uint8Array): void {
    if (due(this.#path, 'read')) throw new StoreUnknownError('a fault while reading');
    this.#store.readPage(denominationIndex, page, into);
  }

  commit(): void {
    if (due(this.#path, 'refuse')) throw new StoreRefusedError('a fault: refused');
    if (due(this.#path, 'unknown-before')) throw new StoreUnknownError('a fault before COMMIT');
    if (due(this.#path, 'die-before')) process.exit(7);
    this.#store.commit();
    if (due(this.#path, 'unknown-after')) throw new StoreUnknownError('a fault after COMMIT');
    if (due(this.#path, 'die-after')) process.exit(8);
  }

  probe(): void {
    if (due(this.#path, 'refuse')) throw new StoreRefusedError('a fault: refused');
    this.#store.probe();
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

function due(path: string, fault: Fault): boolean {
  let text: string;
  try {
    text = readFileSync(`${path}.fault`, 'utf8');
  } catch {
    return false;
  }
  const [name, repeat] = text.split(' ');
  if (name !== fault) return false;
  if (repeat !== 'always') rmSync(`${path}.fault`);
  return true;
}

export const openStore: OpenStore = (options) => {
  const path = options.url.slice('sqlite:'.length);
  if (due(path, 'open')) throw new StoreOpenError('a fault while opening');
  return new FaultStore(openRealStore(options), path);
};
