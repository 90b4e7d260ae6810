/**
 * The head of an audit log, PATH.head: number and hash of the last record, written after each time
 * that the log was, and before the first. A log that ends before it has lost its last lines, and
 * one that has another record in its place is another log.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { readIfThere } from './audit-place.ts';
import { type ChainEnd, chainStart, hashOfLine, startOf } from './audit-record.ts';

const headSchema = z.strictObject({
  /** -1: no record yet. */
  sequence: z.int().min(-1),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

/** As it stands there. */
export interface KeptHead {
  text: string;
  /** Undefined: it is damaged, by a power cut or by somebody. */
  record: z.infer<typeof headSchema> | undefined;
}

export function headPath(auditPath: string): string {
  return `${auditPath}.head`;
}

/** Undefined: none is kept. @throws AuditFileError */
export function readHead(auditPath: string): KeptHead | undefined {
  const text = readIfThere(headPath(auditPath));
  if (text === undefined) return undefined;
  try {
    return { text, record: headSchema.parse(JSON.parse(text)) };
  } catch {
    return { text, record: undefined };
  }
}

/** Whole or not at all, and not flushed, as the log itself. Throws Node's errors. */
export function writeHead(auditPath: string, { next, hash }: ChainEnd): void {
  const path = headPath(auditPath);
  const text = `${JSON.stringify({ sequence: next - 1, hash })}\n`;
  writeFileSync(`${path}.tmp`, text, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

/**
 * What the head says against a log; undefined: nothing.
 * @param end of the log
 * @param texts its files that have records, whole lines alone, the youngest first
 */
export function headProblem(
  head: KeptHead,
  end: ChainEnd,
  texts: Iterable<string>,
): string | undefined {
  if (!head.record) return 'the head that was kept is damaged';
  const { sequence, hash } = head.record;
  if (sequence >= end.next) {
    const records = sequence === end.next ? 'record' : `records ${end.next} to`;
    return `the end is missing: ${records} ${sequence}, by the head that was kept`;
  }
  let empty = true;
  for (const text of texts) {
    empty = false;
    const start = startOf(text) ?? chainStart;
    if (sequence < start.next - 1) continue;
    const found =
      sequence < start.next ? start.hash : hashOfLine(lineAt(text, sequence - start.next));
    if (found === hash) return undefined;
    // A chain that was broken and begun anew counts from 0 again: the older ones say nothing.
    return `record ${sequence} is not the one that was kept as the head`;
  }
  return empty ? undefined : `record ${sequence}, which was kept as the head, is in no file`;
}

function lineAt(text: string, index: number): string {
  return text.split('\n')[index] ?? '';
}
