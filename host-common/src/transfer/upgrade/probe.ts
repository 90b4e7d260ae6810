/**
 * Probes of direct ways: packets that look like a call (section 2), sealed with keys that a session
 * has carried. Nobody else can make one, or tell one from noise. Reference: transfer, section 8
 * (hole punch: sealed packets, never markers).
 *
 *   nonce 24 · XChaCha20-Poly1305 (kind 1, round 2, id 8, random 45) · tag 16
 *
 * In the stealth form up to 512 random bytes are behind it, as behind a call.
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { joined, type RandomBytes } from '../byte-strings.ts';
import { isUsableCid } from '../handshake-messages.ts';

export const PROBE_BYTES = 96;
export const PROBE_ID_BYTES = 8;
const NONCE_BYTES = 24;
const BODY_BYTES = PROBE_BYTES - NONCE_BYTES - 16;
const ID_AT = 3;
const TRAILER_MAX = 512;

export const ProbeKind = { ASK: 1, ANSWER: 2 } as const;

export interface Probe {
  /** A ProbeKind. */
  kind: number;
  round: number;
  /** Of an answer that of what it answers. */
  id: Uint8Array;
}

/** Could a datagram be a probe? */
export function hasProbeLength({ length }: Uint8Array): boolean {
  return length >= PROBE_BYTES && length <= PROBE_BYTES + TRAILER_MAX;
}

export function sealProbe(
  { kind, round, id }: Probe,
  key: Uint8Array,
  { random, stealth }: { random: RandomBytes; stealth: boolean },
): Uint8Array {
  const body = Uint8Array.from(random(BODY_BYTES));
  body.set([kind, round >> 8, round & 0xff]);
  body.set(id, ID_AT);
  let nonce = random(NONCE_BYTES);
  // What begins as a marker of the protocol is one.
  while (!isUsableCid(nonce.subarray(0, 8))) nonce = random(NONCE_BYTES);
  const sealed = xchacha20poly1305(key, nonce).encrypt(body);
  const view = new DataView(Uint8Array.from(random(2)).buffer);
  const trailer = stealth ? random(view.getUint16(0) % (TRAILER_MAX + 1)) : new Uint8Array(0);
  return joined(nonce, sealed, trailer);
}

/** Undefined: it is none that this key has sealed. */
export function openProbe(bytes: Uint8Array, key: Uint8Array): Probe | undefined {
  if (!hasProbeLength(bytes)) return undefined;
  try {
    const cipher = xchacha20poly1305(key, bytes.slice(0, NONCE_BYTES));
    const body = cipher.decrypt(bytes.slice(NONCE_BYTES, PROBE_BYTES));
    const [kind = 0, high = 0, low = 0] = body;
    return { kind, round: (high << 8) | low, id: body.slice(ID_AT, ID_AT + PROBE_ID_BYTES) };
  } catch {
    return undefined;
  }
}
