/**
 * What is remembered of calls, so that none is executed twice: that it began, and how it ended
 * (service-bus.ts). Every implementation passes answer-store.compliance.ts.
 */
import { ANSWER_BYTES_MAX, ANSWER_KEPT_S, ANSWERS_MAX } from './limits.ts';
import type { ServiceOutcome } from './service-bus.ts';

export interface AnswerKey {
  deviceId: string;
  requestId: string;
}

export interface AnswerRecord {
  /** SHA-256 of user and payload: what the request_id stands for. */
  digest: Uint8Array;
  /** Undefined: it began, and nobody has said how it ended. */
  outcome: ServiceOutcome | undefined;
}

/** The store takes no more now: SERVICE_UNAVAILABLE, and nothing has been done. */
export class AnswerStoreError extends Error {
  readonly code = 'ANDVARI_RATATOSKR_ANSWERS';
  override readonly name = 'AnswerStoreError';
}

export interface AnswerStore {
  /** Whether what began is still known to the next process. */
  readonly durable: boolean;
  find(key: AnswerKey): AnswerRecord | undefined;
  /**
   * The call begins; when this resolves a crash does not make it forgotten. Rejects with
   * AnswerStoreError: then it has not begun.
   */
  begin(key: AnswerKey, digest: Uint8Array, nowS: number): Promise<void>;
  /**
   * How it ended; when this resolves a crash does not make that forgotten, unless it could not be
   * saved: then it is known as long as the process lives. Never rejects.
   */
  finish(key: AnswerKey, outcome: ServiceOutcome): Promise<void>;
  /** Nothing was done: as if it had not begun. */
  forget(key: AnswerKey): void;
  close(): void;
}

export interface AnswerLimits {
  keptS: number;
  answersMax: number;
  bytesMax: number;
}

export const answerLimits: AnswerLimits = {
  keptS: ANSWER_KEPT_S,
  answersMax: ANSWERS_MAX,
  bytesMax: ANSWER_BYTES_MAX,
};

interface Kept extends AnswerRecord {
  atS: number;
  bytes: number;
}

/** What a record costs besides its payload. */
const RECORD_BYTES = 512;

/** Remembers as long as the process lives. */
export class MemoryAnswerStore implements AnswerStore {
  readonly durable = false;
  readonly #limits: AnswerLimits;
  /** In the order in which they began. */
  readonly #records = new Map<string, Kept>();
  #bytes = 0;

  constructor(limits: Partial<AnswerLimits> = {}) {
    this.#limits = { ...answerLimits, ...limits };
  }

  get size(): number {
    return this.#records.size;
  }

  find(key: AnswerKey): AnswerRecord | undefined {
    const record = this.#records.get(nameOf(key));
    return record && { digest: record.digest, outcome: record.outcome };
  }

  begin(key: AnswerKey, digest: Uint8Array, nowS: number): Promise<void> {
    const { keptS, answersMax, bytesMax } = this.#limits;
    for (const [name, { atS, outcome }] of this.#records) {
      const full = this.size >= answersMax || this.#bytes + RECORD_BYTES > bytesMax;
      if (!full && atS + keptS > nowS) break;
      // What has not ended may still be under way.
      if (!outcome) {
        if (full) continue;
        break;
      }
      this.#remove(name);
    }
    if (this.size >= answersMax) {
      return Promise.reject(new AnswerStoreError('too many calls are under way'));
    }
    const record = { digest, outcome: undefined, atS: nowS, bytes: RECORD_BYTES };
    this.#records.set(nameOf(key), record);
    this.#bytes += RECORD_BYTES;
    return Promise.resolve();
  }

  finish(key: AnswerKey, outcome: ServiceOutcome): Promise<void> {
    const record = this.#records.get(nameOf(key));
    if (!record) return Promise.resolve();
    record.outcome = outcome;
    const bytes = outcome.ok ? outcome.payload.length : outcome.message.length;
    record.bytes += bytes;
    this.#bytes += bytes;
    return Promise.resolve();
  }

  forget(key: AnswerKey): void {
    this.#remove(nameOf(key));
  }

  close(): void {
    this.#records.clear();
    this.#bytes = 0;
  }

  #remove(name: string): void {
    this.#bytes -= this.#records.get(name)?.bytes ?? 0;
    this.#records.delete(name);
  }
}

/** One text for both; the length keeps pairs apart that would read alike. */
export function nameOf({ deviceId, requestId }: AnswerKey): string {
  return `${deviceId.length}:${deviceId}${requestId}`;
}
