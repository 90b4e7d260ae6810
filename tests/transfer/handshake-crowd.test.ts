/** Many callers: what a responder keeps, whom it lets in, and the stealth form. */
import { drawEphemeral } from '@andvari/host-common/transfer/elligator2';
import {
  emitFirst,
  HandshakeKeys,
  Marker,
  markerCid,
  markerOf,
  withTrailing,
} from '@andvari/host-common/transfer/handshake-messages';
import { REPLAYS_MAX, ReplayCache } from '@andvari/host-common/transfer/replay-cache';
import type { Responder } from '@andvari/host-common/transfer/responder';
import { RetryCookies } from '@andvari/host-common/transfer/retry-cookies';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { beforeEach, describe, expect, it } from 'vitest';
import { completed, HOME, ipv4, must, replyOf, World } from './handshake-world.ts';

const SECOND = 1_000_000;
let world: World;

beforeEach(() => {
  world = new World(7);
  world.provider = nodeX25519;
});

/** Any 32 bytes are a representative: a caller that costs nothing. */
function anyFirst(cid = markerCid(Marker.FIRST)): Uint8Array {
  return emitFirst(new HandshakeKeys(world.options(2).identity.noise.publicKey), {
    cid,
    timestamp: world.now.wallUs,
    representative: world.random(32),
    random: world.random(28),
  });
}

function maskedFirst(): Uint8Array {
  return anyFirst(Uint8Array.of(0x5a, ...world.random(7)));
}

/** `count` callers, each from a network of its own. */
function crowd(responder: Responder, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const address = ipv4(1 + (i >> 8), i & 255);
    return responder.receiveFirst(anyFirst(), address, world.now).kind;
  });
}

/** Draws no keys of its own, which is what takes longest. */
function crowded(more: { stealth?: boolean } = {}): Responder {
  const keys = Array.from({ length: 8 }, () => drawEphemeral(world.random));
  let taken = 0;
  const take = () => {
    const key = must(keys[taken++ % keys.length]);
    return { ...key, secret: Uint8Array.from(key.secret) };
  };
  return world.responder(2, { ...more, ephemerals: { take } });
}

describe('a crowd', () => {
  it('from the 513th on, a caller shows first that it reads what it is sent', () => {
    const responder = crowded();
    expect(new Set(crowd(responder, 513))).toEqual(new Set(['reply']));
    expect(responder.halfOpen).toBe(513);
    const initiator = world.call();
    const first = must(initiator.take());
    const retry = replyOf(responder.receiveFirst(first, HOME, world.now));
    expect([markerOf(retry), retry.length]).toEqual([Marker.RETRY, 40]);
    expect(responder.halfOpen).toBe(513);
    // Nothing is kept: the same again, until the cookie comes.
    expect(replyOf(responder.receiveFirst(first, HOME, world.now))).toEqual(retry);
    expect(initiator.receive(retry, world.now)).toBe(true);
    const withCookie = must(initiator.take());
    expect(withCookie.length).toBe(112);
    expect(replyOf(responder.receiveFirst(withCookie, ipv4(9), world.now)).length).toBe(40);
    const second = replyOf(responder.receiveFirst(withCookie, HOME, world.now));
    expect(second.length).toBe(144);
    initiator.receive(second, world.now);
    expect(responder.receiveThird(must(initiator.take()), HOME, world.now).kind).toBe('agreed');
    expect(initiator.agreed?.rttUs).toBeUndefined();
  });

  it('a caller follows three retries for one message 1, no more', () => {
    const responder = crowded();
    crowd(responder, 513);
    const initiator = world.call();
    const first = must(initiator.take());
    const retry = replyOf(responder.receiveFirst(first, HOME, world.now));
    for (let i = 0; i < 3; i++) {
      expect(initiator.receive(retry, world.now)).toBe(true);
      expect(must(initiator.take()).length).toBe(112);
    }
    expect(initiator.receive(retry, world.now)).toBe(true);
    expect(initiator.take()).toBeUndefined();
    world.us = initiator.wakeUs;
    initiator.wake(world.now);
    expect(must(initiator.take()).length).toBe(112);
  });

  it('of one network 16, once more than 256 are open', () => {
    const responder = crowded();
    crowd(responder, 242);
    const from = (address: Uint8Array) =>
      responder.receiveFirst(anyFirst(), address, world.now).kind;
    const kinds = Array.from({ length: 20 }, (_, i) => from(ipv4(99, 9, 9, i)));
    // The 257th is the 15th of its network: one more, and it is full.
    expect(kinds.indexOf('silence')).toBe(16);
    expect(responder.halfOpen).toBe(258);
    expect(from(ipv4(99, 9, 8))).toBe('reply');
    const ipv6 = (host: number) =>
      Uint8Array.of(0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, host, 0, 0, 0, 0, 0, 0, 1, 1, 1);
    const six = Array.from({ length: 20 }, (_, i) => from(ipv6(i)));
    expect(six.indexOf('silence')).toBe(16);
    world.us += 11 * SECOND;
    expect(from(ipv4(99, 9, 9))).toBe('reply');
    expect(responder.halfOpen).toBe(1);
  });

  it('1024 are kept, the oldest goes; in the stealth form nobody is asked to come again', () => {
    const responder = crowded({ stealth: true });
    const initiator = world.call();
    const second = replyOf(responder.receiveFirst(must(initiator.take()), HOME, world.now));
    expect(new Set(crowd(responder, 1030))).toEqual(new Set(['reply']));
    expect(responder.halfOpen).toBe(1024);
    initiator.receive(second, world.now);
    expect(responder.receiveThird(must(initiator.take()), HOME, world.now).kind).toBe('other');
  });

  it('a masked caller sees no retry, and has the places that are left', () => {
    const responder = crowded();
    const oldest = anyFirst();
    const isKept = () => responder.receiveFirst(oldest, HOME, world.now).kind === 'reply';
    responder.receiveFirst(oldest, HOME, world.now);
    crowd(responder, 512);
    for (let i = 0; i < 511; i++) {
      const address = ipv4(100 + (i >> 8), i & 255);
      const reply = replyOf(responder.receiveFirst(maskedFirst(), address, world.now));
      expect([markerOf(reply), reply.length >= 144]).toEqual([undefined, true]);
    }
    expect(responder.halfOpen).toBe(1024);
    const late = maskedFirst();
    expect(responder.receiveFirst(late, ipv4(9), world.now).kind).toBe('silence');
    expect(isKept()).toBe(true);
    // Who calls openly is asked to come again, and then has the place of the oldest.
    const open = world.call();
    const retry = replyOf(responder.receiveFirst(must(open.take()), ipv4(8), world.now));
    expect(markerOf(retry)).toBe(Marker.RETRY);
    open.receive(retry, world.now);
    expect(replyOf(responder.receiveFirst(must(open.take()), ipv4(8), world.now)).length).toBe(144);
    expect([responder.halfOpen, isKept()]).toEqual([1024, false]);
    world.us += 11 * SECOND;
    const reply = replyOf(responder.receiveFirst(late, ipv4(9), world.now));
    expect(reply.length).toBeGreaterThanOrEqual(144);
  });

  it('messages without a good MAC cost a digest and leave nothing', () => {
    const responder = crowded();
    const first = anyFirst();
    for (let i = 0; i < 5000; i++) {
      const forged = first.with(
        80 + (i % 16),
        (first[80 + (i % 16)] ?? 0) ^ (1 + ((i >> 4) % 255)),
      );
      expect(responder.receiveFirst(forged, HOME, world.now).kind).toBe('other');
    }
    expect(responder.halfOpen).toBe(0);
  });

  it('the replay cache is bounded, oldest out, and forgets what is too old anyway', () => {
    const cache = new ReplayCache();
    const named = (i: number) => Uint8Array.of(i, i >> 8, i >> 16, ...new Uint8Array(29));
    for (let i = 0; i < REPLAYS_MAX + 100; i++) cache.add(named(i), 1000, 1000);
    expect(cache.size).toBeLessThanOrEqual(REPLAYS_MAX);
    expect(cache.has(named(0))).toBe(false);
    expect(cache.has(named(REPLAYS_MAX + 99))).toBe(true);
    const before = cache.size;
    const late = 1001 + 120 * SECOND;
    for (let i = 0; i < 1000; i++) cache.add(named((1 << 20) | i), late, late);
    expect(cache.size).toBeLessThanOrEqual(before - 2000);
  });

  it('a cookie is good for its period and the next', () => {
    const cookies = new RetryCookies(world.random);
    const first = new Uint8Array(96).fill(5);
    const cookie = cookies.make(HOME, first, 0);
    const accepts = (us: number) => cookies.accepts(cookie, HOME, first, us);
    expect([0, 119 * SECOND, 121 * SECOND, 239 * SECOND].map(accepts)).toEqual(Array(4).fill(true));
    expect(cookies.accepts(cookie, ipv4(1), first, 239 * SECOND)).toBe(false);
    expect(cookies.accepts(cookie, HOME, first.with(0, 1), 239 * SECOND)).toBe(false);
    expect(accepts(240 * SECOND)).toBe(false);
  });
});

describe('the stealth form', () => {
  const stealth = { stealth: true };

  it('refuses for 120 s what is older than its start', () => {
    const old = must(world.call(1, 2, stealth).take());
    world.us += SECOND;
    const responder = world.responder(2, stealth);
    const fresh = must(world.call(1, 2, stealth).take());
    expect(responder.receiveFirst(old, HOME, world.now).kind).toBe('silence');
    expect(responder.receiveFirst(fresh, HOME, world.now).kind).toBe('reply');
    world.us += 118 * SECOND;
    expect(responder.receiveFirst(old, HOME, world.now).kind).toBe('silence');
    const plain = world.responder();
    expect(plain.receiveFirst(old, HOME, world.now).kind).toBe('reply');
  });

  it('is answered with trailing bytes by a node without it, within three times', () => {
    const responder = world.responder();
    const lengths = new Set<number>();
    for (let i = 0; i < 40; i++) {
      const first = must(world.call(1, 2, stealth).take());
      const reply = replyOf(responder.receiveFirst(first, ipv4(i + 1), world.now));
      expect(reply.length).toBeLessThanOrEqual(3 * first.length);
      lengths.add(first.length).add(reply.length);
    }
    expect(lengths.size).toBeGreaterThan(20);
  });

  it.each([96, 150, 215, 300])('no length behind a message of %s bytes is a mark', (bytes) => {
    const most = Math.min(512, 3 * bytes - 144);
    const counts = new Float64Array(most + 1);
    const mean = 40;
    for (let i = 0; i < mean * counts.length; i++) {
      const { length } = withTrailing(new Uint8Array(144), world.random, 3 * bytes);
      counts[length - 144] = (counts[length - 144] ?? 0) + 1;
    }
    // All lengths are within the bound, and none is six deviations off (the seed is fixed).
    expect(counts.reduce((sum, count) => sum + count)).toBe(mean * counts.length);
    for (const count of counts) expect(Math.abs(count - mean)).toBeLessThan(6 * Math.sqrt(mean));
  });

  it('of answers to 200 masked calls next to none has three times their bytes', () => {
    const responder = crowded(stealth);
    const threefold = Array.from({ length: 200 }, (_, i) => {
      const first = withTrailing(maskedFirst(), world.random);
      const reply = replyOf(responder.receiveFirst(first, ipv4(1, i), world.now));
      return reply.length === 3 * first.length;
    });
    expect(threefold.filter(Boolean).length).toBeLessThan(3);
  });

  it('a repeat that is shorter draws less', () => {
    const responder = world.responder(2, stealth);
    for (let i = 0; i < 10; i++) {
      const first = must(world.call(1, 2, stealth).take());
      const second = replyOf(responder.receiveFirst(first, HOME, world.now));
      const repeat = replyOf(responder.receiveFirst(first.subarray(0, 96), HOME, world.now));
      expect(repeat).toEqual(second.subarray(0, 288));
    }
  });

  it('looks random: bytes, bits, and nothing that comes twice', () => {
    const counts = new Float64Array(256);
    const ones = new Float64Array(96 * 8);
    const words = new Set<string>();
    let bytes = 0;
    let repeats = 0;
    const runs = 100;
    const keys = new HandshakeKeys(world.options(2).identity.noise.publicKey);
    for (let i = 0; i < runs; i++) {
      world.us += 10; // clocks barely move between calls
      const run = completed(world, world.call(1, 2, stealth), world.responder(2, stealth));
      expect(keys.isGenuine('1', run.first, 96)).toBe(true);
      for (const message of [run.first, run.second, run.third]) {
        for (const byte of message) counts[byte] = (counts[byte] ?? 0) + 1;
        bytes += message.length;
        for (let bit = 0; bit < 96 * 8; bit++) {
          const set = ((message[bit >> 3] ?? 0) >> (bit & 7)) & 1;
          ones[bit] = (ones[bit] ?? 0) + set;
        }
        for (let at = 0; at + 6 <= message.length; at += 2) {
          const word = message.subarray(at, at + 6).join();
          if (words.has(word)) repeats++;
          words.add(word);
        }
      }
    }
    const expected = bytes / 256;
    const chiSquare = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    // 255 degrees of freedom: above 350 or below 180 once in some 10^4 runs; the seed is fixed.
    expect(chiSquare).toBeGreaterThan(180);
    expect(chiSquare).toBeLessThan(350);
    const mean = 1.5 * runs;
    for (const sum of ones) expect(Math.abs(sum - mean)).toBeLessThan(5 * Math.sqrt(0.75 * runs));
    // Messages 2 and 3 have their CID in common, in which two of these words fit.
    expect(repeats).toBe(2 * runs);
  });
});
