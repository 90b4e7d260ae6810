/** Which coins of a wallet make up an amount. */
import { coinNumber, coinValueUnits, formatUnits } from './coin.ts';
import type { WalletCoin } from './wallet-entry.ts';
import { WalletError } from './wallet-error.ts';

/**
 * Ids of authentic, settled coins with exactly this value in units of 1e-8, the largest
 * first and whole coins before fracked ones. Each value divides the next larger one, so taking the
 * largest that fit finds the amount if there is a way at all. Throws ANDVARI_WALLET_AMOUNT.
 */
export function coinsForAmount(coins: readonly WalletCoin[], units: bigint): number[] {
  const fit = coins.filter(({ grade, state }) => grade.name === 'authentic' && state === 'settled');
  fit.sort(
    (a, b) => b.denomination - a.denomination || Number(a.grade.fracked) - Number(b.grade.fracked),
  );
  const taken = new Map<number, number>();
  let left = units;
  for (const coin of fit) {
    const value = coinValueUnits(coin.denomination);
    if (value > left || taken.has(coinNumber(coin))) continue;
    taken.set(coinNumber(coin), coin.id);
    left -= value;
  }
  if (units > 0n && left === 0n) return [...taken.values()];
  const sum = fit.reduce((total, coin) => total + coinValueUnits(coin.denomination), 0n);
  const problem =
    units <= 0n || sum < units
      ? `wanted an amount up to ${formatUnits(sum)}, which is what the coins are worth`
      : `the coins do not make up ${formatUnits(units)} exactly: break a coin first`;
  throw new WalletError('ANDVARI_WALLET_AMOUNT', problem);
}
