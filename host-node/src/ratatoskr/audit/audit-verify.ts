/** Whether an audit log is what was written. Reads alone, also while a server writes. */
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type AuditBreak, breaksPath, toldBreaks } from './audit-breaks.ts';
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
  | ({ ok: true } & AuditWhole)
  /** `missing`: there is nothing of a log. */
  | { ok: false; file: string; problem: string; missing?: true };

export interface AuditWhole {
  records: number;
  /** Hash of the last record, in hex. */
  head: string;
  /** By PATH.head its end is there too. */
  headKept: boolean;
  /**
   * Of a last line that has no end, behind all that the head knows: a process was killed while it
   * wrote. The next start takes it away. 0: there is none.
   */
  unfinishedBytes: number;
  /** It is whole now, and was not when a server found it; the oldest first. */
  breaks: AuditBreak[];
  /** Events that came too fast to be written: records say how many. */
  leftOut: number;
}

/** How often a log is looked at that seems broken and may change meanwhile. */
const LOOKS_MAX = 5;
/** Between two looks at what a server leaves for a moment, or longer on a busy machine. */
const PAUSE_MS = 50;
const NO_FILE = 'there is no such file';

/**
 * Checks all files of an audit log, the oldest first. A server that writes it meanwhile may have
 * been in the middle of a line, or of a rotation: what seems broken is looked at again. Blocks for
 * 0.2 s more if its last line has no end, or it is gone and something of it is there.
 * Throws AuditFileError and Node's errors.
 */
export function verifyAuditFiles(path: string): AuditVerdict {
  const place = auditPlace(path);
  for (let looks = 1; ; looks++) {
    const before = stampOf(place);
    const { verdict, passes } = verifyAt(place, path);
    if ((verdict.ok && !passes) || looks === LOOKS_MAX) return verdict;
    if (stampOf(place) !== before) continue;
    if (!passes) return verdict;
    pause();
  }
}

interface Look {
  verdict: AuditVerdict;
  /** A server that writes now leaves it so for a moment. */
  passes?: boolean;
}

function verifyAt(place: string, asked: string): Look {
  // Before the log: a server that writes it meanwhile only adds records behind this one.
  const head = readHead(place);
  const stats = statSync(place, { throwIfNoEntry: false });
  const rotated = existsSync(dirname(place)) ? rotatedFiles(place) : [];
  // Between the steps of a rotation, in which a server may have been killed, there is no log; that
  // nothing is missing then is for the head to say.
  const isBetween = stats === undefined && head !== undefined && rotated.length > 0;
  const without = () => lookWithout(stats ? 'it is no file' : NO_FILE, asked, { place, rotated });
  if (!stats?.isFile() && !isBetween) return without();
  const written = textParts(readIfThere(place) ?? '');
  const chain = followFiles(rotated, place, written.whole);
  if ('problem' in chain) return { verdict: { ok: false, ...chain } };
  const { records, end, leftOut } = chain;
  const unfinishedBytes = Buffer.byteLength(written.rest);
  if (unfinishedBytes > 0 && !head) {
    const problem = `line ${written.whole.split('\n').length}: cut off`;
    return { verdict: { ok: false, file: place, problem }, passes: true };
  }
  const texts = function* () {
    if (written.whole !== '') yield written.whole;
    yield* textsOf(rotated.reverse());
  };
  const problem = head && headProblem(head, end, texts());
  if (problem && isBetween) return without();
  if (problem) {
    return { verdict: { ok: false, file: head.record ? asked : headPath(place), problem } };
  }
  const breaks = toldBreaks(place, chain.breaks);
  const headKept = head !== undefined;
  const whole = { records, head: end.hash, headKept, unfinishedBytes, breaks, leftOut };
  return { verdict: { ok: true, ...whole }, passes: unfinishedBytes > 0 };
}

/** Whole lines, and what is behind them. */
function textParts(text: string): { whole: string; rest: string } {
  const length = text.lastIndexOf('\n') + 1;
  return { whole: text.slice(0, length), rest: text.slice(length) };
}

/** There is no log. What is left of one tells that there was; in a rotation it is gone too. */
function lookWithout(
  problem: string,
  asked: string,
  { place, rotated }: { place: string; rotated: readonly string[] },
): Look {
  const left = [headPath(place), breaksPath(place)].filter((path) => existsSync(path));
  const [youngest] = rotated.slice(-1);
  if (youngest !== undefined) {
    left.push(rotated.length === 1 ? youngest : `${rotated.length} files up to ${youngest}`);
  }
  if (left.length === 0) return { verdict: { ok: false, file: asked, problem, missing: true } };
  const told = `${problem}, but this is left of its log: ${left.join(', ')}`;
  return { verdict: { ok: false, file: asked, problem: told }, passes: true };
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
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
  leftOut: number;
}

/** Through the rotated files, which were whole when they were, and the whole lines of the log. */
function followFiles(
  rotated: readonly string[],
  place: string,
  whole: string,
): Chain | { file: string; problem: string } {
  let end: ChainEnd | undefined;
  let [records, leftOut] = [0, 0];
  const breaks: AuditRecord[] = [];
  for (const file of [...rotated, place]) {
    const text = file === place ? whole : readIfThere(file);
    if (text === undefined || text === '') continue;
    const verdict = verifyChain(text, end ?? startOf(text) ?? chainStart);
    if (!verdict.ok) return { file, problem: problemOf(verdict) };
    end = verdict.end;
    records += verdict.records;
    leftOut += verdict.leftOut;
    breaks.push(...verdict.breaks);
  }
  return { end: end ?? chainStart, records, breaks, leftOut };
}
