/** How coins, values and results read in words. Pure functions; values are in units of 1e-8. */

import { coinValueUnits, formatUnits } from '@andvari/host-common/raida/coin';
import { type CoinView, type Grade, Light, type TotalsView } from '../worker/views.ts';

/** `1,234.0005`: whole part by threes, fraction without trailing zeros. */
export function formatValue(units: bigint): string {
  const [whole = '', fraction = ''] = formatUnits(units).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === '' ? grouped : `${grouped}.${fraction}`;
}

/** What is struck on a coin's face: short at any denomination. */
export function faceOf(denomination: number): string {
  if (denomination >= 6) return '1M';
  if (denomination >= 3) return `${10 ** (denomination - 3)}k`;
  if (denomination >= 0) return String(10 ** denomination);
  if (denomination >= -2) return `.${'0'.repeat(-denomination - 1)}1`;
  return `10${superscript(denomination)}`;
}

function superscript(exponent: number): string {
  return `⁻${'⁰¹²³⁴⁵⁶⁷⁸⁹'.charAt(-exponent)}`;
}

/** `1 coin`, `1,000 coins`. */
export function countOf(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}

export const GRADE_WORDS: Readonly<Record<Grade, string>> = {
  untested: 'Not checked',
  authentic: 'Authentic',
  fracked: 'Authentic, fracked',
  limbo: 'Limbo',
  counterfeit: 'Counterfeit',
};

export const GRADE_MEANINGS: Readonly<Record<Grade, string>> = {
  untested: 'No server has been asked about this coin yet.',
  authentic: 'At least 13 of 25 servers vouch for it and none denies it.',
  fracked: 'A majority vouches for it, some servers deny it; it can be spent and healed.',
  limbo: 'Too few servers answered to decide. Nothing is lost; ask again.',
  counterfeit: 'At least 13 of 25 servers deny it.',
};

export const TOTAL_MEANINGS: Readonly<Record<keyof TotalsView, string>> = {
  ...GRADE_MEANINGS,
  locked: 'In lockers on the servers: whoever has the code can take them.',
};

/** The state of one light in a word or two. */
export const LIGHT_WORDS: Readonly<Record<Light, string>> = {
  [Light.UNTRIED]: 'not asked',
  [Light.PENDING]: 'asking',
  [Light.PASS]: 'pass',
  [Light.REFUSED]: 'key refused',
  [Light.SILENT]: 'no answer',
  [Light.UNREACHABLE]: 'no connection',
  [Light.ERROR]: 'error',
  [Light.FAIL]: 'fail',
};

/** Unknown characters read as an error, so that a light is never shown better than it is. */
export function lightAt(lights: string, raidaId: number): Light {
  const light = lights.charAt(raidaId);
  return Object.hasOwn(LIGHT_WORDS, light) ? (light as Light) : Light.ERROR;
}

/** `23 pass. Fail: 4, 17. No answer: 9.` - one line that says all 25 lights. */
export function summaryOf(coin: Pick<CoinView, 'lights' | 'openServers'>): string {
  const { lights, openServers } = coin;
  const servers = new Map<string, number[]>();
  for (let raidaId = 0; raidaId < lights.length; raidaId++) {
    const light = lightAt(lights, raidaId);
    const word = LIGHT_WORDS[light];
    servers.set(word, [...(servers.get(word) ?? []), raidaId]);
  }
  const untried = servers.get(LIGHT_WORDS[Light.UNTRIED])?.length ?? 0;
  if (untried === lights.length) return 'No server asked yet';
  const parts = [`${servers.get(LIGHT_WORDS[Light.PASS])?.length ?? 0} of ${lights.length} pass`];
  for (const light of LISTED) {
    const ids = servers.get(LIGHT_WORDS[light]);
    if (ids !== undefined) parts.push(`${LIGHT_WORDS[light]}: ${rangesOf(ids)}`);
  }
  const asking = servers.get(LIGHT_WORDS[Light.PENDING])?.length ?? 0;
  if (asking > 0) parts.push(`asking ${asking}`);
  else if (openServers > 0) parts.push(`${openServers} undecided`);
  return parts.join(' · ');
}

const LISTED = [
  Light.FAIL,
  Light.SILENT,
  Light.UNREACHABLE,
  Light.ERROR,
  Light.REFUSED,
  Light.UNTRIED,
] as const;

/** `0-4, 9`: ascending numbers with runs joined. */
export function rangesOf(ids: readonly number[]): string {
  const parts: string[] = [];
  for (let first = 0; first < ids.length; ) {
    let last = first;
    while ((ids[last + 1] ?? Number.NaN) === (ids[last] ?? 0) + 1) last++;
    parts.push(
      last - first >= 2 ? `${ids[first]}-${ids[last]}` : ids.slice(first, last + 1).join(', '),
    );
    first = last + 1;
  }
  return parts.join(', ');
}

const NONE = { count: 0, units: 0n };
export const NO_TOTALS: TotalsView = {
  untested: NONE,
  authentic: NONE,
  fracked: NONE,
  limbo: NONE,
  counterfeit: NONE,
  locked: NONE,
};

/** Entries in each grade. `authentic` does not include `fracked` here, so that they add up. */
export function countsOf(coins: readonly CoinView[]): Readonly<Record<Grade, number>> {
  const counts = { untested: 0, authentic: 0, fracked: 0, limbo: 0, counterfeit: 0 };
  for (const coin of coins) counts[coin.grade]++;
  return counts;
}

/** Value of the coins in units of 1e-8. */
export function unitsOf(coins: readonly Pick<CoinView, 'denomination'>[]): bigint {
  return coins.reduce((sum, coin) => sum + coinValueUnits(coin.denomination), 0n);
}

/** `3 × 100, 1 × 0.01`: coins by denomination, the largest first. */
export function piecesOf(coins: readonly Pick<CoinView, 'denomination'>[]): string {
  const counts = new Map<number, number>();
  for (const { denomination } of coins) {
    counts.set(denomination, (counts.get(denomination) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => b - a)
    .map(([denomination, count]) => {
      const value = formatValue(coinValueUnits(denomination));
      return `${count.toLocaleString('en-US')} × ${value}`;
    })
    .join(', ');
}

/** An amount as people write it, `1,234.5`, in units of 1e-8; undefined: it is none. */
export function parseAmount(text: string): bigint | undefined {
  const match = /^(\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.(\d{1,8}))?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, whole = '', fraction = ''] = match;
  const units = BigInt(whole.replaceAll(',', '') + fraction.padEnd(8, '0'));
  return units > 0n ? units : undefined;
}
