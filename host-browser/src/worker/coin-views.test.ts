import type { RaidaClient } from '@andvari/host-common/raida/client';
import { Wallet } from '@andvari/host-common/raida/wallet';
import { MemoryWalletStore } from '@andvari/host-common/raida/wallet-store';
import { beforeAll, describe, expect, it } from 'vitest';
import { coinViews, fileLists, lightsText, totalsView } from './coin-views.ts';

const file = (serialNumber: number, fill: number, denomination = 0) => ({
  denomination,
  serialNumber,
  authenticationNumbers: new Uint8Array(400).fill(fill),
});
let wallet: Wallet;

beforeAll(async () => {
  // Nothing is asked here, so the client is never touched.
  const client = {} as RaidaClient;
  wallet = await Wallet.open({ store: new MemoryWalletStore(), client });
  await wallet.importCoins({ coins: [file(7, 0xa1), file(8, 0xa2, -8)] });
  await wallet.importCoins({ coins: [file(7, 0xb1)] });
});

describe('what the page sees of coins', () => {
  it('has no secret in it, and 25 lights', () => {
    const views = coinViews(wallet.coins());
    expect(views.map(({ id, lights }) => [id, lights.length])).toEqual([
      [1, 25],
      [2, 25],
      [3, 25],
    ]);
    const text = JSON.stringify(views);
    expect(text).not.toMatch(/authenticationNumbers|proposedNumbers|161|162|177/);
  });

  it('tells coins that are here with two sets of secrets', () => {
    expect(coinViews(wallet.coins()).map(({ twofold }) => twofold)).toEqual([true, false, true]);
  });

  it('says where a coin is', () => {
    expect(coinViews(wallet.coins()).map(({ place }) => place)).toEqual(Array(3).fill('wallet'));
    const locked = wallet.coins().map((coin) => ({ ...coin, place: 'locker' as const }));
    expect(coinViews(locked)[0]?.place).toBe('locker');
  });

  it('counts a coin once however often it is here', () => {
    const totals = totalsView(wallet.totals());
    expect(totals.untested).toEqual({ count: 2, units: 100_000_001n });
    expect(totals.fracked).toEqual({ count: 0, units: 0n });
    expect(totals.locked).toEqual({ count: 0, units: 0n });
  });

  it('makes lists that hold each coin once', () => {
    expect(fileLists(wallet.coins())).toEqual([[1, 2], [3]]);
    expect(fileLists([])).toEqual([]);
    for (const list of fileLists(wallet.coins())) {
      expect(() => wallet.exportCoins(list)).not.toThrow();
    }
    expect(() => wallet.exportCoins([1, 3])).toThrow();
  });

  it('writes lights as one character each', () => {
    const all = ['none', 'pass', 'fail', 'error', 'refused', 'timeout', 'unreachable'] as const;
    expect(lightsText(all)).toBe('0AFEBCD');
  });
});
