/** Runs cases against a server, one after the other, in bounded time. */
import { Status } from '@andvari/host-common/engine/generated/status';
import type { ConformanceCase } from './case.ts';
import { withAns } from './coins.ts';
import { Conversation, type Exchange, type Patience, type Subject } from './conversation.ts';
import { exchange } from './exchange.ts';
import { ConformanceFailure, type Evidence, Inapplicable } from './finding.ts';
import { applies, type NumberedCase } from './suite.ts';

/** `warn`: a SHOULD that does not hold. `skip`: it could not be tried. */
export type Verdict = 'pass' | 'fail' | 'warn' | 'skip';

export interface CaseResult {
  case: ConformanceCase;
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

export interface RunOptions {
  subject: Subject;
  patience: Patience;
  signal: AbortSignal;
  onResult?: (result: CaseResult) => void;
  /** Something about the server that the user should know. */
  onRemark?: (remark: string) => void;
}

/** The longest case waits for reservations (16 s) and for a fix (32 s). */
const CASE_MS_MAX = 90_000;
/** After that a server that answers only now and then is given up. */
const SUITE_MS_MAX = 1_200_000;
const PROBES = 3;
/** Silent cases in a row after which the server is asked whether it still lives. */
const SILENT_CASES_MAX = 3;

/**
 * Runs those cases that apply.
 * @throws UnreachableError; what the signal is aborted with
 */
export async function runCases(
  cases: readonly NumberedCase[],
  options: RunOptions,
): Promise<CaseResult[]> {
  const { subject, signal } = options;
  await probe(options, 'does not answer');
  await remarkState(options);
  const startedMs = performance.now();
  const results: CaseResult[] = [];
  let silent = 0;
  for (const one of cases) {
    if (!applies(one.case, subject)) continue;
    const result = await runCase(one, options);
    signal.throwIfAborted();
    results.push(result);
    options.onResult?.(result);
    const isSilent = result.evidence !== undefined && result.evidence.received.length === 0;
    silent = isSilent ? silent + 1 : 0;
    if (silent >= SILENT_CASES_MAX) {
      await probe(options, `no longer answers since ${one.case.id}`);
      silent = 0;
    }
    if (performance.now() - startedMs > SUITE_MS_MAX) {
      throw new UnreachableError(`the server answers too slowly: ${results.length} cases done`);
    }
  }
  return results;
}

async function runCase(one: NumberedCase, options: RunOptions): Promise<CaseResult> {
  const talk = conversation(one.case.id, one.block, options);
  const startedMs = performance.now();
  const result = await verdictOf(one.case, () => one.case.run(talk));
  const cleaned: CaseResult[] = [];
  for (const cleanup of talk.cleanups.reverse()) cleaned.push(await verdictOf(one.case, cleanup));
  const elapsedMs = performance.now() - startedMs;
  // What a case leaves behind is its fault as well, unless it has a fault already.
  const worst =
    result.verdict === 'pass' ? cleaned.find(({ verdict }) => verdict !== 'pass') : undefined;
  return { ...(worst ?? result), elapsedMs };
}

async function verdictOf(one: ConformanceCase, act: () => Promise<void>): Promise<CaseResult> {
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

function conversation(caseId: string, block: number, options: RunOptions): Conversation {
  const { subject, patience } = options;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(CASE_MS_MAX)]);
  const send: Exchange = (pieces, more) => exchange(subject.target, pieces, { ...more, signal });
  return new Conversation({ caseId, block, subject, patience, exchange: send });
}

/** Any answer will do. */
async function probe(options: RunOptions, problem: string): Promise<void> {
  const { subject, patience, signal } = options;
  const { transport, host, port } = subject.target;
  const talk = conversation('raida/probe', 0, options);
  const { bytes } = talk.build({ group: 0, command: 0, payload: null });
  let why = '';
  for (let i = 0; i < PROBES; i++) {
    const wanted = (came: Buffer) => (came.length >= 32 ? came.length : undefined);
    const timeoutMs = patience.replyMs;
    const received = await exchange(subject.target, [bytes], { timeoutMs, signal, wanted });
    signal.throwIfAborted();
    if (received.bytes.length > 0) return;
    if (received.problem !== undefined) why = ` (${received.problem})`;
  }
  throw new UnreachableError(`${transport}://${host}:${port} ${problem}${why}`);
}

/** Tells when the server is plainly not prepared; its cases then fail one after the other. */
async function remarkState(options: RunOptions): Promise<void> {
  const talk = conversation('raida/probe', 0, options);
  try {
    const payload = withAns([talk.stateCoin({ denomination: 0, serialNumber: 0 })]);
    await talk.ask({ group: 1, command: 10, payload }, { status: Status.ALL_PASS });
  } catch (error) {
    if (!(error instanceof ConformanceFailure)) throw error;
    options.onRemark?.(
      `the server does not have the suite's state of RAIDA ${options.subject.raidaId} ` +
        `in wire ${options.subject.wire} (${error.message}); see andvari conformance state`,
    );
  }
}
