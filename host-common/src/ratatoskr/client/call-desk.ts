/** Calls from their beginning to their one end: queue, sending, what an answer means. */

import { MessageType, NOT_EXECUTED, type RatatoskrResponse } from '../messages.ts';
import { Backoff } from './backoff.ts';
import { type Call, CallQueue, type QueueLimits, type QueueView } from './call-queue.ts';
import { badRequest, takeCall } from './client-checks.ts';
import type { ClientClock } from './client-clock.ts';
import { type CallOutcome, RatatoskrError, RefusedByServerError } from './client-error.ts';
import type { CallOptions } from './client-options.ts';
import { CALLS_UNDER_WAY_MAX, RECONNECT_MAX_MS, RECONNECT_MIN_MS, RESENDS_MAX } from './limits.ts';
import type { Link } from './link.ts';
import type { Answer } from './link-owner.ts';
import type { MessageMaker } from './message-maker.ts';

/** What a call gave. */
export interface CallAnswer {
  requestId: string;
  payload: Uint8Array;
  /** Signed by the server's key for this very request. */
  signed: boolean;
  /** Of the last sending. */
  roundTripMs: number;
}

export interface CallDeskOptions {
  clock: ClientClock;
  maker: MessageMaker;
  newId: () => string;
  random: () => number;
  /** Calls get a second signature, in their metadata. */
  signV2: boolean;
  limits: QueueLimits;
  /** The link that calls can go over now. */
  link(): Link | undefined;
  changed(): void;
  /** A call was answered with success. */
  served(): void;
  roundTrip(elapsedMs: number): void;
}

/** Refusals after which the same call is sent again; its request_id is executed once at most. */
const SESSION_OVER: ReadonlySet<string> = new Set(['SESSION_EXPIRED', 'NO_SESSION']);
/** They are about how many calls come, not about this one: it goes again as long as it has time. */
const FEWER: ReadonlySet<string> = new Set(['RATE_LIMITED', 'NONCE_CACHE_FULL']);
const LATER: ReadonlySet<string> = new Set([...FEWER, 'TIMESTAMP_INVALID']);
/**
 * Refusals that the server gives after its replay cache has taken the message and before it
 * executes anything (reference: section 3.1): no copy of the message is executed either. What comes
 * before (UNAUTHENTICATED, NONCE_CACHE_FULL, all that is signed for no request) may be the answer
 * to a copy that was damaged on the way, while the other one is executed.
 */
const AFTER_REPLAY_CACHE = SESSION_OVER;
/** Given before it as well, but then not bound to the message. */
const AFTER_IT_WHEN_BOUND: ReadonlySet<string> = new Set(['RATE_LIMITED', 'INVALID_REQUEST']);

export class CallDesk {
  readonly #options: CallDeskOptions;
  readonly #queue: CallQueue;
  readonly #pauses: Backoff;
  /** Calls on the way at once: one after the server has said that they are too many. */
  #underWayMax = CALLS_UNDER_WAY_MAX;
  /** Ends the pause that the server has asked for. */
  #resume: (() => void) | undefined;

  constructor(options: CallDeskOptions) {
    this.#options = options;
    this.#queue = new CallQueue(options.limits);
    this.#pauses = new Backoff(RECONNECT_MIN_MS, RECONNECT_MAX_MS, options.random);
  }

  view(nowMs: number): QueueView {
    return this.#queue.view(nowMs);
  }

  async call(payload: Uint8Array, options: CallOptions): Promise<CallAnswer> {
    const { clock, changed } = this.#options;
    const taken = takeCall(payload, options, this.#options);
    const { requestId, timeoutMs, signal } = taken;
    signal?.throwIfAborted();
    if (this.#queue.has(requestId)) throw badRequest(`request_id ${requestId} is under way`);
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const call: Call = {
      requestId,
      payload: taken.payload,
      metadata: taken.metadata,
      startMs: clock.monotonicMs(),
      sends: 0,
      refusals: 0,
      postponed: 0,
      resolve,
      reject,
    };
    const isIn = this.#queue.add(call);
    changed();
    if (!isIn) {
      const problem = 'too many calls have not ended, or too many bytes of them';
      throw new RatatoskrError('ANDVARI_QUEUE_FULL', problem);
    }
    const giveUp = (): void => this.#fail(call, signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    const cancel = clock.after(timeoutMs, () => this.#timeOut(call, timeoutMs));
    this.pump();
    try {
      const { response, signed, elapsedMs } = await promise;
      return { requestId, payload: response.payload, signed, roundTripMs: elapsedMs };
    } finally {
      cancel();
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** Sends what may go now. */
  pump(): void {
    const link = this.#options.link();
    if (link === undefined || this.#resume !== undefined) return;
    for (;;) {
      const call = this.#queue.take(this.#underWayMax);
      if (call === undefined) return;
      void this.#send(link, call);
    }
  }

  /** Every call ends with this error. */
  failAll(error: RatatoskrError): void {
    this.#resume?.();
    this.#resume = undefined;
    for (const call of this.#queue.all()) {
      const { code, message } = error;
      const outcome = outcomeOf(call);
      this.#fail(call, new RatatoskrError(code, message, { cause: error, outcome }));
    }
  }

  async #send(link: Link, call: Call): Promise<void> {
    const { requestId, payload, metadata } = call;
    const message = { messageType: MessageType.BUSINESS_REQUEST, requestId, payload, metadata };
    const begin = (): boolean => {
      if (!this.#queue.isUnderWay(call)) return false;
      call.sends++;
      return true;
    };
    let answer: Answer;
    try {
      answer = await link.exchange(message, begin);
    } catch (error) {
      // Cut: it goes again over the next link, and is executed once all the same.
      if ((error as RatatoskrError).code === 'ANDVARI_CLOSED') this.#giveBack(call);
      else this.#fail(call, error);
      return;
    }
    if (!this.#queue.isUnderWay(call)) return;
    this.#options.roundTrip(answer.elapsedMs);
    this.#judge(link, call, answer);
    this.pump();
  }

  #judge(link: Link, call: Call, answer: Answer): void {
    const { response } = answer;
    const { errorCode, messageType } = response;
    if (response.success) {
      this.#pauses.reset();
      this.#underWayMax = Math.min(this.#underWayMax + 1, CALLS_UNDER_WAY_MAX);
      this.#options.served();
      if (messageType === MessageType.BUSINESS_REQUEST) {
        this.#end(call, () => call.resolve(answer));
        return;
      }
      const problem = `an answer of type ${messageType} to a business request`;
      this.#fail(call, new RatatoskrError('ANDVARI_BAD_REPLY', problem, { outcome: 'unknown' }));
      return;
    }
    if (wasNotExecuted(answer)) call.refusals++;
    const isOver = SESSION_OVER.has(errorCode);
    const isFewer = FEWER.has(errorCode);
    if (isFewer) this.#underWayMax = 1;
    else call.postponed++;
    if ((!isOver && !LATER.has(errorCode)) || call.postponed > RESENDS_MAX) {
      this.#fail(call, new RefusedByServerError(response, outcomeOf(call)));
      return;
    }
    if (isOver) link.expire();
    else this.#wait(answer);
    this.#giveBack(call);
  }

  /** The server wants nothing more for a while. */
  #wait({ response, signed }: { response: RatatoskrResponse; signed: boolean }): void {
    const { maker, clock } = this.#options;
    // Only from a server that has proved who it is: a stamp of the future could be used later.
    if (response.errorCode === 'TIMESTAMP_INVALID' && signed) maker.learnTime(response.timestamp);
    this.#resume ??= clock.after(this.#pauses.next(), () => {
      this.#resume = undefined;
      this.pump();
    });
  }

  #giveBack(call: Call): void {
    this.#queue.giveBack(call);
    this.#options.changed();
    this.pump();
  }

  #timeOut(call: Call, timeoutMs: number): void {
    const outcome = outcomeOf(call);
    const { sends, refusals } = call;
    const what =
      sends === 0 ? 'not sent' : sends > refusals ? 'no answer' : 'put off by the server';
    const problem = `${what} within ${Math.ceil(timeoutMs)} ms`;
    this.#fail(call, new RatatoskrError('ANDVARI_TIMEOUT', problem, { outcome }));
  }

  #fail(call: Call, error: unknown): void {
    this.#end(call, () => call.reject(error));
  }

  /** A call ends once, whatever comes later. */
  #end(call: Call, settle: () => void): void {
    if (!this.#queue.remove(call)) return;
    this.#options.link()?.forget(call.requestId);
    settle();
    this.#options.changed();
    this.pump();
  }
}

/** Of a call that ends without an answer. */
function outcomeOf({ sends, refusals }: Call): CallOutcome {
  return sends > refusals ? 'unknown' : 'not-executed';
}

function wasNotExecuted({ response, signed, bound }: Answer): boolean {
  // Where signatures are not asked for, the server's words are believed as they come.
  if (signed && !bound) return false;
  const { errorCode, errorMessage } = response;
  if (errorCode === 'SERVICE_UNAVAILABLE') return errorMessage.startsWith(NOT_EXECUTED);
  return AFTER_REPLAY_CACHE.has(errorCode) || (bound && AFTER_IT_WHEN_BOUND.has(errorCode));
}
