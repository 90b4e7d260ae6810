/** The Ed25519 that this host has: WebCrypto's, or else noble's. */
import type { Ed25519Provider } from './signing.ts';
import { WebCryptoEd25519 } from './webcrypto-ed25519.ts';

let chosen: Promise<Ed25519Provider> | undefined;

/** noble is loaded only where it is needed. */
export function hostEd25519(): Promise<Ed25519Provider> {
  chosen ??= WebCryptoEd25519.create().then(
    async (provider) => provider ?? (await import('./noble-ed25519.ts')).nobleEd25519,
  );
  return chosen;
}
