/**
 * One engine under fuzz: batches of inputs, a host that answers its effects truthfully, falsely or
 * late, loads pages late, commits, refuses and forgets. After every batch no lock is held and no
 * guard is touched; now and then everything comes to rest, and then every request has ended in
 * exactly one way and the tables equal the coins. A batch is repeated by its seed and its inputs.
 */
import { Control, Random, Region, Ring } from '@andvari/host-common/engine/generated/layout';
import { RANDOM_POOL_BYTES } from '@andvari/host-common/engine/generated/limits';
import { Status } from '@andvari/host-common/engine/generated/status';
import { DerivedStore } from '../engine/derived-store.ts';
import { Harness } from '../engine/harness.ts';
import { differences, heldLocks } from '../engine/invariants.ts';
import { cachedPageOf } from '../engine/rig.ts';
import { Dice } from '../engine/twin-run.ts';
import { IDENTITY } from '../engine/vector-state.ts';
import type { EffectAnswer, EffectRequest } from '../engine/world.ts';
import type { TwinWire } from '../twin/twin-wire.ts';
import { isKnown } from './answers.ts';
import { Guards } from './guards.ts';
import type { Input } from './inputs.ts';
import { keyFile, PAGES } from './payloads.ts';
import { fuzzWorld } from './world.ts';

export interface RoundOptions {
  module: WebAssembly.Module;
  shared: boolean;
  wire: TwinWire;
  seed: number;
}

export interface Batch {
  seed: number;
  inputs: Input[];
}

export const BATCH = 32;
const REST_EVERY = 16;
const PARK_SLOTS = 24;
const REPLY_FRAMES = 6;
const RING_ENTRIES = 64;
const SIZES = {
  ...{ pagesPerDenomination: PAGES, journalRecords: 8192, ringEntries: RING_ENTRIES },
  ...{ frames: 97, largeFrames: 9, replyFrames: REPLY_FRAMES, parkSlots: PARK_SLOTS },
  ...{ tickets: 8, lockerCoins: 2048 },
};
/** A host that works gives every request its end within so many turns. */
const TURNS_MAX = 400;
const LATE_MAX = 12;
const MESSAGE_BYTES_LEAST = 17;

export class Round {
  readonly harness: Harness;
  readonly store: DerivedStore;
  /** Statuses of the replies by "group/command", how often. */
  readonly seen = new Map<string, number>();
  /** A ticket that was given in clear. */
  onTicket: (number: number) => void = () => undefined;
  readonly #guards: Guards;
  readonly #noise: Uint8Array;
  readonly #slots: { start: number; end: number };
  /** What was sent and has not ended, by peer. */
  readonly #open = new Map<number, Buffer>();
  #batches = 0;
  #undone = false;
  #dice: Dice;

  constructor({ module, shared, wire, seed }: RoundOptions) {
    this.#dice = new Dice(seed);
    this.store = new DerivedStore(cachedPageOf, PAGES);
    this.harness = new Harness({
      ...{ module, shared, sizes: SIZES, pages: () => undefined, store: this.store },
      identity: { ...IDENTITY, wire, hashKey: new Uint8Array(16).fill(seed) },
      world: fuzzWorld(this.#dice, keyFile()),
      ...{ autoCommit: false, holdLoads: true, holdEffects: true, fillRandom: false },
    });
    const { engine } = this.harness;
    this.#noise = this.#dice.bytes(RANDOM_POOL_BYTES);
    this.#guards = new Guards(engine, REPLY_FRAMES);
    const start = engine.region(Region.READY_SLOTS);
    this.#slots = { start, end: engine.region(Region.REPLY_FRAMES) };
    this.#guards.fillSlots(this.#slots.start, 2 * RING_ENTRIES);
    if (wire === 'legacy') engine.u32[(engine.region(Region.CONTROL) + Control.MERKLE) >>> 2] = 1;
    this.harness.watcher = {
      effect: (result) => this.#guards.uses(result),
      reply: ({ offset, length, status }) => {
        this.#guards.uses(offset);
        if (offset < this.#slots.start || offset >= this.#slots.end) return;
        // A reply that was undone is shorter than what stands there.
        const written = status === Status.INTERNAL && this.#undone ? 256 : length;
        this.#guards.checkSlot(offset, written, offset);
      },
    };
    this.#fill();
  }

  /** Sends the inputs of a batch and lets the host do something. Throws at the first fault. */
  run({ seed, inputs }: Batch): void {
    this.#dice = new Dice(seed);
    const { harness } = this;
    const { roll } = { roll: (sides: number) => this.#dice.roll(sides) };
    // Mostly forward; a clock that is set right may go back.
    harness.nowUs += roll(100) ? roll(3000) : (roll(500) - 100) * 1_000_000;
    if (roll(60)) this.#fill();
    for (const input of inputs) {
      this.#makeRoom(input.bytes.length);
      const peer = harness.send(input.bytes, input.flags, input.address);
      this.#open.set(peer, input.bytes);
    }
    this.#turn();
    if (roll(250) === 0) this.#fail(roll(3));
    this.#check();
    if (++this.#batches % REST_EVERY === 0) this.rest();
  }

  /** Everything comes to its end. */
  rest(): void {
    const { harness } = this;
    for (let turns = 0; this.#open.size; turns++) {
      if (turns > TURNS_MAX) throw new Error(`${this.#open.size} requests have no end`);
      this.#fill();
      harness.turn();
      harness.engine.step(harness.nowUs);
      harness.serveEffects();
      harness.finish();
      harness.load();
      harness.commit();
      harness.drain();
      this.#take();
    }
    this.#check();
    const { engine } = harness;
    for (const [name, ring] of [
      ['rx', engine.rx],
      ['ready', engine.ready],
      ['held', engine.held],
      ['effects', engine.effects],
    ] as const) {
      if (ring.used) throw new Error(`${ring.used} entries left in ring ${name}`);
    }
    this.#guards.checkAll(PARK_SLOTS);
    // A rollback may change the order within a locker.
    const found = differences(engine, this.store, false);
    if (found.length) throw new Error(`engine and store differ: ${found.slice(0, 5).join('; ')}`);
  }

  /** Fills the random pool with what the round's seed gives. */
  #fill(): void {
    const { engine } = this.harness;
    const pool = engine.region(Region.RANDOM);
    const taken = engine.u32[(pool + Random.TAKEN) >>> 2] ?? 0;
    const filled = engine.u32[(pool + Random.FILLED) >>> 2] ?? 0;
    if ((filled - taken) >>> 0 > RANDOM_POOL_BYTES / 2) return;
    const turned = this.#dice.roll(RANDOM_POOL_BYTES);
    engine.u8.set(this.#noise.subarray(turned), pool + Random.BYTES);
    engine.u8.set(
      this.#noise.subarray(0, turned),
      pool + Random.BYTES + RANDOM_POOL_BYTES - turned,
    );
    engine.u32[(pool + Random.FILLED) >>> 2] = taken + RANDOM_POOL_BYTES;
  }

  #makeRoom(bytes: number): void {
    const { harness } = this;
    const { engine } = harness;
    const pool = bytes <= engine.frames.frameBytes ? engine.frames : engine.largeFrames;
    for (let turns = 0; pool.available === 0 || engine.rx.room === 0; turns++) {
      if (turns > TURNS_MAX) throw new Error('no frame comes back');
      this.#turn();
      if (turns > LATE_MAX) harness.finish();
      if (turns > LATE_MAX) harness.commit();
    }
  }

  /** One turn of a host that is late with some of what it has to do. */
  #turn(): void {
    const { harness } = this;
    const roll = (sides: number) => this.#dice.roll(sides);
    harness.turn(1 + roll(2 * BATCH));
    if (roll(3) === 0) harness.engine.step(harness.nowUs);
    harness.serveEffects();
    const due = roll(4) ? harness.effects.length : roll(harness.effects.length + 1);
    harness.finish(due, (request) => this.#answer(request));
    harness.load(roll(4) ? harness.pending.length : roll(harness.pending.length + 1));
    if (roll(4)) harness.commit();
    harness.drain();
    this.#take();
  }

  /** The truth, or a lie. */
  #answer(request: EffectRequest): EffectAnswer {
    const { world } = this.harness;
    const truth = world?.answer(request) ?? { status: 6 };
    const roll = (sides: number) => this.#dice.roll(sides);
    if (roll(4)) return truth;
    const most = Math.min(request.resultLimit, roll(30) ? 300 : request.resultLimit);
    const bytes = this.#noise.slice(0, roll(most + 1));
    if (roll(2)) bytes.set((truth.bytes ?? bytes).subarray(0, bytes.length));
    return { status: roll(3) ? truth.status : roll(9), bytes };
  }

  /** The store refuses, or does not know what it has done. */
  #fail(how: number): void {
    const { harness } = this;
    this.#undone = true;
    if (how === 0) harness.refuse();
    else harness.doubt(how === 1);
    harness.drain();
    this.#take();
  }

  #check(): void {
    const { engine } = this.harness;
    const held = heldLocks(engine);
    if (held.length) throw new Error(`locks are held: ${held.join(', ')}`);
    for (const region of [Region.READY, Region.HELD, Region.EFFECTS]) {
      const at = engine.region(region) >>> 2;
      const used = ((engine.u32[at] ?? 0) - (engine.u32[at + (Ring.TAIL >>> 2)] ?? 0)) >>> 0;
      if (used > RING_ENTRIES) throw new Error(`ring ${region}: ${used} entries`);
    }
    this.#guards.check();
  }

  /** Every answer belongs to a request that has none yet, and is a reply. */
  #take(): void {
    for (const { peer, bytes, status } of this.harness.answers.splice(0)) {
      const request = this.#open.get(peer);
      if (!request) throw new Error(`peer ${peer} is answered twice, or never asked`);
      this.#open.delete(peer);
      if (bytes) this.#look(request, bytes, status);
      else if (request.length >= 48) throw new Error('a request with a whole header gets silence');
    }
  }

  #look(request: Buffer, reply: Uint8Array, status: number): void {
    const [group = 0, command = 0, , , , , , , , , , , type = 0] = request.subarray(4);
    const header = type <= 2 ? 32 : 48;
    const size = ((reply[9] ?? 0) << 16) | ((reply[10] ?? 0) << 8) | (reply[11] ?? 0);
    if (request.length < MESSAGE_BYTES_LEAST) throw new Error('an answer to less than a header');
    if (reply[0] !== IDENTITY.raidaId) throw new Error(`a reply of server ${reply[0]}`);
    if (reply[2] !== status) throw new Error(`status ${reply[2]}, but ${status} in its descriptor`);
    if (header + size !== reply.length) throw new Error(`size ${size} of ${reply.length} bytes`);
    const name = `${group}/${command}`;
    if (!isKnown(name, status)) throw new Error(`${name}: status ${status}`);
    const key = `${name} ${status}`;
    this.seen.set(key, (this.seen.get(key) ?? 0) + 1);
    const isTicket = group === 2 && command === 40 && type === 0 && reply.length >= 38;
    if (isTicket) this.onTicket(new DataView(reply.buffer).getUint32(reply.length - 6));
  }
}
