/** What the operator may want to know later: the newest in memory, all of them in a file. */
import type { Logger } from '../log/logger.ts';
import { AuditFile, type AuditFileOptions } from './audit-file.ts';
import type { AuditEntry, AuditRecord } from './audit-record.ts';
import { AUDIT_RING_MAX } from './limits.ts';
import { TokenBucket } from './rate-limit.ts';

/** Lines wait so long for each other. */
const WRITE_MS = 200;
/** Records that wait for a disk that takes none. */
const WAITING_MAX = 20_000;
/**
 * Records of failures a second, and at once: strangers cause them for nothing, and must not push
 * out of the files what others did. The others are counted.
 */
const FAILURES_PER_SECOND = 20;
const FAILURES_BURST = 1000;

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
  readonly #ring: WaitingRecord[] = [];
  readonly #ringMax: number;
  readonly #failures: TokenBucket;
  #next = 0;
  #waiting: WaitingRecord[] = [];
  #timer: NodeJS.Timeout | undefined;
  #lost = 0;
  #told = 0;
  #failing = false;

  /** Throws Node's errors when the file cannot be had. */
  constructor(options: AuditLogOptions) {
    this.#logger = options.logger;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#ringMax = options.ringMax ?? AUDIT_RING_MAX;
    this.#failures = new TokenBucket(FAILURES_BURST, FAILURES_PER_SECOND, this.#nowMs());
    if (!options.file) return;
    const { file, broken } = AuditFile.open(options.file);
    this.#file = file;
    if (broken !== undefined) {
      this.#logger.warn({ problem: broken }, 'the audit log does not go on where it ended');
      this.record({ event: 'error', success: false, reason: `audit log: ${broken}` });
    }
  }

  /** Records that neither memory nor file took, since the start. */
  get lost(): number {
    return this.#lost;
  }

  /** Hash of the last record that is in the file. */
  get head(): string | undefined {
    return this.#file?.head;
  }

  record(entry: AuditEntry): void {
    const nowMs = this.#nowMs();
    if (!entry.success && !this.#failures.take(nowMs)) {
      this.#lost++;
      return;
    }
    const time = new Date(nowMs).toISOString();
    if (this.#lost > this.#told) {
      this.#keep({
        time,
        event: 'audit_lost',
        success: false,
        reason: `${this.#lost - this.#told}`,
      });
      this.#told = this.#lost;
    }
    this.#keep({ time, ...entry });
  }

  /** The newest records, the newest last. */
  recent(): readonly WaitingRecord[] {
    const at = this.#next % this.#ringMax;
    return this.#ring.length < this.#ringMax
      ? [...this.#ring]
      : [...this.#ring.slice(at), ...this.#ring.slice(0, at)];
  }

  /** Write what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#file || this.#waiting.length === 0) return;
    try {
      this.#file.append(this.#waiting, new Date(this.#nowMs()).toISOString());
      this.#waiting = [];
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#logger.error({ err: error }, 'the audit log cannot be written');
      this.#failing = true;
      const over = this.#waiting.length - WAITING_MAX;
      if (over <= 0) return;
      this.#waiting.splice(0, over);
      this.#lost += over;
    }
  }

  close(): void {
    this.flush();
    if (!this.#file) return;
    this.#logger.info({ hash: this.#file.head }, 'the audit log ends with this record');
    this.#file.close();
  }

  #keep(record: WaitingRecord): void {
    this.#ring[this.#next++ % this.#ringMax] = record;
    if (!this.#file) return;
    this.#waiting.push(record);
    this.#timer ??= setTimeout(() => this.flush(), WRITE_MS);
  }
}
