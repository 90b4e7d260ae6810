/**
 * The seal: everything the wallet keeps in the browser is encrypted under a key derived from the
 * owner's passphrase.
 *
 * key    = PBKDF2-HMAC-SHA-256(NFKC(passphrase) as UTF-8, 32-byte random salt, >= 600,000 rounds)
 * record = AES-256-GCM(key, random 96-bit IV, additional data = label, record key, version)
 *
 * The CryptoKey is not extractable: after derivation no script, ours included, can read its bytes.
 * The additional data bind a record to its place: a sealed record copied under another key, or
 * declared to be of another version, does not open. Web Crypto only; no state in this module.
 */

/** OWASP's 2023 floor for PBKDF2-HMAC-SHA-256; about 0.2 s on a laptop of that year. */
export const SEAL_ITERATIONS = 600_000;
/** A header that asks for more would hang the page, and none of ours does. */
export const SEAL_ITERATIONS_MAX = 10_000_000;
export const SEAL_SALT_BYTES = 32;
export const SEAL_IV_BYTES = 12;
/** Shorter passphrases fall to guessing on rented hardware whatever the iteration count. */
export const PASSPHRASE_CHARACTERS_MIN = 10;
/** PBKDF2 hashes a long one first; the bound only keeps a pasted file out. */
export const PASSPHRASE_CHARACTERS_MAX = 1024;

const FORMAT = 1;
const LABEL = 'andvari-wallet/1';
const VERIFIER_KEY = 'verifier';
const VERIFIER_TEXT = 'andvari wallet seal';

export type SealErrorCode =
  | 'ANDVARI_WRONG_PASSPHRASE'
  | 'ANDVARI_WEAK_PASSPHRASE'
  | 'ANDVARI_SEAL_BROKEN'
  | 'ANDVARI_SEAL_UNKNOWN';

/** The seal did not open, or would not be safe. The message never holds the passphrase. */
export class SealError extends Error {
  override readonly name = 'SealError';
  readonly code: SealErrorCode;
  constructor(code: SealErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** One sealed value as it lies in storage. `version` is the caller's and is authenticated. */
export interface SealedRecord {
  readonly version: number;
  readonly iv: Uint8Array<ArrayBuffer>;
  /** Ciphertext followed by the 16-byte tag. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What is stored in clear: how the key is derived, and a sealed text to try it on. */
export interface SealHeader {
  readonly format: number;
  readonly iterations: number;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly verifier: SealedRecord;
}

/** Says in one sentence why a passphrase is not taken, or undefined when it is. */
export function passphraseFault(passphrase: string): string | undefined {
  const characters = [...passphrase.normalize('NFKC')].length;
  if (characters < PASSPHRASE_CHARACTERS_MIN) {
    return `Use at least ${PASSPHRASE_CHARACTERS_MIN} characters; a few unrelated words do well.`;
  }
  if (characters > PASSPHRASE_CHARACTERS_MAX) {
    return `Use at most ${PASSPHRASE_CHARACTERS_MAX} characters.`;
  }
  if (new Set(passphrase).size < 4) return 'Use more than three different characters.';
  return undefined;
}

/**
 * Make a new seal. Gives the header to store and the key to use.
 * Throws SealError ANDVARI_WEAK_PASSPHRASE. Takes one key derivation (a fraction of a second).
 */
export async function createSeal(
  passphrase: string,
): Promise<{ header: SealHeader; key: CryptoKey }> {
  const fault = passphraseFault(passphrase);
  if (fault !== undefined) throw new SealError('ANDVARI_WEAK_PASSPHRASE', fault);
  const salt = crypto.getRandomValues(new Uint8Array(SEAL_SALT_BYTES));
  const key = await deriveKey(passphrase, salt, SEAL_ITERATIONS);
  const verifier = await seal(key, VERIFIER_KEY, FORMAT, new TextEncoder().encode(VERIFIER_TEXT));
  return { header: { format: FORMAT, iterations: SEAL_ITERATIONS, salt, verifier }, key };
}

/**
 * Derive the key from a passphrase and prove it on the header's verifier.
 * Throws SealError: ANDVARI_WRONG_PASSPHRASE, or ANDVARI_SEAL_UNKNOWN for a header that no
 * version of this program wrote (a lowered iteration count is refused here too).
 */
export async function openSeal(passphrase: string, header: SealHeader): Promise<CryptoKey> {
  checkHeader(header);
  const key = await deriveKey(passphrase, header.salt, header.iterations);
  try {
    await unseal(key, VERIFIER_KEY, header.verifier);
  } catch (cause) {
    throw new SealError('ANDVARI_WRONG_PASSPHRASE', 'That is not the passphrase of this wallet.', {
      cause,
    });
  }
  return key;
}

/** Seal `plain` for storage under `recordKey`. `plain` stays the caller's. */
export async function seal(
  key: CryptoKey,
  recordKey: string,
  version: number,
  plain: Uint8Array<ArrayBuffer>,
): Promise<SealedRecord> {
  // Random IVs are safe for 2^32 records under one key; a wallet writes a few per user action.
  const iv = crypto.getRandomValues(new Uint8Array(SEAL_IV_BYTES));
  const additionalData = additionalDataOf(recordKey, version);
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, key, plain);
  return { version, iv, bytes: new Uint8Array(sealed) };
}

/** Open a record. Throws SealError ANDVARI_SEAL_BROKEN when key, place or bytes do not match. */
export async function unseal(
  key: CryptoKey,
  recordKey: string,
  record: SealedRecord,
): Promise<Uint8Array<ArrayBuffer>> {
  const additionalData = additionalDataOf(recordKey, record.version);
  const parameters = { name: 'AES-GCM', iv: record.iv, additionalData };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, record.bytes));
  } catch (cause) {
    throw new SealError(
      'ANDVARI_SEAL_BROKEN',
      'A stored record does not open: it was changed or damaged outside this wallet.',
      { cause },
    );
  }
}

async function deriveKey(
  passphrase: string,
  salt: Uint8Array<ArrayBuffer>,
  iterations: number,
): Promise<CryptoKey> {
  // NFKC: the same passphrase typed on another keyboard or system gives the same bytes.
  const secret = new TextEncoder().encode(passphrase.normalize('NFKC'));
  const material = await crypto.subtle.importKey('raw', secret, 'PBKDF2', false, ['deriveKey']);
  secret.fill(0);
  return crypto.subtle.deriveKey(
    { name: 'PBKDF2', hash: 'SHA-256', salt, iterations },
    material,
    { name: 'AES-GCM', length: 256 },
    false,
    ['encrypt', 'decrypt'],
  );
}

/** Label, record key and version as JSON: no two triples give the same bytes. */
function additionalDataOf(recordKey: string, version: number): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify([LABEL, recordKey, version]));
}

function checkHeader(header: SealHeader): void {
  const known =
    header.format === FORMAT &&
    Number.isInteger(header.iterations) &&
    header.iterations >= SEAL_ITERATIONS &&
    header.iterations <= SEAL_ITERATIONS_MAX &&
    header.salt instanceof Uint8Array &&
    header.salt.length === SEAL_SALT_BYTES;
  if (!known) {
    throw new SealError(
      'ANDVARI_SEAL_UNKNOWN',
      'The stored wallet was not written by this version of the page.',
    );
  }
}
