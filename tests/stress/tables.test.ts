/**
 * Two workers on one memory mix powns, lockers, offers, break and join, and in a second run
 * creation and deletion, while transactions are refused and outcomes forgotten. No group makes
 * money; at the end counts, in-use map, lockers and cells are what follows from the coins.
 * ANDVARI_SEED repeats the requests (not the order in which threads meet).
 */
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { describe, expect, it } from 'vitest';
import type { CommandName } from '../engine/commands.ts';
import { seedOfRun } from '../seeded-random.ts';
import { CONSERVING, runTables } from './tables.ts';

const long = process.env.ANDVARI_LONG === '1';
const REQUESTS = long ? 400_000 : 10_000;
const TIME_OUT = long ? 900_000 : 120_000;

/** And such as bring coins into use, or take them out of it. */
const CREATING: readonly CommandName[] = [
  ...[...CONSERVING, ...(['available', 'available', 'create', 'create', 'create'] as const)],
  ...(['delete', 'free', 'fix', 'tradeRemove', 'crossoverReserve', 'decryptKey'] as const),
];
const WANTED = ['1/20 243', '8/82 241', '8/84 243'];

describe.each([
  ['that move money', CONSERVING, [...WANTED, '9/92 250', '9/93 250']],
  ['that create and delete', CREATING, [...WANTED, '3/130 250', '3/140 243', '8/89 241']],
] as const)('commands %s', (what, commands, wanted) => {
  it('the tables are what follows from the coins', { timeout: TIME_OUT }, async () => {
    const seed = seedOfRun();
    const module = await sharedEngine();
    const conserving = commands === CONSERVING;
    // A doubt loads the tables anew, and so would mend what a rollback had spoilt.
    const doubts = !conserving;
    const run = await runTables({
      ...{ module, requests: REQUESTS, seed, commands, conserving, doubts },
    });
    const { errors, seen, committed } = run;
    console.log(`tables ${what}, ANDVARI_SEED=${seed}: ${JSON.stringify(committed)}`);
    expect(errors, `seed ${seed}`).toEqual([]);
    // It met what it is here for.
    expect(committed.groups).toBeGreaterThan(REQUESTS / 50);
    expect(committed.rollbacks).toBeGreaterThan(0);
    expect(committed.discards > 0).toBe(doubts);
    // Where coins are deleted, lockers may be empty at the end of a long run.
    if (conserving) expect(committed.lockerCoins).toBeGreaterThan(0);
    for (const key of wanted) {
      expect(seen.get(key) ?? 0, `${key} in ${[...seen.keys()].join()}`).toBeGreaterThan(0);
    }
    expect([...seen].some(([key]) => key.endsWith(' 252'))).toBe(true);
  });
});
