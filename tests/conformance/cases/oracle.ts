/** Cases that other people's crates have answered (tests/oracle), as far as the engine has them. */
import type { Answered } from '../../oracle/questions.ts';
import oracle from '../../vectors/oracle-primitives.json' with { type: 'json' };
import type { Case } from '../case.ts';
import { numbered } from './primitives.ts';

const SECTION = 'Oracle: RustCrypto, BLAKE3';

/** Of the hosts, and not of the engine: tests/oracle/oracle.test.ts has them. */
function isOfHosts(name: string): boolean {
  return name === 'hash.blake2s' || name.startsWith('curve.') || name.startsWith('noise.');
}

export function oracleCases(): Case[] {
  const answers = oracle.cases as Answered[];
  const groups = Map.groupBy(answers, (answer) => answer.function);
  return [...groups].flatMap(([name, items]) => {
    if (isOfHosts(name)) return [];
    const parts = items.map((item) => {
      const expected = 'output' in item ? { output: item.output } : { verdict: item.verdict };
      return { input: item.input, expected };
    });
    return numbered(SECTION, name, parts);
  });
}
