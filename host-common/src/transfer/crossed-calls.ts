/**
 * Two nodes that call each other at once, as when both punch holes, may come to two sessions: both
 * keep the same one. Calls cross if each began before the other could be known, which one side
 * alone may be able to see; a call to a peer that has a session with us already crosses none.
 * Reference: transfer, section 2.
 */
import { CloseError } from '../engine/generated/transfer.ts';
import { equalBytes } from './byte-strings.ts';
import { staysOfTwo } from './handshake-outcome.ts';
import type { Call } from './handshakes.ts';
import type { TransferSession } from './transfer-session.ts';

/** What has to be known of a session here. */
export type Crossable = Pick<TransferSession, 'initiator' | 'isOpen' | 'startUs' | 'peerKey'> & {
  close(error: number, reason: string): unknown;
};

/** A session, and what its endpoint keeps beside it. */
export interface Held<Session extends Crossable = TransferSession> {
  session: Session;
  /** The engine's. */
  handle: number;
  /** When its handshake began here: message 1 went, or came. */
  beganUs: number;
  /** Our call, until the peer has shown that it has message 3. */
  call: Call | undefined;
}

type Peer = Pick<TransferSession, 'peerKey' | 'initiator'>;

function* fromOtherSide<Session extends Crossable>(
  peer: Peer,
  all: Iterable<Held<Session>>,
): Generator<Held<Session>> {
  for (const other of all) {
    if (other.session.initiator === peer.initiator) continue;
    if (!other.session.isOpen || other.call !== undefined) continue;
    if (equalBytes(other.session.peerKey, peer.peerKey)) yield other;
  }
}

/**
 * The session with the same peer that comes from its call to us, or ours to it, and crossed this.
 * That holds if the two handshakes overlap as they are seen here. A peer that called although it
 * knew of our session did so after our message 3, with which ours was over here; and if we knew of
 * its session, that one was over before ours began. Of two that did cross, one side at least sees
 * it: else each message 1 had come after the message 3 that followed the other.
 */
function crossing<Session extends Crossable>(
  { session, beganUs }: Held<Session>,
  all: Iterable<Held<Session>>,
): Held<Session> | undefined {
  for (const other of fromOtherSide(session, all)) {
    if (other.beganUs < session.startUs && beganUs < other.session.startUs) return other;
  }
  return undefined;
}

/** A session that the peer began while we were calling it, since `beganUs`. */
export function standIn<Session extends Crossable>(
  peerKey: Uint8Array,
  beganUs: number,
  all: Iterable<Held<Session>>,
): Session | undefined {
  for (const { session } of fromOtherSide({ peerKey, initiator: true }, all)) {
    if (session.startUs > beganUs) return session;
  }
  return undefined;
}

/** The session that stays of this one and one that crossed it. `own`: our Noise key. */
export function closeOneOfTwo<Session extends Crossable>(
  held: Held<Session>,
  all: Iterable<Held<Session>>,
  own: Uint8Array,
): Session {
  const { session } = held;
  const other = crossing(held, all)?.session;
  if (!other) return session;
  const [stays, goes] = staysOfTwo(session, own) ? [session, other] : [other, session];
  void goes.close(CloseError.NONE, 'calls crossed');
  return stays;
}

/**
 * A call of ours to this peer that nobody has answered yet: the peer's own call, which has just
 * come to its end, takes its place, and there are never two sessions. The peer does not do the
 * same, for its call is answered.
 */
export function unanswered(peerKey: Uint8Array, calls: Iterable<Call>): Call | undefined {
  for (const call of calls) {
    const { state, peerKey: called } = call.initiator;
    if (state === 'calling' && equalBytes(called, peerKey)) return call;
  }
  return undefined;
}
