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
 *   tables, leaves  the tables, or the Merkle leaves, cannot be read
 *   keep-refuse     keepLeaves: certainly not made
 *   keep-unknown    keepLeaves: unknown
 *   open            the store cannot be opened
 */
import { readFileSync, rmSync } from 'node:fs';
import {
  type CoinStore,
  type PageLeaf,
  StoreOpenError,
  StoreRefusedError,
  StoreUnknownError,
} from '../coin-store.ts';
import { type OpenStore, openStore as openRealStore } from '../open-store.ts';
import { WrappedStore } from './wrapped-store.ts';

export type Fault =
  | 'refuse'
  | 'unknown-before'
  | 'unknown-after'
  | 'die-before'
  | 'die-after'
  | 'read'
  | 'tables'
  | 'leaves'
  | 'keep-refuse'
  | 'keep-unknown'
  | 'open';

class FaultStore extends WrappedStore {
  readonly #path: string;

  constructor(store: CoinStore, path: string) {
    super(store);
    this.#path = path;
  }

  override readPage(denominationIndex: number, page: number, into: Uint8Array): void {
    if (due(this.#path, 'read')) throw new StoreUnknownError('a fault while reading');
    super.readPage(denominationIndex, page, into);
  }

  override tables() {
    if (due(this.#path, 'tables')) throw new StoreUnknownError('a fault while reading');
    return super.tables();
  }

  override leaves(from: number) {
    if (due(this.#path, 'leaves')) throw new StoreUnknownError('a fault while reading');
    return super.leaves(from);
  }

  override keepLeaves(computed: readonly PageLeaf[]): void {
    if (due(this.#path, 'keep-refuse')) throw new StoreRefusedError('a fault: refused');
    if (due(this.#path, 'keep-unknown')) throw new StoreUnknownError('a fault while writing');
    super.keepLeaves(computed);
  }

  override commit(): void {
    if (due(this.#path, 'refuse')) throw new StoreRefusedError('a fault: refused');
    if (due(this.#path, 'unknown-before')) throw new StoreUnknownError('a fault before COMMIT');
    if (due(this.#path, 'die-before')) process.exit(7);
    super.commit();
    if (due(this.#path, 'unknown-after')) throw new StoreUnknownError('a fault after COMMIT');
    if (due(this.#path, 'die-after')) process.exit(8);
  }

  override probe(): void {
    if (due(this.#path, 'refuse')) throw new StoreRefusedError('a fault: refused');
    super.probe();
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
