/** A lock() that was cut off, and is called again with the same code, over 25 fake servers. */
import { describe, expect, test } from 'vitest';
import { FakeCodec, FakeNetwork } from '../../../tests/client/fake-server.ts';
import { StrictStore } from '../../../tests/client/strict-store.ts';
import { RaidaClient } from './client.ts';
import { authenticationNumber, type CoinKeys } from './coin.ts';
import { openDigests } from './digests.ts';
import { lockerKeys, newLockerCode } from './locker-code.ts';
import { systemRandom } from './new-numbers.ts';
import { Wallet } from './wallet.ts';

const isPut = (request: Uint8Array) => request[0] === 8 && request[1] === 82;
const isRemove = (request: Uint8Array) => request[0] === 8 && request[1] === 84;
type Fault = 'lost' | 'unanswered' | undefined;

async function start() {
  const network = new FakeNetwork();
  const store = new StrictStore();
  const client = new RaidaClient({ codec: new FakeCodec(), transport: network });
  const wallet = await Wallet.open({ store, client });
  const coins = [0, 1].map((denomination) => network.mint({ denomination, serialNumber: 500 }));
  const { added: ids } = await wallet.importCoins({ coins });
  await wallet.takeOwnership(ids);
  const digests = await openDigests();
  const code = newLockerCode(systemRandom, digests);
  const keys = lockerKeys(code, digests);
  /** Servers that have the coin in the locker. */
  const inside = (coin: CoinKeys) =>
    network.servers.filter((server, raidaId) =>
      server.held(coin)?.equals(authenticationNumber(keys, raidaId)),
    ).length;
  /** Another process finds what the disk has; reopened() settles what it can, as the page does. */
  const opened = () => {
    network.fault = () => undefined;
    return Wallet.open({ store, client });
  };
  const reopened = async () => {
    const again = await opened();
    await again.resolvePending();
    return again;
  };
  /** The process ends when `fault` has said something of a request to each server. */
  const cutOff = async (
    work: (signal: AbortSignal) => Promise<unknown>,
    fault: (raidaId: number, request: Uint8Array) => Fault,
  ) => {
    const end = new AbortController();
    const asked = new Set<number>();
    network.fault = (raidaId, request) => {
      const what = fault(raidaId, request);
      if (what !== undefined && asked.add(raidaId).size === 25) end.abort();
      return what;
    };
    await expect(work(end.signal)).rejects.toMatchObject({ name: 'AbortError' });
  };
  const cutPut = (which: readonly number[], fault: (raidaId: number) => Fault) =>
    cutOff(
      (signal) => wallet.lock(which, { code, signal }),
      (raidaId, request) => (isPut(request) ? fault(raidaId) : undefined),
    );
  return { network, wallet, coins, ids, code, inside, opened, reopened, cutOff, cutPut };
}

describe('a lock that was cut off goes on under its code', () => {
  test('when it was noted and no server has heard of it', async () => {
    const { reopened, cutPut, coins, ids, code, inside } = await start();
    await cutPut(ids, () => 'lost');
    const again = await reopened();
    expect(again.lockers()).toMatchObject([{ code, ids, locked: [] }]);
    expect(coins.map(inside)).toEqual([0, 0]);
    expect(await again.lock(ids, { code })).toMatchObject({ code, locked: ids, pending: [] });
    expect(again.lockers()).toMatchObject([{ code, ids, locked: ids }]);
    expect(coins.map(inside)).toEqual([25, 25]);
    expect(await again.unlock(code)).toMatchObject({ taken: ids });
  });

  test('when some coins were inside and others not', async () => {
    const { reopened, wallet, network, cutPut, coins, ids, code, inside } = await start();
    const [first = 0, second = 0] = ids;
    expect(await wallet.lock([first], { code })).toMatchObject({ locked: [first] });
    await cutPut([second], () => 'lost');
    const again = await reopened();
    expect(again.lockers()).toMatchObject([{ ids, locked: [first] }]);
    // What is inside is not sent again.
    const sizes: number[] = [];
    network.fault = (_, request) => {
      if (isPut(request)) sizes.push(request.length);
      return undefined;
    };
    expect(await again.lock(ids, { code })).toMatchObject({ locked: ids });
    expect([sizes.length, new Set(sizes).size]).toEqual([25, 1]);
    expect(coins.map(inside)).toEqual([25, 25]);
  });

  test('when some servers had taken the coins, with the others alone', async () => {
    const { reopened, network, cutPut, coins, ids, code, inside } = await start();
    await cutPut(ids, (raidaId) => (raidaId < 12 ? 'unanswered' : 'lost'));
    const again = await reopened();
    expect(coins.map(inside)).toEqual([12, 12]);
    const asked = new Set<number>();
    network.fault = (raidaId, request) => {
      if (isPut(request)) asked.add(raidaId);
      return undefined;
    };
    expect(await again.lock(ids, { code })).toMatchObject({ locked: ids });
    expect([...asked].sort((a, b) => a - b)).toEqual(Array.from({ length: 13 }, (_, i) => 12 + i));
    expect(coins.map(inside)).toEqual([25, 25]);
  });

  test('by a question alone when it had been carried out without an answer', async () => {
    const { network, opened, cutPut, coins, ids, code, inside } = await start();
    await cutPut(ids, () => 'unanswered');
    const again = await opened();
    expect(again.lockers()).toMatchObject([{ ids, locked: [] }]);
    expect(coins.map(inside)).toEqual([25, 25]);
    let puts = 0;
    network.fault = (_, request) => {
      if (isPut(request)) puts++;
      return undefined;
    };
    expect(await again.lock(ids, { code })).toMatchObject({ locked: ids, returned: [] });
    expect(puts).toBe(0);
  });

  test.each([0, 12])('when servers are away, all but %i: later', async (here) => {
    const { network, reopened, cutPut, coins, ids, code, inside } = await start();
    await cutPut(ids, () => 'lost');
    let again = await reopened();
    network.fault = (raidaId) => (raidaId < here ? undefined : 'down');
    expect(await again.lock(ids, { code })).toMatchObject({ locked: [], pending: ids });
    expect(coins.map(inside)).toEqual([here, here]);
    again = await reopened();
    expect(await again.lock(ids, { code })).toMatchObject({ locked: ids });
    expect(coins.map(inside)).toEqual([25, 25]);
  });

  test.each(['lost', 'unanswered'] as const)(
    'when the coins were being taken back, which was %s',
    async (fault) => {
      const { reopened, wallet, cutOff, coins, ids, code, inside } = await start();
      await wallet.lock(ids, { code });
      await cutOff(
        (signal) => wallet.unlock(code, { signal }),
        (_, request) => (isRemove(request) ? fault : undefined),
      );
      const again = await reopened();
      expect(await again.lock(ids, { code })).toMatchObject({ locked: ids });
      expect(coins.map(inside)).toEqual([25, 25]);
    },
  );

  test('wherever the next one is cut off as well', async () => {
    for (let left = 0; left < 125; left += 3) {
      const { network, reopened, cutPut, ids, code } = await start();
      await cutPut(ids, (raidaId) => (raidaId < 9 ? 'unanswered' : 'lost'));
      let again = await reopened();
      const end = new AbortController();
      let exchanges = 0;
      network.fault = () => {
        if (exchanges++ < left) return undefined;
        end.abort();
        return 'lost';
      };
      await again.lock(ids, { code, signal: end.signal }).catch(() => undefined);
      again = await reopened();
      expect(await again.lock(ids, { code }), `${left}`).toMatchObject({ locked: ids });
    }
  });

  test('but not under another', async () => {
    const { reopened, network, cutPut, ids } = await start();
    await cutPut(ids, () => 'lost');
    const again = await reopened();
    const before = network.exchanges;
    const refused = { code: 'ANDVARI_WALLET_UNFIT' };
    await expect(again.lock(ids)).rejects.toMatchObject(refused);
    const other = newLockerCode(systemRandom, await openDigests());
    await expect(again.lock(ids, { code: other })).rejects.toMatchObject(refused);
    expect(network.exchanges).toBe(before);
  });
});
