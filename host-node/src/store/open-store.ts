/** The store that a URL names: `sqlite:FILE` or `memory:`. */
import { resolve } from 'node:path';
import { type CoinStore, type StoreIdentity, StoreOpenError } from './coin-store.ts';
import { MemoryStore } from './memory-store.ts';
import { openSqliteStore } from './sqlite-store.ts';

export interface OpenStoreOptions extends StoreIdentity {
  /** `sqlite:` and an absolute path, or `memory:` (see resolveStoreUrl). */
  url: string;
  create?: boolean;
  afterUnknown?: boolean;
}

/** What a store thread opens stores with; a module given to StoreClient exports this function. */
export type OpenStore = (options: OpenStoreOptions) => CoinStore;

/** Says what is wrong with a store URL, or nothing. */
export function storeUrlProblem(url: string): string | undefined {
  if (url === 'memory:') return undefined;
  if (/^postgres(ql)?:/.test(url)) return 'this build has no PostgreSQL store';
  if (/^sqlite:[^\0]+$/.test(url) && !/^sqlite:(:memory:|file:)/.test(url)) return undefined;
  return 'wanted "sqlite:FILE" or "memory:"';
}

/**
 * The URL with an absolute path; a relative one counts from the data directory. Throws
 * StoreOpenError.
 */
export function resolveStoreUrl(url: string, dataDir: string): string {
  const problem = storeUrlProblem(url);
  if (problem) throw new StoreOpenError(`store URL ${JSON.stringify(url)}: ${problem}`);
  return url === 'memory:' ? url : `sqlite:${resolve(dataDir, url.slice('sqlite:'.length))}`;
}

/** Throws StoreBusyError, StoreMismatchError, StoreOpenError, RangeError. */
export const openStore: OpenStore = ({ url, ...options }) => {
  if (url === 'memory:') return new MemoryStore(options);
  const path = resolveStoreUrl(url, '.').slice('sqlite:'.length);
  return openSqliteStore({ ...options, path });
};
