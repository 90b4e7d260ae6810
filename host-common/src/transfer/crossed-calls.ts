/**
 * Two nodes that call each other at once, as when both punch holes: one session comes of it, that
 * of the call of the smaller key. Calls cross if each began before the other could be known. Which
 * of two sessions goes is settled before anybody has it: who has the smaller key refuses the peer's
 * in its first packet, and who has the larger one gives up its own that has not been heard yet.
 * What came first is told by the order of events, as no clock can tell: see event-order.ts.
 * Reference: transfer, section 2.
 */
import { equalBytes } from './byte-strings.ts';
import { type Agreed, staysOfTwo } from './handshake-outcome.ts';
import type { Call } from './handshakes.ts';
import type { TransferSession } from './transfer-session.ts';

/** What CLOSE 0 says to a caller whose session goes: that of our call to it comes instead. */
export const CROSSED = 'calls crossed';
/**
 * So long our message 3 may be on its way, some four copies, before a call of the peer is taken
 * that may have crossed ours. It repeats its message 3 meanwhile, and for longer.
 */
const POSTPONED_US = 2_000_000;

/** What has to be known of a session here. */
export type Crossable = Pick<TransferSession, 'initiator' | 'isOpen' | 'startUs' | 'peerKey'> & {
  close(error: number, reason: string): unknown;
};

/** A session, and what its endpoint keeps beside it. */
export interface Held<Session extends Crossable = TransferSession> {
  session: Session;
  /** The engine's. */
  handle: number;
  /** Our call, until the peer has shown that it has message 3. */
  call: Call | undefined;
  /** When it began, and when the peer has shown that, in the order of events; Infinity: not yet. */
  started: number;
  heard: number;
  /** Names the handshake of a peer's call, for repeats of message 3. */
  cid: string | undefined;
}

/** What becomes of a session that a peer has begun, with its message 3. */
export type Meeting<Session extends Crossable> =
  /** Ours stays: the peer is told so. */
  | { kind: 'crossed' }
  /** It may be that ours stays: message 3 is not taken, and will come again. */
  | { kind: 'postponed' }
  /**
   * It stays, and ours of `crossed` go. `isContested`: if it crossed ours after all, the peer has
   * given it up already.
   */
  | { kind: 'stays'; crossed: Held<Session>[]; isContested: boolean };

function* openWith<Session extends Crossable>(
  peerKey: Uint8Array,
  isOurs: boolean,
  all: Iterable<Held<Session>>,
): Generator<Held<Session>> {
  for (const held of all) {
    const { session } = held;
    if (session.initiator !== isOurs || !session.isOpen) continue;
    if (equalBytes(session.peerKey, peerKey)) yield held;
  }
}

/**
 * Holds what a peer has begun against the sessions of our calls to it. If its message 1 came before
 * our message 3 went, the calls crossed: neither side knew of the other's session. If it came
 * later, and before the peer had shown that it has our message 3, it may have called without
 * knowing, or because it had our session and wanted another: it alone knows, and gives up a session
 * that crossed ours once it has our message 3. Until then we do not take its own. `own`: our key.
 */
export function meet<Session extends Crossable>(
  agreed: Agreed,
  all: Iterable<Held<Session>>,
  { own, nowUs }: { own: Uint8Array; nowUs: number },
): Meeting<Session> {
  const { peerKey, began } = agreed;
  const ours = [...openWith(peerKey, true, all)];
  const certain = ours.filter(({ started }) => began < started);
  if (staysOfTwo(agreed, own)) {
    // The peer has taken ours, since its own message 3 went in vain for too long: that one goes.
    if (certain.some(({ heard }) => Number.isFinite(heard))) return { kind: 'crossed' };
    const crossed = certain.filter(({ call }) => call);
    return { kind: 'stays', crossed, isContested: false };
  }
  if (certain.length > 0) return { kind: 'crossed' };
  const unsure = ours.filter(({ heard }) => began < heard);
  const waits = unsure.some(({ call, session }) => call && nowUs < session.startUs + POSTPONED_US);
  if (waits) return { kind: 'postponed' };
  return { kind: 'stays', crossed: [], isContested: unsure.length > 0 };
}

/** A session that the peer began while we were calling it, since `began`. */
export function standIn<Session extends Crossable>(
  peerKey: Uint8Array,
  began: number,
  all: Iterable<Held<Session>>,
): Session | undefined {
  for (const { session, started } of openWith(peerKey, false, all)) {
    if (started > began) return session;
  }
  return undefined;
}

/**
 * Calls of ours to this peer that nobody has answered yet: the peer's own call, which has just come
 * to its end, takes their place, and there are never two sessions. The peer does not do the same,
 * for its call is answered.
 */
export function unanswered(peerKey: Uint8Array, calls: Iterable<Call>): Call[] {
  return [...calls].filter(({ initiator }) => {
    return initiator.state === 'calling' && equalBytes(initiator.peerKey, peerKey);
  });
}
