/** The store of a configured server, opened by a command: nobody else has it open meanwhile. */
import type { Config } from '../config/config.ts';
import type { RaidaConfig } from '../config/raida-config.ts';
import {
  type CoinStore,
  PAGE_BYTES,
  PAGE_RECORDS,
  RECORD_BYTES,
  StoreOpenError,
} from '../store/coin-store.ts';
import { openStore, resolveStoreUrl } from '../store/open-store.ts';
import { pageId } from '../store/page-transaction.ts';
import type { CoinRecord } from './coin-records.ts';

/** What the coin commands need of a configuration. */
export type CoinsConfig = Pick<Config, 'node' | 'store'> & { raida: RaidaConfig };

/** Someone wants to know how far it is. */
export interface CoinsOptions {
  onProgress?: (records: number) => void;
  /** Stops between two batches. */
  signal?: AbortSignal | undefined;
}

/** The user stopped the command; what was done before is kept. */
export class CoinsInterruptedError extends Error {
  readonly code = 'ANDVARI_INTERRUPTED';
}

/**
 * Runs `work` with the store. Throws StoreBusyError while a server has it open, and what opening
 * throws.
 */
export async function withStore<T>(
  { node, raida, store: { url } }: CoinsConfig,
  { create }: { create: boolean },
  work: (store: CoinStore) => Promise<T>,
): Promise<T> {
  const resolved = resolveStoreUrl(url, node.dataDir);
  if (resolved === 'memory:') {
    throw new StoreOpenError('store.url is "memory:": such coins are only in a running server');
  }
  const { number: raidaId, coinId, pagesPerDenomination } = raida;
  const store = openStore({ url: resolved, raidaId, coinId, pagesPerDenomination, create });
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

/** What a batch sees: the store, and over it what the batch has changed. Pages are read once. */
export class CoinBatch {
  readonly #store: CoinStore;
  readonly #pages = new Map<number, Uint8Array>();

  /** Begins a transaction; end it with the store's commit() or rollback(). */
  constructor(store: CoinStore) {
    this.#store = store;
    store.begin();
  }

  /** The record of a coin as it is now. */
  get({ denomination, serialNumber }: Pick<CoinRecord, 'denomination' | 'serialNumber'>) {
    const page = this.#page(denomination + 8, Math.floor(serialNumber / PAGE_RECORDS));
    const at = (serialNumber % PAGE_RECORDS) * RECORD_BYTES;
    return { an: page.slice(at, at + 16), mfs: page[at + 16] ?? 0 };
  }

  put(record: CoinRecord): void {
    const { denomination, serialNumber, authenticationNumber: newAn, mfs: newMfs } = record;
    const { an: oldAn, mfs: oldMfs } = this.get(record);
    const coin = { denominationIndex: denomination + 8, serialNumber };
    this.#store.apply({ ...coin, oldAn, oldMfs, newAn, newMfs });
    const page = this.#page(coin.denominationIndex, Math.floor(serialNumber / PAGE_RECORDS));
    const at = (serialNumber % PAGE_RECORDS) * RECORD_BYTES;
    page.set(newAn, at);
    page[at + 16] = newMfs;
  }

  #page(denominationIndex: number, page: number): Uint8Array {
    const id = pageId(denominationIndex, page);
    let bytes = this.#pages.get(id);
    if (!bytes) {
      bytes = new Uint8Array(PAGE_BYTES);
      this.#store.readPage(denominationIndex, page, bytes);
      this.#pages.set(id, bytes);
    }
    return bytes;
  }
}
