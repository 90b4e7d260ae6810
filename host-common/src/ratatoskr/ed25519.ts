/** The Ed25519 that this host has: WebCrypto's, or else noble's. */
import type { Ed25519Provider } from './signing.ts';
import { WebCryptoEd25519 } from './webcrypto-ed25519.ts';

/**
 * The public key of the seed of 32 zeros, which the reference's client signs with: whoever has it
 * registered is everybody.
 */
export const ZERO_SEED_PUBLIC_KEY_HEX =
  '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29';

let chosen: Promise<Ed25519Provider> | undefined;

/** noble is loaded only where it is needed. */
export function hostEd25519(): Promise<Ed25519Provider> {
  chosen ??= WebCryptoEd25519.create().then(
    async (provider) => provider ?? (await import('./noble-ed25519.ts')).nobleEd25519,
  );
  return chosen;
}
