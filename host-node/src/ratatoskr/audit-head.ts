/**
 * The head of an audit log, PATH.head: number and hash of the last record, written after each time
 * that the log was. A log that ends before it has lost its last lines.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { type ChainEnd, hashOfLine } from './audit-record.ts';

const headSchema = z.strictObject({
  sequence: z.int().nonnegative(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

export type AuditHead = z.infer<typeof headSchema>;

function pathOf(auditPath: string): string {
  return `${auditPath}.head`;
}

/** Undefined: none is kept, or what is there is none. Throws Node's errors. */
export function readHead(auditPath: string): AuditHead | undefined {
  let text: string;
  try {
    text = readFileSync(pathOf(auditPath), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return headSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Whole or not at all, and not flushed, as the log itself. Throws Node's errors. */
export function writeHead(auditPath: string, { next, hash }: ChainEnd): void {
  const path = pathOf(auditPath);
  const text = `${JSON.stringify({ sequence: next - 1, hash })}\n`;
  writeFileSync(`${path}.tmp`, text, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

/** What the head says against a log that ends so; undefined: nothing. */
export function lossOf(head: AuditHead | undefined, end: ChainEnd): string | undefined {
  if (!head || head.sequence < end.next) return undefined;
  const records = head.sequence === end.next ? 'record' : `records ${end.next} to`;
  return `the end is missing: ${records} ${head.sequence}, by the head that was kept`;
}

/** Whether the head's record, if it is in these whole lines that follow `start`, is another one. */
export function contradicts(head: AuditHead | undefined, text: string, start: ChainEnd): boolean {
  if (!head) return false;
  const line = text.split('\n')[head.sequence - start.next];
  return !!line && hashOfLine(line) !== head.hash;
}
