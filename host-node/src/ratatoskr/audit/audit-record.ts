/**
 * One line of the audit file, and the chain that holds the lines together: each carries the
 * SHA-256 over the one before and its own text, so that a line which is changed, left out or moved
 * shows. That the last lines are missing shows by the head (audit-head.ts). Whoever can write all
 * files can make a new chain: keep the last hash elsewhere (the log has it when the server stops),
 * then that shows too.
 */
import { hash as digest } from 'node:crypto';

export type AuditEvent =
  | 'audit_opened'
  | 'audit_broken'
  | 'audit_lost'
  | 'connection_established'
  | 'connection_closed'
  | 'connection_refused'
  | 'authentication'
  | 'authorization'
  | 'message_delivered'
  | 'rate_limit'
  | 'error';

/** Never a token, a payload, a signature or a nonce: there is no field for them. */
export interface AuditEntry {
  event: AuditEvent;
  success: boolean;
  /** Number of the connection since the start. */
  connection?: number;
  transport?: string;
  address?: string;
  /** Those of the session; of a message that was refused, those that it names. */
  device?: string;
  user?: string;
  /** Device of the session by which a message came that names another one. */
  owner?: string;
  /** Message type by number. */
  type?: number;
  requestId?: string;
  /** The finer reason, one of our own words. */
  reason?: string;
  /** In the first record of a file: the hash that the file before ended with. */
  previous?: string;
  /** In an audit_broken: the head that the log contradicts, as it stood in its file. */
  former?: string;
}

export interface AuditRecord extends AuditEntry {
  sequence: number;
  /** ISO 8601, UTC. */
  time: string;
}

/** Before the first record of all. */
export const CHAIN_START = '0'.repeat(64);
/** `,"hash":"` 64 hex digits `"}`. */
const SEAL = /^(\{.*),"hash":"([0-9a-f]{64})"\}$/;

function hashOf(previous: string, text: string): string {
  return digest('sha256', `${previous}\n${text}`);
}

/** A record, given as JSON without its sequence, as a line without its newline, and its hash. */
export function sealRecord(
  unnumbered: string,
  { next, hash: previous }: ChainEnd,
): { line: string; hash: string } {
  const text = `{"sequence":${next},${unnumbered.slice(1)}`;
  const hash = hashOf(previous, text);
  return { line: `${text.slice(0, -1)},"hash":"${hash}"}`, hash };
}

/** What a line says its hash is. */
export function hashOfLine(line: string): string | undefined {
  return SEAL.exec(line)?.[2];
}

export interface Unsealed {
  record: AuditRecord;
  hash: string;
}

/** The record and hash of a line that follows `previous`; undefined: it does not. */
export function unsealLine(line: string, previous: string): Unsealed | undefined {
  const [, open, hash] = SEAL.exec(line) ?? [];
  if (open === undefined || hash === undefined) return undefined;
  const text = `${open}}`;
  if (hashOf(previous, text) !== hash) return undefined;
  const record = parseRecord(text);
  return record && { record, hash };
}

/** Undefined: it is none. A first line is looked at before its hash, which its own text names. */
function parseRecord(text: string): AuditRecord | undefined {
  try {
    const record = JSON.parse(text) as AuditRecord;
    return Number.isSafeInteger(record.sequence) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Where a chain stands. */
export interface ChainEnd {
  /** Sequence of the next record. */
  next: number;
  hash: string;
}

export const chainStart: ChainEnd = { next: 0, hash: CHAIN_START };

export type ChainVerdict =
  /**
   * `breaks`: records that tell that it was not what it had been. `leftOut`: how many events came
   * too fast to be written, by those that say so.
   */
  | { ok: true; end: ChainEnd; records: number; breaks: AuditRecord[]; leftOut: number }
  /** 1 for the first line. */
  | { ok: false; line: number; problem: string };

/**
 * What a file says that it follows, for the oldest that is kept. Undefined: it has no first record.
 */
export function startOf(text: string): ChainEnd | undefined {
  const [, open] = SEAL.exec(text.split('\n', 1)[0] ?? '') ?? [];
  if (open === undefined) return undefined;
  const record = parseRecord(`${open}}`);
  if (record?.event !== 'audit_opened' || record.previous === undefined) return undefined;
  return { next: record.sequence, hash: record.previous };
}

/** Checks the lines of one file, which follow `start`. */
export function verifyChain(text: string, start: ChainEnd): ChainVerdict {
  const lines = text.split('\n');
  const last = lines.pop();
  const breaks: AuditRecord[] = [];
  let leftOut = 0;
  let end = start;
  for (const [index, line] of lines.entries()) {
    const unsealed = unsealLine(line, end.hash);
    const problem = !unsealed
      ? 'changed, or not the line that was here'
      : unsealed.record.sequence !== end.next
        ? `wanted record ${end.next}, found ${unsealed.record.sequence}`
        : undefined;
    if (!unsealed || problem) return { ok: false, line: index + 1, problem: problem as string };
    const { event, reason } = unsealed.record;
    if (event === 'audit_broken') breaks.push(unsealed.record);
    if (event === 'audit_lost') leftOut += Number(reason) || 0;
    end = { next: end.next + 1, hash: unsealed.hash };
  }
  if (last !== '') return { ok: false, line: lines.length + 1, problem: 'cut off' };
  return { ok: true, end, records: lines.length, breaks, leftOut };
}

/** What is wrong with a file, for people. */
export function problemOf({ line, problem }: ChainVerdict & { ok: false }): string {
  return `line ${line}: ${problem}`;
}
