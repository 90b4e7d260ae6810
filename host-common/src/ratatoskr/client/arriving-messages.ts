/**
 * What comes by a link: each message is judged by the request that it answers, and given to whoever
 * waits for it.
 */

import type { ResponseValidator } from '../message-validator.ts';
import type { ClientClock } from './client-clock.ts';
import { asRatatoskrError, RatatoskrError, RefusedByServerError } from './client-error.ts';
import { forNobody } from './link-errors.ts';
import { SentDigests } from './sent-digests.ts';
import type { Waiting, WaitingAnswers } from './waiting-answers.ts';

/** Whose messages they are. */
export interface ArrivalOwner {
  isEnded(): boolean;
  /** Something genuine has come. */
  heard(): void;
  /** What came is none of the protocol's: the connection is of no use. */
  broke(error: RatatoskrError): void;
  /** Something that ends neither the link nor a call. */
  problem(error: RatatoskrError): void;
  /** A fault of ours. */
  end(error: RatatoskrError): void;
}

type Verdict = Awaited<ReturnType<ResponseValidator['validate']>>;

export class ArrivingMessages {
  readonly #validator: ResponseValidator;
  readonly #clock: ClientClock;
  readonly #waiting: WaitingAnswers;
  readonly #owner: ArrivalOwner;
  readonly #sent = new SentDigests();
  #turn: Promise<void> = Promise.resolve();

  constructor(
    { validator, clock }: { validator: ResponseValidator; clock: ClientClock },
    waiting: WaitingAnswers,
    owner: ArrivalOwner,
  ) {
    this.#validator = validator;
    this.#clock = clock;
    this.#waiting = waiting;
    this.#owner = owner;
  }

  /** A message was made that may be answered, also long after it was sent again. */
  note(requestId: string, digest: Uint8Array): void {
    this.#sent.note(requestId, digest);
  }

  /**
   * Judged side by side, delivered in the order of their coming: an end that follows an answer must
   * not overtake it, or a refusal would look like a cut.
   */
  received(bytes: Uint8Array): void {
    let asked: Waiting | undefined;
    const judged = this.#validator.validate(bytes, (requestId) => {
      asked = this.#waiting.get(requestId);
      return asked?.digest;
    });
    this.inTurn(async () => {
      const verdict = await judged;
      const isLate = !verdict.ok && (await this.#isLate(bytes, verdict.requestId));
      if (isLate) this.#cameLate();
      else this.#deliver(verdict, asked);
    });
  }

  /** The answer to an earlier sending of a call that was sent again, which has its own coming. */
  async #isLate(bytes: Uint8Array, requestId: string): Promise<boolean> {
    for (const digest of this.#sent.of(requestId)) {
      const verdict = await this.#validator.validate(bytes, () => digest);
      if (verdict.ok && verdict.bound) return true;
    }
    return false;
  }

  #cameLate(): void {
    this.#waiting.carried();
    this.#owner.problem(forNobody());
  }

  /** `asked`: the request by which the answer was judged. */
  #deliver(verdict: Verdict, asked: Waiting | undefined): void {
    if (this.#owner.isEnded()) return;
    if (!verdict.ok && verdict.stage !== 'response') {
      const problem = `a message that is none: ${verdict.reason}`;
      this.#owner.broke(new RatatoskrError('ANDVARI_BAD_REPLY', problem, { outcome: 'unknown' }));
      return;
    }
    const { requestId } = verdict.ok ? verdict.response : verdict;
    const waiting = this.#waiting.get(requestId);
    // A second answer, or one that came too late: nobody waits for it.
    if (waiting === undefined || (asked ?? waiting) !== waiting) {
      this.#cameLate();
      return;
    }
    // Told of a copy: the real answer may still come.
    if (verdict.ok && verdict.response.errorCode === 'REPLAY') {
      this.#owner.heard();
      this.#owner.problem(new RefusedByServerError(verdict.response, 'unknown'));
      return;
    }
    this.#waiting.answered(requestId);
    if (!verdict.ok) {
      const problem = 'an answer that the server has not signed for this request';
      waiting.reject(new RatatoskrError('ANDVARI_UNTRUSTED', problem, { outcome: 'unknown' }));
      return;
    }
    this.#owner.heard();
    const elapsedMs = this.#clock.monotonicMs() - waiting.sentMs;
    waiting.resolve({ ...verdict, elapsedMs });
  }

  /** Does what comes behind the messages that have come. */
  inTurn(work: () => Promise<void>): void {
    this.#turn = this.#turn.then(work).catch((error) => this.#owner.end(asRatatoskrError(error)));
  }
}
