/** What the thread of an answers file and its client say to each other. */
import type { AnswerKey, AnswerLimits, AnswerRecord } from './answer-store.ts';
import type { ServiceOutcome } from './service-bus.ts';

export interface AnswerThreadData {
  path: string;
  limits: AnswerLimits;
}

export type AnswerChange =
  | { kind: 'find'; key: AnswerKey }
  | { kind: 'begin'; key: AnswerKey; digest: Uint8Array; nowS: number }
  | { kind: 'finish'; key: AnswerKey; outcome: ServiceOutcome }
  | { kind: 'forget'; key: AnswerKey }
  /** Writes something that changes nothing. */
  | { kind: 'try' };

/** Everything in one transaction, in this order. */
export type ToAnswerThread = { kind: 'commit'; changes: AnswerChange[] } | { kind: 'close' };

/**
 * Of a `find`, and of a `begin` whose call began before: what is known. Of a `begin`: 'full' if the
 * device may have no more records, else nothing.
 */
export type AnswerResult = AnswerRecord | 'full' | undefined;

export type FromAnswerThread =
  | { kind: 'opened'; resumed: boolean }
  /** `format`: the file is no answer store, or cannot be used as one. */
  | { kind: 'openFailed'; format: boolean; message: string; code: string | undefined }
  /** Durable. Results by the place of their change; those that say nothing are left out. */
  | { kind: 'committed'; results: [number, AnswerResult][] }
  /** Nothing of the transaction has been done. */
  | { kind: 'failed'; message: string }
  | { kind: 'closed' };
