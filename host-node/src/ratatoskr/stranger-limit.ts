/**
 * Connections that no registered device has spoken on yet. They have a part of all connections, and
 * each address a share of it; the oldest goes for a new one, since a device that connects becomes
 * known within a few round trips and whoever waits is not one.
 */
import { isIPv6 } from 'node:net';
import { isLoopback } from '../raida/origin.ts';
import { STRANGERS_PART, STRANGERS_PER_ADDRESS_MAX } from './limits.ts';

/** The first half of an IPv6 address, which one customer has; an IPv4 address as it is. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [start = '', end] = plain.split('::');
  const groupsOf = (text: string) => (text === '' ? [] : text.split(':'));
  const groups = groupsOf(start);
  if (end !== undefined) {
    const behind = groupsOf(end);
    while (groups.length + behind.length < 8) groups.push('0');
    groups.push(...behind);
  }
  const half = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${half.join(':')}::/64`;
}

export class StrangerLimit<T> {
  readonly #max: number;
  readonly #perAddressMax: number;
  /** The oldest first, and the network of each. */
  readonly #networks = new Map<T, string>();
  readonly #members = new Map<string, Set<T>>();

  /** @param connectionsMax of the server, strangers and others together */
  constructor(connectionsMax: number, perAddressMax = STRANGERS_PER_ADDRESS_MAX) {
    this.#max = Math.max(1, Math.floor(connectionsMax * STRANGERS_PART));
    this.#perAddressMax = perAddressMax;
  }

  get size(): number {
    return this.#networks.size;
  }

  /** One more. Returns who has to go for it, and forgets it; undefined: there is room. */
  add(connection: T, address: string): T | undefined {
    const network = networkOf(address);
    const members = this.#members.get(network) ?? new Set<T>();
    // What comes from this machine comes for others: a proxy.
    const isFull = members.size >= this.#perAddressMax && !isLoopback(address);
    const [oldest] = isFull ? members : this.size >= this.#max ? this.#networks.keys() : [];
    if (oldest !== undefined) this.delete(oldest);
    members.add(connection);
    this.#members.set(network, members);
    this.#networks.set(connection, network);
    return oldest;
  }

  /** It has ended, or is no stranger any more. */
  delete(connection: T): void {
    const network = this.#networks.get(connection);
    if (network === undefined) return;
    this.#networks.delete(connection);
    const members = this.#members.get(network);
    members?.delete(connection);
    if (members?.size === 0) this.#members.delete(network);
  }
}
