/** Outcomes of calls, most of them such as no service decides. */
import { NOT_EXECUTED } from '@andvari/host-common/ratatoskr/messages';
import type { AnswerRecord } from './answers/answer-store.ts';
import { JSON_DEPTH_MAX, JSON_VALUES_MAX } from './limits.ts';
import { failedOutcome, type ServiceOutcome } from './service-bus.ts';

export const STOPPING = unavailable('the server stops');
export const CANNOT_TAKE = unavailable('requests cannot be taken now');
export const DEVICE_FULL = unavailable(
  `${NOT_EXECUTED}the device has too many requests of the last 24 hours`,
);
export const UNKNOWN = unavailable('the request was taken before; its outcome is unknown');
export const TOO_COMPLEX = failedOutcome(
  'INVALID_REQUEST',
  `wanted JSON of at most ${JSON_VALUES_MAX} values, ${JSON_DEPTH_MAX} deep`,
);
export const NO_CALL = failedOutcome(
  'INVALID_REQUEST',
  'wanted ids as text, and a payload of bytes',
);
export const TOO_LATE = unavailable('the service did not answer in time');

function unavailable(message: string): ServiceOutcome {
  return { ok: false, code: 'SERVICE_UNAVAILABLE', message };
}

/**
 * An answer. A class, not a literal: V8 makes literals in its old space at once where many of the
 * same place have lived long, as answers do in a busy moment, and there they stay.
 */
export class Delivered {
  readonly ok = true;
  readonly payload: Uint8Array;

  constructor(payload: Uint8Array) {
    this.payload = payload;
  }
}

/** What is told of a call that does not begin: if it has begun before, and if not. */
export interface Refusal {
  known: ServiceOutcome;
  unknown: ServiceOutcome;
}

export function refused(text: string): Refusal {
  return { known: unavailable(text), unknown: unavailable(`${NOT_EXECUTED}${text}`) };
}

/** What is known of a call, if that is an answer to this one. */
export function settled(record: AnswerRecord, digest: Uint8Array): ServiceOutcome | undefined {
  return sameCall(record.digest, digest) ?? record.outcome;
}

/** The refusal of a request whose id stands for another one. */
export function sameCall(first: Uint8Array, second: Uint8Array): ServiceOutcome | undefined {
  if (Buffer.compare(first, second) === 0) return undefined;
  const message = 'the request_id was used for another request';
  return { ok: false, code: 'INVALID_REQUEST', message };
}
