/**
 * What the thread of an answers file and its client say to each other. Changes go packed: texts,
 * numbers and bytes of all of them in one array each, since each object and each array of bytes
 * costs a message a microsecond or two.
 */

import { failedOutcome, type ServiceOutcome } from '../service-bus.ts';
import type { AnswerKey, AnswerLimits, AnswerRecord } from './answer-store.ts';

export interface AnswerThreadData {
  path: string;
  limits: AnswerLimits;
}

export type AnswerChange =
  | { kind: 'find'; key: AnswerKey }
  | { kind: 'begin'; key: AnswerKey; digest: Uint8Array; steadyS: number }
  | { kind: 'finish'; key: AnswerKey; outcome: ServiceOutcome }
  | { kind: 'forget'; key: AnswerKey }
  /** Writes something that changes nothing. */
  | { kind: 'try' };

export interface PackedChanges {
  kinds: AnswerChange['kind'][];
  /** Of each change but `try` device and request; of a failure then code and message. */
  texts: string[];
  /** Of `begin` its time; of `finish` the bytes of its answer, or -1 for a failure. */
  numbers: number[];
  /** Digests and answers. */
  bytes: Uint8Array<ArrayBuffer>;
}

/** Everything in one transaction, in this order. */
export type ToAnswerThread = { kind: 'commit'; changes: PackedChanges } | { kind: 'close' };

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

const DIGEST_BYTES = 32;
const FAILURE = -1;

export function packChanges(changes: readonly AnswerChange[]): PackedChanges {
  const bytes = new Uint8Array(changes.reduce((sum, change) => sum + bytesOf(change).length, 0));
  const packed: PackedChanges = { kinds: [], texts: [], numbers: [], bytes };
  let at = 0;
  for (const change of changes) {
    packed.kinds.push(change.kind);
    if (change.kind === 'try') continue;
    packed.texts.push(change.key.deviceId, change.key.requestId);
    if (change.kind === 'begin') packed.numbers.push(change.steadyS);
    else if (change.kind === 'finish') packOutcome(packed, change.outcome);
    const part = bytesOf(change);
    bytes.set(part, at);
    at += part.length;
  }
  return packed;
}

function packOutcome({ texts, numbers }: PackedChanges, outcome: ServiceOutcome): void {
  numbers.push(outcome.ok ? outcome.payload.length : FAILURE);
  if (!outcome.ok) texts.push(outcome.code, outcome.message);
}

const NOTHING = new Uint8Array();

function bytesOf(change: AnswerChange): Uint8Array {
  if (change.kind === 'begin') return change.digest;
  return change.kind === 'finish' && change.outcome.ok ? change.outcome.payload : NOTHING;
}

/** The bytes of the changes are views into those of `packed`. */
export function* unpackChanges(packed: PackedChanges): Generator<AnswerChange> {
  let [text, number, at] = [0, 0, 0];
  const takeText = () => packed.texts[text++] as string;
  const takeBytes = (count: number) => {
    at += count;
    return packed.bytes.subarray(at - count, at);
  };
  for (const kind of packed.kinds) {
    if (kind === 'try') {
      yield { kind };
      continue;
    }
    const key = { deviceId: takeText(), requestId: takeText() };
    if (kind === 'begin') {
      yield {
        kind,
        key,
        digest: takeBytes(DIGEST_BYTES),
        steadyS: packed.numbers[number++] as number,
      };
    } else if (kind === 'finish') {
      const length = packed.numbers[number++] as number;
      const outcome: ServiceOutcome =
        length === FAILURE
          ? failedOutcome(takeText(), takeText())
          : { ok: true, payload: takeBytes(length) };
      yield { kind, key, outcome };
    } else yield { kind, key };
  }
}
