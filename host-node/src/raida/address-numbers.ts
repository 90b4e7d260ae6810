/**
 * Client addresses as the engine counts by them (Descriptor.ADDRESS): an IPv4 address as a number,
 * for IPv6 32 bits of a keyed hash of the first 64 bits, which is what one customer has. The key is
 * new in each process, so nobody can look for two networks with one number.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** Addresses remembered; a flood of new ones costs a parse each, not memory. */
const KNOWN_MAX = 4096;
const MAPPED = '::ffff:';

export class AddressNumbers {
  readonly #known = new Map<string, number>();
  readonly #key = randomBytes(16);

  numberOf(address: string): number {
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    const number = this.#parse(address);
    this.#known.set(address, number);
    return number;
  }

  #parse(address: string): number {
    const plain = address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address;
    if (isIPv4(plain)) {
      return plain.split('.').reduce((number, octet) => number * 256 + Number(octet), 0);
    }
    return createHmac('sha256', this.#key).update(networkOf(plain)).digest().readUInt32BE(0);
  }
}

/** The first four groups of an IPv6 address, written out. */
function networkOf(address: string): string {
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array<string>(Math.max(0, zeros)).fill('0'), ...after];
  return groups
    .slice(0, 4)
    .map((group) => group.padStart(4, '0'))
    .join(':');
}
