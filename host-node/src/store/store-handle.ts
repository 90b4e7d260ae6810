/** One server's store, which lives in the store thread. Made by StoreClient.open(). */
import type { StoreTables } from '@andvari/host-common/engine/store-tables';
import {
  type AnyStoreError,
  DENOMINATIONS,
  PAGE_BYTES,
  parseStoreError,
  StoreOpenError,
} from './coin-store.ts';
import {
  type FromStoreThread,
  LOADED_WORDS,
  type SessionOptions,
  Shared,
  type ToStoreThread,
} from './store-messages.ts';

export interface StoreEvents {
  /** The page stands at the offset that load() named for this slot. */
  loaded(slot: number): void;
  /** First position not committed. Control.COMMITTED has been stored before. */
  committed(position: bigint): void;
  /**
   * The transaction that began at `position` was certainly not made: roll the engine back to it,
   * then restart().
   */
  refused(position: bigint, error: AnyStoreError): void;
  /**
   * Nobody knows what became of the groups from `position` on. The store has been opened again:
   * drop all pages and tables, read them anew, then restart(). Pages reported as loaded before this
   * event are stale; loads that were asked for and not yet reported stay asked for, and bring what
   * the store holds now.
   */
  unknown(position: bigint, error: AnyStoreError): void;
  /** `handle.ready` changed. */
  ready?(ready: boolean): void;
  /** For the log: an attempt to open, read or probe failed and will be made again. */
  trouble?(error: AnyStoreError): void;
}

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** What a handle needs of its client. */
export interface HandleHost {
  post(message: WithoutId<Exclude<ToStoreThread, { kind: 'open' }>>): void;
  close(): Promise<void>;
}

interface AskedLoad {
  pageKey: number;
  offset: number;
  sequence: number;
}

export class StoreHandle {
  /**
   * Records with MFS other than 0 by denomination index, as committed. The thread keeps it current.
   */
  readonly counts: Uint32Array;
  readonly #options: SessionOptions;
  readonly #events: StoreEvents;
  readonly #host: HandleHost;
  readonly #shared: Int32Array;
  /** Loads that were asked for and not reported, by page slot. */
  readonly #asked = new Map<number, AskedLoad>();
  /** Slots whose load is not posted yet. */
  readonly #unposted = new Set<number>();
  /** Questions that are not answered. */
  #tables: PromiseWithResolvers<StoreTables> | undefined;
  #leaves: PromiseWithResolvers<Uint8Array> | undefined;
  #sequence = 0;
  #epoch = 0;
  #ready = true;
  #closing: Promise<void> | undefined;

  constructor(options: SessionOptions, events: StoreEvents, host: HandleHost) {
    this.#options = options;
    this.#events = events;
    this.#host = host;
    this.#shared = new Int32Array(options.shared);
    this.counts = new Uint32Array(options.shared, Shared.COUNTS * 4, DENOMINATIONS);
  }

  /**
   * false from a failure until a transaction has been committed again (the thread tries one by
   * itself).
   */
  get ready(): boolean {
    return this.#ready;
  }

  /**
   * Reads a page into the engine's memory at `offset` (17408 bytes). `pageKey` is denomination
   * index * pages per denomination + page. Loads of one turn of the event loop travel together. A
   * later load of the same slot takes the place of an earlier one. Throws RangeError for a page or
   * a place that cannot be.
   */
  load(slot: number, pageKey: number, offset: number): void {
    const { pagesPerDenomination, memory } = this.#options;
    if (!(pageKey >= 0 && pageKey < DENOMINATIONS * pagesPerDenomination)) {
      throw new RangeError(`page key: no page ${pageKey}`);
    }
    if (!(offset >= 0 && offset + PAGE_BYTES <= memory.buffer.byteLength)) {
      throw new RangeError(`page offset: ${offset} does not fit the memory`);
    }
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#asked.set(slot, { pageKey, offset, sequence: this.#sequence });
    if (this.#unposted.size === 0) queueMicrotask(() => this.#postLoads());
    this.#unposted.add(slot);
  }

  /** Journal groups may have been published. Costs nothing while an earlier wake is on its way. */
  wake(): void {
    if (Atomics.exchange(this.#shared, Shared.WAKE, 1) === 0) this.#host.post({ kind: 'wake' });
  }

  /**
   * Everything that the store keeps besides the pages, as committed when the answer leaves the
   * thread: what is committed later comes as an event after it. From an unknown outcome to the
   * restart() nothing is committed. Calls made while one is under way share its answer. Rejects
   * with StoreOpenError when the handle is closed, and for no other reason: what cannot be read is
   * tried again.
   */
  tables(): Promise<StoreTables> {
    if (this.#closing !== undefined) return Promise.reject(closedError());
    if (!this.#tables) {
      this.#tables = Promise.withResolvers();
      this.#host.post({ kind: 'tables' });
    }
    return this.#tables.promise;
  }

  /**
   * The Merkle leaves of all pages that were ever written: 36 bytes each, denomination index << 16
   * | page (u32, little-endian) and the leaf (derived.ts, leafOf), in order of page. They are
   * looked up or computed little by little while commits go on, each as committed at its moment.
   * Waits, calls and rejects as tables(); between a failure and restart() it stands still.
   */
  leaves(): Promise<Uint8Array> {
    if (this.#closing !== undefined) return Promise.reject(closedError());
    if (!this.#leaves) {
      this.#leaves = Promise.withResolvers();
      this.#host.post({ kind: 'leaves' });
    }
    return this.#leaves.promise;
  }

  /**
   * Answers the last refused or unknown: go on at `position`, the journal's head after rollback or
   * discard.
   */
  restart(position: bigint): void {
    this.#host.post({ kind: 'restart', epoch: this.#epoch, position });
  }

  /**
   * Commits what is published, if that works, and closes the store. Loads that are still asked for
   * are dropped, tables() and leaves() are rejected.
   */
  close(): Promise<void> {
    this.#closing ??= this.#host.close();
    this.#tables?.reject(closedError());
    this.#leaves?.reject(closedError());
    this.#tables = undefined;
    this.#leaves = undefined;
    return this.#closing;
  }

  #postLoads(): void {
    const words: number[] = [];
    for (const slot of this.#unposted) {
      const load = this.#asked.get(slot);
      if (load) words.push(slot, load.pageKey, load.offset, load.sequence);
    }
    this.#unposted.clear();
    if (words.length > 0) this.#host.post({ kind: 'load', loads: Uint32Array.from(words) });
  }

  /** For the client: a message of the thread. */
  receive(message: FromStoreThread): void {
    if (message.kind === 'loaded') this.#loaded(message.loads);
    else if (message.kind === 'committed') this.#events.committed(message.position);
    else if (message.kind === 'tables') this.#answerTables(message.tables);
    else if (message.kind === 'leaves') this.#answerLeaves(message.leaves);
    else if (message.kind === 'ready') this.#setReady(message.ready);
    else if (message.kind === 'trouble') this.#events.trouble?.(parseStoreError(message.error));
    else if (message.kind === 'refused' || message.kind === 'unknown') {
      this.#epoch = message.epoch;
      this.#events[message.kind](message.position, parseStoreError(message.error));
    }
  }

  /** For the client: the thread died. */
  interrupted(error: AnyStoreError): void {
    this.#setReady(false);
    this.#events.trouble?.(error);
  }

  /** For the client: an epoch that no answer to an event of the dead thread can have. */
  nextEpoch(): number {
    // That thread may have counted one event further than was received, and no more: it then waits.
    this.#epoch += 2;
    return this.#epoch;
  }

  /** For the client: asks a new thread for everything that the dead one owes. */
  resend(): void {
    for (const slot of this.#asked.keys()) this.#unposted.add(slot);
    this.#postLoads();
    if (this.#tables) this.#host.post({ kind: 'tables' });
    if (this.#leaves) this.#host.post({ kind: 'leaves' });
    // A wake that the dead thread never read would keep all others back.
    Atomics.store(this.#shared, Shared.WAKE, 0);
  }

  #loaded(loads: Uint32Array): void {
    for (let i = 0; i + LOADED_WORDS <= loads.length; i += LOADED_WORDS) {
      const [slot = 0, sequence] = loads.subarray(i, i + LOADED_WORDS);
      if (this.#asked.get(slot)?.sequence !== sequence) continue;
      this.#asked.delete(slot);
      this.#events.loaded(slot);
    }
  }

  #answerTables(tables: StoreTables): void {
    this.#tables?.resolve(tables);
    this.#tables = undefined;
  }

  #answerLeaves(leaves: Uint8Array): void {
    this.#leaves?.resolve(leaves);
    this.#leaves = undefined;
  }

  #setReady(ready: boolean): void {
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#events.ready?.(ready);
  }
}

function closedError(): StoreOpenError {
  return new StoreOpenError('the store is closed');
}
