/**
 * Two nodes that call each other at once, as when both punch holes, come to two sessions: both keep
 * the same one. Reference: transfer, section 2.
 */
import { CloseError } from '../engine/generated/transfer.ts';
import { equalBytes } from './byte-strings.ts';
import { HANDSHAKE_TIMEOUT_US, staysOfTwo } from './handshake-outcome.ts';
import type { Call } from './handshakes.ts';
import type { TransferSession } from './transfer-session.ts';

/** A session, and what its endpoint keeps beside it. */
export interface Held {
  session: TransferSession;
  /** The engine's. */
  handle: number;
  /** Our call, until the peer has shown that it has message 3. */
  call: Call | undefined;
}

/** The session with the same peer that comes from its call to us, or ours to it, at this time. */
export function crossing({ session }: Held, all: Iterable<Held>): Held | undefined {
  for (const other of all) {
    if (other.session.initiator === session.initiator) continue;
    if (!other.session.isOpen || other.call !== undefined) continue;
    const apartUs = Math.abs(other.session.startUs - session.startUs);
    if (apartUs >= HANDSHAKE_TIMEOUT_US) continue; // a peer that starts again calls again
    if (equalBytes(other.session.peerKey, session.peerKey)) return other;
  }
  return undefined;
}

/** The session that stays of this one and one that crossed it. `own`: our Noise key. */
export function closeOneOfTwo(held: Held, all: Iterable<Held>, own: Uint8Array): TransferSession {
  const { session } = held;
  const other = crossing(held, all)?.session;
  if (!other) return session;
  const [stays, goes] = staysOfTwo(session, own) ? [session, other] : [other, session];
  void goes.close(CloseError.NONE, 'calls crossed');
  return stays;
}
