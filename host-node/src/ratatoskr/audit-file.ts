/**
 * Audit records on the disk: lines in PATH, and in PATH.000001, PATH.000002 ... those that were
 * there before, the largest number the youngest; in PATH.head where they end. Mode 0600. Lines are
 * written a few times a second and not flushed: the file is evidence, not a journal.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { contradicts, DAMAGED_HEAD, headPath, lossOf, readHead, writeHead } from './audit-head.ts';
import {
  type ChainEnd,
  type ChainVerdict,
  chainStart,
  sealRecord,
  startOf,
  verifyChain,
} from './audit-record.ts';
import { AUDIT_FILE_BYTES_MAX, AUDIT_FILES_MAX } from './limits.ts';

export interface AuditFileOptions {
  path: string;
  fileBytesMax?: number;
  filesMax?: number;
}

/** Why a chain that was here could not be gone on with. */
export type ChainBreak = string | undefined;

export class AuditFile {
  readonly #path: string;
  readonly #fileBytesMax: number;
  readonly #filesMax: number;
  #file: number;
  #bytes: number;
  #end: ChainEnd;

  private constructor(options: AuditFileOptions, state: { end: ChainEnd }) {
    this.#path = options.path;
    this.#fileBytesMax = options.fileBytesMax ?? AUDIT_FILE_BYTES_MAX;
    this.#filesMax = options.filesMax ?? AUDIT_FILES_MAX;
    this.#file = openSync(options.path, 'a', 0o600);
    this.#bytes = fstatSync(this.#file).size;
    this.#end = state.end;
  }

  /**
   * Goes on where the file ends. A last line that a crash has cut is taken away; a chain that is
   * broken elsewhere is put aside, and a new one begins; whole lines that are missing at the end
   * are told. Throws Node's errors.
   */
  static open(options: AuditFileOptions): { file: AuditFile; broken: ChainBreak } {
    const { path } = options;
    const text = readIfThere(path);
    const head = readHead(path);
    if (text === undefined || text === '') {
      const [youngest] = rotatedFiles(path).slice(-1);
      const before = youngest === undefined ? '' : readFileSync(youngest, 'utf8');
      const verdict = verifyChain(before, startOf(before) ?? chainStart);
      const end = verdict.ok ? verdict.end : chainStart;
      const file = new AuditFile(options, { end });
      return { file, broken: verdict.ok ? lossOf(head, end) : `${youngest}: ${told(verdict)}` };
    }
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    const cut = Buffer.byteLength(text) - Buffer.byteLength(whole);
    const verdict = verifyChain(whole, startOf(whole) ?? chainStart);
    if (!verdict.ok) {
      renameSync(path, nextName(path));
      return { file: new AuditFile(options, { end: chainStart }), broken: told(verdict) };
    }
    const file = new AuditFile(options, { end: verdict.end });
    if (cut > 0) file.#cutTo(Buffer.byteLength(whole));
    const broken = cut > 0 ? `the last line was cut off (${cut} bytes)` : undefined;
    return { file, broken: lossOf(head, verdict.end) ?? broken };
  }

  /** Hash of the last record. */
  get head(): string {
    return this.#end.hash;
  }

  /**
   * Appends records, all of them or none: each as JSON without `sequence`, which is given here.
   * `opened` makes the first record of a file. Throws Node's errors (a full disk); nothing of the
   * records is in the file then.
   */
  append(records: readonly string[], time: string): void {
    if (this.#bytes >= this.#fileBytesMax) this.#rotate();
    let end = this.#end;
    let text = '';
    const add = (record: string) => {
      const { line, hash } = sealRecord(record, end);
      text += `${line}\n`;
      end = { next: end.next + 1, hash };
    };
    if (this.#bytes === 0) {
      const opened = { time, event: 'audit_opened', success: true, previous: end.hash };
      add(JSON.stringify(opened));
    }
    for (const record of records) add(record);
    const bytes = Buffer.from(text);
    try {
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(this.#file, bytes, written);
      }
    } catch (error) {
      this.#cutTo(this.#bytes);
      throw error;
    }
    this.#bytes += bytes.length;
    this.#end = end;
    try {
      writeHead(this.#path, end);
    } catch {
      // The head of before proves less, but nothing wrong; the records are in the file.
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #cutTo(bytes: number): void {
    ftruncateSync(this.#file, bytes);
    this.#bytes = bytes;
  }

  /** All of it or nothing: the file that is written stays open until there is another. */
  #rotate(): void {
    const aside = nextName(this.#path);
    renameSync(this.#path, aside);
    let next: number;
    try {
      next = openSync(this.#path, 'a', 0o600);
    } catch (error) {
      renameSync(aside, this.#path);
      throw error;
    }
    closeSync(this.#file);
    this.#file = next;
    this.#bytes = 0;
    const old = rotatedFiles(this.#path);
    for (const path of old.slice(0, Math.max(0, old.length - this.#filesMax))) unlinkSync(path);
  }
}

/** Of a log: whole, there but without any record, or not; `problem` is for people. */
export type AuditVerdict =
  /** `headKept`: by PATH.head its end is there too. */
  | { ok: true; records: number; head: string; headKept: boolean }
  | { ok: false; file: string; problem: string; missing?: true };

/** Checks all files of an audit log, the oldest first. Throws Node's errors. */
export function verifyAuditFiles(path: string): AuditVerdict {
  // Before the log: a server that writes it meanwhile only adds records behind this one.
  const head = readHead(path);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isFile()) {
    const problem = stats ? 'it is no file' : 'there is no such file';
    return { ok: false, file: path, problem, missing: true };
  }
  let end: ChainEnd | undefined;
  let records = 0;
  let contradiction: AuditVerdict | undefined;
  for (const file of [...rotatedFiles(path), path]) {
    const text = readIfThere(file);
    if (text === undefined || text === '') continue;
    const start = end ?? startOf(text) ?? chainStart;
    const verdict = verifyChain(text, start);
    if (!verdict.ok) return { ok: false, file, problem: told(verdict) };
    // Not yet: where a chain was broken the next one counts from 0, and the head with it.
    if (head !== DAMAGED_HEAD && contradicts(head, text, start)) {
      const problem = `record ${head?.sequence} is not the one that was kept as the head`;
      contradiction = { ok: false, file, problem };
    }
    end = verdict.end;
    records += verdict.records;
  }
  if (contradiction) return contradiction;
  const loss = lossOf(head, end ?? chainStart);
  if (loss) {
    const file = head === DAMAGED_HEAD ? headPath(path) : path;
    return { ok: false, file, problem: loss };
  }
  const { hash } = end ?? chainStart;
  return { ok: true, records, head: hash, headKept: head !== undefined };
}

/** The rotated files of a log, the oldest first. */
function rotatedFiles(path: string): string[] {
  const start = `${basename(path)}.`;
  const names = readdirSync(dirname(path)).filter(
    (name) => name.startsWith(start) && /^[0-9]{6}$/.test(name.slice(start.length)),
  );
  return names.sort().map((name) => join(dirname(path), name));
}

function nextName(path: string): string {
  const [youngest] = rotatedFiles(path).slice(-1);
  const number = youngest === undefined ? 1 : Number(youngest.slice(-6)) + 1;
  return `${path}.${String(number).padStart(6, '0')}`;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function told({ line, problem }: ChainVerdict & { ok: false }): string {
  return `line ${line}: ${problem}`;
}
