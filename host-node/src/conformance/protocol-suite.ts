/**
 * Suites of the protocols beside RAIDA: cases one after the other, each with a conversation of its
 * own, in bounded time.
 */
import type { CaseFacts } from './case.ts';
import { type CaseResult, UnreachableError, verdictOf } from './verdict.ts';

/** What a case talks through; closed behind it, whatever it has left open. */
export interface Talk {
  close(): Promise<void>;
}

export interface ProtocolCase<T> extends CaseFacts {
  run(talk: T): Promise<void>;
}

/** A row of a table of cases: name, title, what it does, and what it has of its own. */
export type ProtocolRow<T> = readonly [
  name: string,
  title: string,
  run: (talk: T) => Promise<void>,
  more?: Partial<CaseFacts>,
];

/** Makes cases of rows; ids begin with `prefix`. */
export function protocolCases<T>(
  prefix: string,
  section: string,
  rows: readonly ProtocolRow<T>[],
): ProtocolCase<T>[] {
  return rows.map(([name, title, run, more]) => {
    return { level: 'MUST' as const, section, ...more, id: `${prefix}/${name}`, title, run };
  });
}

export interface ProtocolSuite<T extends Talk> {
  readonly cases: readonly ProtocolCase<T>[];
  talk(signal: AbortSignal): T;
  /** Any answer will do. Throws what is wrong when there is none. */
  probe(talk: T): Promise<void>;
}

export interface ProtocolRunOptions {
  /** As the user named it. */
  target: string;
  signal: AbortSignal;
  onResult: (result: CaseResult) => void;
}

const CASE_MS_MAX = 60_000;
const SUITE_MS_MAX = 600_000;
/** Cases in a row that fail, after which the server is asked whether it still lives. */
const FAILED_CASES_MAX = 3;
const PROBES = 3;

/**
 * Runs those of the suite's cases that are chosen.
 * @throws UnreachableError; what the signal is aborted with
 */
export async function runProtocol<T extends Talk>(
  suite: ProtocolSuite<T>,
  chosen: readonly CaseFacts[],
  { target, signal, onResult }: ProtocolRunOptions,
): Promise<void> {
  const ids = new Set(chosen.map(({ id }) => id));
  const alive = (problem: string) => probe(suite, signal, `${target} ${problem}`);
  await alive('does not answer');
  const startedMs = performance.now();
  let failed = 0;
  for (const one of suite.cases.filter(({ id }) => ids.has(id))) {
    const result = await runOne(suite, one, signal);
    signal.throwIfAborted();
    onResult(result);
    failed = result.verdict === 'fail' || result.verdict === 'warn' ? failed + 1 : 0;
    if (failed === FAILED_CASES_MAX) {
      await alive(`no longer answers since ${one.id}`);
      failed = 0;
    }
    if (performance.now() - startedMs > SUITE_MS_MAX) {
      throw new UnreachableError(`${target} answers too slowly: ${one.id} was the last case`);
    }
  }
}

async function runOne<T extends Talk>(
  suite: ProtocolSuite<T>,
  one: ProtocolCase<T>,
  stop: AbortSignal,
): Promise<CaseResult> {
  const talk = suite.talk(AbortSignal.any([stop, AbortSignal.timeout(CASE_MS_MAX)]));
  const startedMs = performance.now();
  try {
    const result = await verdictOf(one, () => one.run(talk));
    return { ...result, elapsedMs: performance.now() - startedMs };
  } finally {
    await talk.close();
  }
}

async function probe<T extends Talk>(
  suite: ProtocolSuite<T>,
  signal: AbortSignal,
  problem: string,
): Promise<void> {
  let why = '';
  for (let i = 0; i < PROBES; i++) {
    const talk = suite.talk(signal);
    try {
      await suite.probe(talk);
      return;
    } catch (error) {
      why = (error as Error).message;
    } finally {
      await talk.close();
    }
    signal.throwIfAborted();
  }
  throw new UnreachableError(`${problem} (${why})`);
}
