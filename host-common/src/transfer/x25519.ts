/**
 * Who has X25519 (RFC 7748). Calls return at once, so that a handshake is one step from one message
 * to the next; that leaves out WebCrypto, whose answers come later. Node's is in constant time,
 * noble's is not.
 */
import { x25519 } from '@noble/curves/ed25519.js';

/** A secret key, ready to be used many times. */
export interface X25519Secret {
  /** 32 bytes, or undefined if they would all be zero: `publicKey` has small order. */
  shared(publicKey: Uint8Array): Uint8Array | undefined;
  /** Overwrites the key, as far as the provider lets us. */
  wipe(): void;
}

export interface X25519Provider {
  readonly name: string;
  /** `secret`: 32 bytes, clamped by the provider. */
  secret(secret: Uint8Array): X25519Secret;
}

export const nobleX25519: X25519Provider = {
  name: 'noble',

  secret(secret) {
    const own = Uint8Array.from(secret);
    return {
      shared(publicKey) {
        try {
          return x25519.getSharedSecret(own, publicKey);
        } catch {
          return undefined;
        }
      },
      wipe: () => void own.fill(0),
    };
  },
};
