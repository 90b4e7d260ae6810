/** A device's key as a file: the seed of its Ed25519 key, 64 hex digits, mode 0600. */
import { randomBytes } from 'node:crypto';
import { createFileDurably } from '../files/durable-file.ts';
import { NodeEd25519Signer } from './node-ed25519.ts';

const SEED_BYTES = 32;

/** The file holds no key. */
export class DeviceSecretError extends Error {
  readonly code = 'ANDVARI_INPUT';
  override readonly name = 'DeviceSecretError';
}

/** A new key at `path`, which must not be there. Throws FileExistsError. */
export function createDeviceSecret(path: string): NodeEd25519Signer {
  const seed = randomBytes(SEED_BYTES);
  createFileDurably(path, `${seed.toString('hex')}\n`);
  const signer = new NodeEd25519Signer(seed);
  seed.fill(0);
  return signer;
}

/** @param text what the file at `path` holds. Throws DeviceSecretError, without the text. */
export function parseDeviceSecret(path: string, text: string): NodeEd25519Signer {
  const hex = text.trim();
  if (!/^[0-9a-f]{64}$/i.test(hex)) {
    throw new DeviceSecretError(`${path}: wanted a key of 64 hex digits (ratatoskr keygen)`);
  }
  const seed = Buffer.from(hex, 'hex');
  const signer = new NodeEd25519Signer(seed);
  seed.fill(0);
  return signer;
}
