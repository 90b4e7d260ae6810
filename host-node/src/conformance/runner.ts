/** Runs cases against a server, one after the other, in bounded time. */
import { Status } from '@andvari/host-common/engine/generated/status';
import { withAns } from './coins.ts';
import { Conversation, type Exchange, type Patience, type Subject } from './conversation.ts';
import { exchange } from './exchange.ts';
import { ConformanceFailure } from './finding.ts';
import { applies, type NumberedCase } from './suite.ts';
import { type CaseResult, UnreachableError, verdictOf } from './verdict.ts';

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
/** Replies in a row that do not end, or go on and on, after which a server is given up. */
const FAULTY_REPLIES_MAX = 12;
/** Bytes of the reply to a probe that are read at most. */
const PROBE_BYTES_MAX = 256;

interface Run extends RunOptions {
  /** Replies in a row that were longer than expected or did not end in time. */
  faulty: number;
}

/**
 * Runs those cases that apply.
 * @throws UnreachableError; what the signal is aborted with
 */
export async function runCases(
  cases: readonly NumberedCase[],
  options: RunOptions,
): Promise<CaseResult[]> {
  const { subject, signal } = options;
  const run: Run = { ...options, faulty: 0 };
  await probe(run, 'does not answer');
  await remarkState(run);
  const startedMs = performance.now();
  const results: CaseResult[] = [];
  let silent = 0;
  for (const one of cases) {
    if (!applies(one.case, subject)) continue;
    const result = await runCase(one, run);
    signal.throwIfAborted();
    results.push(result);
    options.onResult?.(result);
    const isSilent = result.evidence !== undefined && result.evidence.received.length === 0;
    silent = isSilent ? silent + 1 : 0;
    if (silent >= SILENT_CASES_MAX) {
      await probe(run, `no longer answers since ${one.case.id}`);
      silent = 0;
    }
    if (run.faulty >= FAULTY_REPLIES_MAX) {
      const { transport, host, port } = subject.target;
      throw new UnreachableError(
        `${transport}://${host}:${port} gives no usable reply any more: ` +
          `${run.faulty} in a row were too long or did not end in time`,
      );
    }
    if (performance.now() - startedMs > SUITE_MS_MAX) {
      throw new UnreachableError(`the server answers too slowly: ${results.length} cases done`);
    }
  }
  return results;
}

async function runCase(one: NumberedCase, run: Run): Promise<CaseResult> {
  const talk = conversation(one.case.id, one.block, run);
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

function conversation(caseId: string, block: number, run: Run): Conversation {
  const { subject, patience } = run;
  const signal = AbortSignal.any([run.signal, AbortSignal.timeout(CASE_MS_MAX)]);
  const send: Exchange = async (pieces, more) => {
    // A case of many requests ends here as well.
    const isGivenUp = run.faulty >= FAULTY_REPLIES_MAX;
    if (isGivenUp) return { bytes: Buffer.alloc(0), closed: false, problem: 'given up' };
    const received = await exchange(subject.target, pieces, { ...more, signal });
    if (received.fault) run.faulty++;
    // Silence tells nothing, and neither does what comes where none is waited for.
    else if (more.wanted && received.bytes.length > 0) run.faulty = 0;
    return received;
  };
  return new Conversation({ caseId, block, subject, patience, exchange: send });
}

/** Any answer will do. */
async function probe(run: Run, problem: string): Promise<void> {
  const { subject, patience, signal } = run;
  const { transport, host, port } = subject.target;
  const talk = conversation('raida/probe', 0, run);
  const { bytes } = talk.build({ group: 0, command: 0, payload: null });
  let why = '';
  for (let i = 0; i < PROBES; i++) {
    const wanted = (came: Buffer) => (came.length >= 32 ? came.length : undefined);
    const limits = { timeoutMs: patience.replyMs, bytesMax: PROBE_BYTES_MAX };
    const received = await exchange(subject.target, [bytes], { ...limits, signal, wanted });
    signal.throwIfAborted();
    if (received.bytes.length > 0) return;
    if (received.problem !== undefined) why = ` (${received.problem})`;
  }
  throw new UnreachableError(`${transport}://${host}:${port} ${problem}${why}`);
}

/** Tells when the server is plainly not prepared; its cases then fail one after the other. */
async function remarkState(run: Run): Promise<void> {
  const talk = conversation('raida/probe', 0, run);
  try {
    const payload = withAns([talk.stateCoin({ denomination: 0, serialNumber: 0 })]);
    await talk.ask({ group: 1, command: 10, payload }, { status: Status.ALL_PASS });
  } catch (error) {
    if (!(error instanceof ConformanceFailure)) throw error;
    run.onRemark?.(
      `the server does not have the suite's state of RAIDA ${run.subject.raidaId} ` +
        `in wire ${run.subject.wire} (${error.message}); see andvari conformance state`,
    );
  }
}
