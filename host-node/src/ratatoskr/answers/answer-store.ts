/**
 * What is remembered of calls, so that none is executed twice: that it began, and how it ended
 * (service-bus.ts). Every implementation passes answer-store.compliance.ts.
 */

import {
  ANSWER_BYTES_MAX,
  ANSWER_BYTES_PER_DEVICE_MAX,
  ANSWER_KEPT_S,
  ANSWERS_PER_DEVICE_MAX,
} from '../limits.ts';
import type { ServiceOutcome } from '../service-bus.ts';
import { KeptTime } from './kept-time.ts';

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

/** The outcome of a call whose answer had to make room: it is not executed again. */
export const ANSWER_GONE: ServiceOutcome = {
  ok: false,
  code: 'SERVICE_UNAVAILABLE',
  message: 'the request was executed; its answer is no longer kept',
};

/** The store takes no more now: SERVICE_UNAVAILABLE, and nothing has been done. */
export class AnswerStoreError extends Error {
  readonly code = 'ANDVARI_RATATOSKR_ANSWERS';
  override readonly name = 'AnswerStoreError';
  /** It takes no more of this device, since it would have to forget what it has executed. */
  readonly deviceFull: boolean;

  constructor(message: string, more: { cause?: unknown; deviceFull?: boolean } = {}) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.deviceFull = more.deviceFull ?? false;
  }
}

export function deviceFull(): AnswerStoreError {
  return new AnswerStoreError('the device has too many records', { deviceFull: true });
}

/**
 * That a call began is remembered for `keptS` of use (kept-time.ts), whatever else happens; its
 * answer as long as there is room, then it is ANSWER_GONE.
 */
export interface AnswerStore {
  /** Whether what began is still known to the next process. */
  readonly durable: boolean;
  /** What is known of a call. Rejects with AnswerStoreError when nobody can say. */
  find(key: AnswerKey): Promise<AnswerRecord | undefined>;
  /**
   * The call begins, unless it is known: then that is the result, and nothing is changed. When this
   * resolves with undefined, a crash does not make it forgotten. Rejects with AnswerStoreError:
   * then it has not begun.
   * @param steadyS by a clock that nobody sets, the same for all calls of one process
   */
  begin(key: AnswerKey, digest: Uint8Array, steadyS: number): Promise<AnswerRecord | undefined>;
  /**
   * How it ended; when this resolves a crash does not make that forgotten, unless it could not be
   * saved: then it is known as long as the process lives. Never rejects.
   * @param digest as it began
   */
  finish(key: AnswerKey, outcome: ServiceOutcome, digest: Uint8Array): Promise<void>;
  /** Nothing was done: as if it had not begun. */
  forget(key: AnswerKey): void;
  /** When this resolves, what was asked before is done. */
  close(): Promise<void>;
}

export interface AnswerLimits {
  keptS: number;
  /** Records of one device, with or without their answers; then it begins no more. */
  recordsPerDeviceMax: number;
  /** Bytes of the answers of one device; beyond that its own oldest go. */
  bytesPerDeviceMax: number;
  /** And of all; beyond that the oldest of a device that holds most go. */
  bytesMax: number;
}

export const answerLimits: AnswerLimits = {
  keptS: ANSWER_KEPT_S,
  recordsPerDeviceMax: ANSWERS_PER_DEVICE_MAX,
  bytesPerDeviceMax: ANSWER_BYTES_PER_DEVICE_MAX,
  bytesMax: ANSWER_BYTES_MAX,
};

/** Records that go with one that comes, because they are too old: more than come with it. */
const EXPIRED_MAX = 16;

/** What a device has here. */
interface Holder {
  records: number;
  bytes: number;
  /** Records with an answer that has bytes, the oldest first. */
  held: Set<Kept>;
}

interface Kept extends AnswerRecord {
  deviceId: string;
  atS: number;
  bytes: number;
}

/** Remembers as long as the process lives. */
export class MemoryAnswerStore implements AnswerStore {
  readonly durable = false;
  readonly #limits: AnswerLimits;
  readonly #time = new KeptTime();
  /** In the order in which they began. */
  readonly #records = new Map<string, Kept>();
  /**
   * Where the oldest are looked for, and the one that stands there. One iterator for all calls: a
   * new one has to pass what was deleted before the first that is left.
   */
  #order = this.#records.entries();
  #first: [string, Kept] | undefined;
  readonly #holders = new Map<string, Holder>();
  /** By the length of their bytes in binary: one that holds most, or half as much, in one look. */
  readonly #bySize = Array.from({ length: 33 }, () => new Set<Holder>());
  #bytes = 0;

  constructor(limits: Partial<AnswerLimits> = {}) {
    this.#limits = { ...answerLimits, ...limits };
  }

  get size(): number {
    return this.#records.size;
  }

  /** Of all answers. */
  get bytes(): number {
    return this.#bytes;
  }

  find(key: AnswerKey): Promise<AnswerRecord | undefined> {
    return Promise.resolve(this.#known(key));
  }

  begin(key: AnswerKey, digest: Uint8Array, steadyS: number): Promise<AnswerRecord | undefined> {
    const nowS = this.#time.pass(steadyS);
    this.#expire(nowS);
    const known = this.#known(key);
    if (known) return Promise.resolve(known);
    const { deviceId } = key;
    const holder = this.#holders.get(deviceId) ?? { records: 0, bytes: 0, held: new Set() };
    if (holder.records >= this.#limits.recordsPerDeviceMax) return Promise.reject(deviceFull());
    holder.records++;
    this.#holders.set(deviceId, holder);
    this.#records.set(nameOf(key), { digest, outcome: undefined, deviceId, atS: nowS, bytes: 0 });
    return Promise.resolve(undefined);
  }

  finish(key: AnswerKey, outcome: ServiceOutcome): Promise<void> {
    const record = this.#records.get(nameOf(key));
    const holder = record && this.#holders.get(record.deviceId);
    if (!record || !holder) return Promise.resolve();
    record.outcome = outcome;
    this.#resize(holder, record, outcome.ok ? outcome.payload.length : outcome.message.length);
    const { bytesPerDeviceMax, bytesMax } = this.#limits;
    while (holder.bytes > bytesPerDeviceMax) this.#shorten(holder);
    while (this.#bytes > bytesMax) {
      const [most] = this.#bySize.findLast((holders) => holders.size > 0) ?? [];
      if (!most) break;
      this.#shorten(most);
    }
    return Promise.resolve();
  }

  forget(key: AnswerKey): void {
    this.#remove(nameOf(key));
  }

  close(): Promise<void> {
    this.#records.clear();
    this.#first = undefined;
    this.#holders.clear();
    for (const holders of this.#bySize) holders.clear();
    this.#bytes = 0;
    return Promise.resolve();
  }

  #known(key: AnswerKey): AnswerRecord | undefined {
    const record = this.#records.get(nameOf(key));
    return record && { digest: record.digest, outcome: record.outcome };
  }

  /** By and by: all records of one second at once would stop the server for 10 ms. */
  #expire(nowS: number): void {
    for (let i = 0; i < EXPIRED_MAX; i++) {
      this.#first ??= this.#following();
      if (!this.#first) return;
      const [name, record] = this.#first;
      if (this.#records.get(name) === record) {
        if (record.atS + this.#limits.keptS > nowS) return;
        this.#remove(name);
      }
      this.#first = undefined;
    }
  }

  #following(): [string, Kept] | undefined {
    const { value } = this.#order.next();
    if (value) return value;
    // It has come to the end, and would stay there.
    this.#order = this.#records.entries();
    return this.#order.next().value;
  }

  #remove(name: string): void {
    const record = this.#records.get(name);
    const holder = record && this.#holders.get(record.deviceId);
    if (!record || !holder) return;
    this.#resize(holder, record, 0);
    this.#records.delete(name);
    holder.records--;
    if (holder.records === 0) this.#holders.delete(record.deviceId);
  }

  /** The oldest answer of a device goes. */
  #shorten(holder: Holder): void {
    const [oldest] = holder.held;
    if (!oldest) return;
    oldest.outcome = ANSWER_GONE;
    this.#resize(holder, oldest, 0);
  }

  #resize(holder: Holder, record: Kept, bytes: number): void {
    const more = bytes - record.bytes;
    record.bytes = bytes;
    holder.held.delete(record);
    if (bytes > 0) holder.held.add(record);
    this.#bySize[32 - Math.clz32(holder.bytes)]?.delete(holder);
    holder.bytes += more;
    this.#bytes += more;
    if (holder.bytes > 0) this.#bySize[32 - Math.clz32(holder.bytes)]?.add(holder);
  }
}

/** One text for both; the length keeps pairs apart that would read alike. */
export function nameOf({ deviceId, requestId }: AnswerKey): string {
  return `${deviceId.length}:${deviceId}${requestId}`;
}

/** Rejects with AnswerStoreError when it takes too long. */
export function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new AnswerStoreError('the answers cannot be read in time'));
    const timer = setTimeout(late, ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
