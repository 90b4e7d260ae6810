/** `andvari conformance`: the suite against any RAIDA server, and the state it wants. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { type Command, InvalidArgumentError } from 'commander';
import type { Subject } from '../conformance/conversation.ts';
import { parseTarget } from '../conformance/exchange.ts';
import { differences } from '../conformance/finding.ts';
import { describeCase, rehearse } from '../conformance/rehearsal.ts';
import { bytesAsText, countVerdicts, type Report } from '../conformance/report.ts';
import { emitHtml } from '../conformance/report-html.ts';
import { emitJunit } from '../conformance/report-junit.ts';
import { type CaseResult, runCases } from '../conformance/runner.ts';
import { DEFAULT_COIN_ID, DEFAULT_RAIDA_ID } from '../conformance/state.ts';
import { applies, type NumberedCase, suite } from '../conformance/suite.ts';
import type { CommandContext } from './command-context.ts';
import { parseRaida, wireOption } from './conformance-options.ts';
import { registerConformanceState } from './conformance-state.ts';
import { ExitCode } from './exit-code.ts';

interface ConformanceOptions {
  target?: string;
  wire: 'spec' | 'legacy';
  modern?: boolean;
  raida: number;
  case: string[];
  timeout: number;
  list?: boolean;
  json?: boolean;
  junit?: string;
  html?: string;
}

class ConformanceUsageError extends Error {
  readonly code = 'ANDVARI_USAGE';
}

/** How long silence lasts before it counts. */
const SILENCE_MS = 400;

export function registerConformanceCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('conformance')
    .summary('run the conformance suite against any RAIDA server')
    .description(
      'Run the conformance suite against a RAIDA server, in whatever language it is written. ' +
        "It was prepared with the suite's state before (andvari conformance state).",
    )
    .option('--target <url>', 'udp://HOST:PORT or tcp://HOST:PORT')
    .addOption(wireOption())
    .option('--modern', 'the server takes encryption types 4 and 5 as well')
    .option('--raida <number>', 'number of the server, 0-24', parseRaida, DEFAULT_RAIDA_ID)
    .option(
      '--case <id>',
      'only that case, or all whose id begins so; may be repeated',
      collect,
      [],
    )
    .option('--timeout <ms>', 'how long a reply may take', parseTimeout, 5000)
    .option('--list', 'tell the cases; with --json also their requests; without asking anyone')
    .option('--json', 'one event per line')
    .option('--junit <file>', 'write the results as JUnit XML')
    .option('--html <file>', 'write the results as a page')
    .addHelpText(
      'after',
      '\nExit codes: 0 all pass (a SHOULD that fails is a warning), 1 wrong use, 2 the server\n' +
        'is not there or no longer answers, 3 a MUST failed.',
    )
    .action((options: ConformanceOptions) => runWatched(options, context));
  registerConformanceState(command, context);
}

function parseTimeout(text: string): number {
  const ms = Number(text);
  if (/^\d{1,6}$/.test(text) && ms >= 50 && ms <= 60_000) return ms;
  throw new InvalidArgumentError('wanted milliseconds from 50 to 60000.');
}

function collect(text: string, before: string[]): string[] {
  return [...before, text];
}

/** Cases by id, or by how their ids begin. */
function chosenCases(wanted: readonly string[]): readonly NumberedCase[] {
  if (wanted.length === 0) return suite;
  const has = (id: string, text: string) =>
    id === text || id.startsWith(`${text.replace(/\/$/, '')}/`);
  for (const text of wanted) {
    if (suite.some((one) => has(one.case.id, text))) continue;
    throw new ConformanceUsageError(`--case: there is no ${JSON.stringify(text)}; see --list`);
  }
  return suite.filter((one) => wanted.some((text) => has(one.case.id, text)));
}

/** The same as run(); results that cannot be written are an error. Throws ConformanceUsageError. */
async function runWatched(options: ConformanceOptions, context: CommandContext): Promise<void> {
  const { stdout } = context;
  if (!(stdout instanceof Writable)) {
    await run(options, context);
    return;
  }
  let failure: NodeJS.ErrnoException | undefined;
  const note = (error: NodeJS.ErrnoException) => {
    failure ??= error;
  };
  stdout.on('error', note);
  try {
    await run(options, context);
    // An error event comes after the call that it belongs to.
    await new Promise<void>((resolve) => stdout.write('', () => setImmediate(resolve)));
  } finally {
    stdout.off('error', note);
  }
  // A reader that has had enough (`| head`) is no error.
  if (failure === undefined || failure.code === 'EPIPE') return;
  throw new ConformanceUsageError(`standard output: ${failure.message}`, { cause: failure });
}

async function run(options: ConformanceOptions, context: CommandContext): Promise<void> {
  const cases = chosenCases(options.case);
  if (options.target === undefined && !options.list) {
    throw new ConformanceUsageError('wanted --target udp://HOST:PORT or tcp://HOST:PORT');
  }
  const subject: Subject = {
    target: parseTarget(options.target ?? 'tcp://127.0.0.1:50000'),
    wire: options.wire,
    modern: options.modern ?? false,
    raidaId: options.raida,
    coinId: DEFAULT_COIN_ID,
  };
  if (options.list) {
    const shown =
      options.target === undefined ? cases : cases.filter((one) => applies(one.case, subject));
    await list(shown, { subject, json: options.json ?? false }, context);
    return;
  }
  if (!cases.some((one) => applies(one.case, subject))) {
    throw new ConformanceUsageError(
      `none of these cases applies to ${options.target}, wire ${options.wire}`,
    );
  }
  await measure(cases, { subject, options }, context);
}

async function list(
  cases: readonly NumberedCase[],
  { subject, json }: { subject: Subject; json: boolean },
  context: CommandContext,
): Promise<void> {
  for (const one of cases) {
    if (json) context.event({ ...describeCase(one), ...(await rehearse(one, subject)) });
    else context.result(`${one.case.id}  ${one.case.level}  ${one.case.title}`);
  }
}

async function measure(
  cases: readonly NumberedCase[],
  { subject, options }: { subject: Subject; options: ConformanceOptions },
  context: CommandContext,
): Promise<void> {
  const target = options.target ?? '';
  const json = options.json ?? false;
  const { wire, modern, raidaId } = subject;
  tryReports(options);
  const startedAt = new Date();
  const due = cases.filter((one) => applies(one.case, subject)).length;
  if (json) context.event({ event: 'start', target, wire, modern, raidaId, cases: due });
  else context.note(`${due} cases against ${target}, wire ${wire}${modern ? ', modern' : ''}`);
  let done = 0;
  const results: CaseResult[] = [];
  const finish = () => {
    const report: Report = { target, wire, modern, raidaId, startedAt, results };
    writeReports(report, options);
    tellEnd(report, json, context);
  };
  try {
    await runCases(cases, {
      subject,
      patience: { replyMs: options.timeout, silenceMs: SILENCE_MS },
      signal: context.signal,
      onRemark: (remark) => context.note(`andvari: ${remark}`),
      onResult: (result) => {
        results.push(result);
        tellCase(result, { json, progress: `${++done}/${due}` }, context);
      },
    });
  } catch (error) {
    if (json) tellError(error, context);
    // What was found until then is worth keeping.
    if (results.length > 0) finish();
    throw error;
  }
  finish();
  if (countVerdicts(results).fail > 0) context.exitCode = ExitCode.INTEGRITY;
}

/** The error that ends a run, for machines; people are told it in any case. */
function tellError(error: unknown, context: CommandContext): void {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const unnamed = context.signal.aborted ? 'ANDVARI_INTERRUPTED' : 'ANDVARI_INTERNAL';
  const named = typeof code === 'string' ? code : unnamed;
  context.event({ event: 'error', code: named, message: String(message) });
}

/**
 * A file that cannot be written is told before the first case, not after the last. One that is
 * there keeps what it says until there is a new report.
 */
function tryReports({ junit, html }: ConformanceOptions): void {
  for (const path of [junit, html]) {
    if (path === undefined) continue;
    const wasThere = existsSync(path);
    writeReport(path, '', 'a');
    if (!wasThere) rmSync(path);
  }
}

function writeReports(report: Report, { junit, html }: ConformanceOptions): void {
  if (junit !== undefined) writeReport(junit, emitJunit(report));
  if (html !== undefined) writeReport(html, emitHtml(report));
}

function writeReport(path: string, text: string, flag = 'w'): void {
  try {
    writeFileSync(path, text, { flag });
  } catch (error) {
    throw new ConformanceUsageError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

function tellCase(
  result: CaseResult,
  { json, progress }: { json: boolean; progress: string },
  context: CommandContext,
): void {
  const { case: one, verdict, problem, evidence, elapsedMs } = result;
  if (json) {
    context.event({ event: 'case', ...factsOf(result) });
    return;
  }
  const ms = `${Math.round(elapsedMs)} ms`;
  if (verdict === 'pass') {
    context.note(`${progress} pass ${one.id} (${ms})`);
    return;
  }
  const words = { fail: 'FAIL', warn: 'SHOULD', skip: 'skip' }[verdict];
  context.note(`${progress} ${words} ${one.id}: ${problem} (${ms})`);
  if (verdict === 'skip') return;
  context.note(`    ${one.title} (reference, section ${one.section})`);
  if (one.note !== undefined) context.note(`    ${one.note}`);
  if (!evidence) return;
  context.note(`    request ${evidence.request.subarray(0, 512).toString('hex')}`);
  for (const line of bytesAsText(evidence)) context.note(`    ${line}`);
}

/** A result for machines: bytes in hex, offsets of what differs. */
function factsOf({ case: one, verdict, elapsedMs, problem, evidence }: CaseResult): object {
  const { id, level, title, section, note } = one;
  const facts = { id, level, title, section, ...(note ? { note } : {}), verdict, elapsedMs };
  if (!evidence) return problem === undefined ? facts : { ...facts, problem };
  const { step, request, expected, received, clear } = evidence;
  return {
    ...{ ...facts, problem, step },
    request: request.toString('hex'),
    received: received.toString('hex'),
    ...(expected
      ? { expected: expected.toString('hex'), differences: differences(expected, received) }
      : {}),
    ...(clear ? { clear: clear.toString('hex') } : {}),
  };
}

function tellEnd({ results }: Report, json: boolean, context: CommandContext): void {
  const { pass, fail, warn, skip } = countVerdicts(results);
  if (json) context.event({ event: 'end', pass, fail, warn, skip });
  else context.result(`${pass} pass, ${fail} fail, ${warn} differ (SHOULD), ${skip} not tried`);
}
