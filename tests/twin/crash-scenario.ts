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
import {
  MemoryWalletStore,
  type WalletChange,
  type WalletState,
  type WalletStore,
} from '../../host-common/src/raida/wallet-store.ts';
import type { FaultyNetwork, NetworkFault } from './faulty-network.ts';
import { vectorKeys } from './vector-state.ts';

export interface Crash {
  /** Dies at this save or exchange, counted from the start of the step; none: 1000. */
  at: number;
  what: 'before save' | 'after save' | 'exchange';
}

export interface Step {
  do: 'take' | 'resolve' | 'detect' | 'late' | 'take one';
  crash: Crash;
  /** Chances in 16 of each fault. */
  faults: { lost: number; unanswered: number; late: number; down: number };
  seed: number;
  /** Cancels after so many answers. */
  cancelAfter: number;
}

/** A process that can die: from then on nothing is saved and nothing is sent. */
class Process {
  dead = false;
  private saves = 0;
  private exchanges = 0;
  private readonly crash: Crash;

  constructor(crash: Crash) {
    this.crash = crash;
  }

  store(inner: WalletStore): WalletStore {
    return {
      load: (): Promise<WalletState> => inner.load(),
      save: async (change: WalletChange): Promise<void> => {
        await Promise.resolve();
        const last = this.crash.what !== 'exchange' && this.saves++ === this.crash.at;
        if (this.dead) throw new Error('dead');
        if (last) this.dead = true;
        if (last && this.crash.what === 'before save') throw new Error('died before it was saved');
        await inner.save(change);
        if (last) throw new Error('died after it was saved');
      },
    };
  }

  exchange(): boolean {
    if (this.crash.what === 'exchange' && this.exchanges++ === this.crash.at) this.dead = true;
    return !this.dead;
  }
}

function* randomOf(seed: number): Generator<number> {
  let state = seed | 1;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield (state >>> 0) % 16;
  }
}

/** The fault of each request, by the step's chances. */
function faultsOf({ faults, seed }: Step): () => NetworkFault | undefined {
  const random = randomOf(seed);
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
  const life = new Process(plan.crash);
  const fault = faultsOf(plan);
  network.fault = () => (life.exchange() ? fault() : 'down');
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
