/** A node's identity file on disk: made once, never replaced, for its owner alone (0600). */
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { checkText } from '@andvari/host-common/transfer/argument-checks';
import { hostRandom } from '@andvari/host-common/transfer/byte-strings';
import { newSeed } from '@andvari/host-common/transfer/identity';
import {
  checkPassphrase,
  plainIdentityFile,
  readIdentityFile,
  sealedIdentityFile,
} from '@andvari/host-common/transfer/identity-file';
import { createFileDurably } from '../files/durable-file.ts';
import { nodePassphraseKey } from './node-passphrase-key.ts';

const OTHERS = 0o077;
/** No identity file is longer. */
const FILE_BYTES_MAX = 96;

/** Somebody else may read or write the seed. */
export class IdentityModeError extends Error {
  override readonly name = 'IdentityModeError';
  readonly code = 'ANDVARI_IDENTITY_MODE';
  readonly path: string;

  constructor(path: string, mode: number) {
    super(`${path} is open to others (mode ${mode.toString(8)}): chmod 600 it`);
    this.path = path;
  }
}

/** Whoever owns the file may read the seed and change it. */
export class IdentityOwnerError extends Error {
  override readonly name = 'IdentityOwnerError';
  readonly code = 'ANDVARI_IDENTITY_OWNER';
  readonly path: string;

  constructor(path: string, owner: number) {
    super(`${path} belongs to somebody else (user ${owner}): chown it`);
    this.path = path;
  }
}

/** A folder, a pipe, a socket or a device: reading it might never end. */
export class IdentityNotAFileError extends Error {
  override readonly name = 'IdentityNotAFileError';
  readonly code = 'ANDVARI_IDENTITY_NOT_A_FILE';
  readonly path: string;

  constructor(path: string) {
    super(`${path} is no regular file`);
    this.path = path;
  }
}

/**
 * A new seed at `path`, sealed if there is a passphrase.
 * @throws FileExistsError; TypeError, RangeError: no path, or no passphrase
 */
export async function createIdentity(path: string, passphrase?: string): Promise<Uint8Array> {
  checkText('path', path);
  if (passphrase !== undefined) checkPassphrase(passphrase);
  const seed = newSeed(hostRandom);
  const file =
    passphrase === undefined
      ? plainIdentityFile(seed)
      : await sealedIdentityFile(seed, {
          passphrase,
          random: hostRandom,
          passphraseKey: nodePassphraseKey,
        });
  createFileDurably(path, file);
  file.fill(0);
  return seed;
}

/**
 * What is in a secret's file, which nobody else may read or change; nothing if it is too long.
 * @throws IdentityNotAFileError, IdentityModeError, IdentityOwnerError, what the file system says
 */
export function readPrivate(path: string, bytesMax = FILE_BYTES_MAX): Uint8Array {
  // What is none is not even opened: a socket cannot be, and some devices act when they are.
  if (!statSync(path).isFile()) throw new IdentityNotAFileError(path);
  // Without O_NONBLOCK a pipe that has come there since would wait for its other end.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new IdentityNotAFileError(path);
    const { mode, size, uid } = stats;
    if (mode & OTHERS) throw new IdentityModeError(path, mode & 0o777);
    const own = process.geteuid?.() ?? uid;
    if (uid !== own && uid !== 0) throw new IdentityOwnerError(path, uid);
    return size > bytesMax ? new Uint8Array(0) : readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * The seed at `path`, of a file that belongs to this process' user, or to root. A link there is
 * followed: what it leads to is looked at.
 * @throws IdentityNotAFileError, IdentityModeError, IdentityOwnerError, IdentityFileError,
 * TypeError, and what the file system says
 */
export async function loadIdentity(path: string, passphrase?: string): Promise<Uint8Array> {
  if (passphrase !== undefined) checkText('passphrase', passphrase);
  checkText('path', path);
  const file = readPrivate(path);
  const seed = await readIdentityFile(file, passphrase, nodePassphraseKey);
  file.fill(0);
  return seed;
}
