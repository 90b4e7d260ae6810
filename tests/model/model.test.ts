/**
 * Random sequences of every command that changes coins, against a plain model: every reply's status
 * and body, and after every step the sum of value in circulation and the engine's tables, equal the
 * model's. The seed is printed; ANDVARI_SEED repeats it.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seedOfRun } from '../seeded-random.ts';
import { type Plan, planOf, runPlan } from './plans.ts';
import { RealServer } from './real-server.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const RUNS = LONG ? 600 : 6;
const LENGTH = 120;
const TIME_OUT = LONG ? 1_200_000 : 120_000;
/** Seconds that may pass between two requests: reservations end after 16, tickets after 300. */
const WAITS = [0, 0, 0, 0, 1, 5, 20, 400];

/** Statuses that every command has to have met in all runs together. */
const WANTED = [
  ...['pown 241', 'pown 243', 'pownSum 241', 'getTicket 241', 'validateTicket 250', 'fix 241'],
  ...['lockerPut 241', 'lockerPut 199', 'lockerPeek 241', 'lockerRemove 241', 'tradePut 241'],
  ...['tradePut 148', 'tradeRemove 241', 'tradeList 241', 'changeAvailable 250', 'break 250'],
  ...['break 41', 'join 250', 'join 41', 'available 250', 'create 250', 'create 41', 'delete 241'],
  ...['free 250', 'free 38', 'lockerPutMany 241', 'fix 242', 'shardSerials 250'],
];

class Step implements fc.AsyncCommand<object, RealServer> {
  readonly #plan: Plan;
  constructor(plan: Plan) {
    this.#plan = plan;
  }
  check(): boolean {
    return true;
  }
  async run(_: object, real: RealServer): Promise<void> {
    runPlan(this.#plan, real);
    real.check();
  }
  toString(): string {
    return JSON.stringify(this.#plan);
  }
}

class Wait implements fc.AsyncCommand<object, RealServer> {
  readonly #seconds: number;
  constructor(seconds: number) {
    this.#seconds = seconds;
  }
  check(): boolean {
    return true;
  }
  async run(_: object, real: RealServer): Promise<void> {
    real.wait(this.#seconds);
  }
  toString(): string {
    return `wait ${this.#seconds} s`;
  }
}

describe.each(['spec', 'legacy'] as const)('wire %s', (wire) => {
  it('the engine does what the model does', { timeout: TIME_OUT }, async () => {
    const seed = seedOfRun();
    const seen = new Map<string, number>();
    let asked = 0;
    const steps = fc.commands(
      [
        planOf.map((plan) => new Step(plan)),
        planOf.map((plan) => new Step(plan)),
        planOf.map((plan) => new Step(plan)),
        fc.constantFrom(...WAITS).map((seconds) => new Wait(seconds)),
      ],
      { maxCommands: LENGTH, size: 'max' },
    );
    const property = fc.asyncProperty(steps, async (commands) => {
      const real = await RealServer.make(wire);
      await fc.asyncModelRun(() => ({ model: {}, real }), commands);
      asked += real.asked;
      for (const [what, times] of real.seen) seen.set(what, (seen.get(what) ?? 0) + times);
    });
    await fc.assert(property, { seed, numRuns: RUNS });
    console.log(`model, wire ${wire}, ANDVARI_SEED=${seed}: ${asked} requests`);
    const missing = WANTED.filter((what) => !seen.has(what));
    if (LONG) expect(missing, [...seen].sort().join(' ')).toEqual([]);
    else expect(missing.length, missing.join(', ')).toBeLessThan(WANTED.length / 2);
  });
});
