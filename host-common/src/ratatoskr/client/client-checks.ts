/**
 * What a client is given, looked at where it comes in: a value of another kind would be cut or
 * padded to one that can be signed, or fail far from whoever gave it (reference: section 10).
 */

import {
  AUTHENTICATION_TOKEN_BYTES_MAX,
  MESSAGE_ID_BYTES_MAX,
  METADATA_ENTRIES_MAX,
  METADATA_KEY_BYTES_MAX,
  METADATA_VALUE_BYTES_MAX,
} from '../../engine/generated/limits.ts';
import type { RatatoskrCodec } from '../codec.ts';
import { REQUEST_SIGNATURE_KEY } from '../signing.ts';
import { isUuid } from '../uuid.ts';
import { wantBytes } from '../want-bytes.ts';
import { QUEUE_LIMITS, type QueueLimits } from './call-queue.ts';
import { RatatoskrError } from './client-error.ts';
import type { CallOptions, RatatoskrClientOptions } from './client-options.ts';
import {
  CALL_TIMEOUT_DEFAULT_MS,
  PAYLOAD_BYTES_MAX,
  SESSION_TIMEOUT_MS,
  TIMER_MS_MAX,
} from './limits.ts';

const KEY_BYTES = 32;
/** As registries refuse them. */
const CONTROL = /\p{Cc}/u;

const encoder = new TextEncoder();

/** Throws TypeError for what is of another kind, RangeError for what is too much or too little. */
export function checkOptions(options: RatatoskrClientOptions, codec: RatatoskrCodec): void {
  if (!isObject(options)) throw new TypeError('options: wanted an object');
  const { transports, signer, deviceId, userId, serverKey, requireSignedResponses } = options;
  if (!Array.isArray(transports) || !transports.every(isTransport)) {
    throw new TypeError('transports: wanted an array of transports');
  }
  if (!isObject(signer) || typeof signer.sign !== 'function') {
    throw new TypeError('signer: wanted a signer, as a provider of Ed25519 gives it');
  }
  wantBytes('signer.publicKey', signer.publicKey, KEY_BYTES);
  checkId('deviceId', deviceId);
  checkId('userId', userId);
  if (serverKey !== undefined) checkServerKey(serverKey, codec);
  for (const name of ['requireSignedResponses', 'signV2', 'reconnect'] as const) {
    if (!['boolean', 'undefined'].includes(typeof options[name])) {
      throw new TypeError(`${name}: wanted true or false`);
    }
  }
  if (requireSignedResponses && serverKey === undefined) {
    throw new TypeError('requireSignedResponses: wanted a serverKey as well');
  }
  const { deviceIdentity = '', authenticationToken, fallbackAfterMs } = options;
  if (fallbackAfterMs !== undefined) checkFallback(fallbackAfterMs);
  checkText('deviceIdentity', deviceIdentity, MESSAGE_ID_BYTES_MAX);
  if (authenticationToken !== undefined && typeof authenticationToken !== 'function') {
    throw new TypeError('authenticationToken: wanted a function');
  }
}

/** The bounds of the queue; what is left out or undefined has its default. */
export function queueLimits(limits: Partial<QueueLimits> = {}): QueueLimits {
  if (!isObject(limits)) throw new TypeError('limits: wanted an object');
  const { callsMax = QUEUE_LIMITS.callsMax, bytesMax = QUEUE_LIMITS.bytesMax } = limits;
  for (const [name, value] of Object.entries({ callsMax, bytesMax })) {
    if (typeof value !== 'number') throw new TypeError(`limits.${name}: wanted a number`);
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`limits.${name}: wanted an integer from 0, got ${value}`);
    }
  }
  return { callsMax, bytesMax };
}

/** A call as it is taken: with its own copies of what the caller may change later. */
export interface TakenCall {
  requestId: string;
  payload: Uint8Array;
  metadata: ReadonlyMap<string, string>;
  timeoutMs: number;
  signal: AbortSignal | undefined;
}

/** Throws RatatoskrError ANDVARI_BAD_REQUEST. */
export function takeCall(
  payload: Uint8Array,
  options: CallOptions,
  { newId, signV2 }: { newId: () => string; signV2: boolean },
): TakenCall {
  try {
    if (!isObject(options)) throw new TypeError('options: wanted an object');
    const { requestId = newId(), timeoutMs = CALL_TIMEOUT_DEFAULT_MS, signal } = options;
    wantBytes('payload', payload);
    if (payload.length > PAYLOAD_BYTES_MAX) {
      const got = `got ${payload.length}`;
      throw new RangeError(`payload: wanted at most ${PAYLOAD_BYTES_MAX} bytes, ${got}`);
    }
    if (typeof timeoutMs !== 'number' || !(timeoutMs > 0 && timeoutMs <= TIMER_MS_MAX)) {
      throw new RangeError(`timeoutMs: wanted more than 0 and at most ${TIMER_MS_MAX}`);
    }
    if (typeof requestId !== 'string' || !isUuid(requestId)) {
      throw new RangeError('requestId: wanted a UUID');
    }
    if (signal !== undefined && typeof signal?.throwIfAborted !== 'function') {
      throw new TypeError('signal: wanted an AbortSignal');
    }
    const metadata = takeMetadata(options.metadata, signV2);
    return { requestId, payload: payload.slice(), metadata, timeoutMs, signal };
  } catch (cause) {
    throw badRequest((cause as Error).message, cause);
  }
}

/** Throws RatatoskrError ANDVARI_BAD_REQUEST for what no connection request could carry. */
export function checkToken(token: unknown): string {
  try {
    return checkText('authenticationToken', token, AUTHENTICATION_TOKEN_BYTES_MAX);
  } catch (cause) {
    throw badRequest((cause as Error).message, cause);
  }
}

export function badRequest(problem: string, cause?: unknown): RatatoskrError {
  return new RatatoskrError('ANDVARI_BAD_REQUEST', problem, { cause });
}

function takeMetadata(given: unknown, signV2: boolean): Map<string, string> {
  if (given !== undefined && !(given instanceof Map)) throw new TypeError('metadata: wanted a Map');
  const taken = new Map<string, string>(given);
  // It takes one place.
  const signature = signV2 && !taken.has(REQUEST_SIGNATURE_KEY) ? 1 : 0;
  const entriesMax = METADATA_ENTRIES_MAX - signature;
  if (taken.size > entriesMax) {
    throw new RangeError(`metadata: wanted at most ${entriesMax} entries, got ${taken.size}`);
  }
  for (const [key, value] of taken) {
    checkText('metadata, a key', key, METADATA_KEY_BYTES_MAX);
    checkText('metadata, a value', value, METADATA_VALUE_BYTES_MAX);
  }
  return taken;
}

function checkServerKey(key: Uint8Array, codec: RatatoskrCodec): void {
  wantBytes('serverKey', key, KEY_BYTES);
  const problem = codec.refusedKey(key);
  if (problem !== undefined) throw new RangeError(`serverKey: it is no key (${problem})`);
}

function checkFallback(ms: unknown): void {
  if (typeof ms !== 'number') throw new TypeError('fallbackAfterMs: wanted a number');
  if (!(ms > 0 && ms <= SESSION_TIMEOUT_MS)) {
    throw new RangeError(`fallbackAfterMs: wanted more than 0 and at most ${SESSION_TIMEOUT_MS}`);
  }
}

function checkId(name: string, id: unknown): void {
  const text = checkText(name, id, MESSAGE_ID_BYTES_MAX);
  if (text === '') throw new RangeError(`${name}: wanted at least one character`);
  if (CONTROL.test(text)) throw new RangeError(`${name}: it has a control character`);
}

/** `bytesMax`: in UTF-8. */
function checkText(name: string, text: unknown, bytesMax: number): string {
  if (typeof text !== 'string') throw new TypeError(`${name}: wanted a string`);
  if (!text.isWellFormed()) throw new RangeError(`${name}: half of a surrogate pair`);
  // No character has less than a byte: a long text is not encoded first.
  const { length } = text.length > bytesMax ? text : encoder.encode(text);
  if (length > bytesMax) throw new RangeError(`${name}: wanted at most ${bytesMax} bytes`);
  return text;
}

function isTransport(value: unknown): boolean {
  return isObject(value) && typeof (value as { connect?: unknown }).connect === 'function';
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
