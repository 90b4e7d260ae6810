/** Where a wallet is kept: IndexedDB (sealed) in browsers, files in Node, memory for one run. */
import type { WalletEntry } from './wallet-entry.ts';

export interface WalletState {
  /** Id of the next entry; larger than every id ever used. */
  nextId: number;
  entries: readonly WalletEntry[];
}

/** What changes, all of it or nothing. */
export interface WalletChange {
  /** New entries, and new versions of entries with these ids. */
  put: readonly WalletEntry[];
  /** Ids of entries that go. */
  remove: readonly number[];
  nextId: number;
}

export interface WalletStore {
  /** The last saved state; an empty one (nextId 1) for a new wallet. */
  load(): Promise<WalletState>;
  /**
   * Atomic, and durable before it resolves: the keys in it may be the only ones to a coin a moment
   * later. A rejection may leave either state. The wallet calls it once at a time, and never
   * changes an entry that it has handed over.
   */
  save(change: WalletChange): Promise<void>;
}

/** Keeps a wallet as long as the process lives. */
export class MemoryWalletStore implements WalletStore {
  private nextId = 1;
  private readonly entries = new Map<number, WalletEntry>();

  load(): Promise<WalletState> {
    const { nextId } = this;
    return Promise.resolve({ nextId, entries: structuredClone([...this.entries.values()]) });
  }

  save({ put, remove, nextId }: WalletChange): Promise<void> {
    this.nextId = nextId;
    for (const entry of put) this.entries.set(entry.id, structuredClone(entry));
    for (const id of remove) this.entries.delete(id);
    return Promise.resolve();
  }
}
