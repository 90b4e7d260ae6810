/** Which 32 bytes may be the public key of a device (reference: Ratatoskr sections 2 and 5). */
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js';

const FIELD_PRIME = ed25519.Point.Fp.ORDER;
/** y of the points whose order divides 8, by RFC 8032's encoding without the sign bit. */
const SMALL_ORDER = new Set(
  ED25519_TORSION_SUBGROUP.map((point) => yOf(Buffer.from(point, 'hex')).toString('hex')),
);
/** The key of the seed of 32 zero bytes, with which REF's client signs. */
const ZERO_SEED_KEY = '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29';

/** What is wrong with a key, or undefined. Whether it is a point of the curve: isCurvePoint(). */
export function deviceKeyProblem(key: Uint8Array): string | undefined {
  if (key.length !== 32) return `wanted a key of 32 bytes, got ${key.length}`;
  const y = yOf(key);
  if (BigInt(`0x${Buffer.from(y).reverse().toString('hex')}`) >= FIELD_PRIME) {
    return 'the key is not written in the one canonical way';
  }
  if (SMALL_ORDER.has(y.toString('hex'))) {
    return 'the key is a point of small order, under which anybody can sign';
  }
  if (Buffer.from(key).toString('hex') === ZERO_SEED_KEY) {
    return 'the key belongs to the seed of zeros, which everybody knows';
  }
  return undefined;
}

/**
 * Whether a canonical key is a point of the curve; under another nobody can sign. Some 0.2 ms, so
 * it is asked when a key is registered, not for each of a file.
 */
export function isCurvePoint(key: Uint8Array): boolean {
  try {
    ed25519.Point.fromBytes(key);
    return true;
  } catch {
    return false;
  }
}

/** The encoding without its sign bit, 32 bytes. */
function yOf(key: Uint8Array): Buffer {
  const y = Buffer.from(key);
  y[31] = (y[31] as number) & 0x7f;
  return y;
}
