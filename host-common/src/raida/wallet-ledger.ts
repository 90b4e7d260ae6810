/**
 * The entries of a wallet in memory and in its store: what is saved when, and which coins an
 * operation has to itself.
 */
import { coinNumber } from './coin.ts';
import { WALLET_ENTRIES_MAX } from './limits.ts';
import type { WalletEntry } from './wallet-entry.ts';
import { WalletError } from './wallet-error.ts';
import { checkEntry } from './wallet-record.ts';
import type { WalletStore } from './wallet-store.ts';

/** What one transaction changes. */
export interface LedgerChange {
  put?: readonly WalletEntry[];
  remove?: readonly number[];
  nextId?: number;
}

export class WalletLedger {
  private readonly store: WalletStore;
  private readonly byId: Map<number, WalletEntry>;
  private nextIdNow: number;
  /** Coin numbers with an operation under way. */
  private readonly held = new Set<number>();
  /** Entries whose version here is not in the store: saving is under way, or has failed. */
  private readonly unsaved = new Set<number>();
  private turn: Promise<unknown> = Promise.resolve();
  private closed = false;

  private constructor(store: WalletStore, nextId: number, entries: readonly WalletEntry[]) {
    this.store = store;
    this.nextIdNow = nextId;
    this.byId = new Map(entries.map((entry) => [entry.id, entry]));
  }

  /** Throws WalletError ANDVARI_WALLET_STATE if the store holds no wallet. */
  static async load(store: WalletStore): Promise<WalletLedger> {
    const { nextId, entries } = await store.load();
    for (const entry of entries) checkEntry(entry);
    const ids = new Set(entries.map(({ id }) => id));
    const largest = entries.reduce((id, entry) => Math.max(id, entry.id), 0);
    const fits = ids.size === entries.length && ids.size <= WALLET_ENTRIES_MAX;
    if (!fits || !Number.isInteger(nextId) || nextId <= largest) {
      throw new WalletError('ANDVARI_WALLET_STATE', 'the stored list of coins is impossible');
    }
    return new WalletLedger(store, nextId, entries);
  }

  get nextId(): number {
    return this.nextIdNow;
  }

  /** Throws WalletError ANDVARI_WALLET_FULL if so many new coins do not fit. */
  wantRoom(count: number): void {
    const room = WALLET_ENTRIES_MAX - this.byId.size;
    if (count <= room) return;
    const problem = `${count} new coins do not fit: the wallet has room for ${room}`;
    throw new WalletError('ANDVARI_WALLET_FULL', problem);
  }

  entries(): IterableIterator<WalletEntry> {
    return this.byId.values();
  }

  /** Undefined: no such entry. */
  find(id: number): WalletEntry | undefined {
    return this.byId.get(id);
  }

  /** Throws WalletError ANDVARI_WALLET_COIN or ANDVARI_WALLET_CLOSED. */
  entry(id: number): WalletEntry {
    this.checkOpen();
    const entry = this.byId.get(id);
    if (entry) return entry;
    throw new WalletError('ANDVARI_WALLET_COIN', `the wallet has no coin with id ${id}`);
  }

  isHeld(entry: WalletEntry): boolean {
    return this.held.has(coinNumber(entry));
  }

  /** The entries, each once. Throws ANDVARI_WALLET_BUSY if something works on one of the coins. */
  idle(ids: readonly number[]): WalletEntry[] {
    const entries = [...new Set(ids)].map((id) => this.entry(id));
    const busy = entries.find((entry) => this.isHeld(entry));
    if (!busy) return entries;
    const { denomination, serialNumber } = busy;
    const name = `denomination ${denomination}, serial number ${serialNumber}`;
    throw new WalletError('ANDVARI_WALLET_BUSY', `${name} is in use by another operation`);
  }

  /** Runs an operation that has its coins, whatever the entry, to itself. */
  async hold<Result>(
    ids: readonly number[],
    operation: (entries: WalletEntry[]) => Promise<Result>,
  ): Promise<Result> {
    const entries = this.idle(ids);
    const numbers = new Set(entries.map(coinNumber));
    for (const number of numbers) this.held.add(number);
    try {
      return await operation(entries);
    } finally {
      for (const number of numbers) this.held.delete(number);
    }
  }

  /**
   * Makes a change durable, and only then true here. `make` runs when it is the change's turn, and
   * sees the entries as they are then. Throws ANDVARI_WALLET_STORE, or what `make` throws.
   */
  async commit(make: () => LedgerChange): Promise<void> {
    const turn = this.turn.then(async () => {
      this.checkOpen();
      const { put = [], remove = [], nextId = this.nextIdNow } = make();
      // What could not be saved before goes with it.
      const batch = new Map<number, WalletEntry>();
      for (const id of this.unsaved) batch.set(id, this.entry(id));
      for (const entry of put) batch.set(entry.id, entry);
      for (const id of remove) batch.delete(id);
      if (batch.size > 0 || remove.length > 0)
        await this.write([...batch.values()], remove, nextId);
      if (this.closed) return;
      this.nextIdNow = nextId;
      for (const entry of put) this.byId.set(entry.id, entry);
      for (const id of remove) this.byId.delete(id);
      for (const id of remove) this.unsaved.delete(id);
      // An entry that has changed again meanwhile is still to be saved.
      for (const [id, entry] of batch) if (this.byId.get(id) === entry) this.unsaved.delete(id);
    });
    this.turn = turn.catch(() => undefined);
    await turn;
  }

  /**
   * Takes over what servers have said: true here at once, and saved. If saving fails, it stays true
   * and is saved with the next change. Throws WalletError ANDVARI_WALLET_STORE.
   */
  async learn(entries: readonly WalletEntry[]): Promise<void> {
    if (this.closed) return;
    for (const entry of entries) {
      this.byId.set(entry.id, entry);
      this.unsaved.add(entry.id);
    }
    await this.commit(() => ({}));
  }

  /** Forgets everything here, not in the store. */
  close(): void {
    this.closed = true;
    this.byId.clear();
    this.unsaved.clear();
  }

  private checkOpen(): void {
    if (this.closed) throw new WalletError('ANDVARI_WALLET_CLOSED', 'the wallet is closed');
  }

  private async write(
    put: readonly WalletEntry[],
    remove: readonly number[],
    nextId: number,
  ): Promise<void> {
    try {
      await this.store.save({ put, remove, nextId });
    } catch (cause) {
      const why = cause instanceof Error ? `: ${cause.message}` : '';
      const problem = `the wallet could not be saved${why}`;
      throw new WalletError('ANDVARI_WALLET_STORE', problem, { cause });
    }
  }
}
