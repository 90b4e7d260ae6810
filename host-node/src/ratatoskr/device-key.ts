/** Which 32 bytes may be the public key of a device (reference: Ratatoskr sections 2 and 5). */

const FIELD_PRIME = 2n ** 255n - 19n;
/** y of the points whose order divides 8, by RFC 8032's encoding without the sign bit. */
const SMALL_ORDER = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);
/** The key of the seed of 32 zero bytes, with which REF's client signs. */
const ZERO_SEED_KEY = '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29';

/** d of the curve -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032, section 5.1). */
const CURVE_D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** What is wrong with a key, or undefined. Whether it is a point of the curve: isCurvePoint(). */
export function deviceKeyProblem(key: Uint8Array): string | undefined {
  if (key.length !== 32) return `wanted a key of 32 bytes, got ${key.length}`;
  const y = Uint8Array.from(key);
  y[31] = (y[31] as number) & 0x7f;
  if (BigInt(`0x${Buffer.from(y).reverse().toString('hex')}`) >= FIELD_PRIME) {
    return 'the key is not written in the one canonical way';
  }
  if (SMALL_ORDER.has(Buffer.from(y).toString('hex'))) {
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
  const y = Uint8Array.from(key);
  y[31] = (y[31] as number) & 0x7f;
  const ySquared = BigInt(`0x${Buffer.from(y).reverse().toString('hex')}`) ** 2n % FIELD_PRIME;
  const numerator = (ySquared - 1n + FIELD_PRIME) % FIELD_PRIME;
  // x^2 = numerator / denominator has a root exactly if their product is a square (Euler).
  const product = (numerator * (CURVE_D * ySquared + 1n)) % FIELD_PRIME;
  let power = 1n;
  // (p - 1) / 2 = 2^254 - 10
  for (const bit of ((FIELD_PRIME - 1n) / 2n).toString(2)) {
    power = (power * power) % FIELD_PRIME;
    if (bit === '1') power = (power * product) % FIELD_PRIME;
  }
  return power <= 1n;
}
