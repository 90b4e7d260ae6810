/** What a run says of each case, and of a server that is not there. */
import type { CaseFacts } from './case.ts';
import { ConformanceFailure, type Evidence, Inapplicable } from './finding.ts';

/** `warn`: a SHOULD that does not hold. `skip`: it could not be tried. */
export type Verdict = 'pass' | 'fail' | 'warn' | 'skip';

export interface CaseResult {
  case: CaseFacts;
  verdict: Verdict;
  elapsedMs: number;
  /** Why not `pass`. */
  problem?: string;
  evidence?: Evidence;
}

/** Nobody answers at the target, or nobody does any more. */
export class UnreachableError extends Error {
  readonly code = 'ANDVARI_UNREACHABLE';
  override readonly name = 'UnreachableError';
}

/** The case is what `act` does. */
export async function verdictOf(one: CaseFacts, act: () => Promise<void>): Promise<CaseResult> {
  try {
    await act();
    return { case: one, verdict: 'pass', elapsedMs: 0 };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    if (error instanceof Inapplicable) return { case: one, verdict: 'skip', elapsedMs: 0, problem };
    const verdict = one.level === 'MUST' ? 'fail' : 'warn';
    const evidence = error instanceof ConformanceFailure ? error.evidence : undefined;
    return { case: one, verdict, elapsedMs: 0, problem, ...(evidence ? { evidence } : {}) };
  }
}
