/**
 * Client addresses as the engine counts by them (Descriptor.ADDRESS): an IPv4 address as a number,
 * for IPv6 32 bits of a keyed hash of the first 64 bits, which is what one customer has. The key is
 * new in each process, so nobody can look for two networks with one number; every transport of a
 * server has the same (addressHash of the engine, EnginePort::hashAddress of native-io).
 */
import { isIPv4 } from 'node:net';

/** Addresses remembered; a flood of new ones costs a parse each, not memory. */
const KNOWN_MAX = 4096;
const MAPPED = '::ffff:';

export interface AddressNumber {
  number: number;
  isIPv6: boolean;
}

export class AddressNumbers {
  readonly #known = new Map<string, AddressNumber>();
  /** Addresses of IPv6 networks by their numbers, the newest of each. */
  readonly #networks = new Map<number, string>();
  readonly #hash: (network: Uint8Array) => number;

  /** `hash`: a number for the 8 bytes of an IPv6 network. */
  constructor(hash: (network: Uint8Array) => number) {
    this.#hash = hash;
  }

  of(address: string): AddressNumber {
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    const number = this.#parse(address);
    this.#known.set(address, number);
    return number;
  }

  /** An address of the IPv6 network with that number; undefined: not met lately. */
  networkOf(number: number): string | undefined {
    return this.#networks.get(number);
  }

  #parse(address: string): AddressNumber {
    const plain = address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address;
    if (isIPv4(plain)) {
      const number = plain.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
      return { number, isIPv6: false };
    }
    const number = this.#hash(networkOf(plain)) >>> 0;
    if (this.#networks.size >= KNOWN_MAX) this.#networks.clear();
    this.#networks.set(number, address);
    return { number, isIPv6: true };
  }
}

/** A number as text: an IPv4 address, or an IPv6 network of which only the number is known. */
export function formatNumber(number: number, isIPv6: boolean): string {
  if (isIPv6) return `IPv6 network ${number.toString(16).padStart(8, '0')}`;
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}

/** The first 8 bytes of an IPv6 address. */
function networkOf(address: string): Uint8Array {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  // An IPv4 address at the end stands for two groups.
  const dotted = after.at(-1)?.includes('.') ? 1 : 0;
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length - dotted;
  const groups = [...before, ...Array<string>(Math.max(0, zeros)).fill('0'), ...after];
  const network = new Uint8Array(8);
  const view = new DataView(network.buffer);
  for (let i = 0; i < 4; i++) view.setUint16(2 * i, Number.parseInt(groups[i] ?? '0', 16));
  return network;
}
