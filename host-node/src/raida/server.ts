/**
 * One RAIDA server: engine, store and the loop between them. Requests come in through submit(),
 * wait in the receive ring for the end of the turn, and are answered in one batch; a reply that
 * rests on a change leaves when the store has committed it (docs/architecture.md).
 */
import type { EngineIdentity, EngineSizes } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import {
  Descriptor,
  Effect,
  EffectKind,
  Flag,
  Region,
  Statistic,
} from '@andvari/host-common/engine/generated/layout';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import type { AnyStoreError } from '../store/coin-store.ts';
import type { StoreClient, StoreEvents, StoreHandle } from '../store/store-client.ts';
import { AddressNumbers } from './address-numbers.ts';
import { EffectDesk, type EffectDeskOptions } from './effects/effect-desk.ts';
import { loadTables } from './load-tables.ts';
import { MerkleTrees } from './merkle-trees.ts';
import type { RequestOrigin, RequestSink } from './origin.ts';

/** What the server tells about each request and each trouble. */
export interface ServerWatcher {
  /** A reply is leaving: `words[at]` is the first word of its descriptor. */
  record(address: string, words: Uint32Array, at: number): void;
  /** A message got no answer. */
  recordDropped(): void;
  /** The store refused or lost changes; they were answered 252. */
  storeTrouble?(kind: 'refused' | 'unknown' | 'trouble', error: AnyStoreError): void;
  /** `ready` has changed. */
  readyChanged?(ready: boolean): void;
  /** An effect of a request failed; `problem` names no file and no secret. */
  effectTrouble?(problem: string): void;
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
  watcher: ServerWatcher;
}

export type OutsideWorld = Pick<EffectDeskOptions, 'folders' | 'servers' | 'proxy'>;

/** Requests of one process() call, and calls before the event loop gets its turn again. */
const BATCH = 256;
const ROUNDS_MAX = 8;
/** Timers of the engine (tickets) are coarse. */
const STEP_MS = 1000;
/** How long close() waits for held replies. */
const CLOSE_MS = 5000;
const HEADER_BYTES_MAX = 48;
const TWO_32 = 4294967296;
const WORD = {
  frame: Descriptor.FRAME >>> 2,
  offset: Descriptor.OFFSET >>> 2,
  length: Descriptor.LENGTH >>> 2,
  peer: Descriptor.PEER >>> 2,
  flags: Descriptor.FLAGS >>> 2,
  position: Descriptor.POSITION >>> 2,
} as const;

/** Microseconds since the epoch. */
export function nowUs(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

export class RaidaServer implements RequestSink {
  readonly engine: Engine;
  readonly #watcher: ServerWatcher;
  readonly #origins: (RequestOrigin | undefined)[] = [undefined];
  readonly #freePeers: number[] = [];
  readonly #peersMax: number;
  readonly #addresses = new AddressNumbers();
  readonly #desk: EffectDesk;
  #trees: MerkleTrees | undefined;
  /** A frame kept aside for looking at the first bytes of a stream. */
  readonly #probe: number;
  #store!: StoreHandle;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wokenAt = 0;
  /** How often the tables were asked for after an unknown outcome. */
  #readings = 0;
  /** close() has begun: nothing new is taken, what was taken is still answered. */
  #closing: Promise<void> | undefined;
  #closed = false;

  private constructor(engine: Engine, { watcher, outside }: RaidaServerOptions) {
    this.engine = engine;
    this.#watcher = watcher;
    this.#desk = new EffectDesk({
      ...outside,
      memory: engine,
      complete: (slot, status, bytes) => {
        engine.exports.complete(slot, status, bytes);
        this.#schedule();
      },
      committed: () => engine.committed(),
      trouble: (problem) => watcher.effectTrouble?.(problem),
    });
    this.#peersMax = 4 * engine.rx.entries;
    this.#probe = engine.frames.take();
    engine.random.fill();
  }

  /**
   * Makes the engine and opens the store. Rejects with the store's errors
   * (host-node/src/store/coin-store.ts).
   */
  static async start(options: RaidaServerOptions): Promise<RaidaServer> {
    const { identity, sizes, storeClient } = options;
    const engine = Engine.create({ module: await sharedEngine(), shared: true, sizes, identity });
    const server = new RaidaServer(engine, options);
    server.#store = await storeClient.open(
      {
        url: options.storeUrl,
        raidaId: identity.raidaId,
        coinId: identity.coinId,
        pagesPerDenomination: sizes.pagesPerDenomination,
        memory: engine.memory,
        journalOffset: engine.region(Region.JOURNAL),
        journalRecords: engine.journalRecords,
        controlOffset: engine.region(Region.CONTROL),
      },
      server.#storeEvents(),
    );
    loadTables(engine, await server.#store.tables());
    if (identity.wire === 'legacy') {
      server.#trees = new MerkleTrees(engine, server.#store, options.integritySeconds ?? 300);
    }
    server.#timer = setInterval(() => server.#step(), STEP_MS).unref();
    return server;
  }

  /** False from a store's failure until a commit has succeeded again, and from close() on. */
  get ready(): boolean {
    return !this.#closing && this.#store.ready;
  }

  /** Coins in use by denomination index, as committed. */
  get counts(): Uint32Array {
    return this.#store.counts;
  }

  /** Commands with an admin key since the start. */
  get adminCommands(): { accepted: number; refused: number } {
    const { u64 } = this.engine;
    const at = (statistic: number) =>
      Number(Atomics.load(u64, (this.engine.region(Region.STATISTICS) + statistic) >>> 3));
    return { accepted: at(Statistic.ADMIN_ACCEPTED), refused: at(Statistic.ADMIN_REFUSED) };
  }

  submit(message: Uint8Array, origin: RequestOrigin): boolean {
    const { engine } = this;
    const pool = message.length <= engine.frames.frameBytes ? engine.frames : engine.largeFrames;
    if (this.#closing || engine.rx.room === 0 || message.length > pool.frameBytes) return false;
    const peer = this.#freePeers.pop() ?? this.#newPeer();
    if (peer === 0) return false;
    const frame = pool.take();
    if (frame === 0) {
      this.#freePeers.push(peer);
      return false;
    }
    this.#origins[peer] = origin;
    engine.u8.set(message, frame);
    const flags = (origin.datagram ? Flag.DATAGRAM : 0) | (origin.local ? Flag.LOCAL : 0);
    engine.rx.push(
      frame,
      frame,
      message.length,
      peer,
      flags,
      nowUs(),
      this.#addresses.numberOf(origin.address),
    );
    // The first datagram of a turn is answered at once, so that a lone client does not wait for a
    // batch; the rest of the turn makes one.
    const alone = origin.datagram && this.#immediate === undefined;
    this.#schedule();
    if (alone) this.#run();
    return true;
  }

  /**
   * Bytes of the request that begins with `head`, as far as its first bytes tell
   * (assembly/index.ts, requestLength).
   */
  requestLength(head: Uint8Array): number {
    const bytes = head.subarray(0, HEADER_BYTES_MAX);
    this.engine.u8.set(bytes, this.#probe);
    return this.engine.exports.requestLength(this.#probe, bytes.length);
  }

  /** Takes nothing more, answers what was taken (bounded in time), closes the store. */
  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #stop(): Promise<void> {
    const deadline = Date.now() + CLOSE_MS;
    // Requests that wait for other machines are answered now, as failed.
    await this.#desk.close();
    while (this.#busy() && Date.now() < deadline) {
      this.#schedule();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    this.#closed = true;
    this.#trees?.close();
    clearInterval(this.#timer);
    clearImmediate(this.#immediate);
    await this.#store.close();
  }

  /** Requests that wait: to be read, for a page, or for a commit. */
  #busy(): boolean {
    const parked = this.engine.step(nowUs());
    this.#after();
    return parked > 0 || this.engine.rx.used > 0 || this.engine.held.used > 0;
  }

  #newPeer(): number {
    if (this.#origins.length > this.#peersMax) return 0;
    return this.#origins.push(undefined) - 1;
  }

  #schedule(): void {
    if (this.#closed) return;
    // After the poll phase: everything that has arrived in this turn makes one batch.
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.#run();
    });
  }

  #run(): void {
    const { engine } = this;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      engine.random.top();
      const taken = engine.process(BATCH, nowUs());
      // A full ring stops the engine wherever it is, so it is asked again until nothing moves.
      if (this.#after() === 0 && taken === 0) return;
    }
    this.#schedule();
  }

  #step(): void {
    this.engine.step(nowUs());
    this.#after();
  }

  /**
   * What every call into the engine leaves behind: effects, replies, journal groups. Returns how
   * many descriptors came out.
   */
  #after(): number {
    this.#serveEffects();
    const out = this.#sendReady() + this.#sendHeld();
    const head = this.engine.journalHead();
    if (head !== this.#wokenAt) {
      this.#wokenAt = head;
      this.#store.wake();
    }
    return out;
  }

  #serveEffects(): void {
    const { engine } = this;
    const { u32, effects } = engine;
    while (effects.used) {
      const at = effects.first();
      const kind = u32[at + (Effect.KIND >>> 2)];
      if (kind === EffectKind.LOAD_PAGE) {
        const slot = u32[at + (Effect.SLOT >>> 2)] ?? 0;
        this.#store.load(
          slot,
          u32[at + (Effect.KEY >>> 2)] ?? 0,
          u32[at + (Effect.OFFSET >>> 2)] ?? 0,
        );
      } else if (kind === EffectKind.FILL_RANDOM) {
        engine.random.fill();
      } else {
        this.#desk.serve(at);
      }
      effects.shift();
    }
  }

  #sendReady(): number {
    const { ready } = this.engine;
    let out = 0;
    for (; ready.used; out++) {
      this.#send(ready.first());
      ready.shift();
    }
    return out;
  }

  #sendHeld(): number {
    const { held, u32 } = this.engine;
    if (held.used === 0) return 0;
    const committed = this.engine.committed();
    let out = 0;
    for (; held.used; out++) {
      const at = held.first();
      const position = (u32[at + WORD.position] ?? 0) + (u32[at + WORD.position + 1] ?? 0) * TWO_32;
      if (position > committed) break;
      this.#send(at);
      held.shift();
    }
    return out;
  }

  /** One descriptor that came out: its reply leaves, its frame returns. */
  #send(at: number): void {
    const { engine } = this;
    const { u32 } = engine;
    const offset = u32[at + WORD.offset] ?? 0;
    const length = u32[at + WORD.length] ?? 0;
    const flags = u32[at + WORD.flags] ?? 0;
    const frame = u32[at + WORD.frame] ?? 0;
    const peer = u32[at + WORD.peer] ?? 0;
    if (length || flags & Flag.SILENT) {
      const origin = this.#origins[peer];
      this.#origins[peer] = undefined;
      this.#freePeers.push(peer);
      if (length && origin) {
        this.#watcher.record(origin.address, u32, at);
        origin.reply(engine.u8.subarray(offset, offset + length));
      } else {
        this.#watcher.recordDropped();
        origin?.dropped();
      }
    }
    if (flags & Flag.REPLY_FRAME) engine.exports.release(offset);
    if (frame) (engine.frames.owns(frame) ? engine.frames : engine.largeFrames).give(frame);
  }

  #storeEvents(): StoreEvents {
    const { engine } = this;
    return {
      loaded: (slot) => {
        engine.exports.resume(slot, 0);
        this.#schedule();
      },
      committed: (position) => {
        this.#desk.committed(Number(position));
        this.#schedule();
      },
      refused: (position, error) => {
        engine.rollback(Number(position));
        this.#desk.rolledBack(Number(position));
        this.#resumeStore();
        this.#watcher.storeTrouble?.('refused', error);
      },
      unknown: (position, error) => {
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
    if (!tables || reading !== this.#readings) return;
    loadTables(this.engine, tables);
    this.engine.reopen();
    this.#resumeStore();
  }

  #resumeStore(): void {
    // What rollback and discard have closed, under the stop of all workers; the head may have moved
    // on.
    const committed = this.engine.committed();
    this.#wokenAt = committed;
    this.#store.restart(BigInt(committed));
    this.#schedule();
  }
}
