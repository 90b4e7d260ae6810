/**
 * The store thread as the servers of this process see it: one thread for all their stores
 * (store-thread.ts).
 *
 *   const client = new StoreClient();
 *   const handle = await client.open({ url, raidaId, ... , memory, journalOffset, ... }, events);
 *   handle.wake();                       // after process() published journal groups
 *   handle.load(slot, pageKey, offset);  // for a LOAD_PAGE effect; events.loaded(slot) follows
 *
 * Events come in the order in which things happened. After refused or unknown nothing is committed
 * until restart().
 */
import { Worker } from 'node:worker_threads';
import {
  type AnyStoreError,
  checkIdentity,
  parseStoreError,
  type StoreErrorRecord,
  type StoreIdentity,
  StoreOpenError,
} from './coin-store.ts';
import { checkPlace, type JournalPlace } from './journal-reader.ts';
import { RetryTimer } from './retry-timer.ts';
import { type StoreEvents, StoreHandle } from './store-handle.ts';
import {
  type FromStoreThread,
  type SessionOptions,
  Shared,
  type StoreThreadData,
  type ToStoreThread,
} from './store-messages.ts';

export type { StoreEvents, StoreHandle };

export interface OpenHandleOptions extends StoreIdentity, JournalPlace {
  /** `sqlite:` and an absolute path, or `memory:` (open-store.ts: resolveStoreUrl). */
  url: string;
  /** false: a store that is not there is an error. Default true. */
  create?: boolean;
}

export interface StoreClientOptions {
  /** Module that exports openStore, for tests that want faults. */
  factory?: URL;
}

interface Session {
  options: SessionOptions;
  handle: StoreHandle;
  /** Settles open(); undefined once it is settled. */
  opening: { resolve(): void; reject(error: Error): void } | undefined;
  closed: (() => void) | undefined;
}

export class StoreClient {
  readonly #factory: string;
  readonly #sessions = new Map<number, Session>();
  readonly #restartTimer = new RetryTimer(() => this.#startAgain());
  #worker: Worker | undefined;
  #death: StoreErrorRecord | undefined;
  #idNext = 0;
  #closing = false;

  constructor(options: StoreClientOptions = {}) {
    this.#factory = (options.factory ?? new URL('./open-store.ts', import.meta.url)).href;
  }

  /**
   * Opens a store in the thread, which is started by the first. Rejects with StoreBusyError,
   * StoreMismatchError or StoreOpenError; throws TypeError or RangeError for options that cannot
   * be.
   */
  async open(options: OpenHandleOptions, events: StoreEvents): Promise<StoreHandle> {
    if (this.#closing) throw new StoreOpenError('the store thread is closing');
    const { memory, journalOffset, journalRecords, controlOffset } = options;
    const { url, raidaId, coinId, pagesPerDenomination, create = true } = options;
    checkPlace(options);
    checkIdentity(options);
    const sessionOptions: SessionOptions = {
      ...{ memory, journalOffset, journalRecords, controlOffset },
      ...{ url, raidaId, coinId, pagesPerDenomination, create },
      shared: new SharedArrayBuffer(Shared.WORDS * 4),
    };
    const id = this.#idNext++;
    const handle = new StoreHandle(sessionOptions, events, {
      post: (message) => this.#post({ ...message, id }),
      close: () => this.#closeSession(id),
    });
    await new Promise<void>((resolve, reject) => {
      const opening = { resolve, reject };
      this.#sessions.set(id, { options: sessionOptions, handle, opening, closed: undefined });
      if (this.#worker || !this.#death) this.#worker ??= this.#start();
      this.#post({ kind: 'open', id, options: sessionOptions, epoch: 0, recover: undefined });
    });
    return handle;
  }

  /** Closes all stores, each after committing what is published, then ends the thread. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#sessions.values()].map(({ handle }) => handle.close()));
    this.#restartTimer.stop();
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  /** Overridden by tests that end the thread themselves. */
  protected startWorker(data: StoreThreadData): Worker {
    return new Worker(new URL('./store-thread.ts', import.meta.url), {
      workerData: data,
      name: 'andvari-store',
    });
  }

  #start(): Worker {
    const worker = this.startWorker({ factory: this.#factory });
    worker.on('message', (message: FromStoreThread) => {
      if (worker === this.#worker) this.#receive(message);
    });
    worker.on('error', (error) => this.#died(worker, error));
    worker.on('exit', (code) => this.#died(worker, new Error(`it ended with code ${code}`)));
    return worker;
  }

  #post(message: ToStoreThread): void {
    // While there is no thread nothing is lost: its successor gets every open session and all its
    // loads.
    this.#worker?.postMessage(message);
  }

  #receive(message: FromStoreThread): void {
    const session = this.#sessions.get(message.id);
    if (!session) return;
    if (message.kind === 'opened') {
      this.#restartTimer.reset();
      session.opening?.resolve();
      session.opening = undefined;
    } else if (message.kind === 'openFailed') {
      this.#sessions.delete(message.id);
      session.opening?.reject(parseStoreError(message.error));
    } else if (message.kind === 'closed') {
      this.#sessions.delete(message.id);
      session.closed?.();
    } else {
      if (message.kind === 'unknown') this.#restartTimer.reset();
      session.handle.receive(message);
    }
  }

  /** The thread is gone. Every open store is in doubt; a new thread reopens them and says so. */
  #died(worker: Worker, error: Error): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    const death = new StoreOpenError(`the store thread died: ${error.message}`, { cause: error });
    this.#death = { code: 'ANDVARI_STORE_UNKNOWN', message: death.message, sqliteCode: undefined };
    for (const [id, { opening, closed, handle }] of this.#sessions) {
      if (opening || closed) this.#sessions.delete(id);
      if (opening) opening.reject(death);
      else if (closed) closed();
      else handle.interrupted(parseStoreError(this.#death));
    }
    if (this.#sessions.size > 0) this.#restartTimer.start();
    else this.#death = undefined;
  }

  #startAgain(): void {
    const recover = this.#death;
    this.#death = undefined;
    if (!recover || this.#sessions.size === 0) return;
    this.#worker = this.#start();
    for (const [id, { options, handle, opening }] of this.#sessions) {
      const epoch = handle.nextEpoch();
      this.#post({ kind: 'open', id, options, epoch, recover: opening ? undefined : recover });
      handle.resend();
    }
  }

  async #closeSession(id: number): Promise<void> {
    const session = this.#sessions.get(id);
    if (!session) return;
    if (!this.#worker) {
      this.#sessions.delete(id);
      return;
    }
    await new Promise<void>((resolve) => {
      session.closed = resolve;
      this.#post({ kind: 'close', id });
    });
  }
}

export type { AnyStoreError };
