/**
 * The ticket pool against a simple model: random sequences of get, validate, change of ownership,
 * time and sweep (reference: RAIDA section 7: 512 tickets, 300 s, each RAIDA claims once). A ticket
 * vouches for the AN that was shown, so it names a coin only while that is the coin's AN.
 */
import { TICKETS_MAX } from '@andvari/host-common/engine/generated/limits';
import { Status } from '@andvari/host-common/engine/generated/status';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { seedOfRun } from '../seeded-random.ts';
import type { CommandName } from './commands.ts';
import type { Harness } from './harness.ts';
import { anOf, BUILDS, coin, joined, newAn, Rig } from './rig.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const RUNS = LONG ? 5000 : 300;
const LIFE_US = 300_000_000;
const RAIDAS = 25;
const DENOMINATION = 1;
/** A pool that random sequences fill now and then. */
const POOL = 5;
/** Serial numbers 0 to 511 are in use. */
const COINS = 512;

interface Ticket {
  number: number;
  createdUs: number;
  /** Serial numbers and the ANs that were shown. */
  coins: { serial: number; an: Uint8Array }[];
  claimed: Set<number>;
}

/** What the pool is meant to be. */
class Model {
  nowUs: number;
  /** Every ticket ever made, also those whose time is over. */
  readonly all: Ticket[] = [];
  readonly #size: number;
  /** ANs of the coins that have changed hands. */
  readonly #changed = new Map<number, Uint8Array>();

  constructor(size: number, nowUs: number) {
    this.#size = size;
    this.nowUs = nowUs;
  }

  alive(ticket: Ticket): boolean {
    return this.nowUs - ticket.createdUs <= LIFE_US;
  }

  get full(): boolean {
    return this.all.filter((ticket) => this.alive(ticket)).length >= this.#size;
  }

  an(serial: number): Uint8Array {
    return this.#changed.get(serial) ?? anOf(DENOMINATION, serial);
  }

  give(serial: number, an: Uint8Array): void {
    this.#changed.set(serial, an);
  }

  /** Serial numbers that a ticket still names. */
  named({ coins }: Ticket): number[] {
    const same = coins.filter(({ serial, an }) => String(an) === String(this.an(serial)));
    return same.map(({ serial }) => serial);
  }

  /** Status of 2/50. */
  claim(ticket: Ticket | undefined, raida: number): number {
    if (raida >= RAIDAS) return Status.WRONG_RAIDA;
    if (!ticket || !this.alive(ticket)) return Status.NO_TICKET_FOUND;
    if (ticket.claimed.has(raida)) return Status.TICKET_CLAIMED_ALREADY;
    ticket.claimed.add(raida);
    return Status.SUCCESS;
  }
}

const numberOf = (payload: Uint8Array) =>
  new DataView(payload.buffer, payload.byteOffset).getUint32(payload.length - 4);

function numberBytes(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

/** Both sides of one sequence. */
class Run {
  readonly model: Model;
  readonly #rig: Rig;
  readonly #servers: Harness[];

  constructor(rig: Rig, model: Model) {
    this.#rig = rig;
    this.model = model;
    this.#servers = [rig.server, ...rig.others];
  }

  advance(byUs: number): void {
    this.model.nowUs += byUs;
    for (const server of this.#servers) server.nowUs = this.model.nowUs;
  }

  sweep(worker: number): void {
    this.#server(worker).engine.step(this.model.nowUs);
  }

  /** `bad` coins come with a wrong AN, at every place. */
  get(serials: number[], bad: number[], worker: number): void {
    const entries = serials.map((serial, index) => {
      const an = bad.includes(index) ? newAn(0xee) : this.model.an(serial);
      return coin(DENOMINATION, serial, an);
    });
    const good = serials.filter((_, index) => !bad.includes(index));
    const { status, payload } = this.#ask('getTicket', joined(...entries), worker);
    if (good.length === 0) expect(status).toBe(Status.ALL_FAIL);
    else if (this.model.full) expect(status).toBe(Status.NO_TICKET_SLOT);
    else expect(status).toBe(good.length < serials.length ? Status.MIXED : Status.ALL_PASS);
    const made = status === Status.ALL_PASS || status === Status.MIXED;
    const bitmap = status === Status.MIXED ? Math.ceil(serials.length / 8) : 0;
    expect(payload.length).toBe(made ? bitmap + 4 : 0);
    if (!made) return;
    const number = numberOf(payload);
    expect(number).not.toBe(0);
    const { nowUs, all } = this.model;
    const coins = good.map((serial) => ({ serial, an: this.model.an(serial) }));
    all.push({ number, createdUs: nowUs, coins, claimed: new Set() });
  }

  /** A coin changes hands. */
  pown(serial: number, an: Uint8Array, worker: number): void {
    const request = coin(DENOMINATION, serial, this.model.an(serial), an);
    expect(this.#ask('pown', request, worker).status).toBe(Status.ALL_PASS);
    this.model.give(serial, an);
  }

  /** The ticket at `index` of all that were ever made, or a number that nobody was given. */
  validate(index: number, raida: number, worker: number): void {
    const ticket = this.model.all.at(index % (this.model.all.length + 1));
    const number = ticket?.number ?? 0x00c0ffee;
    const request = joined(Uint8Array.of(raida), numberBytes(number));
    const { status, payload } = this.#ask('validateTicket', request, worker);
    expect(status).toBe(this.model.claim(ticket, raida));
    const coins = status === Status.SUCCESS && ticket ? this.model.named(ticket) : [];
    expect(payload).toEqual(joined(...coins.map((serial) => coin(DENOMINATION, serial))));
  }

  #server(worker: number): Harness {
    return this.#servers[worker % this.#servers.length] as Harness;
  }

  /** One turn alone: no timer of the engine runs, so a look-up has to see by itself what is old. */
  #ask(command: CommandName, payload: Uint8Array, worker: number) {
    const server = this.#server(worker);
    const peer = this.#rig.send(this.#rig.seal(command, payload), server);
    server.turn();
    const reply = this.#rig.replies(server).get(peer);
    if (!reply) throw new Error('no reply within one turn');
    return reply;
  }
}

const worker = fc.nat(1);
/** Mostly few, so that tickets and changes of ownership meet. */
const serial = fc.oneof(fc.nat(5), fc.nat(COINS - 1));
const serials = fc.array(serial, { minLength: 1, maxLength: 20 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('get'), serials, bad: fc.array(fc.nat(20)), worker }),
  fc.record({ kind: fc.constant('get'), serials, bad: fc.constant([] as number[]), worker }),
  fc.record({ kind: fc.constant('validate'), index: fc.nat(), raida: fc.nat(27), worker }),
  fc.record({ kind: fc.constant('validate'), index: fc.nat(), raida: fc.nat(3), worker }),
  // Few ANs, so that a coin also comes back to one for which a ticket vouches.
  fc.record({ kind: fc.constant('pown'), serial, value: fc.nat(2), worker }),
  // To both sides of the end of a ticket's life, and any time in between.
  fc.record({
    kind: fc.constant('advance'),
    us: fc.oneof(fc.constantFrom(1, LIFE_US - 1, LIFE_US, LIFE_US + 1), fc.nat(LIFE_US >>> 1)),
  }),
  fc.record({ kind: fc.constant('sweep'), worker }),
);

function take(run: Run, one: typeof step extends fc.Arbitrary<infer T> ? T : never): void {
  if ('serials' in one) run.get(one.serials, one.bad, one.worker);
  else if ('raida' in one) run.validate(one.index, one.raida, one.worker);
  else if ('us' in one) run.advance(one.us);
  else if ('value' in one) run.pown(one.serial, newAn(one.value), one.worker);
  else run.sweep(one.worker);
}

describe.each(BUILDS)('the ticket pool, $build build', ({ shared }) => {
  let rig: Rig;

  async function begin(tickets: number): Promise<Run> {
    const sizes = { tickets, pagesPerDenomination: 1, journalRecords: 8192 };
    const workers = shared ? 2 : 1;
    rig = await Rig.make({ shared, workers, sizes, autoCommit: true });
    rig.warm([DENOMINATION, 0]);
    return new Run(rig, new Model(tickets, rig.server.nowUs));
  }

  describe('any sequence', () => {
    let run: Run;
    beforeAll(async () => {
      run = await begin(POOL);
    });

    it('answers as the model', () => {
      const seed = seedOfRun();
      console.log(`tickets, ANDVARI_SEED=${seed}`);
      fc.assert(
        fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
          // A pool of its own: everything older is over.
          run.advance(2 * LIFE_US);
          run.model.all.length = 0;
          for (const one of steps) take(run, one);
        }),
        { seed, numRuns: RUNS },
      );
    });
  });

  it('512 tickets and no more; 42 then, until 300 s are over', async () => {
    const run = await begin(TICKETS_MAX);
    for (let i = 0; i < TICKETS_MAX; i++) run.get([i], [], i);
    const numbers = new Set(run.model.all.map(({ number }) => number));
    expect(numbers.size).toBe(TICKETS_MAX);
    expect(run.model.full).toBe(true);
    for (let i = 0; i < 3; i++) run.get([i, 5], [], i);
    run.get([3], [0], 0);
    for (const [index] of run.model.all.entries()) run.validate(index, index % RAIDAS, index);
    // Alive to the last microsecond, also for a sweep.
    run.advance(LIFE_US);
    run.sweep(0);
    run.get([1], [], 0);
    expect(run.model.full).toBe(true);
    run.advance(1);
    for (let i = 0; i < TICKETS_MAX; i++) run.get([i], [], i);
    expect(run.model.all).toHaveLength(2 * TICKETS_MAX);
    run.get([7], [], 0);
    for (const [index] of run.model.all.entries()) run.validate(index, index % RAIDAS, index);
  });

  it('a claim for each of 25 servers, once; other numbers are refused', async () => {
    const run = await begin(2);
    run.get([1, 2, 3], [1], 0);
    for (let raida = 0; raida < 256; raida++) run.validate(0, raida, raida);
    for (let raida = 0; raida < 256; raida++) run.validate(0, raida, raida);
    expect(run.model.all[0]?.claimed.size).toBe(RAIDAS);
  });

  it('names the coins that are as they were shown, and no others', async () => {
    const run = await begin(2);
    run.get([1, 2, 3], [], 0);
    run.validate(0, 0, 0);
    run.pown(2, newAn(0x22), 1);
    expect(run.model.all.map((ticket) => run.model.named(ticket))).toEqual([[1, 3]]);
    run.validate(0, 1, 0);
    run.pown(1, newAn(0x21), 0);
    run.pown(3, newAn(0x23), 0);
    run.validate(0, 2, 1);
    run.pown(2, anOf(DENOMINATION, 2), 0);
    expect(run.model.all.map((ticket) => run.model.named(ticket))).toEqual([[2]]);
    run.validate(0, 3, 0);
    run.validate(0, 2, 0);
  });

  it('number 0 names no ticket, not even a free place', async () => {
    const run = await begin(2);
    const none = joined(Uint8Array.of(1), numberBytes(0));
    expect(rig.ask('validateTicket', none).status).toBe(Status.NO_TICKET_FOUND);
    run.get([1], [], 0);
    expect(rig.ask('validateTicket', none).status).toBe(Status.NO_TICKET_FOUND);
    run.validate(0, 1, 0);
  });
});
