/**
 * The registry in a file: {"format":1,"devices":[{"device_id","public_key" (64 hex digits),
 * "user_ids","revoked"}]}, mode 0600, replaced as a whole. A server looks at it again when it has
 * changed, or when it is told to (SIGHUP).
 */
import { readFileSync, type StatsListener, statSync, unwatchFile, watchFile } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { makeDirectory } from '../files/directory.ts';
import { replaceFileDurably } from '../files/durable-file.ts';
import { withFileLock } from '../files/file-lock.ts';
import { whyNot } from '../files/why-not.ts';
import { DEVICES_FILE_BYTES_MAX } from './limits.ts';
import { type Device, DeviceError, DeviceRegistry } from './registry.ts';

const FORMAT = 1;
/** How often a watched file's time is looked at. */
const WATCH_MS = 2_000;

const documentSchema = z.strictObject({
  format: z.literal(FORMAT),
  devices: z.array(
    z.strictObject({
      device_id: z.string(),
      public_key: z.string().regex(/^[0-9a-f]{64}$/),
      user_ids: z.array(z.string()),
      revoked: z.boolean().default(false),
    }),
  ),
});

/** The file is not a registry, or cannot be read. */
export class DeviceFileError extends Error {
  readonly code = 'ANDVARI_RATATOSKR_DEVICES';
  override readonly name = 'DeviceFileError';
}

/** @throws DeviceFileError; a file that is not there holds no device */
export function readDevices(path: string): Device[] {
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > DEVICES_FILE_BYTES_MAX) throw new Error(`${size} bytes are too many`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new DeviceFileError(`${path}: ${whyNot(error)}`, { cause: error });
  }
  return parseDevices(path, text);
}

function parseDevices(path: string, text: string): Device[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DeviceFileError(`${path}: wanted JSON`, { cause });
  }
  const parsed = documentSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue?.path.join('.') || 'document';
    throw new DeviceFileError(`${path}: ${place}: ${issue?.message ?? 'wanted a registry'}`);
  }
  return parsed.data.devices.map((device) => ({
    deviceId: device.device_id,
    publicKey: Uint8Array.from(Buffer.from(device.public_key, 'hex')),
    userIds: new Set(device.user_ids),
    revoked: device.revoked,
  }));
}

/** Whole or not at all, mode 0600. */
export function writeDevices(path: string, devices: readonly Device[]): void {
  const document = {
    format: FORMAT,
    devices: devices.map(({ deviceId, publicKey, userIds, revoked }) => ({
      device_id: deviceId,
      public_key: Buffer.from(publicKey).toString('hex'),
      user_ids: [...userIds],
      revoked,
    })),
  };
  replaceFileDurably(path, `${JSON.stringify(document, null, 2)}\n`);
}

/** @throws DeviceFileError, DeviceError */
export function openRegistry(path: string): DeviceRegistry {
  const registry = new DeviceRegistry();
  reloadRegistry(registry, path);
  return registry;
}

/**
 * Read, change and replace the file while nobody else does: what two programs change at once is
 * both in it. What `work` throws leaves it as it was.
 * @throws DeviceFileError, DeviceError, FileLockedError, LockFileError, DirectoryError, and what
 *     `work` throws
 */
export function changeDevices(
  path: string,
  work: (registry: DeviceRegistry) => void,
  waitMs?: number,
): void {
  makeDirectory(dirname(path), 0o700);
  const change = () => {
    const registry = openRegistry(path);
    work(registry);
    writeDevices(path, registry.list());
  };
  withFileLock(path, change, waitMs);
}

/**
 * What the file holds now takes the place of what the registry had; a file that is wrong changes
 * nothing.
 * @throws DeviceFileError
 */
export function reloadRegistry(registry: DeviceRegistry, path: string): void {
  try {
    registry.load(readDevices(path));
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    throw new DeviceFileError(`${path}: ${error.message}`, { cause: error });
  }
}

/** Calls `changed` when the file may have another content. Returns how to stop that. */
export function watchDevices(path: string, changed: () => void): () => void {
  const listener: StatsListener = (now, before) => {
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino) changed();
  };
  // Looked at by time: the file is replaced by a rename, which a watch of its inode would miss.
  watchFile(path, { interval: WATCH_MS, persistent: false }, listener);
  return () => unwatchFile(path, listener);
}
