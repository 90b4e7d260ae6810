/** What the page may know of a wallet's coins: views without keys, in the protocol's own words. */

import { coinNumber } from '@andvari/host-common/raida/coin';
import type { Light as LightName } from '@andvari/host-common/raida/grading';
import type { WalletCoin } from '@andvari/host-common/raida/wallet-entry';
import type { WalletTotals } from '@andvari/host-common/raida/wallet-totals';
import { type CoinView, type Grade, Light, type TotalsView } from './views.ts';

const LIGHTS: Readonly<Record<LightName, Light>> = {
  none: Light.UNTRIED,
  pass: Light.PASS,
  fail: Light.FAIL,
  error: Light.ERROR,
  refused: Light.REFUSED,
  timeout: Light.SILENT,
  unreachable: Light.UNREACHABLE,
};

export function lightsText(lights: readonly LightName[]): string {
  return lights.map((light) => LIGHTS[light]).join('');
}

export function coinViews(coins: readonly WalletCoin[]): CoinView[] {
  const counts = new Map<number, number>();
  for (const coin of coins) {
    const number = coinNumber(coin);
    counts.set(number, (counts.get(number) ?? 0) + 1);
  }
  return coins.map((coin) => ({
    id: coin.id,
    denomination: coin.denomination,
    serialNumber: coin.serialNumber,
    lights: lightsText(coin.lights),
    grade: gradeOf(coin),
    owned: coin.owned,
    unsettled: coin.state === 'pending',
    openServers: coin.openServers,
    twofold: (counts.get(coinNumber(coin)) ?? 0) > 1,
    place: coin.place,
  }));
}

function gradeOf({ grade }: WalletCoin): Grade {
  return grade.name === 'authentic' && grade.fracked ? 'fracked' : grade.name;
}

export function totalsView({ grades, fracked, locked }: WalletTotals): TotalsView {
  return { ...grades, fracked, locked };
}

/**
 * The coins' ids in lists that hold each coin once, as a coin file must: the first version of each
 * coin, then the second ones, and so on.
 */
export function fileLists(
  coins: readonly Pick<WalletCoin, 'id' | 'denomination' | 'serialNumber'>[],
): number[][] {
  const lists: number[][] = [];
  const seen = new Map<number, number>();
  for (const coin of coins) {
    const place = seen.get(coinNumber(coin)) ?? 0;
    seen.set(coinNumber(coin), place + 1);
    const list = lists[place];
    if (list === undefined) lists[place] = [coin.id];
    else list.push(coin.id);
  }
  return lists;
}
