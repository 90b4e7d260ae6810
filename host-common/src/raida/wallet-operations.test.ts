/** Healing, lockers and change over 25 fake servers (tests/client). */
import { describe, expect, test } from 'vitest';
import { FakeCodec, FakeNetwork } from '../../../tests/client/fake-server.ts';
import { RaidaClient } from './client.ts';
import { openDigests } from './digests.ts';
import { newLockerCode } from './locker-code.ts';
import { systemRandom } from './new-numbers.ts';
import { Wallet } from './wallet.ts';
import type { WalletStage } from './wallet-stage.ts';
import { MemoryWalletStore } from './wallet-store.ts';

const from = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

async function setUp(network = new FakeNetwork()) {
  const store = new MemoryWalletStore();
  const client = new RaidaClient({ codec: new FakeCodec(), transport: network });
  const wallet = await Wallet.open({ store, client });
  return { network, client, store, wallet };
}

/** A wallet that owns coins of these denominations; serial numbers from 500 on. */
async function owner(denominations: readonly number[], network = new FakeNetwork()) {
  const place = await setUp(network);
  const coins = denominations.map((denomination, index) =>
    network.mint({ denomination, serialNumber: 500 + index }),
  );
  const { added } = await place.wallet.importCoins({ coins });
  await place.wallet.takeOwnership(added);
  return { ...place, coins, ids: added };
}

const grades = (wallet: Wallet) => wallet.coins().map(({ grade }) => grade.passes);

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'none',
    (error: { code?: unknown }) => error.code,
  );
}

describe('healing', () => {
  test.each([1, 2, 12])('a coin fracked on %i servers becomes whole', async (count) => {
    const { wallet, network, coins, ids } = await owner([0, 1, 2]);
    network.frack(coins[0] as never, from(0, count));
    network.frack(coins[1] as never, from(13, count));
    await wallet.detect();
    expect(wallet.coin(1)?.grade).toMatchObject({ fails: count, fracked: true });
    const stages: WalletStage[] = [];
    const result = await wallet.heal(undefined, { onStage: (stage) => stages.push(stage) });
    expect(result).toEqual({ healed: [1, 2], fracked: [], unhealable: [], undecided: [] });
    expect(grades(wallet)).toEqual([25, 25, 25]);
    expect(wallet.coins().every(({ owned, openServers }) => owned && openServers === 0)).toBe(true);
    const order = [...new Set(stages.map(({ stage }) => stage))];
    expect(order).toEqual(['tickets', 'fix', 'detect']);
    expect(stages.at(-1)).toMatchObject({ operation: 'heal', done: 25, total: 25, coins: 2 });
    await wallet.takeOwnership(ids);
    expect(grades(wallet)).toEqual([25, 25, 25]);
  });

  test('on 13 it cannot be healed, and nothing is asked of anybody', async () => {
    const { wallet, network, coins, ids } = await owner([0]);
    network.frack(coins[0] as never, from(0, 13));
    await wallet.detect();
    const before = network.exchanges;
    expect(await wallet.heal()).toMatchObject({ healed: [], unhealable: [] });
    expect(network.exchanges).toBe(before);
    expect(await wallet.heal(ids)).toMatchObject({ unhealable: ids });
    expect(wallet.coin(1)?.grade.name).toBe('counterfeit');
  });

  test('five servers down and one that lies: the rest is healed', async () => {
    const { wallet, network, coins, ids } = await owner([0, 3]);
    network.frack(coins[0] as never, [6, 7]);
    await wallet.detect();
    network.fault = (raidaId) => {
      if (raidaId < 5) return 'down';
      return raidaId === 24 ? () => Buffer.from([242]) : undefined;
    };
    await wallet.heal(ids);
    expect(wallet.coin(1)?.lights.slice(5, 8)).toEqual(['pass', 'pass', 'pass']);
    network.fault = () => undefined;
    await wallet.heal(ids);
    expect(grades(wallet)).toEqual([25, 25]);
  });

  test('the new secret is saved before the fix is sent', async () => {
    const { wallet, network, coins, ids, store } = await owner([0]);
    network.frack(coins[0] as never, [3]);
    await wallet.detect();
    let saved: ReturnType<typeof store.load> | undefined;
    network.fault = (_, request) => {
      if (request[0] === 2 && request[1] === 80) saved = store.load();
      return undefined;
    };
    await wallet.heal(ids);
    const [entry] = (await saved)?.entries ?? [];
    const held = network.server(3).held(coins[0] as never);
    expect(entry?.unknown).toBe(1 << 3);
    expect(Buffer.from(entry?.proposedNumbers?.slice(48, 64) ?? [])).toEqual(held);
  });

  test('a fix whose reply is lost is found, also after a restart', async () => {
    const { wallet, network, coins, ids, store, client } = await owner([0]);
    network.frack(coins[0] as never, [3]);
    await wallet.detect();
    const stop = new AbortController();
    network.fault = (_, request) => {
      if (request[0] !== 2 || request[1] !== 80) return undefined;
      stop.abort();
      return 'unanswered';
    };
    await expect(wallet.heal(ids, { signal: stop.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
    network.fault = () => undefined;
    const again = await Wallet.open({ store, client });
    expect(await again.resolvePending()).toEqual(ids);
    expect(again.coin(1)?.grade).toMatchObject({ passes: 25, fails: 0 });
  });
});

describe('lockers', () => {
  test('coins join others under a code chosen before; a mistyped one is refused', async () => {
    const { wallet, network, ids } = await owner([0, 1]);
    const code = newLockerCode(systemRandom, await openDigests());
    const [first = 0, second = 0] = ids;
    expect(await wallet.lock([first], { code })).toMatchObject({ code, locked: [first] });
    const before = network.exchanges;
    const mistyped = code.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    expect(await codeOf(wallet.lock([second], { code: mistyped }))).toBe('ANDVARI_WALLET_CODE');
    expect(network.exchanges).toBe(before);
    expect(await wallet.lock([second], { code })).toMatchObject({ code, locked: [second] });
    expect(wallet.lockers()).toMatchObject([{ code, ids, locked: ids }]);
    expect(await wallet.unlock(code)).toMatchObject({ taken: ids });
  });

  test('an amount goes in, is seen, and is taken by somebody else', async () => {
    const { wallet, network } = await owner([0, 0, 1, 2]);
    const { code, locked, pending, returned } = await wallet.lock({ units: 11_00000000n });
    expect({ locked, pending, returned }).toEqual({ locked: [3, 1], pending: [], returned: [] });
    expect(code).toMatch(/^([0-9A-Z]{4}-){4}[0-9A-Z]{4}$/);
    expect(wallet.lockers()).toEqual([{ code, ids: [1, 3], locked: [1, 3], units: 11_00000000n }]);
    expect(wallet.totals()).toMatchObject({ locked: { count: 2 } });
    expect(wallet.coin(1)).toMatchObject({ place: 'locker', owned: false });
    expect(await codeOf(wallet.takeOwnership([1]))).toBe('ANDVARI_WALLET_UNFIT');
    const other = await setUp(network);
    const seen = await other.wallet.peek(code.toLowerCase().replaceAll('-', ' '));
    expect(seen.coins.map(({ servers }) => servers)).toEqual([25, 25]);
    const result = await other.wallet.unlock(code);
    expect(result).toEqual({ taken: [1, 2], pending: [], missed: [], left: [] });
    expect(other.wallet.coins()).toMatchObject([
      { owned: true, place: 'wallet', grade: { passes: 25 } },
      { owned: true, place: 'wallet', grade: { passes: 25 } },
    ]);
    expect(await codeOf(other.wallet.unlock(code))).toBe('ANDVARI_WALLET_LOCKER');
    // The sender finds out that the coins are gone.
    expect(await wallet.unlock(code)).toMatchObject({ taken: [], missed: [1, 3] });
    expect(wallet.lockers()).toEqual([]);
    expect(wallet.coins()).toHaveLength(2);
  });

  test('the sender can take everything back', async () => {
    const { wallet, ids } = await owner([0, 1]);
    const { code } = await wallet.lock(ids);
    expect(await wallet.unlock(code)).toMatchObject({ taken: ids });
    expect(wallet.coins()).toMatchObject([
      { owned: true, place: 'wallet', grade: { passes: 25 } },
      { owned: true, place: 'wallet', grade: { passes: 25 } },
    ]);
  });

  test('13 servers are enough, 12 are not, and then the coins come back', async () => {
    const put = (request: Uint8Array) => request[0] === 8 && request[1] === 82;
    const { wallet, network, ids } = await owner([0]);
    const refuse = (last: number) => (raidaId: number, request: Uint8Array) =>
      put(request) && raidaId <= last ? ('lost' as const) : undefined;
    network.fault = refuse(11);
    expect(await wallet.lock(ids)).toMatchObject({ locked: ids });
    const [{ code } = { code: '' }] = wallet.lockers();
    const other = await setUp(network);
    network.fault = () => undefined;
    expect((await other.wallet.peek(code)).coins[0]?.servers).toBe(13);
    expect((await wallet.unlock(code)).taken).toEqual(ids);
    expect(wallet.coin(1)?.grade.passes).toBe(25);
    network.fault = refuse(12);
    expect(await wallet.lock(ids)).toMatchObject({ locked: [], pending: [], returned: ids });
    expect(wallet.coin(1)).toMatchObject({ owned: true, place: 'wallet', grade: { passes: 25 } });
  });

  test('a lost reply of put or remove is found again after a restart', async () => {
    const { wallet, network, ids, store, client } = await owner([0, 2]);
    const lost = (command: number) => (raidaId: number, request: Uint8Array) =>
      raidaId < 13 && request[0] === 8 && request[1] === command ? 'unanswered' : undefined;
    const stop = new AbortController();
    network.fault = (raidaId, request) => {
      const fault = lost(82)(raidaId, request);
      if (fault) stop.abort();
      return fault;
    };
    await expect(wallet.lock(ids, { signal: stop.signal })).rejects.toThrow();
    network.fault = () => undefined;
    const again = await Wallet.open({ store, client });
    await again.resolvePending();
    const [locker] = again.lockers();
    expect(locker?.ids).toEqual(ids);
    network.fault = lost(84);
    const taken = await again.unlock(locker?.code ?? '');
    expect(taken.taken).toEqual(ids);
    expect(grades(again)).toEqual([25, 25]);
  });

  test('what cannot be locked is refused before anything is sent', async () => {
    const { wallet, network, coins, ids } = await owner([0, 1]);
    network.frack(coins[0] as never, from(0, 13));
    expect(await codeOf(wallet.lock(ids))).toBe('ANDVARI_WALLET_UNFIT');
    expect(wallet.lockers()).toEqual([]);
    expect(await codeOf(wallet.lock({ units: 5n }))).toBe('ANDVARI_WALLET_AMOUNT');
    expect(await codeOf(wallet.lock([]))).toBe('ANDVARI_WALLET_UNFIT');
    expect(await codeOf(wallet.unlock('K7QM'))).toBe('ANDVARI_WALLET_CODE');
    expect(await codeOf(wallet.peek('0000-0000-0000-0000-0001'))).toBe('ANDVARI_WALLET_CODE');
  });
});

describe('change', () => {
  test('one coin breaks into ten, and the ten join to one', async () => {
    const { wallet, network } = await owner([2]);
    const broken = await wallet.change({ break: 1 });
    expect(broken).toMatchObject({ outcome: 'changed', gone: [1] });
    expect(broken.made).toHaveLength(10);
    expect(wallet.coins().every(({ owned, place }) => owned && place === 'wallet')).toBe(true);
    expect(wallet.totals().grades.authentic).toEqual({ count: 10, units: 100_00000000n });
    expect(network.server(3).coins.size).toBe(10);
    const joined = await wallet.change({ join: broken.made });
    expect(joined).toMatchObject({ outcome: 'changed', gone: broken.made });
    expect(wallet.coins()).toMatchObject([{ denomination: 2, grade: { passes: 25 }, owned: true }]);
  });

  test.each([
    ['12 refuse: changed, and the rest is healed', 12, 'changed', 13],
    ['13 refuse: unchanged, and the rest is healed', 13, 'unchanged', 13],
  ] as const)('%s', async (_, count, outcome, passes) => {
    const { wallet, network } = await owner([2]);
    network.fault = (raidaId, request) =>
      request[0] === 9 && request[1] === 92 && raidaId < count ? 'lost' : undefined;
    expect(await wallet.change({ break: 1 })).toMatchObject({ outcome });
    expect(Math.min(...grades(wallet))).toBe(passes);
    network.fault = () => undefined;
    await wallet.heal();
    expect(Math.min(...grades(wallet))).toBe(25);
    expect(wallet.totals().grades.authentic.units).toBe(100_00000000n);
  });

  test('silent servers leave it pending until they are back', async () => {
    const { wallet, network, store, client } = await owner([2]);
    let cut = false;
    network.fault = (raidaId, request) => {
      if (request[0] === 9 && request[1] === 92 && raidaId < 13) {
        cut = true;
        return 'unanswered';
      }
      return cut && raidaId < 13 ? 'down' : undefined;
    };
    expect(await wallet.change({ break: 1 })).toMatchObject({ outcome: 'pending' });
    expect(wallet.totals().grades.authentic.count + wallet.totals().grades.limbo.count).toBe(1);
    expect(wallet.coins().filter(({ place }) => place === 'made')).toHaveLength(10);
    network.fault = () => undefined;
    const again = await Wallet.open({ store, client });
    expect(await again.resolvePending()).toHaveLength(10);
    expect(again.totals().grades.authentic).toEqual({ count: 10, units: 100_00000000n });
    expect(again.coins()).toHaveLength(10);
  });

  test('a change that was cut off before it was sent is made on return', async () => {
    const { wallet, network, store, client } = await owner([2]);
    const stop = new AbortController();
    network.fault = (_, request) => {
      if (request[0] !== 9 || request[1] !== 92) return undefined;
      stop.abort();
      return 'lost';
    };
    await expect(wallet.change({ break: 1 }, { signal: stop.signal })).rejects.toThrow();
    network.fault = () => undefined;
    const again = await Wallet.open({ store, client });
    await again.resolvePending();
    expect(again.coins()).toMatchObject([{ id: 1, place: 'wallet', grade: { passes: 25 } }]);
  });

  test('what cannot be changed is refused before anything is sent', async () => {
    const { wallet, network, coins } = await owner([2, 2, -8, 6]);
    expect(await codeOf(wallet.change({ join: [1, 2] }))).toBe('ANDVARI_WALLET_UNFIT');
    expect(await codeOf(wallet.change({ break: 3 }))).toBe('ANDVARI_WALLET_UNFIT');
    network.frack(coins[0] as never, [4]);
    expect(await codeOf(wallet.change({ break: 1 }))).toBe('ANDVARI_WALLET_UNFIT');
    network.fault = (raidaId, request) => (request[0] === 9 && raidaId < 13 ? 'down' : undefined);
    expect(await codeOf(wallet.change({ break: 2 }))).toBe('ANDVARI_WALLET_CHANGE');
    expect(wallet.coins()).toHaveLength(4);
    expect(wallet.coins().every(({ place }) => place === 'wallet')).toBe(true);
  });
});
