/**
 * What a server has found at a start that a log was not what it had been: kept in the chain itself
 * (audit_broken), and with the head of then in PATH.head.broken, which no rotation takes away.
 * Lines of JSON, mode 0600.
 */
import { appendFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { headPath, type KeptHead } from './audit-head.ts';
import { AuditFileError, readIfThere } from './audit-place.ts';
import type { AuditRecord } from './audit-record.ts';

/** Some two hundred; who has so many needs no more. */
const FILE_BYTES_MAX = 65_536;
/** Of a head: a whole one has 100. */
const HEAD_LENGTH_MAX = 200;
/** Before what a record says: the start of an `error` of this log has it too. */
const REASON = 'audit log: ';

const breakSchema = z.object({ time: z.string(), problem: z.string() });

/** Found at a start, and not told yet. */
export interface FoundBreak {
  problem: string;
  /** What was kept then. */
  head: KeptHead | undefined;
}

/** As it was told. */
export interface AuditBreak {
  /** ISO 8601; empty: nobody knows. */
  time: string;
  problem: string;
}

export function breaksPath(auditPath: string): string {
  return `${headPath(auditPath)}.broken`;
}

export function brokenReason(problem: string): string {
  return `${REASON}${problem}`;
}

/** The record of the chain, as JSON without its sequence. */
export function breakRecord({ problem, head }: FoundBreak, time: string): string {
  const record: Omit<AuditRecord, 'sequence'> = {
    ...{ time, event: 'audit_broken', success: false, reason: brokenReason(problem) },
    ...(head ? { former: shortened(head) } : {}),
  };
  return JSON.stringify(record);
}

/** Throws Node's errors. */
export function keepBreak(auditPath: string, { problem, head }: FoundBreak, time: string): void {
  const path = breaksPath(auditPath);
  const line = JSON.stringify({ time, problem, head: head ? shortened(head) : null });
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes + line.length < FILE_BYTES_MAX) appendFileSync(path, `${line}\n`, { mode: 0o600 });
}

/**
 * All that were told, once each: by these records of the chain, and beside it.
 * @throws AuditFileError
 */
export function toldBreaks(auditPath: string, records: readonly AuditRecord[]): AuditBreak[] {
  const told = new Map<string, AuditBreak>();
  const add = (each: AuditBreak) => told.set(`${each.time} ${each.problem}`, each);
  for (const each of readBreaks(auditPath)) add(each);
  for (const { time, reason = '' } of records) {
    add({ time, problem: reason.startsWith(REASON) ? reason.slice(REASON.length) : reason });
  }
  return [...told.values()].sort((a, b) => (a.time < b.time ? -1 : 1));
}

function readBreaks(auditPath: string): AuditBreak[] {
  const path = breaksPath(auditPath);
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > FILE_BYTES_MAX) throw new AuditFileError(`${path}: ${bytes} bytes are too many`);
  const lines = (readIfThere(path) ?? '').split('\n').filter((line) => line !== '');
  return lines.map((line, index) => {
    try {
      return breakSchema.parse(JSON.parse(line));
    } catch {
      return { time: '', problem: `${path}: line ${index + 1} is damaged` };
    }
  });
}

function shortened({ text }: KeptHead): string {
  return text.trim().slice(0, HEAD_LENGTH_MAX);
}
