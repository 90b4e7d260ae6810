/** What the page may know of lockers: counts and states, no code. */

import { coinNumber } from '@andvari/host-common/raida/coin';
import { QUORUM } from '@andvari/host-common/raida/grading';
import type { WalletCoin } from '@andvari/host-common/raida/wallet-entry';
import type {
  LockerContents,
  LockerView as WalletLocker,
} from '@andvari/host-common/raida/wallet-locker';
import type { LockerView } from './views.ts';

/** A coin of a locker: `open` where too few servers have it there for anybody else to take it. */
export type LockerCoinState = 'inside' | 'gone' | 'open';

/** What the servers said of a locker of this wallet; undefined: not asked, or too few answered. */
export type LockerCheck = Pick<LockerContents, 'coins' | 'answered'> | undefined;

/**
 * The state of each coin of a locker, in the order of its ids. `coins` with lights from after the
 * look into the locker: one that is not there and that most servers deny has been taken.
 */
export function lockerCoinStates(
  coins: readonly Pick<WalletCoin, 'denomination' | 'serialNumber' | 'grade'>[],
  check: LockerCheck,
): LockerCoinState[] {
  const servers = new Map(check?.coins.map((coin) => [coinNumber(coin), coin.servers]));
  return coins.map((coin) => {
    if ((servers.get(coinNumber(coin)) ?? 0) >= QUORUM) return 'inside';
    return check !== undefined && coin.grade.name === 'counterfeit' ? 'gone' : 'open';
  });
}

/** The name of a locker between page and worker. */
export function lockerId({ ids }: Pick<WalletLocker, 'ids'>): number {
  return Math.min(...ids);
}

export function lockerView(
  locker: WalletLocker,
  coins: readonly WalletCoin[],
  check: LockerCheck,
): LockerView {
  const states = lockerCoinStates(coins, check);
  return {
    id: lockerId(locker),
    ids: locker.ids,
    units: locker.units,
    checked: check !== undefined,
    insideCount: states.filter((state) => state === 'inside').length,
    goneCount: states.filter((state) => state === 'gone').length,
  };
}
