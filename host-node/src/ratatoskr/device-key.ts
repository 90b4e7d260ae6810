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

/** What is wrong with a key, or undefined. Whether it is a point of the curve is not asked. */
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
