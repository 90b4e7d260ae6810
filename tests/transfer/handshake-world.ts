/** Two nodes in one place, a clock that moves when it is told to, and seeded random bytes. */
import type { RandomBytes } from '@andvari/host-common/transfer/byte-strings';
import { Ephemerals } from '@andvari/host-common/transfer/ephemerals';
import type { Agreed, HandshakeOptions } from '@andvari/host-common/transfer/handshake-outcome';
import { identityOf } from '@andvari/host-common/transfer/identity';
import { Initiator } from '@andvari/host-common/transfer/initiator';
import { type Heard, Responder } from '@andvari/host-common/transfer/responder';
import { nobleX25519, type X25519Provider } from '@andvari/host-common/transfer/x25519';
import { blake3 } from '@noble/hashes/blake3.js';

/** The start of the calendar clock: 2026. */
const WALL_US = 1_790_000_000_000_000;

export class World {
  us = 1_000_000;
  /** What the calendar clock is off by. */
  wallOffUs = 0;
  provider: X25519Provider = nobleX25519;
  private drawn = 0;
  private readonly seed: number;

  constructor(seed = 1) {
    this.seed = seed;
  }

  get now() {
    return { us: this.us, wallUs: WALL_US + this.us + this.wallOffUs };
  }

  readonly random: RandomBytes = (count) => {
    const name = new TextEncoder().encode(`${this.seed}:${this.drawn++}`);
    return blake3(name, { dkLen: Math.max(1, count) }).subarray(0, count);
  };

  options(name: number, more: Partial<HandshakeOptions> = {}): HandshakeOptions {
    return {
      identity: identityOf(new Uint8Array(32).fill(name), this.provider),
      params: { maxStreams: 100 + name, headerProtection: false, windowKiB: 1000 + name },
      x25519: this.provider,
      random: this.random,
      ephemerals: new Ephemerals(this.random),
      ...more,
    };
  }

  responder(name = 2, more: Partial<HandshakeOptions> = {}): Responder {
    return new Responder(this.options(name, more), this.now);
  }

  /** A call to the responder of this name. */
  call(name = 1, peer = 2, more: Partial<HandshakeOptions> = {}): Initiator {
    const { peerId } = identityOf(new Uint8Array(32).fill(peer));
    return new Initiator(this.options(name, more), peerId, this.now);
  }
}

/** 16 bytes (IPv4 mapped) and a port. */
export function ipv4(a: number, b = 0, c = 0, d = 1): Uint8Array {
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d, 0x20, 0xe4);
}

export const HOME = ipv4(192, 0, 2);

export function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a value was wanted');
  return value;
}

export function replyOf(heard: Heard): Uint8Array {
  if (heard.kind !== 'reply') throw new Error(`a reply was wanted, it is ${heard.kind}`);
  return heard.datagram;
}

/** All three messages without a loss. */
export function completed(
  world: World,
  initiator: Initiator,
  responder: Responder,
): { first: Uint8Array; second: Uint8Array; third: Uint8Array; ours: Agreed; theirs: Agreed } {
  const first = must(initiator.take());
  const second = replyOf(responder.receiveFirst(first, HOME, world.now));
  if (!initiator.receive(second, world.now)) throw new Error('message 2 was refused');
  const third = must(initiator.take());
  const heard = responder.receiveThird(third, HOME, world.now);
  if (heard.kind !== 'agreed') throw new Error(`message 3 was taken for ${heard.kind}`);
  return { first, second, third, ours: must(initiator.agreed), theirs: heard.agreed };
}
