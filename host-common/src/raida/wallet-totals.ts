/** Count and value of the coins in a wallet. */
import { coinNumber, coinValueUnits } from './coin.ts';
import type { GradeName } from './grading.ts';
import type { WalletCoin } from './wallet-entry.ts';

export interface GradeTotal {
  count: number;
  /** Units of 1e-8. */
  units: bigint;
}

export interface WalletTotals {
  grades: Record<GradeName, GradeTotal>;
  /** Of the authentic ones. */
  fracked: GradeTotal;
  /** Coins with a change of ownership that is not finished, whatever their grade. */
  pending: GradeTotal;
  /** Coins in lockers, which are in no grade: whoever has the code can take them. */
  locked: GradeTotal;
  /** Entries left out above: other candidates for a coin that was counted. */
  candidates: number;
}

const empty = (): GradeTotal => ({ count: 0, units: 0n });

/**
 * Every coin once: of several candidates the one with the most passes. Of an unfinished change the
 * coins that it consumes count, those that it makes do not.
 */
export function totalsOf(all: readonly WalletCoin[]): WalletTotals {
  const coins = all.filter(({ place }) => place !== 'made');
  const best = new Map<number, WalletCoin>();
  for (const coin of coins) {
    const other = best.get(coinNumber(coin));
    if (!other || coin.grade.passes > other.grade.passes) best.set(coinNumber(coin), coin);
  }
  const totals: WalletTotals = {
    grades: { authentic: empty(), counterfeit: empty(), limbo: empty(), untested: empty() },
    fracked: empty(),
    pending: empty(),
    locked: empty(),
    candidates: coins.length - best.size,
  };
  for (const coin of best.values()) {
    const locked = coin.place === 'locker';
    const lists = [locked ? totals.locked : totals.grades[coin.grade.name]];
    if (coin.grade.fracked && !locked) lists.push(totals.fracked);
    if (coin.state === 'pending') lists.push(totals.pending);
    for (const total of lists) {
      total.count++;
      total.units += coinValueUnits(coin.denomination);
    }
  }
  return totals;
}
