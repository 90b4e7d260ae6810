/**
 * The calls that have not ended: those that wait, in order, and those on the way. Bounded by count
 * and by bytes; a call that the bound keeps out is counted.
 */

import { BYTES_UNDER_WAY_MAX, CALL_BYTES_MAX, CALLS_MAX } from './limits.ts';
import type { Answer } from './link-owner.ts';

export interface Call {
  readonly requestId: string;
  readonly payload: Uint8Array;
  readonly metadata: ReadonlyMap<string, string>;
  /** On the monotonic clock. */
  readonly startMs: number;
  /** How often it was sent. */
  sends: number;
  /** Of these, those that the server has said it did not execute. */
  refusals: number;
  /** How often the server has put it off for what it is, not for the number of calls. */
  postponed: number;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** What can be seen of the queue. */
export interface QueueView {
  /** Calls that wait to be sent. */
  readonly waiting: number;
  /** Calls that were sent and have no answer yet. */
  readonly underWay: number;
  /** Payload bytes of both. */
  readonly bytes: number;
  /** How long the oldest of them has been there; undefined: there is none. */
  readonly oldestMs: number | undefined;
  /** Calls that were refused because too many, or too many bytes, were here. */
  readonly dropped: number;
}

export interface QueueLimits {
  callsMax: number;
  bytesMax: number;
}

export const QUEUE_LIMITS: QueueLimits = { callsMax: CALLS_MAX, bytesMax: CALL_BYTES_MAX };

export class CallQueue {
  readonly #limits: QueueLimits;
  readonly #waiting: Call[] = [];
  readonly #underWay = new Set<Call>();
  #bytes = 0;
  #bytesUnderWay = 0;
  #dropped = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** False: there is no room for it. */
  add(call: Call): boolean {
    const { callsMax, bytesMax } = this.#limits;
    const count = this.#waiting.length + this.#underWay.size;
    if (count >= callsMax || this.#bytes + call.payload.length > bytesMax) {
      this.#dropped++;
      return false;
    }
    this.#bytes += call.payload.length;
    this.#waiting.push(call);
    return true;
  }

  /** The next call to send, which is then on the way; undefined: none, or so many are. */
  take(underWayMax: number): Call | undefined {
    const [next] = this.#waiting;
    if (next === undefined || this.#underWay.size >= underWayMax) return undefined;
    const bytes = this.#bytesUnderWay + next.payload.length;
    if (this.#underWay.size > 0 && bytes > BYTES_UNDER_WAY_MAX) return undefined;
    this.#waiting.shift();
    this.#underWay.add(next);
    this.#bytesUnderWay = bytes;
    return next;
  }

  /** A call on the way goes back, before those that came later. */
  giveBack(call: Call): void {
    if (!this.#land(call)) return;
    const place = this.#waiting.findIndex(({ startMs }) => startMs > call.startMs);
    this.#waiting.splice(place < 0 ? this.#waiting.length : place, 0, call);
  }

  /** The call has ended. False: it had before. */
  remove(call: Call): boolean {
    const place = this.#waiting.indexOf(call);
    if (place >= 0) this.#waiting.splice(place, 1);
    else if (!this.#land(call)) return false;
    this.#bytes -= call.payload.length;
    return true;
  }

  isUnderWay(call: Call): boolean {
    return this.#underWay.has(call);
  }

  has(requestId: string): boolean {
    return this.all().some((call) => call.requestId === requestId);
  }

  all(): Call[] {
    return [...this.#underWay, ...this.#waiting];
  }

  view(nowMs: number): QueueView {
    const starts = this.all().map(({ startMs }) => startMs);
    return {
      waiting: this.#waiting.length,
      underWay: this.#underWay.size,
      bytes: this.#bytes,
      oldestMs: starts.length === 0 ? undefined : nowMs - Math.min(...starts),
      dropped: this.#dropped,
    };
  }

  #land(call: Call): boolean {
    if (!this.#underWay.delete(call)) return false;
    this.#bytesUnderWay -= call.payload.length;
    return true;
  }
}
