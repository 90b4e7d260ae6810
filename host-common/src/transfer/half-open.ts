/**
 * Handshakes between message 2 and message 3, and those that a message 3 has just ended: bounded,
 * oldest out. Reference: transfer, section 2 (half-open).
 */
import { nameOf } from './byte-strings.ts';
import type { FirstMessage } from './handshake-messages.ts';
import { HANDSHAKE_TIMEOUT_US } from './handshake-outcome.ts';
import type { NoiseXX } from './noise.ts';
import type { X25519Secret } from './x25519.ts';

export const HALF_OPEN_MAX = 1024;
/** From here on one network may not hold many. */
export const CROWDED = 256;
export const PER_NETWORK_MAX = 16;
/** From here on a caller shows first that it reads what it is sent, but for a masked one. */
export const RETRY_ABOVE = 512;

export interface HalfOpen {
  cid: Uint8Array;
  first: FirstMessage;
  /** 16 bytes (IPv4 mapped), the port and the like. */
  address: Uint8Array;
  noise: NoiseXX;
  /** The ephemeral key, to be wiped. */
  secret: X25519Secret;
  /** Message 2 as it was sent. */
  second: Uint8Array;
  /** When message 1 came, in the order of events. */
  began: number;
  sentUs: number;
  /** How often message 2 went out. */
  sent: number;
}

interface Done {
  third: Uint8Array;
  address: Uint8Array;
  us: number;
}

const IPV4_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** The /24 of an IPv4 address, the /64 of an IPv6 one. */
function networkOf(address: Uint8Array): string {
  const isIpv4 = IPV4_PREFIX.every((byte, i) => address[i] === byte);
  return nameOf(address.subarray(0, isIpv4 ? 15 : 8));
}

export class HalfOpenTable {
  /** By CID, oldest first. */
  private readonly entries = new Map<string, HalfOpen>();
  private readonly byFirst = new Map<string, HalfOpen>();
  private readonly networks = new Map<string, number>();
  /** Message 3 of those that are done, by CID: its repeats are known for a while. */
  private readonly done = new Map<string, Done>();

  get size(): number {
    return this.entries.size;
  }

  /** Is there nothing that a message 3 could belong to? */
  get isEmpty(): boolean {
    return this.entries.size === 0 && this.done.size === 0;
  }

  /** Would another take the place of the oldest? */
  get isFull(): boolean {
    return this.size >= HALF_OPEN_MAX;
  }

  ofCid(datagram: Uint8Array): HalfOpen | undefined {
    return this.entries.get(nameOf(datagram.subarray(0, 8)));
  }

  /** Of the same representative. */
  ofFirst({ representative }: FirstMessage): HalfOpen | undefined {
    return this.byFirst.get(nameOf(representative));
  }

  /** May a caller at this address begin another? */
  hasRoomFor(address: Uint8Array): boolean {
    if (this.size <= CROWDED) return true;
    return (this.networks.get(networkOf(address)) ?? 0) < PER_NETWORK_MAX;
  }

  add(entry: HalfOpen): void {
    for (const oldest of this.entries.values()) {
      if (!this.isFull) break;
      this.remove(oldest);
    }
    this.entries.set(nameOf(entry.cid), entry);
    this.byFirst.set(nameOf(entry.first.representative), entry);
    const network = networkOf(entry.address);
    this.networks.set(network, (this.networks.get(network) ?? 0) + 1);
  }

  /** Message 3 has ended it. `third`: its bytes. */
  finish(entry: HalfOpen, third: Uint8Array, us: number): void {
    this.remove(entry);
    for (const oldest of this.done.keys()) {
      if (this.done.size < HALF_OPEN_MAX) break;
      this.done.delete(oldest);
    }
    this.done.set(nameOf(entry.cid), {
      third: Uint8Array.from(third),
      address: entry.address,
      us,
    });
  }

  /** What ended the handshake of this datagram's CID. */
  doneOf(datagram: Uint8Array): Readonly<Done> | undefined {
    return this.done.get(nameOf(datagram.subarray(0, 8)));
  }

  /** Forgets what nobody can finish any more, and wipes it. */
  expire(us: number): void {
    const before = us - HANDSHAKE_TIMEOUT_US;
    for (const entry of this.entries.values()) {
      if (entry.sentUs > before) break;
      this.remove(entry);
    }
    for (const [name, entry] of this.done) {
      if (entry.us > before) break;
      this.done.delete(name);
    }
  }

  /** When the oldest ends. */
  get wakeUs(): number {
    const [oldest] = this.entries.values();
    const [done] = this.done.values();
    const us = Math.min(oldest?.sentUs ?? Infinity, done?.us ?? Infinity);
    return us + HANDSHAKE_TIMEOUT_US;
  }

  drop(): void {
    this.expire(Number.POSITIVE_INFINITY);
  }

  private remove(entry: HalfOpen): void {
    entry.noise.wipe();
    entry.secret.wipe();
    this.entries.delete(nameOf(entry.cid));
    this.byFirst.delete(nameOf(entry.first.representative));
    const network = networkOf(entry.address);
    const left = (this.networks.get(network) ?? 1) - 1;
    if (left) this.networks.set(network, left);
    else this.networks.delete(network);
  }
}
