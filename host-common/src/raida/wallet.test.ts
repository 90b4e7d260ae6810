/** The wallet over 25 twins of a server (tests/twin). */
import { describe, expect, test } from 'vitest';
import { TwinCodec } from '../../../tests/twin/twin-codec.ts';
import { TwinNetwork } from '../../../tests/twin/twin-network.ts';
import { vectorKeys } from '../../../tests/twin/vector-state.ts';
import { RaidaClient } from './client.ts';
import { authenticationNumber, type Coin, type CoinKeys } from './coin.ts';
import { parseCoinFile } from './coin-file.ts';
import { Wallet, type WalletOperationOptions } from './wallet.ts';
import type { WalletErrorCode } from './wallet-error.ts';
import { MemoryWalletStore, type WalletStore } from './wallet-store.ts';

function coin(serialNumber: number, denomination = 0): CoinKeys {
  const name: Coin = { denomination, serialNumber };
  return { ...name, authenticationNumbers: vectorKeys(name) };
}

function fake(serialNumber: number): CoinKeys {
  return { ...coin(serialNumber), authenticationNumbers: new Uint8Array(400).fill(3) };
}

async function setUp(store: WalletStore = new MemoryWalletStore()) {
  const network = new TwinNetwork({ wire: 'spec' });
  const client = new RaidaClient({ codec: new TwinCodec('spec'), transport: network });
  const wallet = await Wallet.open({ store, client });
  return { network, client, store, wallet };
}

async function code(promise: Promise<unknown>): Promise<WalletErrorCode | undefined> {
  const error = await promise.then(
    () => undefined,
    (reason: { code?: WalletErrorCode }) => reason,
  );
  return error?.code;
}

/** Gate that holds every exchange until it is opened. */
function gate(network: TwinNetwork): () => void {
  const exchange = network.exchange.bind(network);
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  network.exchange = async (...parameters) => {
    await opened;
    return exchange(...parameters);
  };
  return open;
}

describe('import and export', () => {
  test('a coin is taken in once; other keys make a second candidate', async () => {
    const { wallet, store, client } = await setUp();
    const first = await wallet.importCoins({ coins: [coin(1), coin(2)] });
    expect(first).toEqual({ added: [1, 2], candidates: [], duplicates: 0 });
    const next = await wallet.importCoins({ coins: [coin(2), fake(1), coin(3)] });
    expect(next).toEqual({ added: [3, 4], candidates: [3], duplicates: 1 });
    await wallet.detect();
    expect(wallet.coins().map(({ grade }) => grade.name)).toEqual([
      'authentic',
      'authentic',
      'counterfeit',
      'authentic',
    ]);
    // The real coin counts, its other candidate does not.
    expect(wallet.totals()).toMatchObject({
      grades: { authentic: { count: 3, units: 300_000_000n }, counterfeit: { count: 0 } },
      candidates: 1,
    });
    const again = await Wallet.open({ store, client });
    expect(again.coins()).toEqual(wallet.coins());
    expect((await again.importCoins({ coins: [coin(9)] })).added).toEqual([5]);
  });

  test('two imports at once take a coin once', async () => {
    const { wallet } = await setUp();
    const both = await Promise.all([1, 2].map(() => wallet.importCoins({ coins: [coin(1)] })));
    expect(both.map(({ duplicates }) => duplicates)).toEqual([0, 1]);
  });

  test('the wallet is full at 20,000 coins', async () => {
    const { wallet } = await setUp();
    const { authenticationNumbers } = fake(0);
    const list = Array.from({ length: 20_000 }, (_, serialNumber) => {
      return { denomination: 0, serialNumber, authenticationNumbers };
    });
    await wallet.importCoins({ coins: list.slice(1) });
    expect(await code(wallet.importCoins({ coins: [coin(1), coin(2)] }))).toBe(
      'ANDVARI_WALLET_FULL',
    );
    expect(wallet.coins()).toHaveLength(19_999);
    expect((await wallet.importCoins({ coins: [coin(0)] })).added).toEqual([20_000]);
  });

  test('what is exported can be imported, an unfinished change of ownership too', async () => {
    const { wallet, network, client } = await setUp();
    await wallet.importCoins({ coins: [coin(1), coin(2, 3)] });
    network.fault = (raidaId) => (raidaId < 15 ? 'unanswered' : undefined);
    await wallet.takeOwnership([1, 2]);
    const { name, bytes } = wallet.exportCoins([1, 2], 'both');
    expect(name).toBe("1,001 CloudCoin #2 'both'.bin");
    expect(bytes.length).toBe(32 + 2 * 807);
    network.fault = () => undefined;
    const other = await Wallet.open({ store: new MemoryWalletStore(), client });
    await other.importCoins(parseCoinFile(bytes, name));
    expect(other.coins()[0]).toMatchObject({ state: 'pending', openServers: 15, owned: false });
    await other.detect();
    expect(other.coins().map(({ grade }) => grade.passes)).toEqual([25, 25]);
    await other.takeOwnership([1, 2]);
    expect(other.coins()[1]).toMatchObject({ state: 'settled', openServers: 0, owned: true });
    expect(other.exportCoins([1]).bytes.length).toBe(439);
    // The file's old keys are worth nothing now.
    await wallet.detect();
    expect(wallet.coin(1)?.grade.name).toBe('counterfeit');
  });

  test('coins are removed for good', async () => {
    const { wallet, store } = await setUp();
    await wallet.importCoins({ coins: [coin(1), coin(2)] });
    await wallet.remove([1]);
    expect(wallet.coin(1)).toBeUndefined();
    expect((await store.load()).entries.map(({ id }) => id)).toEqual([2]);
    expect(await code(wallet.remove([1]))).toBe('ANDVARI_WALLET_COIN');
    expect((await wallet.importCoins({ coins: [coin(1)] })).added).toEqual([3]);
  });
});

describe('taking ownership', () => {
  test('the wallet alone knows the new keys, and the coin is its own', async () => {
    const { wallet, network, store } = await setUp();
    await wallet.importCoins({ coins: [coin(1), coin(2)] });
    expect(wallet.coin(1)).toMatchObject({ owned: false, grade: { name: 'untested' } });
    await wallet.takeOwnership([1]);
    expect(wallet.coin(1)).toMatchObject({ owned: true, state: 'settled', openServers: 0 });
    expect(wallet.coin(1)?.grade).toMatchObject({ name: 'authentic', passes: 25 });
    const [entry] = (await store.load()).entries;
    for (const server of network.servers) {
      const held = server.coins.read({ denomination: 0, serialNumber: 1 })?.an;
      const an = authenticationNumber(wallet.keys(1).authenticationNumbers, server.raidaId);
      expect(held?.equals(an)).toBe(true);
      expect(held?.equals(authenticationNumber(vectorKeys(coin(1)), server.raidaId))).toBe(false);
    }
    expect(entry).not.toHaveProperty('proposedNumbers');
    expect(wallet.coin(2)?.owned).toBe(false);
  });

  test('new keys are in the store before the first request leaves', async () => {
    const { wallet, network, store } = await setUp();
    await wallet.importCoins({ coins: [coin(1)] });
    let stored: unknown;
    network.fault = () => {
      stored ??= store.load();
      return undefined;
    };
    await wallet.takeOwnership([1]);
    expect(await stored).toMatchObject({
      entries: [{ unknown: 2 ** 25 - 1, proposedNumbers: expect.any(Uint8Array) }],
    });
  });

  test('nothing is sent when the keys cannot be saved, and it can be tried again', async () => {
    const inner = new MemoryWalletStore();
    let broken = false;
    const { wallet, network } = await setUp({
      load: () => inner.load(),
      save: (change) => (broken ? Promise.reject(new Error('disk full')) : inner.save(change)),
    });
    await wallet.importCoins({ coins: [coin(1)] });
    broken = true;
    expect(await code(wallet.takeOwnership([1]))).toBe('ANDVARI_WALLET_STORE');
    expect(network.exchanges).toBe(0);
    expect(wallet.coin(1)).toMatchObject({ busy: false, owned: false });
    broken = false;
    await wallet.takeOwnership([1]);
    expect(wallet.coin(1)?.owned).toBe(true);
  });

  test('answers that could not be saved are saved with the next change', async () => {
    const inner = new MemoryWalletStore();
    let broken = false;
    const { wallet, network } = await setUp({
      load: () => inner.load(),
      save: (change) => (broken ? Promise.reject(new Error('disk full')) : inner.save(change)),
    });
    await wallet.importCoins({ coins: [coin(1)] });
    network.fault = () => {
      broken = true;
      return undefined;
    };
    expect(await code(wallet.takeOwnership([1]))).toBe('ANDVARI_WALLET_STORE');
    expect(wallet.coin(1)).toMatchObject({ owned: true, openServers: 0 });
    expect((await inner.load()).entries[0]?.unknown).toBe(2 ** 25 - 1);
    broken = false;
    await wallet.importCoins({ coins: [coin(2)] });
    expect((await inner.load()).entries[0]).toMatchObject({ unknown: 0, owned: 2 ** 25 - 1 });
  });

  test('12 silent servers: owned and settled, and the 12 are asked again', async () => {
    const { wallet, network } = await setUp();
    await wallet.importCoins({ coins: [coin(1)] });
    network.fault = (raidaId) => (raidaId < 12 ? 'unanswered' : undefined);
    await wallet.takeOwnership([1]);
    expect(wallet.coin(1)).toMatchObject({ state: 'settled', openServers: 12, owned: true });
    expect(wallet.coin(1)?.lights.slice(11, 13)).toEqual(['timeout', 'pass']);
    network.fault = (raidaId) => (raidaId < 5 ? 'down' : undefined);
    expect(await wallet.resolvePending()).toEqual([]);
    expect(wallet.coin(1)).toMatchObject({ openServers: 5, grade: { passes: 20 } });
    network.fault = () => undefined;
    expect(await wallet.resolvePending()).toEqual([1]);
    expect(wallet.coin(1)).toMatchObject({ openServers: 0, grade: { passes: 25 } });
  });

  test('13 silent servers: pending, in limbo', async () => {
    const { wallet, network } = await setUp();
    await wallet.importCoins({ coins: [coin(1)] });
    network.fault = (raidaId) => (raidaId < 13 ? 'lost' : undefined);
    await wallet.takeOwnership([1]);
    expect(wallet.coin(1)).toMatchObject({ state: 'pending', openServers: 13, owned: false });
    expect(wallet.coin(1)?.grade.name).toBe('limbo');
    expect(wallet.totals()).toMatchObject({ pending: { count: 1, units: 100_000_000n } });
    network.fault = () => undefined;
    // They never got the request: the old keys hold there, and the next try gives them new ones.
    expect(await wallet.resolvePending()).toEqual([1]);
    expect(wallet.coin(1)).toMatchObject({ state: 'settled', owned: false });
    await wallet.takeOwnership([1]);
    expect(wallet.coin(1)?.owned).toBe(true);
  });

  test('a server that lies about one coin changes its light only', async () => {
    const { wallet, network } = await setUp();
    await wallet.importCoins({ coins: [coin(1), coin(2)] });
    const record = { an: Buffer.alloc(16, 8), mfs: 30 };
    network.server(7).coins.write({ denomination: 0, serialNumber: 1 }, record);
    await wallet.takeOwnership([1, 2]);
    expect(wallet.coin(1)).toMatchObject({ owned: true, openServers: 0 });
    expect(wallet.coin(1)?.grade).toMatchObject({ passes: 24, fails: 1, fracked: true });
    expect(wallet.coin(2)?.grade).toMatchObject({ passes: 25, fails: 0 });
    expect(wallet.totals().fracked.count).toBe(1);
    // The old keys stay in case the server comes to its senses.
    const old = authenticationNumber(vectorKeys(coin(1)), 7);
    network.server(7).coins.write(coin(1), { an: Buffer.from(old), mfs: 30 });
    await wallet.takeOwnership([1]);
    expect(wallet.coin(1)?.grade).toMatchObject({ passes: 25, fails: 0 });
  });

  test('two candidates for one coin are tried one after another', async () => {
    const { wallet } = await setUp();
    await wallet.importCoins({ coins: [fake(1)] });
    await wallet.importCoins({ coins: [coin(1)] });
    await wallet.takeOwnership([1, 2]);
    expect(wallet.coins().map(({ grade }) => grade.name)).toEqual(['counterfeit', 'authentic']);
    expect(wallet.coins().map(({ owned }) => owned)).toEqual([false, true]);
  });

  test('an impossible coin does not hold up the others', async () => {
    const { wallet } = await setUp();
    const absurd = { ...coin(1), serialNumber: 4_000_000_000 };
    await wallet.importCoins({ coins: [coin(1), absurd, coin(2)] });
    await wallet.takeOwnership([1, 2, 3]);
    expect(wallet.coins().map(({ grade }) => grade.name)).toEqual([
      'authentic',
      'counterfeit',
      'authentic',
    ]);
    expect(wallet.coins().every(({ state }) => state === 'settled')).toBe(true);
  });

  test('1,101 coins, in two groups', async () => {
    const { wallet, network } = await setUp();
    const list = Array.from({ length: 1100 }, (_, index) => coin(index % 400, (index % 3) - 1));
    await wallet.importCoins({ coins: [...list, fake(401)] });
    await wallet.takeOwnership(wallet.coins().map(({ id }) => id));
    expect(wallet.totals().grades).toMatchObject({
      authentic: { count: 1100 },
      counterfeit: { count: 1 },
    });
    // 1000 and 101 coins at 36 a request, and the fake once more.
    expect(network.exchanges).toBe(25 * (28 + 3 + 1));
  });
});

describe('operations', () => {
  test('a second one on the same coin is refused, on another it runs', async () => {
    const { wallet, network } = await setUp();
    await wallet.importCoins({ coins: [coin(1), coin(2)] });
    await wallet.importCoins({ coins: [fake(1)] });
    const open = gate(network);
    const first = wallet.takeOwnership([1]);
    expect(wallet.coin(1)?.busy).toBe(true);
    expect(await code(wallet.takeOwnership([1, 2]))).toBe('ANDVARI_WALLET_BUSY');
    expect(await code(wallet.detect([3]))).toBe('ANDVARI_WALLET_BUSY');
    expect(await code(wallet.remove([1]))).toBe('ANDVARI_WALLET_BUSY');
    expect(() => wallet.exportCoins([1])).toThrow('in use by another operation');
    const second = wallet.takeOwnership([2]);
    open();
    await Promise.all([first, second]);
    expect(wallet.coins().map(({ owned, busy }) => [owned, busy])).toEqual([
      [true, false],
      [true, false],
      [false, false],
    ]);
  });

  test('detect and resolvePending without ids leave busy coins alone', async () => {
    const { wallet, network } = await setUp();
    await wallet.importCoins({ coins: [coin(1), coin(2)] });
    const open = gate(network);
    const first = wallet.takeOwnership([1]);
    const rest = Promise.all([wallet.detect(), wallet.resolvePending()]);
    open();
    await Promise.all([first, rest]);
    expect(wallet.coin(2)?.grade.passes).toBe(25);
  });

  test('lights come one by one', async () => {
    const { wallet, network } = await setUp();
    await wallet.importCoins({ coins: [coin(1), fake(2)] });
    network.fault = (raidaId) => (raidaId === 9 ? 'lost' : undefined);
    const told: string[] = [];
    const options: WalletOperationOptions = {
      onLights: ({ raidaId, ids, lights }) => {
        for (const [place, id] of ids.entries()) told.push(`${raidaId} ${id} ${lights[place]}`);
      },
    };
    await wallet.detect(undefined, options);
    expect(told).toHaveLength(50);
    expect(told).toContain('0 1 pass');
    expect(told).toContain('0 2 fail');
    expect(told).toContain('9 1 timeout');
    told.length = 0;
    network.fault = () => undefined;
    await wallet.takeOwnership([1, 2], options);
    expect(told.filter((line) => line.startsWith('9 '))).toEqual(['9 1 pass', '9 2 fail']);
  });

  test('cancelling keeps what was answered by then', async () => {
    const { wallet, network } = await setUp();
    await wallet.importCoins({ coins: [coin(1)] });
    const stop = new AbortController();
    network.fault = (raidaId) => {
      if (raidaId === 20) stop.abort();
      return raidaId >= 20 ? 'unanswered' : undefined;
    };
    const running = wallet.takeOwnership([1], { signal: stop.signal });
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect(wallet.coin(1)).toMatchObject({ busy: false, openServers: 5, owned: true });
    network.fault = () => undefined;
    expect(await wallet.resolvePending()).toEqual([1]);
    expect(wallet.coin(1)?.grade.passes).toBe(25);
  });

  test('a closed wallet gives nothing away', async () => {
    const { wallet, store, client } = await setUp();
    await wallet.importCoins({ coins: [coin(1)] });
    wallet.close();
    expect(wallet.coins()).toEqual([]);
    expect(() => wallet.keys(1)).toThrow('closed');
    expect(await code(wallet.importCoins({ coins: [coin(2)] }))).toBe('ANDVARI_WALLET_CLOSED');
    expect((await Wallet.open({ store, client })).coins()).toHaveLength(1);
  });

  test('a wallet closed in the middle of a change finds its coin again', async () => {
    const { wallet, store, client, network } = await setUp();
    await wallet.importCoins({ coins: [coin(1)] });
    network.fault = (raidaId) => {
      if (raidaId === 13) wallet.close();
      return undefined;
    };
    expect(await code(wallet.takeOwnership([1]))).toBe('ANDVARI_WALLET_CLOSED');
    const again = await Wallet.open({ store, client });
    expect(await again.resolvePending()).toEqual([1]);
    expect(again.coin(1)).toMatchObject({ owned: true, grade: { passes: 25 } });
  });
});
