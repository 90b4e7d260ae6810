/**
 * The keys of this browser's peer node. The instance key, by which the whitelists of others know
 * it, is kept as a device's key is (device-key.ts). The key that libp2p proves is a seed, sealed as
 * the coins are: js-libp2p wants its bytes. Name `libp2p` of the vault: StoredSeed.
 */
import type { Ed25519Signer } from '@andvari/host-common/ratatoskr/signing';
import { WebCryptoEd25519 } from '@andvari/host-common/ratatoskr/webcrypto-ed25519';
import { DeviceKeyError, openDeviceKey } from './device-key.ts';
import type { SealedRecord } from './seal.ts';
import type { Vault } from './sealed-wallet-store.ts';

const NAME = 'libp2p';
const FORMAT = 1;
const SEED_BYTES = 32;

interface StoredSeed {
  readonly format: typeof FORMAT;
  readonly sealedSeed: SealedRecord;
}

export interface PeerKeys {
  /** 32 bytes: of the key that libp2p proves. Whoever has used it wipes it. */
  readonly libp2pSeed: Uint8Array;
  /** Of the instance key. */
  readonly signer: Ed25519Signer;
  /** The bytes of the instance key cannot be read by any script. */
  readonly locked: boolean;
}

/** Made at the first call. Throws DeviceKeyError, SealError, DatabaseError. */
export async function openPeerKeys(vault: Vault): Promise<PeerKeys> {
  const { signer, locked } = await openDeviceKey(vault, await WebCryptoEd25519.create());
  return { libp2pSeed: await openSeed(vault), signer, locked };
}

async function openSeed(vault: Vault): Promise<Uint8Array> {
  const stored = (await vault.read(NAME)) as StoredSeed | undefined;
  if (stored === undefined) {
    const seed = crypto.getRandomValues(new Uint8Array(SEED_BYTES));
    const sealedSeed = await vault.seal(NAME, seed);
    await vault.keep(NAME, { format: FORMAT, sealedSeed } satisfies StoredSeed);
    return seed;
  }
  if (stored.format === FORMAT) return vault.unseal(NAME, stored.sealedSeed);
  throw new DeviceKeyError('The key of this peer is of another version of the wallet.');
}
