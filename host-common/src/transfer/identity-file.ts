/**
 * The file that holds a node's seed. Reference: transfer, section 2 (key file).
 *
 * With a passphrase, 96 bytes: "WRAITH01" 8 · Argon2 salt 16 · XChaCha20-Poly1305 nonce 24 · sealed
 * seed 32 + 16. Without, for daemons, 40 bytes: "WRAITH00" 8 · seed 32 (docs/decisions.md).
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { argon2idAsync } from '@noble/hashes/argon2.js';
import { checkBytes, checkFunction, checkText } from './argument-checks.ts';
import { equalBytes, joined, type RandomBytes } from './byte-strings.ts';

const SEALED_MARK = joined('WRAITH01');
const PLAIN_MARK = joined('WRAITH00');
const MARK_BYTES = 8;
const SALT_BYTES = 16;
const NONCE_BYTES = 24;
const SEED_BYTES = 32;
const SEALED_AT = MARK_BYTES + SALT_BYTES + NONCE_BYTES;
const SEALED_BYTES = SEALED_AT + SEED_BYTES + 16;

/** What the file format fixes of Argon2id (RFC 9106): 64 MiB, three passes, four lanes. */
export const ARGON2 = { memoryKiB: 65536, passes: 3, lanes: 4, keyBytes: 32 } as const;

/** Argon2id of a passphrase (UTF-8) with the cost above: 32 bytes. A second in JavaScript. */
export type PassphraseKey = (passphrase: Uint8Array, salt: Uint8Array) => Promise<Uint8Array>;

export const noblePassphraseKey: PassphraseKey = (passphrase, salt) =>
  argon2idAsync(passphrase, salt, {
    m: ARGON2.memoryKiB,
    t: ARGON2.passes,
    p: ARGON2.lanes,
    dkLen: ARGON2.keyBytes,
  });

export type IdentityFileErrorCode =
  /** Not an identity file, or cut off. */
  | 'ANDVARI_IDENTITY_FORMAT'
  /** The seed is sealed, and no passphrase was given. */
  | 'ANDVARI_IDENTITY_SEALED'
  /** Another passphrase sealed it, or a byte of it has changed. */
  | 'ANDVARI_IDENTITY_PASSPHRASE';

/** Messages never hold the passphrase or the seed. */
export class IdentityFileError extends Error {
  override readonly name = 'IdentityFileError';
  readonly code: IdentityFileErrorCode;

  constructor(code: IdentityFileErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function plainIdentityFile(seed: Uint8Array): Uint8Array {
  checkBytes('seed', seed, SEED_BYTES);
  return joined(PLAIN_MARK, seed);
}

export interface SealOptions {
  passphrase: string;
  random: RandomBytes;
  passphraseKey?: PassphraseKey;
}

/** @throws TypeError, RangeError: also for a passphrase without a letter, which seals nothing */
export async function sealedIdentityFile(
  seed: Uint8Array,
  { passphrase, random, passphraseKey = noblePassphraseKey }: SealOptions,
): Promise<Uint8Array> {
  checkBytes('seed', seed, SEED_BYTES);
  checkPassphrase(passphrase);
  checkFunction('random', random);
  checkFunction('passphraseKey', passphraseKey);
  const [salt, nonce] = [random(SALT_BYTES), random(NONCE_BYTES)];
  const key = await keyOf(passphrase, salt, passphraseKey);
  const sealed = xchacha20poly1305(key, nonce).encrypt(seed);
  key.fill(0);
  return joined(SEALED_MARK, salt, nonce, sealed);
}

/** Does opening this file want a passphrase? */
export function isSealed(file: Uint8Array): boolean {
  checkBytes('file', file);
  return file.length === SEALED_BYTES && equalBytes(file.subarray(0, MARK_BYTES), SEALED_MARK);
}

/**
 * The seed in a file. A passphrase for a plain file is not looked at.
 * @throws IdentityFileError; TypeError
 */
export async function readIdentityFile(
  file: Uint8Array,
  passphrase?: string,
  passphraseKey: PassphraseKey = noblePassphraseKey,
): Promise<Uint8Array> {
  if (passphrase !== undefined) checkText('passphrase', passphrase);
  checkFunction('passphraseKey', passphraseKey);
  if (!isSealed(file)) return readPlain(file);
  if (passphrase === undefined) {
    throw new IdentityFileError('ANDVARI_IDENTITY_SEALED', 'the identity file wants a passphrase');
  }
  const salt = file.subarray(MARK_BYTES, MARK_BYTES + SALT_BYTES);
  const nonce = file.subarray(MARK_BYTES + SALT_BYTES, SEALED_AT);
  const key = await keyOf(passphrase, salt, passphraseKey);
  try {
    return xchacha20poly1305(key, nonce).decrypt(file.subarray(SEALED_AT));
  } catch {
    const message = 'another passphrase sealed the identity file, or it is damaged';
    throw new IdentityFileError('ANDVARI_IDENTITY_PASSPHRASE', message);
  } finally {
    key.fill(0);
  }
}

function readPlain(file: Uint8Array): Uint8Array {
  if (
    file.length !== MARK_BYTES + SEED_BYTES ||
    !equalBytes(file.subarray(0, MARK_BYTES), PLAIN_MARK)
  ) {
    const sizes = `${SEALED_BYTES} or ${MARK_BYTES + SEED_BYTES} bytes`;
    const message = `not an identity file: ${sizes} wanted, with their mark`;
    throw new IdentityFileError('ANDVARI_IDENTITY_FORMAT', message);
  }
  // Not slice(): that of a Buffer shares its bytes.
  return Uint8Array.from(file.subarray(MARK_BYTES));
}

/** @throws TypeError, RangeError: nothing that a new file could be sealed with */
export function checkPassphrase(passphrase: string): void {
  checkText('passphrase', passphrase);
  if (passphrase === '') throw new RangeError('passphrase: wanted one, got an empty string');
}

async function keyOf(passphrase: string, salt: Uint8Array, passphraseKey: PassphraseKey) {
  const bytes = new TextEncoder().encode(passphrase);
  try {
    return await passphraseKey(bytes, salt);
  } finally {
    bytes.fill(0);
  }
}
