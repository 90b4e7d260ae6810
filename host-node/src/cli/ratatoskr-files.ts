/** Files that a client of a Ratatoskr endpoint names: the device's key, and authorities. */
import { X509Certificate } from 'node:crypto';
import { parseDeviceSecret } from '../ratatoskr/device-secret.ts';
import type { NodeEd25519Signer } from '../ratatoskr/node-ed25519.ts';
import { InputError } from './wallet-input.ts';
import { readRegularFile } from './wallet-read.ts';

const KEY_FILE_BYTES_MAX = 200;
const CA_FILE_BYTES_MAX = 1024 * 1024;

/** As `andvari ratatoskr keygen` writes it. Throws InputError, DeviceSecretError. */
export function readDeviceKey(path: string): NodeEd25519Signer {
  return parseDeviceSecret(path, readText(path, KEY_FILE_BYTES_MAX));
}

/** @throws InputError */
function readText(path: string, bytesMax: number): string {
  try {
    return readRegularFile(path, bytesMax).toString();
  } catch (error) {
    throw new InputError(`${path}: ${(error as Error).message}`);
  }
}

/** Certificates, PEM. Throws InputError: with none that can be read nobody would be trusted. */
export function readAuthorities(path: string): string {
  const text = readText(path, CA_FILE_BYTES_MAX);
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new InputError(`${path}: wanted certificates in PEM, got none`);
  for (const [i, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch {
      throw new InputError(`${path}: certificate ${i + 1} of ${blocks.length} cannot be read`);
    }
  }
  return text;
}
