/** Whether an audit log is what was written. Reads alone, also while a server writes. */
import { statSync } from 'node:fs';
import { type AuditBreak, toldBreaks } from './audit-breaks.ts';
import { headPath, headProblem, readHead } from './audit-head.ts';
import { auditPlace, readIfThere, rotatedFiles, textsOf } from './audit-place.ts';
import {
  type AuditRecord,
  type ChainEnd,
  chainStart,
  problemOf,
  startOf,
  verifyChain,
} from './audit-record.ts';

/** Of a log: whole, there but without any record, or not; `problem` is for people. */
export type AuditVerdict =
  /**
   * `headKept`: by PATH.head its end is there too. `breaks`: it is whole now, and was not when a
   * server found it, the oldest first.
   */
  | { ok: true; records: number; head: string; headKept: boolean; breaks: AuditBreak[] }
  | { ok: false; file: string; problem: string; missing?: true };

/** How often a log is looked at that seems broken and changes meanwhile. */
const LOOKS_MAX = 5;

/**
 * Checks all files of an audit log, the oldest first. A server that writes it meanwhile may have
 * been in the middle of a line, or of a rotation: what seems broken is looked at again.
 * Throws AuditFileError and Node's errors.
 */
export function verifyAuditFiles(path: string): AuditVerdict {
  const place = auditPlace(path);
  for (let looks = 1; ; looks++) {
    const before = stampOf(place);
    const verdict = verifyAt(place, path);
    if (verdict.ok || looks === LOOKS_MAX || stampOf(place) === before) return verdict;
  }
}

function verifyAt(place: string, asked: string): AuditVerdict {
  // Before the log: a server that writes it meanwhile only adds records behind this one.
  const head = readHead(place);
  const stats = statSync(place, { throwIfNoEntry: false });
  if (!stats?.isFile()) {
    const problem = stats ? 'it is no file' : 'there is no such file';
    return { ok: false, file: asked, problem, missing: true };
  }
  const files = [...rotatedFiles(place), place];
  const chain = followFiles(files);
  if ('problem' in chain) return { ok: false, ...chain };
  const problem = head && headProblem(head, chain.end, textsOf(files.reverse()));
  if (problem) return { ok: false, file: head.record ? asked : headPath(place), problem };
  const breaks = toldBreaks(place, chain.breaks);
  const { records, end } = chain;
  return { ok: true, records, head: end.hash, headKept: head !== undefined, breaks };
}

/** Another one when the log was written or rotated. */
function stampOf(place: string): string {
  const { ino, size, mtimeMs } = statSync(place, { throwIfNoEntry: false }) ?? {};
  return `${ino} ${size} ${mtimeMs}`;
}

interface Chain {
  end: ChainEnd;
  records: number;
  breaks: AuditRecord[];
}

function followFiles(files: readonly string[]): Chain | { file: string; problem: string } {
  let end: ChainEnd | undefined;
  let records = 0;
  const breaks: AuditRecord[] = [];
  for (const file of files) {
    const text = readIfThere(file);
    if (text === undefined || text === '') continue;
    const verdict = verifyChain(text, end ?? startOf(text) ?? chainStart);
    if (!verdict.ok) return { file, problem: problemOf(verdict) };
    end = verdict.end;
    records += verdict.records;
    breaks.push(...verdict.breaks);
  }
  return { end: end ?? chainStart, records, breaks };
}
