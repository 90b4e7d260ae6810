/** Every case, in the order in which the matrix shows them. */
import type { Case } from '../case.ts';
import { messageCases } from './messages.ts';
import { oracleCases } from './oracle.ts';
import { pinned } from './pinned-runs.ts';
import { primitiveCases } from './primitives.ts';
import { raidaCases } from './raida.ts';
import { transferCases } from './transfer.ts';

/** Throws Error when two have one id. */
export function allCases(): Case[] {
  const messages = [...raidaCases(), ...transferCases(), ...messageCases()];
  const cases = [...primitiveCases(), ...oracleCases(), ...messages].map(pinned);
  const seen = new Set<string>();
  for (const { id } of cases) {
    if (seen.has(id)) throw new Error(`two cases are ${id}`);
    seen.add(id);
  }
  return cases;
}
