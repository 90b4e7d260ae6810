/**
 * One store inside the store thread: loads pages, commits journal groups, and gets through
 * failures.
 *
 *   running    commits what is published
 *   waiting    said refused or unknown, waits for the restart that answers it
 *   reopening  closed the store after an unknown outcome, tries to open it again
 *   closed
 *
 * Every verb returns quickly except turn(), which makes at most one transaction, and spareTurn(),
 * which makes a slice of the Merkle leaves.
 */
import type { StoreTables } from '@andvari/host-common/engine/store-tables';
import {
  type CoinStore,
  emitStoreError,
  PAGE_BYTES,
  type StoreErrorRecord,
  StoreRefusedError,
  StoreUnknownError,
} from './coin-store.ts';
import { JournalReader } from './journal-reader.ts';
import { COINS_PER_TRANSACTION_MAX, GROUPS_PER_TRANSACTION_MAX } from './limits.ts';
import type { OpenStore } from './open-store.ts';
import { PageLoads } from './page-loads.ts';
import { RetryTimer } from './retry-timer.ts';
import { type FromStoreThread, type SessionOptions, Shared } from './store-messages.ts';
import { TableReads } from './table-reads.ts';

export interface SessionHost {
  openStore: OpenStore;
  /** The buffers in `transfer` go over to the receiver. */
  send(message: FromStoreThread, transfer?: readonly ArrayBuffer[]): void;
  /** The session has something to do: call turn(). */
  busy(): void;
  /** It has something to do that may wait for all others: call spareTurn(). */
  spare(): void;
}

type State = 'running' | 'waiting' | 'reopening' | 'closed';

export class StoreSession {
  readonly #id: number;
  readonly #options: SessionOptions;
  readonly #host: SessionHost;
  readonly #journal: JournalReader;
  readonly #loads: PageLoads;
  readonly #tableReads: TableReads;
  readonly #reopenTimer = new RetryTimer(() => this.#reopen());
  readonly #probeTimer = new RetryTimer(() => this.#probe());
  readonly #shared: Int32Array;
  #store: CoinStore | undefined;
  #state: State = 'running';
  #position: number;
  #epoch: number;
  #awake = false;
  #closing = false;
  #ready = true;
  /** Reopening because of this; undefined: a probe failed, and no coin's fate is in doubt. */
  #doubt: StoreErrorRecord | undefined;

  /** Throws RangeError and TypeError for options that cannot be. Then call open() or recover(). */
  constructor(id: number, epoch: number, options: SessionOptions, host: SessionHost) {
    this.#id = id;
    this.#epoch = epoch;
    this.#options = options;
    this.#host = host;
    this.#journal = new JournalReader(options);
    this.#position = this.#journal.committed();
    this.#shared = new Int32Array(options.shared);
    const { pagesPerDenomination, memory } = options;
    this.#loads = new PageLoads({
      read: (pageKey, offset) => {
        const page = pageKey % pagesPerDenomination;
        const into = new Uint8Array(memory.buffer, offset, PAGE_BYTES);
        if (!this.#store) throw new StoreUnknownError('the store is not open');
        this.#store.readPage((pageKey - page) / pagesPerDenomination, page, into);
      },
      loaded: (loads) => host.send({ kind: 'loaded', id, loads }),
      failed: (error) => this.#sendTrouble(error),
      busy: () => host.busy(),
    });
    this.#tableReads = new TableReads({
      tables: (tables) => host.send({ kind: 'tables', id, tables }, buffersOf(tables)),
      leaves: (leaves) => host.send({ kind: 'leaves', id, leaves }, [leaves.buffer]),
      failed: (error) => this.#sendTrouble(error),
      broken: (error) => {
        // No coin's fate is in doubt; but until it is open again the store takes no commit.
        this.#sendTrouble(error);
        this.#setReady(false);
        this.#startReopening();
      },
      busy: () => host.busy(),
      spare: () => host.spare(),
    });
  }

  /** Opens the store and says so. Throws what openStore throws. */
  open(): void {
    this.#openStore(false);
    this.#host.send({ kind: 'opened', id: this.#id });
  }

  /** For a store whose thread died: opens it until that works, then says unknown. */
  recover(error: StoreErrorRecord): void {
    this.#doubt = error;
    this.#state = 'reopening';
    this.#setReady(false);
    this.#reopen();
  }

  load(loads: Uint32Array): void {
    this.#loads.add(loads);
  }

  tables(): void {
    this.#tableReads.askTables();
  }

  leaves(): void {
    this.#tableReads.askLeaves();
  }

  wake(): void {
    // Before the journal is looked at: a group published after this look makes a new message.
    Atomics.store(this.#shared, Shared.WAKE, 0);
    this.#awake = true;
    this.#host.busy();
  }

  /**
   * Goes on at `position` if this answers the last refused or unknown; an older answer is left
   * alone.
   */
  restart(epoch: number, position: bigint): void {
    if (this.#state !== 'waiting' || epoch !== this.#epoch) return;
    this.#position = Number(position);
    this.#awake = true;
    this.#run();
    this.#host.busy();
  }

  /** Commits what is published, as far as that works, then closes the store and says so. */
  close(): void {
    this.#closing = true;
    this.#awake = true;
    this.#host.busy();
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** Serves waiting loads and makes one transaction. true: there may be more to do. */
  turn(): boolean {
    if (this.#state === 'closed') return false;
    if (this.#state === 'reopening' || !this.#store) return this.#closing && this.#end();
    const moreLoads = this.#loads.serve();
    this.#tableReads.serveTables(this.#store);
    const moreGroups = this.#state === 'running' && this.#awake && this.#commitGroups(this.#store);
    if (this.#closing && !moreGroups) return this.#end();
    return moreLoads || moreGroups;
  }

  /** Serves waiting loads alone, which never wait for another store's transaction. */
  serveLoads(): boolean {
    if (!this.#store || this.#state === 'reopening') return false;
    return this.#loads.serve();
  }

  /** One slice of the Merkle leaves, if they are asked for. true: there are more. */
  spareTurn(): boolean {
    if (this.#state !== 'running' || this.#closing || !this.#store) return false;
    return this.#tableReads.serveLeaves(this.#store);
  }

  /** One transaction over the published groups. false: there were none, or it failed. */
  #commitGroups(store: CoinStore): boolean {
    const start = this.#position;
    try {
      store.begin();
      const end = this.#applyGroups(store, start);
      if (end === start) {
        store.rollback();
        this.#awake = false;
        return false;
      }
      store.commit();
      this.#position = end;
    } catch (error) {
      store.rollback();
      this.#fail(error);
      return false;
    }
    this.#publishCounts(store);
    this.#journal.setCommitted(this.#position);
    this.#host.send({ kind: 'committed', id: this.#id, position: BigInt(this.#position) });
    this.#setReady(true);
    return true;
  }

  /** Applies as many published groups as one transaction takes; gives the position behind them. */
  #applyGroups(store: CoinStore, start: number): number {
    let position = start;
    let coins = 0;
    for (let groups = 0; groups < GROUPS_PER_TRANSACTION_MAX; groups++) {
      const group = this.#journal.group(position);
      if (!group || (groups > 0 && coins + group.used > COINS_PER_TRANSACTION_MAX)) break;
      for (let record = 1; record <= group.used; record++) {
        const change = this.#journal.record(position + record);
        if (change?.kind === 'coin') store.apply(change.coin);
        else if (change) store.applyCell(change.cell);
      }
      coins += group.used;
      position = group.end;
    }
    return position;
  }

  #fail(error: unknown): void {
    this.#setReady(false);
    if (error instanceof StoreRefusedError) {
      this.#state = 'waiting';
      this.#stopped('refused', emitStoreError(error));
      return;
    }
    this.#doubt = emitStoreError(error);
    this.#startReopening();
  }

  #stopped(kind: 'refused' | 'unknown', error: StoreErrorRecord): void {
    this.#epoch++;
    const position = BigInt(this.#position);
    this.#host.send({ kind, id: this.#id, epoch: this.#epoch, position, error });
  }

  #startReopening(): void {
    this.#state = 'reopening';
    this.#probeTimer.stop();
    this.#reopen();
  }

  #reopen(): void {
    if (this.#state !== 'reopening') return;
    try {
      this.#closeStore();
      this.#openStore(true);
    } catch (error) {
      this.#sendTrouble(error);
      this.#reopenTimer.start();
      return;
    }
    this.#reopenTimer.reset();
    if (this.#doubt) {
      this.#state = 'waiting';
      this.#stopped('unknown', this.#doubt);
      this.#doubt = undefined;
    } else {
      this.#run();
    }
    this.#host.busy();
  }

  #run(): void {
    this.#state = 'running';
    if (!this.#ready) this.#probeTimer.start();
    this.#host.spare();
  }

  /** Without requests no commit would ever show that the store takes changes again. */
  #probe(): void {
    if (this.#state !== 'running' || this.#ready || !this.#store) return;
    try {
      this.#store.probe();
    } catch (error) {
      this.#sendTrouble(error);
      if (error instanceof StoreRefusedError) this.#probeTimer.start();
      else this.#startReopening();
      return;
    }
    this.#setReady(true);
  }

  #setReady(ready: boolean): void {
    if (ready) this.#probeTimer.reset();
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#host.send({ kind: 'ready', id: this.#id, ready });
  }

  #openStore(afterUnknown: boolean): void {
    const { url, create, raidaId, coinId, pagesPerDenomination } = this.#options;
    const identity = { raidaId, coinId, pagesPerDenomination };
    // What was there before the failure must be there after it: never make a new store in its
    // place.
    const mayCreate = create && !afterUnknown;
    this.#store = this.#host.openStore({ url, create: mayCreate, afterUnknown, ...identity });
    this.#publishCounts(this.#store);
  }

  #sendTrouble(error: unknown): void {
    this.#host.send({ kind: 'trouble', id: this.#id, error: emitStoreError(error) });
  }

  #publishCounts(store: CoinStore): void {
    this.#shared.set(store.counts(), Shared.COUNTS);
  }

  /** A store that failed may fail to close as well; what counts is what the next open finds. */
  #closeStore(): void {
    const store = this.#store;
    this.#store = undefined;
    try {
      store?.close();
    } catch (error) {
      this.#sendTrouble(error);
    }
  }

  #end(): false {
    this.#state = 'closed';
    this.#reopenTimer.stop();
    this.#probeTimer.stop();
    this.#loads.stop();
    this.#tableReads.stop();
    this.#closeStore();
    this.#host.send({ kind: 'closed', id: this.#id });
    return false;
  }
}

function buffersOf({ counts, inUse, lockers, cells }: StoreTables): ArrayBuffer[] {
  return [counts, inUse, lockers, cells].map(({ buffer }) => buffer as ArrayBuffer);
}
