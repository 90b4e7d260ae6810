/** Cases that other people's crates have answered (tests/oracle), as far as the hosts have them. */
import type { Answered } from '../../oracle/questions.ts';
import oracle from '../../vectors/oracle-primitives.json' with { type: 'json' };
import type { Case } from '../case.ts';
import { numbered } from './primitives.ts';

const SECTION = 'Oracle: RustCrypto, BLAKE3';

export function oracleCases(): Case[] {
  const answers = oracle.cases as Answered[];
  const groups = Map.groupBy(answers, (answer) => answer.function);
  return [...groups].flatMap(([name, items]) => {
    // Of three messages in a row: tests/oracle/oracle.test.ts has it.
    if (name === 'noise.xx') return [];
    const parts = items.map((item) => {
      const expected = 'output' in item ? { output: item.output } : { verdict: item.verdict };
      return { input: item.input, expected };
    });
    return numbered(SECTION, name, parts);
  });
}
