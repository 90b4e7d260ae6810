/** Ed25519 by WebCrypto, where keys can be kept so that no script reads them. */
import type { Ed25519Provider, Ed25519Signer } from './signing.ts';
import { wantBytes, wantSeed } from './want-bytes.ts';

const ALGORITHM = 'Ed25519';
/** Imported keys that are kept: a client has one server, or a few. */
const KEYS_MAX = 64;
/** PKCS #8 around a seed (RFC 8410 section 7): version 0, id-Ed25519, an octet string. */
const PKCS8_PREFIX = Uint8Array.from([
  0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
]);

/** WebCrypto takes no views of shared memory, so it gets a copy. */
const own = (bytes: Uint8Array) => Uint8Array.from(bytes);

export class WebCryptoEd25519 implements Ed25519Provider {
  readonly name = 'webcrypto';
  private readonly keys = new Map<string, CryptoKey>();

  /** undefined where WebCrypto has no Ed25519 (or is not there: an insecure page). */
  static async create(): Promise<WebCryptoEd25519 | undefined> {
    try {
      await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
      return new WebCryptoEd25519();
    } catch {
      return undefined;
    }
  }

  async signer(seed: Uint8Array): Promise<Ed25519Signer> {
    wantSeed(seed);
    const pkcs8 = new Uint8Array(PKCS8_PREFIX.length + 32);
    pkcs8.set(PKCS8_PREFIX);
    pkcs8.set(seed, PKCS8_PREFIX.length);
    // WebCrypto tells the public half only of a key that it may export.
    const readable = await crypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign']);
    const { x = '' } = await crypto.subtle.exportKey('jwk', readable);
    const base64 = x.replaceAll('-', '+').replaceAll('_', '/');
    const publicKey = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const key = await crypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']);
    pkcs8.fill(0);
    return signerOf(key, publicKey);
  }

  /** A new key that no script can read; the pair can be kept in IndexedDB (signerOfPair). */
  async generate(): Promise<CryptoKeyPair> {
    return (await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify'])) as CryptoKeyPair;
  }

  /** A signer of a pair that generate() made. */
  async signerOfPair(pair: CryptoKeyPair): Promise<Ed25519Signer> {
    const raw = await crypto.subtle.exportKey('raw', pair.publicKey);
    return signerOf(pair.privateKey, new Uint8Array(raw));
  }

  async verify(
    publicKey: Uint8Array,
    message: Uint8Array,
    signature: Uint8Array,
  ): Promise<boolean> {
    try {
      // A copy of something else would be other bytes.
      for (const bytes of [publicKey, message, signature]) wantBytes('verify', bytes);
      const key = await this.keyOf(publicKey);
      return await crypto.subtle.verify(ALGORITHM, key, own(signature), own(message));
    } catch {
      return false;
    }
  }

  private async keyOf(publicKey: Uint8Array): Promise<CryptoKey> {
    const name = publicKey.join();
    const known = this.keys.get(name);
    if (known) return known;
    const key = await crypto.subtle.importKey('raw', own(publicKey), ALGORITHM, true, ['verify']);
    for (const oldest of this.keys.keys()) {
      if (this.keys.size < KEYS_MAX) break;
      this.keys.delete(oldest);
    }
    this.keys.set(name, key);
    return key;
  }
}

function signerOf(key: CryptoKey, publicKey: Uint8Array): Ed25519Signer {
  return {
    publicKey,
    async sign(message) {
      wantBytes('message', message);
      return new Uint8Array(await crypto.subtle.sign(ALGORITHM, key, own(message)));
    },
  };
}
