/**
 * Healing, lockers and change that are cut off at every moment, with lost replies: whatever
 * happens, the money is still there afterwards, and it is there once.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeCodec, FakeNetwork } from '../../../tests/client/fake-server.ts';
import { type Death, Mortal, sixteenths } from '../../../tests/client/mortal.ts';
import { StrictStore } from '../../../tests/client/strict-store.ts';
import { RaidaClient } from './client.ts';
import { totalUnits } from './coin.ts';
import { Wallet } from './wallet.ts';
import type { WalletStore } from './wallet-store.ts';

interface Plan {
  operation: 'heal' | 'lock' | 'lock again' | 'unlock' | 'break' | 'join';
  cut: Death;
  /** Chance in 16 of a request that is lost, and of one whose reply is. */
  lost: number;
  unanswered: number;
  seed: number;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  operation: fc.constantFrom('heal', 'lock', 'lock again', 'unlock', 'break', 'join'),
  cut: fc.record({
    at: fc.oneof(fc.nat(250), fc.constant(1000)),
    what: fc.constantFrom('before save', 'after save', 'exchange'),
  }),
  lost: fc.nat(4),
  unanswered: fc.nat(4),
  seed: fc.nat(),
});

/** Twelve coins of 1 and one of 10, all owned. */
async function stock(network: FakeNetwork, store: WalletStore, client: RaidaClient) {
  const coins = Array.from({ length: 13 }, (_, index) =>
    network.mint({ denomination: index === 12 ? 1 : 0, serialNumber: 500 + index }),
  );
  const wallet = await Wallet.open({ store, client });
  const { added } = await wallet.importCoins({ coins });
  await wallet.takeOwnership(added);
  return coins;
}

const ready = (wallet: Wallet) =>
  wallet.coins().filter(({ place, grade }) => place === 'wallet' && grade.name === 'authentic');

function run(wallet: Wallet, operation: Plan['operation']): Promise<unknown> {
  const coins = ready(wallet);
  const whole = coins.filter(({ grade }) => !grade.fracked);
  const small = whole.filter(({ denomination }) => denomination === 0).map(({ id }) => id);
  switch (operation) {
    case 'heal':
      return wallet.heal();
    case 'lock':
      return wallet.lock(coins.slice(0, 3).map(({ id }) => id));
    case 'lock again': {
      const [{ code, ids } = { code: '', ids: [] }] = wallet.lockers();
      return wallet.lock(ids, { code });
    }
    case 'unlock':
      return wallet.unlock(wallet.lockers()[0]?.code ?? '');
    case 'break':
      return wallet.change({
        break: whole.find(({ denomination }) => denomination === 1)?.id ?? 0,
      });
    case 'join':
      return wallet.change({ join: small.slice(0, 10) });
  }
}

/** With a working network everything comes back. */
async function recover(store: WalletStore, client: RaidaClient): Promise<Wallet> {
  const wallet = await Wallet.open({ store, client });
  for (let round = 0; round < 4; round++) {
    await wallet.resolvePending();
    for (const { code } of wallet.lockers()) await wallet.unlock(code).catch(() => undefined);
    await wallet.detect();
    await wallet.heal();
  }
  return wallet;
}

async function scenario(plans: readonly Plan[]): Promise<void> {
  const network = new FakeNetwork();
  const client = new RaidaClient({ codec: new FakeCodec(), transport: network });
  const store = new StrictStore();
  const coins = await stock(network, store, client);
  network.frack(coins[0] as never, [3, 4, 5, 6]);
  for (const { operation, cut, lost, unanswered, seed } of plans) {
    const life = new Mortal(cut);
    const random = sixteenths(seed);
    network.fault = () => {
      const chance = random.next().value as number;
      if (!life.mayExchange()) return 'down';
      if (chance < lost) return 'lost';
      return chance < lost + unanswered ? 'unanswered' : undefined;
    };
    const wallet = await Wallet.open({ store: life.store(store), client });
    await wallet.resolvePending().catch(() => undefined);
    await wallet.detect().catch(() => undefined);
    await run(wallet, operation).catch(() => undefined);
  }
  network.fault = () => undefined;
  const wallet = await recover(store, client);
  expect(store.refused).toEqual([]);
  const kept = wallet.coins();
  expect(kept.map(({ place }) => place)).toEqual(kept.map(() => 'wallet'));
  const authentic = kept.filter(({ grade }) => grade.name === 'authentic');
  expect(totalUnits(authentic)).toBe(totalUnits(coins));
  expect(authentic.map(({ grade }) => grade.passes)).toEqual(authentic.map(() => 25));
  // It is there once: no second coin of the same name.
  expect(new Set(kept.map((c) => `${c.denomination}:${c.serialNumber}`)).size).toBe(kept.length);
}

/** Exchanges of the longest operation, with the detect before it, over 25 servers. */
const EXCHANGES_MAX = 175;
const SAVES_MAX = 9;
const whole: Pick<Plan, 'lost' | 'unanswered' | 'seed'> = { lost: 0, unanswered: 0, seed: 1 };
const never: Death = { at: 1000, what: 'exchange' };
/** An unlock needs a locker, a second lock coins that were noted and not sent. */
const before = (operation: Plan['operation']): Plan[] => {
  const noted: Death = { at: 2, what: 'after save' };
  if (operation === 'lock again') return [{ ...whole, operation: 'lock', cut: noted }];
  return operation === 'unlock' ? [{ ...whole, operation: 'lock', cut: never }] : [];
};

describe('healing, lockers and change', () => {
  test.each(['heal', 'lock', 'lock again', 'unlock', 'break', 'join'] as const)(
    '%s loses nothing at any single save, nor at exchanges all along',
    async (operation) => {
      const step = process.env['ANDVARI_LONG'] === '1' ? 1 : 4;
      const cuts: Death[] = [];
      for (let at = 0; at < EXCHANGES_MAX; at += step) cuts.push({ at, what: 'exchange' });
      for (let at = 0; at < SAVES_MAX; at++) {
        cuts.push({ at, what: 'before save' }, { at, what: 'after save' });
      }
      for (const cut of cuts) await scenario([...before(operation), { ...whole, operation, cut }]);
    },
    60_000,
  );

  test('lose nothing, wherever they are cut off', async () => {
    await fc.assert(fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 4 }), scenario), {
      numRuns: process.env['ANDVARI_LONG'] === '1' ? 3000 : 80,
    });
  });
});
