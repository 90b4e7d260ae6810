/**
 * Who a node is: one Ed25519 seed. The peer ID is its public key; the Noise static key has the same
 * scalar, so anyone derives its public half from the peer ID. The map forgets the sign bit: lists
 * of peers compare the 32 bytes of the Noise key, not the peer ID.
 * Reference: transfer, section 2 (identity).
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import type { Ed25519Provider, Ed25519Verifier } from '../ratatoskr/signing.ts';
import {
  checkBytes,
  checkChoice,
  checkFunction,
  checkMethods,
  checkText,
} from './argument-checks.ts';
import { equalBytes, joined, type RandomBytes } from './byte-strings.ts';
import { clamped } from './elligator2.ts';
import type { NoiseKey } from './noise.ts';
import { nobleX25519, type X25519Provider } from './x25519.ts';

const { Point } = ed25519;
const { Fp } = Point;
/** Of the last byte of a peer ID: the sign of x. */
const SIGN_BIT = 0x80;
const SEED_BYTES = 32;
const CHALLENGE_BYTES = 32;

/** A node's own identity. */
export interface Identity {
  /** 32 bytes: an Ed25519 public key. */
  peerId: Uint8Array;
  /** The key of its handshakes. */
  noise: NoiseKey;
}

/** `seed`: 32 bytes, the secret that an identity file holds. */
export function identityOf(seed: Uint8Array, provider: X25519Provider = nobleX25519): Identity {
  checkBytes('seed', seed, SEED_BYTES);
  checkMethods('provider', provider, ['secret']);
  const peerId = ed25519.getPublicKey(seed);
  const publicKey = noiseKeyOf(peerId);
  if (!publicKey) throw new Error('a seed whose public key has small order');
  const scalar = noiseSecretOf(seed);
  const secret = provider.secret(scalar);
  scalar.fill(0);
  return { peerId, noise: { secret, publicKey } };
}

/** SHA-512(seed)[0..32], clamped: the scalar of both keys. */
export function noiseSecretOf(seed: Uint8Array): Uint8Array {
  checkBytes('seed', seed, SEED_BYTES);
  const hash = sha512(seed);
  const scalar = clamped(hash);
  hash.fill(0);
  return scalar;
}

/**
 * The Noise key of a peer ID: u = (1 + y) / (1 - y). undefined for what is no peer ID: another
 * length, y not below p, no point, a point of small order.
 */
export function noiseKeyOf(peerId: Uint8Array): Uint8Array | undefined {
  try {
    const point = Point.fromBytes(Uint8Array.from(peerId), false);
    return point.isSmallOrder() ? undefined : ed25519.utils.toMontgomery(peerId);
  } catch {
    return undefined;
  }
}

/**
 * The peer ID of a Noise key and the sign bit from the handshake's parameters. undefined for a key
 * that belongs to no peer ID, or is written in a second way (not below p): lists could be evaded.
 */
export function peerIdOf(noiseKey: Uint8Array, signBit: boolean): Uint8Array | undefined {
  if (noiseKey.length !== 32) return undefined;
  try {
    const u = Fp.fromBytes(noiseKey);
    const peerId = Fp.toBytes(Fp.div(Fp.sub(u, Fp.ONE), Fp.add(u, Fp.ONE)));
    if (signBit) peerId[31] = (peerId[31] ?? 0) | SIGN_BIT;
    const back = noiseKeyOf(peerId);
    return back && equalBytes(back, noiseKey) ? peerId : undefined;
  } catch {
    return undefined;
  }
}

/** What the handshake's parameters say of a peer ID. */
export function signBitOf(peerId: Uint8Array): boolean {
  return ((peerId[31] ?? 0) & SIGN_BIT) !== 0;
}

/** A new seed. */
export function newSeed(random: RandomBytes): Uint8Array {
  checkFunction('random', random);
  const seed = random(SEED_BYTES);
  checkBytes('random(32)', seed, SEED_BYTES);
  return seed;
}

/** What a signature is for; without it one could be passed off as another. */
export type Purpose = (typeof purposes)[number];
const purposes = ['wraith-v1-announce', 'wraith-v1-relay-auth'] as const;

/** Purpose label and data: what is signed. */
export function purposeInput(purpose: Purpose, data: Uint8Array): Uint8Array {
  checkChoice('purpose', purpose, purposes);
  checkBytes('data', data);
  return joined(purpose, data);
}

/**
 * The data of a relay's authentication. `host`: the relay's name as dialed, without a port, 1-255
 * bytes of ASCII; `challenge`: its 32 bytes. Another relay's challenge cannot stand for it.
 */
export function relayData(host: string, challenge: Uint8Array): Uint8Array {
  checkText('host', host);
  checkBytes('challenge', challenge, CHALLENGE_BYTES);
  const name = host.toLowerCase();
  if (!/^[\x21-\x7e]{1,255}$/.test(name)) throw new RangeError(`not a host name: ${host}`);
  return joined(Uint8Array.of(name.length), name, challenge);
}

export interface PurposeSigner {
  /** 64 bytes. */
  sign(purpose: Purpose, data: Uint8Array): Promise<Uint8Array>;
}

export async function purposeSigner(
  provider: Ed25519Provider,
  seed: Uint8Array,
): Promise<PurposeSigner> {
  checkMethods('provider', provider, ['signer']);
  checkBytes('seed', seed, SEED_BYTES);
  const signer = await provider.signer(seed);
  return { sign: (purpose, data) => signer.sign(purposeInput(purpose, data)) };
}

export interface PurposeClaim {
  peerId: Uint8Array;
  purpose: Purpose;
  data: Uint8Array;
  signature: Uint8Array;
}

/** Is the signature the peer's, for this purpose and this data? */
export async function verifyPurpose(
  verifier: Ed25519Verifier,
  { peerId, purpose, data, signature }: PurposeClaim,
): Promise<boolean> {
  const input = purposeInput(purpose, data);
  checkBytes('signature', signature);
  checkBytes('peerId', peerId);
  // Small-order and non-canonical keys are judged differently by providers: refused before.
  if (signature.length !== 64 || !noiseKeyOf(peerId)) return false;
  return verifier.verify(peerId, input, signature);
}
