/**
 * Scenarios for a wallet: whatever is lost, late or cut off, at whatever moment the process dies,
 * its store holds, for every coin and server, the AN that the server has.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import { RaidaClient } from '../../host-common/src/raida/client.ts';
import type { RaidaCodec } from '../../host-common/src/raida/codec.ts';
import { authenticationNumber, type CoinKeys } from '../../host-common/src/raida/coin.ts';
import { Wallet } from '../../host-common/src/raida/wallet.ts';
import { unsettled } from '../../host-common/src/raida/wallet-entry.ts';
import { MemoryWalletStore, type WalletStore } from '../../host-common/src/raida/wallet-store.ts';
import { type Death, Mortal, sixteenths } from '../client/mortal.ts';
import type { FaultyNetwork, NetworkFault } from './faulty-network.ts';
import { vectorKeys } from './vector-state.ts';

export interface Step {
  do: 'take' | 'resolve' | 'detect' | 'late' | 'take one';
  crash: Death;
  /** Chances in 16 of each fault. */
  faults: { lost: number; unanswered: number; late: number; down: number };
  seed: number;
  /** Cancels after so many answers. */
  cancelAfter: number;
}

/** The fault of each request, by the step's chances. */
function faultsOf({ faults, seed }: Step): () => NetworkFault | undefined {
  const random = sixteenths(seed);
  return () => {
    let chance = random.next().value as number;
    for (const fault of ['lost', 'unanswered', 'late', 'down'] as const) {
      chance -= faults[fault];
      if (chance < 0) return fault;
    }
    return undefined;
  };
}

export const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('take', 'take', 'resolve', 'detect', 'late', 'take one'),
  crash: fc.record({
    at: fc.oneof(fc.nat(60), fc.constant(1000)),
    what: fc.constantFrom('before save', 'after save', 'exchange'),
  }),
  faults: fc.record({ lost: fc.nat(4), unanswered: fc.nat(4), late: fc.nat(4), down: fc.nat(4) }),
  seed: fc.nat(),
  cancelAfter: fc.oneof(fc.nat(60), fc.constant(1000)),
});

const ids = [3, 4, 5];
const coins = ids.map((serialNumber): CoinKeys => {
  const coin = { denomination: serialNumber - 4, serialNumber };
  return { ...coin, authenticationNumbers: vectorKeys(coin) };
});

/** The invariant: no server holds an AN that the store does not have. */
async function checkStore(store: WalletStore, network: FaultyNetwork): Promise<void> {
  const { entries } = await store.load();
  expect(entries).toHaveLength(coins.length);
  for (const { serialNumber, denomination, authenticationNumbers, proposedNumbers } of entries) {
    const candidates = [authenticationNumbers, proposedNumbers ?? authenticationNumbers];
    for (const server of network.servers) {
      const an = server.held({ denomination, serialNumber });
      const known = candidates.some(
        (keys) => an?.equals(authenticationNumber(keys, server.raidaId)) ?? false,
      );
      if (known) continue;
      throw new Error(`RAIDA ${server.raidaId} holds an AN of coin ${serialNumber} that is lost`);
    }
  }
}

async function run(plan: Step, store: WalletStore, { network, codec }: World): Promise<void> {
  const life = new Mortal(plan.crash);
  const fault = faultsOf(plan);
  network.fault = () => (life.mayExchange() ? fault() : 'down');
  const client = new RaidaClient({ codec, transport: network });
  const wallet = await Wallet.open({ store: life.store(store), client });
  const stop = new AbortController();
  let answers = 0;
  const options = {
    signal: stop.signal,
    onLights: () => {
      if (answers++ === plan.cancelAfter) stop.abort();
    },
  };
  const all = wallet.coins().map(({ id }) => id);
  const operation = {
    take: () => wallet.takeOwnership(all, options),
    'take one': () => wallet.takeOwnership(all.slice(0, 1), options),
    resolve: () => wallet.resolvePending(options),
    detect: () => wallet.detect(undefined, options),
    late: async () => network.deliverLate(),
  }[plan.do];
  await operation().catch(() => undefined);
}

/** The servers of a scenario, fresh, and the codec that the wallet talks to them with. */
export interface World {
  network: FaultyNetwork;
  codec: RaidaCodec;
}

/** Runs the steps, then lets everything work again, and wants every coin whole. */
export async function scenario(world: World, steps: readonly Step[]): Promise<void> {
  const { network, codec } = world;
  const store = new MemoryWalletStore();
  const client = new RaidaClient({ codec, transport: network });
  await (await Wallet.open({ store, client })).importCoins({ coins });
  for (const plan of steps) {
    await run(plan, store, world);
    await checkStore(store, network);
  }
  network.fault = () => undefined;
  network.deliverLate();
  await checkStore(store, network);
  // On return, with a working network, everything is found again.
  const wallet = await Wallet.open({ store, client });
  await wallet.resolvePending();
  await wallet.detect();
  for (const coin of wallet.coins()) {
    expect(coin).toMatchObject({ state: 'settled', openServers: 0, busy: false });
    expect(coin.grade).toMatchObject({ name: 'authentic', passes: 25 });
  }
  await wallet.takeOwnership(wallet.coins().map(({ id }) => id));
  await checkStore(store, network);
  expect(wallet.coins().every(({ owned }) => owned)).toBe(true);
  const { entries } = await store.load();
  expect(entries.map(unsettled)).toEqual(coins.map(() => 0));
}
