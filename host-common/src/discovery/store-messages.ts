/**
 * What nodes of the DHT ask each other about values. libp2p's stream says who asks, and ends with
 * the question; so there is no number and no sender in it (docs/decisions.md).
 *
 * question: type 1 (01 STORE, 02 FIND) · key of the DHT 20 · of STORE the value, 0 to 1000 bytes; 0
 *           withdraws what the asking peer has stored there
 * answer:   status 1 (00 done, 01 no room, 02 not understood) · of FIND for each value: length 2 ·
 *           value, 32 values at most
 */
import { joined } from '../transfer/byte-strings.ts';
import { DHT_KEY_BYTES } from './group-keys.ts';
import { VALUE_BYTES_MAX, VALUES_OF_KEY_MAX } from './value-store.ts';

export const QUESTION_BYTES_MAX = 1 + DHT_KEY_BYTES + VALUE_BYTES_MAX;
export const ANSWER_BYTES_MAX = 1 + VALUES_OF_KEY_MAX * (2 + VALUE_BYTES_MAX);

const STORE = 1;
const FIND = 2;

export const StoreStatus = { DONE: 0, NO_ROOM: 1, NOT_UNDERSTOOD: 2 } as const;

export interface Question {
  key: Uint8Array;
  /** To be stored; undefined: what is there is asked for. */
  value: Uint8Array | undefined;
}

export function questionBytes({ key, value }: Question): Uint8Array {
  return joined(Uint8Array.of(value ? STORE : FIND), key, value ?? '');
}

/** Undefined: these bytes are none. */
export function readQuestion(bytes: Uint8Array): Question | undefined {
  const [type] = bytes;
  const valueAt = 1 + DHT_KEY_BYTES;
  if (bytes.length < valueAt || bytes.length > QUESTION_BYTES_MAX) return undefined;
  const key = bytes.slice(1, valueAt);
  if (type === STORE) return { key, value: bytes.slice(valueAt) };
  return type === FIND && bytes.length === valueAt ? { key, value: undefined } : undefined;
}

export function answerBytes(status: number, values: readonly Uint8Array[] = []): Uint8Array {
  const each = values.map(({ length }, i) =>
    joined(Uint8Array.of(length >> 8, length & 0xff), values[i] as Uint8Array),
  );
  return joined(Uint8Array.of(status), ...each);
}

/** Undefined: these bytes are none, or it has not done what was asked. */
export function readAnswer(bytes: Uint8Array): Uint8Array[] | undefined {
  if (bytes[0] !== StoreStatus.DONE) return undefined;
  const values: Uint8Array[] = [];
  for (let at = 1; at < bytes.length; ) {
    const [high = 0, low = 0] = bytes.subarray(at, at + 2);
    const end = at + 2 + high * 256 + low;
    if (end === at + 2 || end > bytes.length || values.length === VALUES_OF_KEY_MAX) {
      return undefined;
    }
    values.push(bytes.slice(at + 2, end));
    at = end;
  }
  return values;
}
