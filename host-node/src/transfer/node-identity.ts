/** Who this node is, by its identity file. */
import { hostEd25519 } from '@andvari/host-common/ratatoskr/ed25519';
import { hostRandom } from '@andvari/host-common/transfer/byte-strings';
import {
  type Identity,
  identityOf,
  newSeed,
  type PurposeSigner,
  purposeSigner,
} from '@andvari/host-common/transfer/identity';
import { loadIdentity } from './identity-store.ts';
import { nodeX25519 } from './node-x25519.ts';

/** An identity that can sign too, as a relay wants it. */
export interface NodeIdentity extends Identity {
  signer: PurposeSigner;
}

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
export async function openIdentity(path: string, passphrase?: string): Promise<NodeIdentity> {
  try {
    return identityOfSeed(await loadIdentity(path, passphrase));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new IdentityMissingError(path, error);
  }
}

/** One that nobody knows yet, and that ends with this process. */
export function newIdentity(): NodeIdentity {
  return identityOfSeed(newSeed(hostRandom));
}

/** The seed is wiped; the signer has a key of its own. */
export function identityOfSeed(seed: Uint8Array): NodeIdentity {
  try {
    return { ...identityOf(seed, nodeX25519), signer: signerOf(Uint8Array.from(seed)) };
  } finally {
    seed.fill(0);
  }
}

/** Most nodes never sign: whoever does waits for the key, and hears what is wrong with it. */
function signerOf(seed: Uint8Array): PurposeSigner {
  const made = hostEd25519()
    .then((provider) => purposeSigner(provider, seed))
    .finally(() => seed.fill(0));
  made.catch(() => {});
  return { sign: async (purpose, data) => (await made).sign(purpose, data) };
}
