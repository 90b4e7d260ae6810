/**
 * Noise_XX_25519_ChaChaPoly_BLAKE2s (Noise revision 34). The caller carries the ephemeral keys:
 * they travel as representatives, and count here as the 32 bytes of u. A body that cannot be read
 * leaves a state that is of no more use, so messages are read on a copy.
 */
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { blake2s } from '@noble/hashes/blake2.js';
import { hmac } from '@noble/hashes/hmac.js';
import { joined, wipe } from './byte-strings.ts';
import type { X25519Secret } from './x25519.ts';

export const PROTOCOL_NAME = 'Noise_XX_25519_ChaChaPoly_BLAKE2s';
const KEY_BYTES = 32;
const TAG_BYTES = 16;
/** An encrypted static key. */
const SEALED_KEY_BYTES = KEY_BYTES + TAG_BYTES;

/** HKDF of Noise section 4.3, two outputs. */
function hkdf(chainingKey: Uint8Array, input: Uint8Array): [Uint8Array, Uint8Array] {
  const temporary = hmac(blake2s, chainingKey, input);
  const first = hmac(blake2s, temporary, Uint8Array.of(1));
  const second = hmac(blake2s, temporary, joined(first, Uint8Array.of(2)));
  temporary.fill(0);
  return [first, second];
}

/** 4 zero bytes, then n: 8 bytes, little-endian. */
function nonceOf(n: number): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(4, n, true);
  return nonce;
}

/** The cipher of a transport message (section 5.1): profile R1 has its own, vectors use this. */
export function sealWith(key: Uint8Array, n: number, aad: Uint8Array, text: Uint8Array) {
  return chacha20poly1305(key, nonceOf(n), aad).encrypt(text);
}

export function openWith(key: Uint8Array, n: number, aad: Uint8Array, text: Uint8Array) {
  if (text.length < TAG_BYTES) return undefined;
  try {
    return chacha20poly1305(key, nonceOf(n), aad).decrypt(text);
  } catch {
    return undefined;
  }
}

/** SymmetricState with its CipherState, sections 5.1 and 5.2. */
class SymmetricState {
  chainingKey: Uint8Array;
  hash: Uint8Array;
  key: Uint8Array | undefined;
  private n = 0;

  constructor(prologue: Uint8Array) {
    // The name has 33 bytes, one more than a hash.
    this.hash = blake2s(joined(PROTOCOL_NAME));
    this.chainingKey = Uint8Array.from(this.hash);
    this.mixHash(prologue);
  }

  copy(): SymmetricState {
    const copy: SymmetricState = Object.assign(Object.create(SymmetricState.prototype), this);
    copy.chainingKey = Uint8Array.from(this.chainingKey);
    copy.key = this.key && Uint8Array.from(this.key);
    return copy;
  }

  mixHash(data: Uint8Array): void {
    this.hash = blake2s(joined(this.hash, data));
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = hkdf(this.chainingKey, input);
    this.wipe();
    input.fill(0);
    this.chainingKey = chainingKey;
    this.key = key;
    this.n = 0;
  }

  seal(plaintext: Uint8Array): Uint8Array {
    const text = this.key ? sealWith(this.key, this.n++, this.hash, plaintext) : plaintext;
    this.mixHash(text);
    return text;
  }

  open(text: Uint8Array): Uint8Array | undefined {
    const plaintext = this.key ? openWith(this.key, this.n++, this.hash, text) : text;
    this.mixHash(text);
    return plaintext;
  }

  split(): [Uint8Array, Uint8Array] {
    return hkdf(this.chainingKey, new Uint8Array(0));
  }

  wipe(): void {
    wipe(this.chainingKey);
    if (this.key) wipe(this.key);
  }
}

/** A key pair of ours. */
export interface NoiseKey {
  secret: X25519Secret;
  /** 32 bytes. */
  publicKey: Uint8Array;
}

/** What both sides have in the end. */
export interface SplitKeys {
  /** From initiator to responder. */
  k1: Uint8Array;
  k2: Uint8Array;
  /** The handshake hash: public, and the same on both sides. */
  h: Uint8Array;
}

export interface NoiseOptions {
  prologue: Uint8Array;
  identity: NoiseKey;
  ephemeral: NoiseKey;
}

/** One side of one handshake. */
export class NoiseXX {
  private readonly identity: NoiseKey;
  private readonly ephemeral: NoiseKey;
  private readonly state: SymmetricState;
  private theirEphemeral = new Uint8Array(0);
  /** The peer's static key, once it has been read. */
  theirStatic = new Uint8Array(0);

  constructor({ prologue, identity, ephemeral }: NoiseOptions) {
    this.identity = identity;
    this.ephemeral = ephemeral;
    this.state = new SymmetricState(prologue);
  }

  copy(): NoiseXX {
    const copy: NoiseXX = Object.assign(Object.create(NoiseXX.prototype), this);
    Object.assign(copy, { state: this.state.copy() });
    return copy;
  }

  /** Values of the state, for the published traces. */
  get trace() {
    const { hash, chainingKey, key } = this.state;
    return { hash, chainingKey, key };
  }

  /** -> e */
  writeFirst(payload: Uint8Array): Uint8Array {
    this.state.mixHash(this.ephemeral.publicKey);
    return this.state.seal(payload);
  }

  readFirst(theirEphemeral: Uint8Array, body: Uint8Array): void {
    this.theirEphemeral = Uint8Array.from(theirEphemeral);
    this.state.mixHash(this.theirEphemeral);
    this.state.open(body);
  }

  /** <- e, ee, s, es. undefined: the peer's key has small order. */
  writeSecond(payload: Uint8Array): Uint8Array | undefined {
    this.state.mixHash(this.ephemeral.publicKey);
    if (!this.mixShared(this.ephemeral, this.theirEphemeral)) return undefined;
    const sealedKey = this.state.seal(this.identity.publicKey);
    if (!this.mixShared(this.identity, this.theirEphemeral)) return undefined;
    return joined(sealedKey, this.state.seal(payload));
  }

  /** The payload; undefined: not for us, or not by the owner of its keys. */
  readSecond(theirEphemeral: Uint8Array, body: Uint8Array): Uint8Array | undefined {
    this.theirEphemeral = Uint8Array.from(theirEphemeral);
    this.state.mixHash(this.theirEphemeral);
    if (!this.mixShared(this.ephemeral, this.theirEphemeral)) return undefined;
    if (!this.readStatic(body)) return undefined;
    if (!this.mixShared(this.ephemeral, this.theirStatic)) return undefined;
    return this.state.open(body.subarray(SEALED_KEY_BYTES));
  }

  /** -> s, se */
  writeThird(payload: Uint8Array): Uint8Array | undefined {
    const sealedKey = this.state.seal(this.identity.publicKey);
    if (!this.mixShared(this.identity, this.theirEphemeral)) return undefined;
    return joined(sealedKey, this.state.seal(payload));
  }

  readThird(body: Uint8Array): Uint8Array | undefined {
    if (!this.readStatic(body)) return undefined;
    if (!this.mixShared(this.ephemeral, this.theirStatic)) return undefined;
    return this.state.open(body.subarray(SEALED_KEY_BYTES));
  }

  /** After the third message; the state is wiped. */
  split(): SplitKeys {
    const [k1, k2] = this.state.split();
    this.wipe();
    return { k1, k2, h: this.state.hash };
  }

  /** What a copy knows is wiped with the copy. */
  wipe(): void {
    this.state.wipe();
  }

  private readStatic(body: Uint8Array): boolean {
    const key = this.state.open(body.subarray(0, SEALED_KEY_BYTES));
    if (!key) return false;
    this.theirStatic = Uint8Array.from(key);
    return true;
  }

  private mixShared({ secret }: NoiseKey, publicKey: Uint8Array): boolean {
    const shared = secret.shared(publicKey);
    if (!shared) return false;
    this.state.mixKey(shared);
    return true;
  }
}
