/**
 * The key by which a Ratatoskr server knows this browser. Where WebCrypto has Ed25519 it is made
 * there and kept as a CryptoKey whose bytes no script can read, ours included; elsewhere its seed
 * is sealed as the coins are. Name `device` of the vault: StoredDevice.
 */

import { hostEd25519 } from '@andvari/host-common/ratatoskr/ed25519';
import type { Ed25519Signer } from '@andvari/host-common/ratatoskr/signing';
import type { WebCryptoEd25519 } from '@andvari/host-common/ratatoskr/webcrypto-ed25519';
import type { SealedRecord } from './seal.ts';
import type { Vault } from './sealed-wallet-store.ts';

const NAME = 'device';
const FORMAT = 1;
const SEED_BYTES = 32;
/** Names a device among those of one server, as random as it has to be for that. */
const ID_BYTES = 8;

interface StoredDevice {
  readonly format: typeof FORMAT;
  readonly deviceId: string;
  readonly pair?: CryptoKeyPair;
  readonly sealedSeed?: SealedRecord;
}

export interface DeviceKey {
  readonly deviceId: string;
  readonly signer: Ed25519Signer;
  /** Its bytes cannot be read by any script. */
  readonly locked: boolean;
}

/** The stored key does not work in this browser any more, or is of another version. */
export class DeviceKeyError extends Error {
  override readonly name = 'DeviceKeyError';
  readonly code = 'ANDVARI_DEVICE_KEY';
}

/**
 * The key of this wallet, made at the first call. `webCrypto`: undefined where it has no Ed25519.
 * Throws DeviceKeyError, SealError, DatabaseError.
 */
export async function openDeviceKey(
  vault: Vault,
  webCrypto: WebCryptoEd25519 | undefined,
): Promise<DeviceKey> {
  const stored = (await vault.read(NAME)) as StoredDevice | undefined;
  if (stored === undefined) return makeDeviceKey(vault, webCrypto);
  const { format, deviceId, pair, sealedSeed } = stored;
  if (format === FORMAT && pair !== undefined && webCrypto !== undefined) {
    return { deviceId, signer: await webCrypto.signerOfPair(pair), locked: true };
  }
  if (format === FORMAT && sealedSeed !== undefined) {
    const seed = await vault.unseal(NAME, sealedSeed);
    return { deviceId, signer: await signerOf(seed), locked: false };
  }
  throw new DeviceKeyError('The key of this device does not work in this browser.');
}

async function makeDeviceKey(
  vault: Vault,
  webCrypto: WebCryptoEd25519 | undefined,
): Promise<DeviceKey> {
  const deviceId = `wallet-${hexOf(crypto.getRandomValues(new Uint8Array(ID_BYTES)))}`;
  if (webCrypto !== undefined) {
    const pair = await webCrypto.generate();
    await vault.keep(NAME, { format: FORMAT, deviceId, pair } satisfies StoredDevice);
    return { deviceId, signer: await webCrypto.signerOfPair(pair), locked: true };
  }
  const seed = crypto.getRandomValues(new Uint8Array(SEED_BYTES));
  const sealedSeed = await vault.seal(NAME, seed);
  await vault.keep(NAME, { format: FORMAT, deviceId, sealedSeed } satisfies StoredDevice);
  return { deviceId, signer: await signerOf(seed), locked: false };
}

/** Wipes the seed. */
async function signerOf(seed: Uint8Array): Promise<Ed25519Signer> {
  const signer = await (await hostEd25519()).signer(seed);
  seed.fill(0);
  return signer;
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
