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
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { whyNot } from '../../files/why-not.ts';
import { AUDIT_FILE_BYTES_MAX, AUDIT_FILES_MAX } from '../limits.ts';
import { breakRecord, type FoundBreak, keepBreak } from './audit-breaks.ts';
import { headProblem, readHead, writeHead } from './audit-head.ts';
import {
  AuditFileError,
  AuditLock,
  nextName,
  readIfThere,
  rotatedFiles,
  textsOf,
} from './audit-place.ts';
import {
  type ChainEnd,
  chainStart,
  problemOf,
  sealRecord,
  startOf,
  verifyChain,
} from './audit-record.ts';

export interface AuditFileOptions {
  path: string;
  /** That of `path`, which goes over to the file; without it the file takes it. */
  lock?: AuditLock;
  fileBytesMax?: number;
  filesMax?: number;
}

/** Where a log was left. */
interface Found {
  end: ChainEnd;
  /** Of the file that is written, whole lines. */
  bytes: number;
  /** It is not what was written; the chain will say so. */
  broken?: FoundBreak;
  /** Bytes of a last line that is not whole: a process was killed while it wrote. */
  cut?: number;
}

export class AuditFile {
  readonly #path: string;
  readonly #lock: AuditLock;
  readonly #fileBytesMax: number;
  readonly #filesMax: number;
  #file: number;
  #bytes: number;
  #end: ChainEnd;
  #broken: (FoundBreak & { time?: string }) | undefined;
  #headError: unknown;

  private constructor(options: AuditFileOptions, lock: AuditLock, found: Found) {
    this.#path = lock.path;
    this.#lock = lock;
    this.#fileBytesMax = options.fileBytesMax ?? AUDIT_FILE_BYTES_MAX;
    this.#filesMax = options.filesMax ?? AUDIT_FILES_MAX;
    this.#file = openLog(lock.path);
    this.#bytes = fstatSync(this.#file).size;
    this.#end = found.end;
    this.#broken = found.broken;
    if (found.cut) this.#cutTo(found.bytes);
  }

  /**
   * Goes on where the log ends; nobody else can write it until close(). A last line that a crash
   * has cut is taken away (`cut`). A chain that is broken is put aside, and a new one begins; that,
   * or a log that its head contradicts, is `broken`, and the first record that is written tells it.
   * @throws AuditInUseError, AuditFileError, Node's errors
   */
  static open(options: AuditFileOptions): {
    file: AuditFile;
    broken: string | undefined;
    cut: string | undefined;
  } {
    const lock = options.lock ?? new AuditLock(options.path);
    try {
      const found = find(lock.path);
      const file = new AuditFile(options, lock, found);
      const cut = found.cut ? `the last line was cut off (${found.cut} bytes)` : undefined;
      return { file, broken: found.broken?.problem, cut };
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** A break is to be told with the next records. */
  get owes(): boolean {
    return this.#broken !== undefined;
  }

  /** Why the last append() could not write what is kept beside the log; undefined: it could. */
  get headError(): unknown {
    return this.#headError;
  }

  /** Hash of the last record. */
  get head(): string {
    return this.#end.hash;
  }

  /**
   * Appends records, all of them or none: each as JSON without `sequence`, which is given here.
   * `opened` makes the first record of a file. Throws Node's errors (a full disk); nothing of the
   * records is in the file then.
   * @param records may be empty, if there is a break to tell (`owes`)
   */
  append(records: readonly string[], time: string): void {
    if (this.#bytes >= this.#fileBytesMax) this.#rotate();
    this.#headError = undefined;
    const broken = this.#broken && this.#keepBroken(this.#broken, time);
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
    if (broken !== undefined) add(broken);
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
    this.#broken = undefined;
    try {
      writeHead(this.#path, end);
    } catch (error) {
      // The head of before proves less, but nothing wrong; the records are in the file.
      this.#headError = error;
    }
  }

  close(): void {
    closeSync(this.#file);
    this.#lock.release();
  }

  /** The record that tells of a break, which is kept beside the log too. */
  #keepBroken(broken: FoundBreak & { time?: string }, time: string): string {
    if (broken.time === undefined) {
      broken.time = time;
      try {
        keepBreak(this.#path, broken, time);
      } catch (error) {
        // The record has the head of then as well.
        this.#headError = error;
      }
    }
    return breakRecord(broken, broken.time);
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

/** Reads what is there. A chain that is broken is put aside by it. */
function find(path: string): Found {
  const head = readHead(path);
  const text = readIfThere(path) ?? '';
  const rotated = rotatedFiles(path).reverse();
  if (text === '' && rotated.length === 0 && !head) {
    startHead(path);
    return { end: chainStart, bytes: 0 };
  }
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  // Of an empty file, the one before it says where the chain stands.
  const [youngest] = whole === '' ? rotated : [];
  const last = youngest === undefined ? whole : (readIfThere(youngest) ?? '');
  const verdict = verifyChain(last, startOf(last) ?? chainStart);
  const bytes = Buffer.byteLength(whole);
  const cut = Buffer.byteLength(text) - bytes;
  if (!verdict.ok) {
    const named = youngest === undefined ? '' : `${youngest}: `;
    if (youngest === undefined) renameSync(path, nextName(path));
    const broken = { problem: `${named}${problemOf(verdict)}`, head };
    return { end: chainStart, bytes: 0, broken, ...(youngest === undefined ? {} : { cut }) };
  }
  const texts = function* () {
    if (whole !== '') yield whole;
    yield* textsOf(rotated);
  };
  const problem = head
    ? headProblem(head, verdict.end, texts())
    : 'there was no head to say where it ended';
  return { end: verdict.end, bytes, cut, ...(problem ? { broken: { problem, head } } : {}) };
}

/** So that a log without a head is never one that a crash has left so. */
function startHead(path: string): void {
  try {
    writeHead(path, chainStart);
  } catch {
    // The first records will try again.
  }
}

/** @throws AuditFileError */
function openLog(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (cause) {
    throw new AuditFileError(`${path}: ${whyNot(cause)}`, { cause });
  }
}
