/** Ed25519 by @noble/curves: for browsers whose WebCrypto has none. Not in constant time. */
import { ed25519 } from '@noble/curves/ed25519.js';
import type { Ed25519Provider } from './signing.ts';

export const nobleEd25519: Ed25519Provider = {
  name: 'noble',

  signer(seed) {
    const own = Uint8Array.from(seed);
    const publicKey = ed25519.getPublicKey(own);
    return Promise.resolve({
      publicKey,
      sign: (message: Uint8Array) => Promise.resolve(ed25519.sign(message, own)),
    });
  },

  verify(publicKey, message, signature) {
    try {
      // Without ZIP 215: as RFC 8032 has it, like the other providers.
      return ed25519.verify(signature, message, publicKey, { zip215: false });
    } catch {
      return false;
    }
  },
};
