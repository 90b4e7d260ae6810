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

type AuditHead = z.infer<typeof headSchema>;

/** What stands in the place of a head that is none: a power cut left it so, or somebody did. */
export const DAMAGED_HEAD = 'damaged';
type KeptHead = AuditHead | typeof DAMAGED_HEAD | undefined;

export function headPath(auditPath: string): string {
  return `${auditPath}.head`;
}

/** Undefined: none is kept. Throws Node's errors. */
export function readHead(auditPath: string): KeptHead {
  let text: string;
  try {
    text = readFileSync(headPath(auditPath), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return headSchema.parse(JSON.parse(text));
  } catch {
    return DAMAGED_HEAD;
  }
}

/** Whole or not at all, and not flushed, as the log itself. Throws Node's errors. */
export function writeHead(auditPath: string, { next, hash }: ChainEnd): void {
  const path = headPath(auditPath);
  const text = `${JSON.stringify({ sequence: next - 1, hash })}\n`;
  writeFileSync(`${path}.tmp`, text, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

/** What the head says against a log that ends so; undefined: nothing. */
export function lossOf(head: KeptHead, end: ChainEnd): string | undefined {
  if (head === DAMAGED_HEAD) return 'the head that was kept is damaged';
  if (!head || head.sequence < end.next) return undefined;
  const records = head.sequence === end.next ? 'record' : `records ${end.next} to`;
  return `the end is missing: ${records} ${head.sequence}, by the head that was kept`;
}

/** Whether the head's record, if it is in these whole lines that follow `start`, is another one. */
export function contradicts(head: KeptHead, text: string, start: ChainEnd): boolean {
  if (!head || head === DAMAGED_HEAD) return false;
  const line = text.split('\n')[head.sequence - start.next];
  return !!line && hashOfLine(line) !== head.hash;
}
