/** What was sent on one link and has no answer, and whether its transport carries anything. */

import type { RatatoskrError } from './client-error.ts';
import { SLOW_LINE_BYTES_PER_S } from './limits.ts';
import { cut } from './link-errors.ts';
import type { Answer } from './link-owner.ts';

export interface Waiting {
  digest: Uint8Array;
  /** Of the message; 0: nobody has to answer it. */
  bytes: number;
  /** A business request: as large as its caller made it. */
  isCall: boolean;
  sentMs: number;
  resolve(answer: Answer): void;
  reject(error: RatatoskrError): void;
}

export class WaitingAnswers {
  /** By request_id: neither answered nor given up. */
  readonly #waiting = new Map<string, Waiting>();
  #hasCalled = false;
  /** An answer to a call has come. */
  #hasCarried = false;
  /** A call was given up since the last answer to one. */
  #hasGivenUp = false;

  add(requestId: string, waiting: Waiting): void {
    this.#waiting.set(requestId, waiting);
    if (waiting.isCall) this.#hasCalled = true;
  }

  get(requestId: string): Waiting | undefined {
    return this.#waiting.get(requestId);
  }

  /** Nobody waits for it any more. */
  forget(requestId: string): void {
    if (this.#waiting.get(requestId)?.isCall) this.#hasGivenUp = true;
    this.#waiting.delete(requestId);
  }

  /** Its answer is there, whatever it says. */
  answered(requestId: string): void {
    if (this.#waiting.get(requestId)?.isCall) this.carried();
    this.#waiting.delete(requestId);
  }

  /** An answer to a call has come, be it that nobody waited for it any more. */
  carried(): void {
    this.#hasCarried = true;
    this.#hasGivenUp = false;
  }

  /** Answers are owed. */
  get isOwing(): boolean {
    return [...this.#waiting.values()].some(({ bytes }) => bytes > 0);
  }

  /** Of a slow line, in whole seconds, for all that has no answer: a question waits behind it. */
  get carryMs(): number {
    let bytes = 0;
    for (const waiting of this.#waiting.values()) bytes += waiting.bytes;
    return Math.floor(bytes / SLOW_LINE_BYTES_PER_S) * 1000;
  }

  /**
   * Whether calls got lost here though there was a session, which takes small messages alone: none
   * was answered, or the link fell silent on one. One that is cut after an answer has carried it.
   */
  isLosing(isSilent: boolean): boolean {
    if (!this.#hasCarried) return this.#hasCalled;
    const isOpen = this.#hasGivenUp || [...this.#waiting.values()].some(({ isCall }) => isCall);
    return isSilent && isOpen;
  }

  /** The link is over: everything rejects, with this cause. */
  end(cause: RatatoskrError): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(cut('unknown', cause));
  }
}
