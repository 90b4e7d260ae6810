/** What a handshake works with and what it comes to. */
import { Compression } from '../engine/generated/transfer.ts';
import { compareBytes, type RandomBytes } from './byte-strings.ts';
import type { Ephemerals } from './ephemerals.ts';
import type { HandshakeParams } from './handshake-messages.ts';
import type { Identity } from './identity.ts';
import type { SplitKeys } from './noise.ts';
import type { X25519Provider } from './x25519.ts';

/** Reference: 10 s (transfer, section 2). */
export const HANDSHAKE_TIMEOUT_US = 10_000_000;
/** How far a clock may be off. */
export const TIMESTAMP_WINDOW_US = 120_000_000;

/** An instant: of a clock that never jumps, and of the calendar (since 1970); microseconds. */
export interface Moment {
  us: number;
  wallUs: number;
}

export interface HandshakeOptions {
  identity: Identity;
  /** What we state of ourselves; the sign bit comes from the identity. */
  params: Omit<HandshakeParams, 'signBit'>;
  x25519: X25519Provider;
  random: RandomBytes;
  ephemerals: Pick<Ephemerals, 'take'>;
  /** The stealth form, for obfuscation Full: nothing on the wire is constant. */
  stealth?: boolean;
  /** Half-open handshakes above which a caller first shows that it reads what it is sent [512]. */
  retryAbove?: number;
}

/** A handshake that both sides have finished, ready for a session. */
export interface Agreed {
  /** Did we call? */
  initiator: boolean;
  keys: SplitKeys;
  /** Who the other one is: its Ed25519 key, and the key that lists compare. */
  peerId: Uint8Array;
  peerKey: Uint8Array;
  theirParams: HandshakeParams;
  /** On if either side asked. */
  headerProtection: boolean;
  /** Message 1 was masked: both know that the caller is in obfuscation Full. */
  isMasked: boolean;
  /** First sample of the round trip, microseconds; undefined if a message was sent twice. */
  rttUs: number | undefined;
  /** When it began here, in the order of events: the call, or message 1 of a caller. */
  began: number;
}

/**
 * Which data of the session goes compressed (a Compression): in obfuscation Full none of ours does,
 * and where both know of it none at all (reference: transfer section 15).
 */
export function compressionOf(
  { isMasked }: Pick<Agreed, 'isMasked'>,
  { stealth = false }: Pick<HandshakeOptions, 'stealth'>,
): number {
  if (isMasked) return Compression.NONE;
  return stealth ? Compression.RECEIVED : Compression.BOTH_WAYS;
}

/**
 * Both have called each other, and two handshakes came to an end: the one that stays is that whose
 * initiator has the smaller key. `ours`: our Noise key.
 */
export function staysOfTwo(
  { initiator, peerKey }: Pick<Agreed, 'initiator' | 'peerKey'>,
  ours: Uint8Array,
): boolean {
  return initiator === compareBytes(ours, peerKey) < 0;
}
