/** Checks of bytes that programs give us: arrays of other kinds would be cut, padded or emptied. */

const SEED_BYTES = 32;

/** Throws TypeError, or RangeError for another length than `length`. */
export function wantBytes(name: string, bytes: unknown, length?: number): void {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`${name}: wanted a Uint8Array`);
  if (length === undefined || bytes.length === length) return;
  throw new RangeError(`${name}: wanted ${length} bytes, got ${bytes.length}`);
}

/** A shorter one would be another key, one that can be guessed. */
export function wantSeed(seed: Uint8Array): void {
  wantBytes('seed of an Ed25519 key', seed, SEED_BYTES);
}
