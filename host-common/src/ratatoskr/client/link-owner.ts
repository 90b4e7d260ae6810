/** What a link (link.ts) tells the client, and what it gives for a message. */

import type { RatatoskrResponse } from '../messages.ts';
import type { RatatoskrError } from './client-error.ts';
import type { Session } from './session.ts';

export interface LinkOwner {
  /** A session, the first or a new one: calls may go. */
  online(session: Session): void;
  /** The session is over; `online` comes again, or `ended`. */
  paused(): void;
  /**
   * Once: the link is of no use any more. `hasAlternative`: its transport carried nothing, and
   * another one has not been asked yet.
   */
  ended(error: RatatoskrError, hasAlternative: boolean): void;
  /** Whether it answers the question if it lives, while there is a session. */
  answering(answering: boolean): void;
  /** A heartbeat was sent. */
  beat(): void;
  /** From a message to its answer. */
  roundTrip(elapsedMs: number): void;
  /** Something that ends neither the link nor a call. */
  problem(error: RatatoskrError): void;
}

export interface Answer {
  response: RatatoskrResponse;
  signed: boolean;
  /** Signed for this very message. */
  bound: boolean;
  elapsedMs: number;
}
