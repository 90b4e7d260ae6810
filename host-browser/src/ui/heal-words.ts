/** What healing did, and why a coin is not whole. Pure functions. */

import { QUORUM } from '@andvari/host-common/raida/grading';
import { type CoinView, Light } from '../worker/views.ts';
import { countOf, countsOf, rangesOf } from './format.ts';
import type { Notice } from './notice.ts';

/** Why a coin is not healed, in one sentence; undefined: it is whole, or nobody has tried. */
export function healFault(
  { grade, lights }: Pick<CoinView, 'grade' | 'lights'>,
  tried: boolean,
): string | undefined {
  const vouching = countIn(lights, Light.PASS);
  const denying = [...lights].flatMap((light, id) => (light === Light.FAIL ? [id] : []));
  if (denying.length === 0 || grade === 'authentic') return undefined;
  if (grade === 'fracked') {
    if (!tried) return undefined;
    const servers = denying.length === 1 ? 'Server' : 'Servers';
    return `${servers} ${rangesOf(denying)} did not take the word of the others. Try again later.`;
  }
  if (vouching === 0 && !tried) return undefined;
  const servers = vouching === 0 ? 'no server vouches' : `${countOf(vouching, 'server')} vouch`;
  const plural = vouching === 1 ? 'es' : '';
  const why = `${servers}${plural} for it, ${QUORUM} must.`;
  return grade === 'limbo' ? `Cannot be healed now: ${why}` : `Cannot be healed: ${why}`;
}

/** How healing ended for `coins`. */
export function healedSentence(coins: readonly CoinView[], cancelled: boolean): Notice {
  if (coins.length === 0) return { tone: 'good', text: 'Nothing is left to heal.' };
  const { authentic, fracked, limbo, counterfeit } = countsOf(coins);
  const all = authentic === coins.length;
  const noun = countOf(coins.length, 'coin');
  const lead = all ? `${noun} healed.` : `${authentic} of ${noun} healed.`;
  const words = [cancelled ? `Stopped. ${lead}` : lead];
  if (fracked > 0) words.push(`${fracked} still fracked.`);
  if (limbo > 0) words.push(`${limbo} in limbo: too few servers answered.`);
  if (counterfeit > 0) words.push(`${counterfeit} cannot be healed: most servers deny them.`);
  if (fracked + limbo + counterfeit > 0) words.push('Each coin says why.');
  const bad = counterfeit > 0;
  const tone = bad ? 'bad' : all && !cancelled ? 'good' : 'plain';
  return { tone, text: words.join(' ') };
}

function countIn(lights: string, wanted: string): number {
  return [...lights].filter((light) => light === wanted).length;
}
