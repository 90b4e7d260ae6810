/** Ed25519 by @noble/curves: for browsers whose WebCrypto has none. Not in constant time. */
import { ed25519 } from '@noble/curves/ed25519.js';
import type { Ed25519Provider } from './signing.ts';
import { wantBytes, wantSeed } from './want-bytes.ts';

export const nobleEd25519: Ed25519Provider = {
  name: 'noble',

  async signer(seed) {
    wantSeed(seed);
    const own = Uint8Array.from(seed);
    const publicKey = ed25519.getPublicKey(own);
    return {
      publicKey,
      async sign(message) {
        wantBytes('message', message);
        return ed25519.sign(message, own);
      },
    };
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
