/** How a host runs a case: by a table of functions, of which it need not have all. */
import { type Case, Fields, hexOf, type Outcome, type Result } from '../case.ts';

export type HostFunction = (fields: Fields) => Outcome | Promise<Outcome>;
export type Functions = Readonly<Record<string, HostFunction>>;

export const output = (bytes: Uint8Array): Outcome => ({ output: hexOf(bytes) });
export const verdict = (word: string): Outcome => ({ verdict: wordOf(word) });

/** A reason as the WIT spells it. */
export function wordOf(reason: string): string {
  return reason.toLowerCase().replaceAll('_', '-');
}

export async function runCase(functions: Functions, item: Case): Promise<Result> {
  const { id } = item;
  const wanted = functions[item.function];
  if (!wanted) return { id, unsupported: true };
  try {
    return { id, ...(await wanted(new Fields(item.input))) };
  } catch (error) {
    return { id, failure: error instanceof Error ? error.message : `${error}` };
  }
}

export async function runCases(functions: Functions, cases: readonly Case[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of cases) results.push(await runCase(functions, item));
  return results;
}
