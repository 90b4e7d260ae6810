/**
 * Writes the requests of a stress worker straight into frames: no allocation, so that the engine is
 * what runs. Wire legacy, type 0.
 */
import type { Engine } from '@andvari/host-common/engine/engine';
import { Region } from '@andvari/host-common/engine/generated/layout';
import { PAGE_BYTES } from '@andvari/host-common/engine/generated/limits';
import {
  COINS,
  COINS_COUNT,
  COLD_RECORD,
  generationAt,
  HOT_PAGES,
  PAGES_PER_DENOMINATION,
  setGeneration,
  TICKETS_KNOWN,
  Word,
} from './coins.ts';

/** Sealed requests whose payload is zeros: the challenge does not cover the payload. */
export interface Templates {
  pown: Uint8Array;
  detect: Uint8Array;
  pownSum: Uint8Array;
  echo: Uint8Array;
  sweep: Uint8Array;
  ticket: Uint8Array;
  claim: Uint8Array;
}

/** Coins of a pown or a detect. */
export const COINS_PER_REQUEST = 4;
/** Coins that are checked of one request. */
export const CHECKED_MAX = COINS_PER_REQUEST;
/** Pages of a sweep: a detect sum that fits a frame. */
export const SWEEP_PAGES = 640;
/** Header and challenge. */
const PAYLOAD_AT = 48;
/** One request in so many. */
const SWEEP_EVERY = 250;

export class RequestWriter {
  /** Of each request: its coins, the generation that success tells, and how many there are. */
  readonly asked: { coins: Uint8Array; generations: Uint32Array; counts: Uint8Array };
  /** 1: success changes the coins. */
  readonly changes = new Uint8Array(1024);
  /** 1: success gives a ticket. */
  readonly tickets = new Uint8Array(1024);
  /** Ticket number * 32 + the RAIDA that claims it; 0: no claim. */
  readonly claims = new Float64Array(1024);
  readonly #engine: Engine;
  readonly #worker: number;
  readonly #workers: number;
  readonly #words: Int32Array;
  readonly #random: (below: number) => number;
  readonly #templates: Templates;
  readonly #index: number;
  readonly #data: number;

  constructor(of: {
    engine: Engine;
    worker: number;
    workers: number;
    words: Int32Array;
    random: (below: number) => number;
    templates: Templates;
  }) {
    this.#engine = of.engine;
    this.#worker = of.worker;
    this.#workers = of.workers;
    this.#words = of.words;
    this.#random = of.random;
    this.#templates = of.templates;
    this.#index = of.engine.region(Region.PAGE_INDEX) >>> 2;
    this.#data = of.engine.region(Region.PAGE_DATA);
    this.asked = {
      coins: new Uint8Array(1024 * CHECKED_MAX),
      generations: new Uint32Array(1024 * CHECKED_MAX),
      counts: new Uint8Array(1024),
    };
  }

  /**
   * Writes request `number` at `frame`; gives its bytes. Bit p of `inUse`: hot page p may be asked
   * for.
   */
  write(frame: number, number: number, inUse: number): number {
    const kind = this.#random(SWEEP_EVERY);
    this.changes[number] = 0;
    this.asked.counts[number] = 0;
    this.claims[number] = 0;
    this.tickets[number] = 0;
    if (kind === 0) return this.#sweep(frame);
    if (kind === 1) {
      this.tickets[number] = 1;
      return this.#list(frame, number, { inUse, template: this.#templates.ticket });
    }
    if (kind < 20) return this.#claim(frame, number);
    if (kind < 25) return this.#start(frame, this.#templates.echo);
    if (kind < 40) return this.#list(frame, number, { inUse, template: this.#templates.detect });
    this.changes[number] = 1;
    if (kind < 60) return this.#sum(frame, number, inUse);
    return this.#list(frame, number, { inUse, template: this.#templates.pown });
  }

  #start(frame: number, template: Uint8Array): number {
    this.#engine.u8.set(template, frame);
    return template.length;
  }

  /** A pown or a detect of COINS_PER_REQUEST coins. */
  #list(frame: number, number: number, of: { inUse: number; template: Uint8Array }): number {
    const bytes = this.#start(frame, of.template);
    const changes = this.changes[number] === 1;
    let at = frame + PAYLOAD_AT;
    for (let i = 0; i < COINS_PER_REQUEST; i++) {
      const coin = this.#coin(of.inUse);
      this.#name(at, coin);
      const generation = this.#guess(at + 5, coin);
      if (changes) this.#next(at + 21, at + 5, generation);
      this.#ask(number, { coin, generation: changes ? generation + 1 : generation });
      at += changes ? 37 : 21;
    }
    return bytes;
  }

  /** A pown sum of one coin: AN, and the delta that makes the next one. */
  #sum(frame: number, number: number, inUse: number): number {
    const bytes = this.#start(frame, this.#templates.pownSum);
    const { u8 } = this.#engine;
    const at = frame + PAYLOAD_AT;
    const coin = this.#coin(inUse);
    this.#name(at, coin);
    const generation = this.#guess(at + 5, coin);
    this.#next(at + 21, at + 5, generation);
    for (let i = 0; i < 16; i++) u8[at + 21 + i] = (u8[at + 21 + i] ?? 0) ^ (u8[at + 5 + i] ?? 0);
    this.#ask(number, { coin, generation: generation + 1 });
    return bytes;
  }

  /** A claim of a ticket that some worker gave, for some RAIDA. */
  #claim(frame: number, number: number): number {
    const bytes = this.#start(frame, this.#templates.claim);
    const { u8 } = this.#engine;
    const place = Word.TICKETS + this.#random(TICKETS_KNOWN);
    const ticket = Atomics.load(this.#words, place) >>> 0;
    const raida = this.#random(25);
    this.claims[number] = ticket * 32 + raida;
    u8.set([raida, ticket >>> 24, ticket >>> 16, ticket >>> 8, ticket], frame + PAYLOAD_AT);
    return bytes;
  }

  /** A detect sum over pages that are not hot, to drive out those that are. Its sum is zero. */
  #sweep(frame: number): number {
    const bytes = this.#start(frame, this.#templates.sweep);
    const { u8 } = this.#engine;
    const first = this.#random(15 * PAGES_PER_DENOMINATION);
    for (let i = 0, at = frame + PAYLOAD_AT; i < SWEEP_PAGES; i++, at += 5) {
      const key = (first + i * 7) % (15 * PAGES_PER_DENOMINATION);
      const page = key % PAGES_PER_DENOMINATION || 1; // page 0 may be hot
      const serial = page * 1024 + COLD_RECORD;
      u8[at] = Math.floor(key / PAGES_PER_DENOMINATION) - 8;
      u8[at + 1] = serial >>> 24;
      u8[at + 2] = serial >>> 16;
      u8[at + 3] = serial >>> 8;
      u8[at + 4] = serial;
    }
    return bytes;
  }

  /** A coin on a page that is in use now. */
  #coin(inUse: number): number {
    let page = this.#random(HOT_PAGES);
    while (((inUse >> page) & 1) === 0) page = (page + 1) % HOT_PAGES;
    return (page + HOT_PAGES * this.#random(COINS_COUNT / HOT_PAGES)) & (COINS_COUNT - 1);
  }

  #name(at: number, coin: number): void {
    const { u8 } = this.#engine;
    const { denomination = 0, serialNumber = 0 } = COINS[coin] ?? {};
    u8[at] = denomination;
    u8[at + 4] = serialNumber;
  }

  /**
   * Writes an AN that the coin may have: what stands in memory now, or what another worker may be
   * about to make of it.
   */
  #guess(at: number, coin: number): number {
    const { u8, u32 } = this.#engine;
    const { denomination = 0, serialNumber = 0 } = COINS[coin] ?? {};
    const slot = u32[this.#index + (denomination + 8) * PAGES_PER_DENOMINATION] ?? 0;
    if (slot === 0) {
      // Nobody knows without the store; the load will be for nothing but itself.
      u8[at] = coin;
      return 0;
    }
    const record = this.#data + (slot - 1) * PAGE_BYTES + serialNumber * 17;
    u8.copyWithin(at, record, record + 16);
    const generation = generationAt(u8, at);
    if (this.#random(3) > 0) return generation;
    setGeneration(u8, at, generation + 1);
    const other = 1 + this.#random(this.#workers - 1);
    u8[at + 15] = 1 + ((this.#worker + other) % this.#workers);
    return generation + 1;
  }

  /** The AN that follows. */
  #next(at: number, from: number, generation: number): void {
    const { u8 } = this.#engine;
    u8.copyWithin(at, from, from + 16);
    setGeneration(u8, at, generation + 1);
    u8[at + 15] = this.#worker + 1;
  }

  #ask(number: number, { coin, generation }: { coin: number; generation: number }): void {
    const { coins, generations, counts } = this.asked;
    const at = number * CHECKED_MAX + (counts[number] ?? 0);
    coins[at] = coin;
    generations[at] = generation;
    counts[number] = (counts[number] ?? 0) + 1;
  }
}
