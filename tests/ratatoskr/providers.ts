/** The providers of Ed25519 that a host with WebCrypto has: all of them must judge alike. */
import { nobleEd25519 } from '@andvari/host-common/ratatoskr/noble-ed25519';
import type { Ed25519Provider } from '@andvari/host-common/ratatoskr/signing';
import { WebCryptoEd25519 } from '@andvari/host-common/ratatoskr/webcrypto-ed25519';

/** WebCrypto first where it has Ed25519: Node 22 and later, Chromium 137 and later. */
export async function webProviders(): Promise<Ed25519Provider[]> {
  const own = await WebCryptoEd25519.create();
  return own ? [own, nobleEd25519] : [nobleEd25519];
}
