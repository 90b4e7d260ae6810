/**
 * One RAIDA server: the memory of its engine, its store, what it asks of the world outside, and
 * its life. Requests are answered by loops (engine-loop.ts): one on this thread and, with workers,
 * one on a thread of each (worker-pool.ts), all over one memory (docs/architecture.md).
 */
import type { EngineIdentity, EngineSizes } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { Effect, Region, Statistic } from '@andvari/host-common/engine/generated/layout';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { loadNative } from '@andvari/native-io';
import type { AnyStoreError } from '../store/coin-store.ts';
import type { StoreClient, StoreEvents, StoreHandle } from '../store/store-client.ts';
import { EffectDesk, type EffectDeskOptions } from './effects/effect-desk.ts';
import { EngineLoop } from './engine-loop.ts';
import { loadTables } from './load-tables.ts';
import { MerkleTrees } from './merkle-trees.ts';
import { nativeCtrOf } from './native-ctr.ts';
import type { RequestOrigin, RequestSink } from './origin.ts';
import { RequestNumbers } from './request-numbers.ts';
import { WorkerPool } from './worker-pool.ts';

/** What the server tells of itself. */
export interface ServerWatcher {
  /** The engine has run on this thread: there may be new records of requests. */
  ran?(): void;
  /** The store refused or lost changes; they were answered 252. */
  storeTrouble?(kind: 'refused' | 'unknown' | 'trouble', error: AnyStoreError): void;
  /** `ready` has changed. */
  readyChanged?(ready: boolean): void;
  /** An effect of a request failed; `problem` names no file and no secret. */
  effectTrouble?(problem: string): void;
  /** A worker has died: the server answers nothing any more, and has to be closed. */
  failed?(error: Error): void;
}

export interface RaidaServerOptions {
  identity: EngineIdentity;
  sizes: EngineSizes;
  storeClient: StoreClient;
  /** `sqlite:` and an absolute path, or `memory:`. */
  storeUrl: string;
  /** What the server may ask of the world outside. */
  outside: OutsideWorld;
  /** Seconds between two looks at the Merkle trees of wire legacy [300]. */
  integritySeconds?: number;
  /** Receive frames of each instance for this side; a native socket has the others [all]. */
  hostFrames?: number | undefined;
  /** Threads with an engine instance of their own, besides this one's [0]. */
  workers?: number;
  /** The threads' entry, for tests that want faults. */
  workerEntry?: URL;
  watcher?: ServerWatcher;
}

export type OutsideWorld = Pick<EffectDeskOptions, 'folders' | 'servers' | 'proxy'>;

/** How long close() waits for held replies. */
const CLOSE_MS = 5000;

export class RaidaServer implements RequestSink {
  readonly engine: Engine;
  readonly loop: EngineLoop;
  readonly #numbers: RequestNumbers[];
  readonly #watcher: ServerWatcher;
  readonly #desk: EffectDesk;
  #trees: MerkleTrees | undefined;
  #store!: StoreHandle;
  #pool: WorkerPool | undefined;
  /** A frame for the entries of workers' effects, which the desk reads in the memory. */
  #entryFrame = 0;
  #failure: Error | undefined;
  /** How often the tables were asked for after an unknown outcome. */
  #readings = 0;
  /** close() has begun: nothing new is taken, what was taken is still answered. */
  #closing: Promise<void> | undefined;

  private constructor(engine: Engine, { watcher = {}, outside }: RaidaServerOptions) {
    this.engine = engine;
    this.#watcher = watcher;
    this.#numbers = [new RequestNumbers(engine, engine.region(Region.REQUESTS))];
    this.loop = new EngineLoop(engine, {
      load: (slot, pageKey, offset) => this.#store.load(slot, pageKey, offset),
      effect: (at) => this.#desk.serve(at),
      wake: () => this.#store.wake(),
      ran: () => this.#watcher.ran?.(),
    });
    this.#desk = new EffectDesk({
      ...outside,
      memory: engine,
      complete: (slot, status, bytes, worker) => {
        if (worker === 0) this.loop.complete(slot, status, bytes);
        else this.#pool?.complete(worker, slot, status, bytes);
      },
      committed: () => engine.committed(),
      trouble: (problem) => this.#watcher.effectTrouble?.(problem),
    });
  }

  /**
   * Makes the engine and opens the store. Rejects with the store's errors
   * (host-node/src/store/coin-store.ts).
   */
  static async start(options: RaidaServerOptions): Promise<RaidaServer> {
    const { identity, hostFrames, workers = 0 } = options;
    const sizes = { ...options.sizes, workers: 1 + workers };
    const module = await sharedEngine();
    const nativeCtr = nativeCtrOf(loadNative());
    const engine = Engine.create({ module, shared: true, sizes, identity, hostFrames, nativeCtr });
    const server = new RaidaServer(engine, options);
    server.#store = await server.#openStore(options).catch((error: Error) => {
      server.loop.close();
      throw error;
    });
    try {
      loadTables(engine, await server.#store.tables());
      if (workers > 0) await server.#startWorkers(module, options);
    } catch (error) {
      await server.close();
      throw error;
    }
    if (identity.wire === 'legacy') {
      server.#trees = new MerkleTrees(engine, server.#store, options.integritySeconds ?? 300);
    }
    return server;
  }

  #openStore({ identity, sizes, storeClient, storeUrl }: RaidaServerOptions): Promise<StoreHandle> {
    const { engine } = this;
    return storeClient.open(
      {
        url: storeUrl,
        raidaId: identity.raidaId,
        coinId: identity.coinId,
        pagesPerDenomination: sizes.pagesPerDenomination,
        memory: engine.memory,
        journalOffset: engine.region(Region.JOURNAL),
        journalRecords: engine.journalRecords,
        controlOffset: engine.region(Region.CONTROL),
      },
      this.#storeEvents(),
    );
  }

  async #startWorkers(module: WebAssembly.Module, options: RaidaServerOptions): Promise<void> {
    const { engine } = this;
    const { workers: count = 0, hostFrames, workerEntry: entry } = options;
    this.#pool = await WorkerPool.start(
      { count, module, memory: engine.memory, hostFrames, entry },
      {
        load: (slot, pageKey, offset) => this.#store.load(slot, pageKey, offset),
        wake: () => this.#store.wake(),
        effect: (entry, worker) => this.#effectOf(entry, worker),
        died: (error) => this.#fail(error),
      },
    );
    this.#entryFrame = engine.frames.take();
    for (const at of this.#pool.requestRegions) {
      this.#numbers.push(new RequestNumbers(engine, at));
    }
  }

  /** Its workers; undefined: it has none. */
  get pool(): WorkerPool | undefined {
    return this.#pool;
  }

  /** False from a store's failure until a commit has succeeded again, and from close() on. */
  get ready(): boolean {
    return !this.#closing && !this.#failure && this.#store.ready;
  }

  /** Coins in use by denomination index, as committed. */
  get counts(): Uint32Array {
    return this.#store.counts;
  }

  /** What each instance has counted of its requests. */
  get requestNumbers(): readonly RequestNumbers[] {
    return this.#numbers;
  }

  /** Commands with an admin key since the start. */
  get adminCommands(): { accepted: number; refused: number } {
    const { u64 } = this.engine;
    const at = (statistic: number) =>
      Number(Atomics.load(u64, (this.engine.region(Region.STATISTICS) + statistic) >>> 3));
    return { accepted: at(Statistic.ADMIN_ACCEPTED), refused: at(Statistic.ADMIN_REFUSED) };
  }

  submit(message: Uint8Array, origin: RequestOrigin): boolean {
    return this.loop.submit(message, origin);
  }

  requestLength(head: Uint8Array): number {
    return this.loop.requestLength(head);
  }

  /** Takes nothing more, answers what was taken (bounded in time), closes the store. */
  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #stop(): Promise<void> {
    this.loop.stop();
    // Requests that wait for other machines are answered now, as failed.
    const workers = this.#pool?.drain(CLOSE_MS);
    await this.#desk.close();
    await Promise.all([this.loop.drain(CLOSE_MS), workers]);
    this.loop.close();
    this.#trees?.close();
    await this.#store.close();
  }

  /** Ends the workers, whose sockets send the last replies until then. After close(). */
  async closeWorkers(): Promise<void> {
    await this.#pool?.close();
  }

  #effectOf(entry: Uint32Array, worker: number): void {
    const slot = entry[Effect.SLOT >>> 2] ?? 0;
    if (this.#desk.closed) this.#pool?.refuse(worker, slot);
    else {
      this.engine.u32.set(entry, this.#entryFrame >>> 2);
      this.#desk.serve(this.#entryFrame >>> 2, worker);
    }
  }

  /**
   * A dead instance may hold locks and count as being inside the engine: whoever called it now
   * could wait for ever. What is committed is committed; the rest is lost with the process.
   */
  #fail(error: Error): void {
    this.#failure = error;
    this.loop.close();
    this.#watcher.failed?.(error);
  }

  #storeEvents(): StoreEvents {
    const { engine } = this;
    return {
      loaded: (slot) => {
        if (this.#failure) return;
        engine.exports.resume(slot, 0);
        this.#news();
      },
      committed: (position) => {
        this.#desk.committed(Number(position));
        this.#news();
      },
      refused: (position, error) => {
        if (this.#failure) return;
        engine.rollback(Number(position));
        this.#desk.rolledBack(Number(position));
        this.#resumeStore();
        this.#watcher.storeTrouble?.('refused', error);
      },
      unknown: (position, error) => {
        if (this.#failure) return;
        engine.discard(Number(position));
        this.#desk.rolledBack(Number(position));
        this.#watcher.storeTrouble?.('unknown', error);
        void this.#readAnew();
      },
      ready: (ready) => this.#watcher.readyChanged?.(ready),
      trouble: (error) => this.#watcher.storeTrouble?.('trouble', error),
    };
  }

  /** After an unknown outcome the workers stand still until the store has told what it holds. */
  async #readAnew(): Promise<void> {
    this.#readings++;
    const reading = this.#readings;
    const tables = await this.#store.tables().catch(() => undefined);
    // The store was closed meanwhile, or has failed again: then a later reading goes on.
    if (!tables || reading !== this.#readings || this.#failure) return;
    loadTables(this.engine, tables);
    this.engine.reopen();
    this.#resumeStore();
  }

  #resumeStore(): void {
    // What rollback and discard have closed, under the stop of all workers; the head may have moved
    // on.
    const committed = this.engine.committed();
    this.loop.restarted(committed);
    this.#store.restart(BigInt(committed));
    this.#news();
  }

  /** Something that requests may wait for has happened. */
  #news(): void {
    this.loop.schedule();
    this.#pool?.news();
  }
}
