/** What the operator may want to know later: the newest in memory, all of them in a file. */
import type { Logger } from '../../log/logger.ts';
import { AUDIT_RING_MAX } from '../limits.ts';
import { brokenReason } from './audit-breaks.ts';
import { AuditFile, type AuditFileOptions } from './audit-file.ts';
import { AuditLimits, type AuditSource } from './audit-limits.ts';
import { AuditQueue } from './audit-queue.ts';
import type { AuditEntry, AuditRecord } from './audit-record.ts';

/** Lines wait so long for each other. */
const WRITE_MS = 200;
/** Records that wait for a disk that takes none. */
const WAITING_MAX = 20_000;
/** Between two records of how many were only counted. */
const TELL_MS = 60_000;

type WaitingRecord = Omit<AuditRecord, 'sequence'>;

export interface AuditLogOptions {
  /** Without it records are in memory alone. */
  file?: AuditFileOptions;
  logger: Logger;
  /** Milliseconds since 1970. */
  nowMs?: () => number;
  ringMax?: number;
}

export class AuditLog {
  readonly #file: AuditFile | undefined;
  readonly #logger: Logger;
  readonly #nowMs: () => number;
  readonly #newest = new AuditQueue();
  readonly #ringMax: number;
  readonly #limits: AuditLimits;
  readonly #waiting = new AuditQueue();
  #timer: NodeJS.Timeout | undefined;
  #lost = 0;
  #told = 0;
  #toldMs = Number.NEGATIVE_INFINITY;
  #tell: NodeJS.Timeout | undefined;
  #failing = false;
  #headFailing = false;

  /** @throws AuditInUseError, AuditFileError and Node's errors: the file cannot be had */
  constructor(options: AuditLogOptions) {
    this.#logger = options.logger;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#ringMax = options.ringMax ?? AUDIT_RING_MAX;
    this.#limits = new AuditLimits(this.#nowMs());
    if (!options.file) return;
    const { file, broken, cut } = AuditFile.open(options.file);
    this.#file = file;
    const problem = broken ?? cut;
    if (problem === undefined) return;
    this.#logger.warn({ problem }, 'the audit log does not go on where it ended');
    if (cut !== undefined) {
      this.record({ event: 'error', success: false, reason: brokenReason(cut) });
    }
    if (broken !== undefined) this.#tellBroken(broken);
  }

  /** Records that were only counted, since the start. */
  get lost(): number {
    return this.#lost;
  }

  /** Hash of the last record that is in the file. */
  get head(): string | undefined {
    return this.#file?.head;
  }

  /** @param source whose doing it is, for the limits on that (audit-limits.ts) */
  record(entry: AuditEntry, source: AuditSource = 'server'): void {
    const nowMs = this.#nowMs();
    const write = () => JSON.stringify({ time: new Date(nowMs).toISOString(), ...entry });
    const text = this.#limits.admit({ entry, source }, nowMs, write);
    if (text === undefined) this.#lost++;
    this.#tellLost(nowMs, text !== undefined);
    if (text !== undefined) this.#keep(text);
  }

  /** The newest records, the newest last. */
  recent(): readonly WaitingRecord[] {
    return this.#newest.texts().map((text) => JSON.parse(text) as WaitingRecord);
  }

  /** Write what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#file || (this.#waiting.length === 0 && !this.#file.owes)) return;
    try {
      this.#file.append(this.#waiting.texts(), new Date(this.#nowMs()).toISOString());
      this.#waiting.clear();
      this.#failing = false;
      this.#tellHead(this.#file.headError);
    } catch (error) {
      if (!this.#failing) this.#logger.error({ err: error }, 'the audit log cannot be written');
      this.#failing = true;
      const over = this.#waiting.length - WAITING_MAX;
      if (over <= 0) return;
      this.#waiting.drop(over);
      this.#lost += over;
    }
  }

  close(): void {
    this.#toldMs = Number.NEGATIVE_INFINITY;
    this.#tellLost(this.#nowMs(), true);
    clearTimeout(this.#tell);
    this.flush();
    if (!this.#file) return;
    this.#logger.info({ hash: this.#file.head }, 'the audit log ends with this record');
    this.#file.close();
  }

  /** The file writes the record itself: that one must not be dropped when the disk is full. */
  #tellBroken(problem: string): void {
    const time = new Date(this.#nowMs()).toISOString();
    const reason = brokenReason(problem);
    this.#newest.push(JSON.stringify({ time, event: 'audit_broken', success: false, reason }));
    this.#timer ??= setTimeout(() => this.flush(), WRITE_MS);
  }

  /** Once, until it could be written again. */
  #tellHead(error: unknown): void {
    if (error !== undefined && !this.#headFailing) {
      this.#logger.error({ err: error }, 'the head of the audit log cannot be written');
    }
    this.#headFailing = error !== undefined;
  }

  /** How many were only counted: now, or when a minute has passed since it was told last. */
  #tellLost(nowMs: number, now: boolean): void {
    if (this.#lost === this.#told) return;
    if (!now || nowMs - this.#toldMs < TELL_MS) {
      this.#tell ??= setTimeout(() => {
        this.#tell = undefined;
        this.#toldMs = Number.NEGATIVE_INFINITY;
        this.#tellLost(this.#nowMs(), true);
      }, TELL_MS).unref();
      return;
    }
    clearTimeout(this.#tell);
    this.#tell = undefined;
    const reason = `${this.#lost - this.#told}`;
    this.#told = this.#lost;
    this.#toldMs = nowMs;
    const time = new Date(nowMs).toISOString();
    this.#keep(JSON.stringify({ time, event: 'audit_lost', success: false, reason }));
  }

  #keep(text: string): void {
    this.#newest.push(text);
    if (this.#newest.length > this.#ringMax) this.#newest.drop(1);
    if (!this.#file) return;
    this.#waiting.push(text);
    this.#timer ??= setTimeout(() => this.flush(), WRITE_MS);
  }
}
