/** Who this node is, by its identity file. */
import { hostRandom } from '@andvari/host-common/transfer/byte-strings';
import { type Identity, identityOf, newSeed } from '@andvari/host-common/transfer/identity';
import { loadIdentity } from './identity-store.ts';
import { nodeX25519 } from './node-x25519.ts';

/** There is no identity file yet. */
export class IdentityMissingError extends Error {
  override readonly name = 'IdentityMissingError';
  readonly code = 'ANDVARI_IDENTITY_MISSING';
  readonly path: string;

  constructor(path: string, cause?: unknown) {
    super(`there is no identity file ${path}: andvari keygen makes one`, { cause });
    this.path = path;
  }
}

/**
 * The identity in a file; its seed does not stay in memory.
 * @throws IdentityMissingError, and what loadIdentity() throws
 */
export async function openIdentity(path: string, passphrase?: string): Promise<Identity> {
  try {
    return identityOfSeed(await loadIdentity(path, passphrase));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new IdentityMissingError(path, error);
  }
}

/** One that nobody knows yet, and that ends with this process. */
export function newIdentity(): Identity {
  return identityOfSeed(newSeed(hostRandom));
}

/** The seed is wiped. */
export function identityOfSeed(seed: Uint8Array): Identity {
  try {
    return identityOf(seed, nodeX25519);
  } finally {
    seed.fill(0);
  }
}
