/**
 * Ed25519 by node:crypto, synchronous: a server signs and verifies in the order of its messages.
 * Keys go in as KeyObjects, since raw bytes cost 10 to 16 us a call on Node 24 (design.md, 4).
 * Which encodings may be keys at all is the registry's to say; S >= L is refused by OpenSSL too.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { Ed25519Signer, Ed25519Verifier } from '@andvari/host-common/ratatoskr/signing';
import { wantBytes, wantSeed } from '@andvari/host-common/ratatoskr/want-bytes';

const KEY_BYTES = 32;
/** SubjectPublicKeyInfo and PKCS #8 of RFC 8410, up to the key itself. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
/** KeyObjects kept: 400 bytes each. The oldest goes; it costs its owner 15 us to come back. */
const KEYS_MAX = 16_384;

function publicKeyOf(key: Uint8Array): KeyObject {
  wantBytes('Ed25519 key', key, KEY_BYTES);
  const der = Buffer.concat([SPKI_PREFIX, key]);
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

/** Signs with one key. */
export class NodeEd25519Signer implements Ed25519Signer {
  readonly publicKey: Uint8Array;
  readonly #key: KeyObject;

  /** @param seed 32 bytes (RFC 8032, section 5.1.5); RangeError or TypeError otherwise */
  constructor(seed: Uint8Array) {
    wantSeed(seed);
    const der = Buffer.concat([PKCS8_PREFIX, seed]);
    this.#key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    der.fill(0);
    const spki = createPublicKey(this.#key).export({ format: 'der', type: 'spki' });
    this.publicKey = new Uint8Array(spki.subarray(SPKI_PREFIX.length));
  }

  /** 64 bytes. */
  signNow(message: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, message, this.#key));
  }

  /** The signature in base64url. */
  signText(message: Uint8Array): string {
    return sign(null, message, this.#key).toString('base64url');
  }

  sign(message: Uint8Array): Promise<Uint8Array> {
    return Promise.resolve(this.signNow(message));
  }
}

/** Verifies with any key, and remembers the keys of those who come often. */
export class NodeEd25519Verifier implements Ed25519Verifier {
  readonly #keys = new Map<string, KeyObject>();

  /** False for everything that is no signature of the key over the message. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    if (publicKey.length !== KEY_BYTES || signature.length !== 2 * KEY_BYTES) return false;
    return verify(null, message, this.#keyOf(publicKey), signature);
  }

  #keyOf(bytes: Uint8Array): KeyObject {
    const name = Buffer.from(bytes.buffer, bytes.byteOffset, KEY_BYTES).toString('latin1');
    const known = this.#keys.get(name);
    if (known) return known;
    const key = publicKeyOf(bytes);
    if (this.#keys.size >= KEYS_MAX) {
      const [oldest] = this.#keys.keys();
      this.#keys.delete(oldest as string);
    }
    this.#keys.set(name, key);
    return key;
  }
}
