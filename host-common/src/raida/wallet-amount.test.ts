import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coinValueUnits, totalUnits } from './coin.ts';
import { gradeCoin } from './grading.ts';
import { coinsForAmount } from './wallet-amount.ts';
import type { WalletCoin } from './wallet-entry.ts';

function coin(id: number, denomination: number, fails = 0): WalletCoin {
  const lights = Array.from({ length: 25 }, (_, raidaId) => (raidaId < fails ? 'fail' : 'pass'));
  return {
    id,
    denomination,
    serialNumber: id,
    lights: lights as WalletCoin['lights'],
    grade: gradeCoin(lights as WalletCoin['lights']),
    state: 'settled',
    openServers: 0,
    owned: true,
    busy: false,
    place: 'wallet',
  };
}

describe('coins for an amount', () => {
  test('are found whenever some of the coins make it up', () => {
    const wallets = fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(wallets, fc.infiniteStream(fc.boolean()), (denominations, takes) => {
        const coins = denominations.map((denomination, id) => coin(id, denomination));
        const wanted = totalUnits(coins.filter(() => takes.next().value));
        fc.pre(wanted > 0n);
        const ids = coinsForAmount(coins, wanted);
        expect(totalUnits(ids.map((id) => coins[id] as WalletCoin))).toBe(wanted);
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });

  test('whole coins go before fracked ones, counterfeit ones never', () => {
    const coins = [coin(1, 0, 3), coin(2, 0), coin(3, 0, 13)];
    expect(coinsForAmount(coins, coinValueUnits(0))).toEqual([2]);
    expect(coinsForAmount(coins, 2n * coinValueUnits(0))).toEqual([2, 1]);
    expect(() => coinsForAmount(coins, 3n * coinValueUnits(0))).toThrow('up to 2');
  });

  test.each([0n, -1n, 5n, 10n ** 20n])('%s units are refused', (units) => {
    expect(() => coinsForAmount([coin(1, 0)], units)).toThrow(
      expect.objectContaining({ code: 'ANDVARI_WALLET_AMOUNT' }),
    );
  });
});
