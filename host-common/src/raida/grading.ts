/**
 * What 25 lights say about a coin (reference: RAIDA section 14). p = passes, f = counterfeits:
 * p >= 13 is authentic, and fracked if f > 0; f >= 13 is counterfeit; else no quorum.
 */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';

/**
 * One server's opinion of one coin. `fail`: the server says counterfeit. `error`: an answer that
 * says nothing about the coin, or is not a valid answer. `refused`: it did not take the encryption.
 * `timeout`: nothing came in time. `unreachable`: no connection. `none`: not asked.
 */
export type Light = 'pass' | 'fail' | 'error' | 'refused' | 'timeout' | 'unreachable' | 'none';

export const lightNames: readonly Light[] = [
  'none',
  'pass',
  'fail',
  'error',
  'refused',
  'timeout',
  'unreachable',
];

/** `untested`: nobody was asked. `limbo`: asked, but no quorum either way. */
export type GradeName = 'authentic' | 'counterfeit' | 'limbo' | 'untested';

export interface Grade {
  name: GradeName;
  passes: number;
  fails: number;
  /** Authentic, but some servers say counterfeit. */
  fracked: boolean;
  /** Fix would work: 13 tickets of others and the fixing server's own vote make 14 of 25. */
  healable: boolean;
}

/** Answers that decide: more than half of 25. */
export const QUORUM = Math.floor(RAIDA_COUNT / 2) + 1;

/** Grades one coin. `lights`: 25, in order of RAIDA id; RangeError for another count. */
export function gradeCoin(lights: readonly Light[]): Grade {
  if (lights.length !== RAIDA_COUNT) {
    throw new RangeError(`lights: wanted ${RAIDA_COUNT}, got ${lights.length}`);
  }
  let passes = 0;
  let fails = 0;
  let asked = 0;
  for (const light of lights) {
    if (light === 'pass') passes++;
    if (light === 'fail') fails++;
    if (light !== 'none') asked++;
  }
  const fracked = passes >= QUORUM && fails > 0;
  let name: GradeName = asked === 0 ? 'untested' : 'limbo';
  if (passes >= QUORUM) name = 'authentic';
  else if (fails >= QUORUM) name = 'counterfeit';
  return { name, passes, fails, fracked, healable: fracked };
}
