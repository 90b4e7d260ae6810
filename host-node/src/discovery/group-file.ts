/**
 * The secret of a group in a file: 64 hexadecimal digits and a line's end, for its owner alone
 * (0600). Members pass it on in a way that nobody else sees.
 */
import { GROUP_SECRET_BYTES, GroupKeys } from '@andvari/host-common/discovery/group-keys';
import { checkText } from '@andvari/host-common/transfer/argument-checks';
import { hostRandom, wipe } from '@andvari/host-common/transfer/byte-strings';
import { createFileDurably } from '../files/durable-file.ts';
import { readPrivate } from '../transfer/identity-store.ts';

/** The digits, and what ends a line. */
const FILE_BYTES_MAX = 2 * GROUP_SECRET_BYTES + 2;

/** The file has no secret of a group. */
export class GroupFileError extends Error {
  override readonly name = 'GroupFileError';
  readonly code = 'ANDVARI_GROUP_FORMAT';
}

/** A new secret at `path`. @throws FileExistsError, what the file system says */
export function createGroup(path: string): void {
  checkText('path', path);
  const secret = hostRandom(GROUP_SECRET_BYTES);
  const text = Buffer.from(`${Buffer.from(secret).toString('hex')}\n`);
  createFileDurably(path, text);
  wipe(secret, text);
}

/** @throws GroupFileError, and what readPrivate() throws */
export function loadGroup(path: string): GroupKeys {
  checkText('path', path);
  const bytes = readPrivate(path, FILE_BYTES_MAX);
  const [digits] = /^[0-9a-f]{64}(?=\r?\n?$)/i.exec(Buffer.from(bytes).toString('latin1')) ?? [];
  wipe(bytes);
  if (digits === undefined) {
    throw new GroupFileError(`${path} has no secret of a group: wanted 64 hexadecimal digits`);
  }
  const secret = Uint8Array.from(Buffer.from(digits, 'hex'));
  try {
    return new GroupKeys(secret);
  } finally {
    wipe(secret);
  }
}
