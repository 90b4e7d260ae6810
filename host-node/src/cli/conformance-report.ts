/** What `andvari conformance` tells of its results: to people, to machines, and in files. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { differences } from '../conformance/finding.ts';
import { bytesAsText, countVerdicts, type Report } from '../conformance/report.ts';
import { emitHtml } from '../conformance/report-html.ts';
import { emitJunit } from '../conformance/report-junit.ts';
import type { CaseResult } from '../conformance/verdict.ts';
import type { CommandContext } from './command-context.ts';

export class ConformanceUsageError extends Error {
  readonly code = 'ANDVARI_USAGE';
}

export interface ReportFiles {
  junit?: string;
  html?: string;
}

/**
 * A file that cannot be written is told before the first case, not after the last. One that is
 * there keeps what it says until there is a new report.
 */
export function tryReports({ junit, html }: ReportFiles): void {
  for (const path of [junit, html]) {
    if (path === undefined) continue;
    const wasThere = existsSync(path);
    writeReport(path, '', 'a');
    if (!wasThere) rmSync(path);
  }
}

export function writeReports(report: Report, { junit, html }: ReportFiles): void {
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

export function tellCase(
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

export function tellEnd({ results }: Report, json: boolean, context: CommandContext): void {
  const { pass, fail, warn, skip } = countVerdicts(results);
  if (json) context.event({ event: 'end', pass, fail, warn, skip });
  else context.result(`${pass} pass, ${fail} fail, ${warn} differ (SHOULD), ${skip} not tried`);
}
