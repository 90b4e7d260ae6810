/**
 * Drives one engine without sockets or disk: pages come from a function or a store that follows the
 * journal, effects from a world in memory, commits happen when the test says so. Web-standard only,
 * so that the same cases run in Node and in browsers.
 */
import type { EngineIdentity, EngineSizes } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import {
  Control,
  Descriptor,
  Effect,
  EffectBlock,
  EffectKind,
  EffectStatus,
  Flag,
  Region,
} from '@andvari/host-common/engine/generated/layout';
import { PAGE_BYTES } from '@andvari/host-common/engine/generated/limits';
import type { NativeCtr } from '@andvari/host-common/engine/native-ctr';
import type { DerivedStore, PageSource } from './derived-store.ts';
import type { EffectAnswer, EffectRequest, World } from './world.ts';

export interface Answer {
  /** The reply; undefined: silence. */
  bytes: Uint8Array | undefined;
  peer: number;
  /** It waited in the HELD ring. */
  held: boolean;
  status: number;
}

export interface HarnessOptions {
  module: WebAssembly.Module;
  shared?: boolean;
  sizes: EngineSizes;
  identity: EngineIdentity;
  nativeCtr?: NativeCtr | undefined;
  /** Not asked when there is a store. */
  pages: PageSource;
  /** Follows the journal, gives pages and tables; commit() hands it what is new. */
  store?: DerivedStore;
  /** Files, servers, proxy; without it every effect fails. */
  world?: World;
  /** Effects of requests wait for finish() instead of being done at once. */
  holdEffects?: boolean;
  /** Commit at once after every batch (default), or only on commit(). */
  autoCommit?: boolean;
  /** Page loads wait for load() instead of being served at once. */
  holdLoads?: boolean;
  /** false: the random pool starts dry and stays so; fills are only counted. */
  fillRandom?: boolean;
}

/** Who looks at the engine's memory while the harness works with it. */
export interface Watcher {
  /** A reply, before its place is used again. */
  reply(at: { offset: number; length: number; status: number }): void;
  /** An effect, whose result goes there. */
  effect(result: number): void;
}

/** A page that the engine has asked for. */
export interface PendingLoad {
  denomination: number;
  page: number;
  offset: number;
  slot: number;
}

/** An effect of a request that has not ended. */
export interface PendingEffect {
  slot: number;
  /** Where its result goes. */
  result: number;
  request: EffectRequest;
}

const TWO_32 = 4294967296;

export class Harness {
  readonly engine: Engine;
  /** Microseconds since the epoch: 21 November 2026. */
  nowUs = 1795219200000000;
  readonly answers: Answer[] = [];
  loads = 0;
  /** Effects of requests that have ended. */
  finished = 0;
  /** FILL_RANDOM effects. */
  fills = 0;
  /** Loads that wait for load(), oldest first (holdLoads). */
  readonly pending: PendingLoad[] = [];
  /** Effects that wait for finish(), oldest first (holdEffects). */
  readonly effects: PendingEffect[] = [];
  readonly store: DerivedStore | undefined;
  readonly world: World | undefined;
  watcher: Watcher | undefined;
  /** Addresses of trade lockers to be forgotten when that position is committed. */
  private forgotten: { an: Uint8Array; position: number }[] = [];
  /** Receive frames that the engine has; given back twice is a defect. */
  private readonly lent = new Set<number>();
  private readonly holdEffects: boolean;
  private readonly holdLoads: boolean;
  private readonly fillRandom: boolean;
  private readonly pages: PageSource;
  private readonly perDenomination: number;
  private readonly autoCommit: boolean;
  private peers = 0;
  /** Status of the newest reply, as its descriptor tells it. */
  lastStatus = 0;

  constructor(options: HarnessOptions, engine = Engine.create(options)) {
    this.engine = engine;
    const { store, pages } = options;
    this.store = store;
    this.world = options.world;
    this.holdEffects = options.holdEffects ?? false;
    this.pages = store ? (denomination, page) => store.page(denomination, page) : pages;
    if (store && engine.worker === 0) engine.loadTables(store.tables());
    this.perDenomination = options.sizes.pagesPerDenomination;
    this.autoCommit = options.autoCommit ?? true;
    this.holdLoads = options.holdLoads ?? false;
    this.fillRandom = options.fillRandom ?? true;
    if (this.fillRandom) this.engine.random.fill();
  }

  /** Queues a message; returns its peer handle. */
  send(message: Uint8Array, flags: number = Flag.DATAGRAM | Flag.LOCAL, address = 0): number {
    const { engine } = this;
    const pool = message.length <= engine.frames.frameBytes ? engine.frames : engine.largeFrames;
    const frame = pool.take();
    if (!frame) throw new Error('harness: no frame left');
    const peer = ++this.peers;
    this.lent.add(frame);
    engine.u8.set(message, frame);
    engine.rx.push(frame, frame, message.length, peer, flags, this.nowUs, address);
    return peer;
  }

  /** One process() with its effects and replies. */
  turn(batch = 64): number {
    // As a server does: the pool only runs dry when a test wants that.
    if (this.fillRandom) this.engine.random.top();
    const taken = this.engine.process(batch, this.nowUs);
    this.serveEffects();
    if (this.autoCommit) this.commit();
    this.drain();
    return taken;
  }

  /** Turns until nothing moves any more; the answers since the last call. */
  settle(): Answer[] {
    for (let idle = 0, turns = 0; idle < 3; turns++) {
      if (turns > 100000) throw new Error('harness: the engine does not come to rest');
      const before = this.progress();
      const taken = this.turn();
      this.engine.step(this.nowUs);
      this.serveEffects();
      if (this.autoCommit) this.commit();
      this.drain();
      idle = taken || this.progress() !== before ? 0 : idle + 1;
    }
    return this.answers.splice(0);
  }

  /** As settle(), with every load served and everything committed; the answers stay. */
  settleCommitted(): void {
    for (let idle = 0; idle < 3; ) {
      const before = this.progress();
      const taken = this.turn();
      this.engine.step(this.nowUs);
      this.serveEffects();
      this.load();
      this.commit();
      this.drain();
      idle = taken || this.progress() !== before ? 0 : idle + 1;
    }
  }

  private progress(): number {
    return this.answers.length + this.loads + this.finished;
  }

  /** Sends one message and gives its reply; undefined: silence. */
  ask(message: Uint8Array, flags?: number, address?: number): Uint8Array | undefined {
    const peer = this.send(message, flags, address);
    const answers = this.settle().filter((answer) => answer.peer === peer);
    if (answers.length !== 1) throw new Error(`harness: ${answers.length} answers to one request`);
    return answers[0]?.bytes;
  }

  serveEffects(): void {
    const { engine } = this;
    while (engine.effects.used) {
      const at = engine.effects.first();
      const word = (offset: number) => engine.u32[at + (offset >>> 2)] ?? 0;
      const kind = word(Effect.KIND);
      const offset = word(Effect.OFFSET);
      const key = word(Effect.KEY);
      const slot = word(Effect.SLOT);
      if (kind === EffectKind.FORGET_TRADE) this.forget(at);
      engine.effects.shift();
      if (kind === EffectKind.LOAD_PAGE) this.wanted(key, offset, slot);
      else if (kind === EffectKind.FILL_RANDOM) this.filled();
      else if (kind !== EffectKind.FORGET_TRADE) this.asked(kind, offset, slot);
    }
    if (!this.holdEffects) this.finish();
  }

  private forget(at: number): void {
    const { u32, u8 } = this.engine;
    const low = u32[at + (Effect.POSITION >>> 2)] ?? 0;
    const high = u32[at + (Effect.POSITION >>> 2) + 1] ?? 0;
    const an = u8.slice(4 * at + Effect.AN, 4 * at + Effect.AN + 16);
    this.forgotten.push({ an, position: low + high * TWO_32 });
  }

  private asked(kind: number, block: number, slot: number): void {
    const { u32, u8 } = this.engine;
    const word = (offset: number) => u32[(block + offset) >>> 2] ?? 0;
    const bytes = (offset: number, length: number) =>
      u8.slice(block + offset, block + offset + length);
    const request = {
      kind,
      folder: word(EffectBlock.FOLDER),
      mode: word(EffectBlock.MODE),
      permissions: word(EffectBlock.PERMISSIONS),
      name: bytes(EffectBlock.NAME, word(EffectBlock.NAME_BYTES)),
      content: bytes(EffectBlock.CONTENT, word(EffectBlock.CONTENT_BYTES)),
      resultLimit: word(EffectBlock.RESULT_LIMIT),
    };
    this.watcher?.effect(word(EffectBlock.RESULT));
    this.effects.push({ slot, result: word(EffectBlock.RESULT), request });
  }

  /** Ends the `count` oldest effects, as the world or `answer` tells. */
  finish(count = this.effects.length, answer?: (request: EffectRequest) => EffectAnswer): void {
    for (const effect of this.effects.splice(0, count)) this.end(effect, answer);
  }

  private end(effect: PendingEffect, answer?: (request: EffectRequest) => EffectAnswer): void {
    const { slot, result, request } = effect;
    const failed: EffectAnswer = { status: EffectStatus.FAILED };
    const given = answer?.(request) ?? this.world?.answer(request) ?? failed;
    const { status, bytes = new Uint8Array(0) } = given;
    this.engine.u8.set(bytes, result);
    const told = this.engine.exports.complete(slot, status, bytes.length);
    if (told !== 0) throw new Error(`harness: complete(${slot}) is refused with ${told}`);
    this.finished++;
  }

  private wanted(key: number, offset: number, slot: number): void {
    const denomination = Math.floor(key / this.perDenomination) - 8;
    this.pending.push({ denomination, page: key % this.perDenomination, offset, slot });
    if (!this.holdLoads) this.load();
  }

  private filled(): void {
    this.fills++;
    if (this.fillRandom) this.engine.random.fill();
  }

  /** Finishes the `count` oldest loads. */
  load(count = this.pending.length): void {
    for (const { denomination, page, offset, slot } of this.pending.splice(0, count)) {
      const bytes = this.pages(denomination, page);
      if (bytes) this.engine.u8.set(bytes, offset);
      this.engine.exports.resume(slot, bytes ? 0 : 1);
      this.loads++;
    }
  }

  /** The store has taken everything. */
  commit(position = this.engine.journalHead()): void {
    this.store?.take(this.engine, position);
    this.setCommitted(position);
    const due = this.forgotten.filter((one) => one.position <= position);
    this.forgotten = this.forgotten.filter((one) => one.position > position);
    for (const { an } of due) this.world?.forgetTrade(an);
  }

  /** The store refuses everything that it has not taken yet. */
  refuse(): void {
    const { engine, store } = this;
    const position = engine.committed();
    engine.rollback(position);
    this.forgotten = this.forgotten.filter((one) => one.position <= position);
    store?.skip(engine);
  }

  /** The outcome is unknown: the store has in truth `taken` (all or nothing), and is read again. */
  doubt(taken: boolean): void {
    const { engine, store } = this;
    if (!store) throw new Error('harness: no store to read again');
    const position = engine.committed();
    if (taken) store.take(engine, engine.journalHead());
    engine.discard(position);
    this.forgotten = this.forgotten.filter((one) => one.position <= position);
    store.skip(engine);
    engine.loadTables(store.tables());
    engine.exports.reopen();
  }

  private setCommitted(position: number): void {
    const at = (this.engine.region(Region.CONTROL) + Control.COMMITTED) >>> 3;
    Atomics.store(this.engine.u64, at, BigInt(position));
  }

  /** Takes replies out: READY always, HELD up to the committed position. */
  drain(): void {
    const { engine } = this;
    while (engine.ready.used) this.take(engine.ready, false);
    const committed = engine.committed();
    while (engine.held.used) {
      const at = engine.held.first() + (Descriptor.POSITION >>> 2);
      const position = (engine.u32[at] ?? 0) + (engine.u32[at + 1] ?? 0) * TWO_32;
      if (position > committed) break;
      this.take(engine.held, true);
    }
  }

  private take(ring: Engine['ready'], held: boolean): void {
    const { engine } = this;
    const at = ring.first();
    const word = (offset: number) => engine.u32[at + (offset >>> 2)] ?? 0;
    const frame = word(Descriptor.FRAME);
    const offset = word(Descriptor.OFFSET);
    const length = word(Descriptor.LENGTH);
    const flags = word(Descriptor.FLAGS);
    if (length || flags & Flag.SILENT) {
      const bytes = length ? engine.u8.slice(offset, offset + length) : undefined;
      if (length) this.watcher?.reply({ offset, length, status: word(Descriptor.STATUS) });
      this.lastStatus = word(Descriptor.STATUS);
      this.answers.push({
        bytes,
        peer: word(Descriptor.PEER),
        held,
        status: word(Descriptor.STATUS),
      });
    }
    if (flags & Flag.REPLY_FRAME) engine.exports.release(offset);
    if (frame) {
      if (!this.lent.delete(frame)) throw new Error(`harness: frame ${frame} comes back twice`);
      (engine.frames.owns(frame) ? engine.frames : engine.largeFrames).give(frame);
    }
    ring.shift();
  }

  /** The 17 bytes of a coin in memory, or undefined when its page is not here. */
  record(denomination: number, serialNumber: number): Uint8Array | undefined {
    const { engine } = this;
    const key = (denomination + 8) * this.perDenomination + (serialNumber >>> 10);
    const slot = engine.u32[(engine.region(Region.PAGE_INDEX) >>> 2) + key] ?? 0;
    if (!slot) return undefined;
    const at =
      engine.region(Region.PAGE_DATA) + (slot - 1) * PAGE_BYTES + (serialNumber & 1023) * 17;
    return engine.u8.slice(at, at + 17);
  }
}
