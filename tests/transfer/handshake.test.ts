/** How both sides of a handshake behave: time, losses, copies, forgeries. */
import { joined } from '@andvari/host-common/transfer/byte-strings';
import { drawEphemeral } from '@andvari/host-common/transfer/elligator2';
import {
  emitFirst,
  HandshakeKeys,
  Marker,
  markerCid,
  parseFirst,
} from '@andvari/host-common/transfer/handshake-messages';
import { staysOfTwo } from '@andvari/host-common/transfer/handshake-outcome';
import type { Initiator } from '@andvari/host-common/transfer/initiator';
import type { Responder } from '@andvari/host-common/transfer/responder';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { beforeEach, describe, expect, it } from 'vitest';
import { completed, HOME, ipv4, must, replyOf, World } from './handshake-world.ts';

const SECOND = 1_000_000;

let world: World;
let responder: Responder;
let initiator: Initiator;
/** What the peer's identity gives its callers. */
const peerKeys = () => new HandshakeKeys(world.options(2).identity.noise.publicKey);

beforeEach(() => {
  world = new World();
  world.provider = nodeX25519;
  responder = world.responder();
  initiator = world.call();
});

/** A genuine message 1 of these parts, for the peer. */
function firstOf(more: Partial<Parameters<typeof emitFirst>[1]> = {}): Uint8Array {
  return emitFirst(peerKeys(), {
    cid: markerCid(Marker.FIRST),
    timestamp: world.now.wallUs,
    representative: drawEphemeral(world.random).representative,
    random: world.random(28),
    ...more,
  });
}

function damagedAt(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.with(bit >> 3, (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7)));
}

/** Sends what is due until `untilUs`, and says when each datagram went out. */
function sentUntil(untilUs: number): { us: number; datagram: Uint8Array }[] {
  const sent: { us: number; datagram: Uint8Array }[] = [];
  for (;;) {
    for (let next = initiator.take(); next; next = initiator.take()) {
      sent.push({ us: world.us, datagram: next });
    }
    if (initiator.wakeUs > untilUs) return sent;
    world.us = initiator.wakeUs;
    initiator.wake(world.now);
  }
}

describe('a handshake', () => {
  it('gives both the same keys and what each said of itself', () => {
    const { ours, theirs } = completed(world, initiator, responder);
    expect(ours.keys).toEqual(theirs.keys);
    expect(ours.theirParams).toMatchObject({ maxStreams: 102, windowKiB: 1002 });
    expect(theirs.theirParams).toMatchObject({ maxStreams: 101, windowKiB: 1001 });
    expect([ours.headerProtection, theirs.headerProtection]).toEqual([false, false]);
    expect(theirs.peerId).toEqual(world.options(1).identity.peerId);
    expect(ours.peerId).toEqual(world.options(2).identity.peerId);
    expect(responder.halfOpen).toBe(0);
  });

  it.each([1, 2])('header protection is on when side %s asks; window 0 is 1024 KiB', (side) => {
    const params = { maxStreams: 0, headerProtection: true, windowKiB: 0 };
    const run = completed(
      world,
      world.call(1, 2, side === 1 ? { params } : {}),
      world.responder(2, side === 2 ? { params } : {}),
    );
    expect([run.ours.headerProtection, run.theirs.headerProtection]).toEqual([true, true]);
    const said = side === 1 ? run.theirs : run.ours;
    expect(said.theirParams).toMatchObject({ maxStreams: 0, windowKiB: 1024 });
  });

  it('measures the round trip, if every message went out once', () => {
    const first = must(initiator.take());
    world.us += 40_000;
    const second = replyOf(responder.receiveFirst(first, HOME, world.now));
    world.us += 30_000;
    initiator.receive(second, world.now);
    world.us += 5_000;
    const heard = responder.receiveThird(must(initiator.take()), HOME, world.now);
    expect(initiator.agreed?.rttUs).toBe(70_000);
    expect(heard.kind === 'agreed' && heard.agreed.rttUs).toBe(35_000);
  });

  it('measures none if one went out twice', () => {
    const [first, copy] = sentUntil(world.us + 250_000).map(({ datagram }) => datagram);
    const second = replyOf(responder.receiveFirst(must(first), HOME, world.now));
    expect(replyOf(responder.receiveFirst(must(copy), HOME, world.now))).toEqual(second);
    initiator.receive(second, world.now);
    const heard = responder.receiveThird(must(initiator.take()), HOME, world.now);
    expect(initiator.agreed?.rttUs).toBeUndefined();
    expect(heard.kind === 'agreed' && heard.agreed.rttUs).toBeUndefined();
  });

  it('of two calls that cross, both keep the one of the smaller key', () => {
    const first = completed(world, initiator, responder);
    const other = completed(world, world.call(2, 1), world.responder(1));
    const [one, two] = [1, 2].map((name) => world.options(name).identity.noise.publicKey);
    const atOne = [staysOfTwo(first.ours, must(one)), staysOfTwo(other.theirs, must(one))];
    const atTwo = [staysOfTwo(first.theirs, must(two)), staysOfTwo(other.ours, must(two))];
    expect(atOne).toEqual(atTwo);
    expect(atOne[0]).not.toBe(atOne[1]);
    expect(atOne[0]).toBe(Buffer.compare(must(one), must(two)) < 0);
  });
});

describe('time', () => {
  it('message 1 goes out after 0, 250, 750, 1750 ms, then another; after 10 s it is over', () => {
    const start = world.us;
    const sent = sentUntil(start + 11 * SECOND);
    const times = sent.map(({ us }) => (us - start) / 1000);
    expect(times).toEqual([0, 250, 750, 1750, 3750, 4000, 4500, 5500, 7500, 7750, 8250, 9250]);
    const different = new Set(sent.map(({ datagram }) => Buffer.from(datagram).toString('hex')));
    expect(different.size).toBe(3);
    expect(initiator.state).toBe('failed');
    expect(initiator.error?.code).toBe('ANDVARI_HANDSHAKE_TIMEOUT');
    expect(initiator.error?.message).toContain('clock');
    expect(initiator.wakeUs).toBe(Number.POSITIVE_INFINITY);
    expect(initiator.receive(sent[0]?.datagram ?? new Uint8Array(0), world.now)).toBe(false);
  });

  it('the answer to the first message 1 is still good after another has begun', () => {
    const [first] = sentUntil(world.us + 4 * SECOND);
    const second = replyOf(responder.receiveFirst(must(first).datagram, HOME, world.now));
    expect(initiator.receive(second, world.now)).toBe(true);
    const heard = responder.receiveThird(must(initiator.take()), HOME, world.now);
    expect(heard.kind).toBe('agreed');
  });

  it('message 3 is repeated until the peer shows that it has it; each draws a PING', () => {
    const start = world.us;
    const first = must(initiator.take());
    initiator.receive(replyOf(responder.receiveFirst(first, HOME, world.now)), world.now);
    const sent = sentUntil(start + 2 * SECOND);
    expect(sent.map(({ us }) => (us - start) / 1000)).toEqual([0, 250, 750, 1750]);
    const heard = sent.map(({ datagram }) => responder.receiveThird(datagram, HOME, world.now));
    expect(heard.map(({ kind }) => kind)).toEqual(['agreed', 'again', 'again', 'again']);
    initiator.confirm();
    expect(sentUntil(start + 20 * SECOND)).toEqual([]);
    expect(initiator.state).toBe('confirmed');
  });

  it('a peer that never shows that it has message 3 is given up; the reason is another', () => {
    const first = must(initiator.take());
    initiator.receive(replyOf(responder.receiveFirst(first, HOME, world.now)), world.now);
    sentUntil(world.us + 11 * SECOND);
    expect(initiator.error?.code).toBe('ANDVARI_HANDSHAKE_TIMEOUT');
    expect(initiator.error?.message).not.toContain('clock');
  });

  it('a half-open handshake is forgotten after 10 s', () => {
    const first = must(initiator.take());
    const second = replyOf(responder.receiveFirst(first, HOME, world.now));
    initiator.receive(second, world.now);
    world.us = responder.wakeUs;
    const third = must(initiator.take());
    expect(responder.receiveThird(third, HOME, world.now).kind).toBe('other');
    expect(responder.halfOpen).toBe(0);
    expect(responder.wakeUs).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([-120, 120])('a clock off by %s s is near enough, by more is not', (seconds) => {
    world.wallOffUs = seconds * SECOND;
    const near = must(world.call().take());
    world.wallOffUs += Math.sign(seconds);
    const far = must(world.call().take());
    world.wallOffUs = 0;
    expect(responder.receiveFirst(near, HOME, world.now).kind).toBe('reply');
    expect(responder.receiveFirst(far, HOME, world.now).kind).toBe('silence');
  });

  it('timestamps beyond 2^53 are out of any window', () => {
    const bytes = firstOf().subarray(0, 80);
    bytes.fill(0xff, 12, 20);
    const first = joined(bytes, peerKeys().mac('1', bytes));
    expect(responder.receiveFirst(first, HOME, world.now).kind).toBe('silence');
  });
});

describe('copies', () => {
  it('message 1 draws the same message 2 eight times more, then none', () => {
    const first = must(initiator.take());
    const second = replyOf(responder.receiveFirst(first, HOME, world.now));
    for (let i = 0; i < 8; i++) {
      expect(replyOf(responder.receiveFirst(first, HOME, world.now))).toEqual(second);
    }
    expect(responder.receiveFirst(first, HOME, world.now).kind).toBe('silence');
    expect(responder.halfOpen).toBe(1);
  });

  it('nothing from another address or port, or with other bytes', () => {
    const first = must(initiator.take());
    responder.receiveFirst(first, HOME, world.now);
    const others = [ipv4(192, 0, 2, 2), HOME.with(17, 0)];
    for (const address of others) {
      expect(responder.receiveFirst(first, address, world.now).kind).toBe('silence');
    }
    const { representative, timestamp } = parseFirst(peerKeys(), first);
    const same = firstOf({ representative, timestamp });
    expect(responder.receiveFirst(same, HOME, world.now).kind).toBe('silence');
    const turned = representative.with(31, (representative[31] ?? 0) ^ 0xc0);
    const top = firstOf({ representative: turned, timestamp });
    expect(responder.receiveFirst(top, HOME, world.now).kind).toBe('silence');
  });

  it('nothing once the handshake is done or forgotten, while the timestamp is good', () => {
    world.wallOffUs = 119 * SECOND;
    initiator = world.call();
    world.wallOffUs = 0;
    const { first } = completed(world, initiator, responder);
    for (let seconds = 0; seconds < 240; seconds += 10) {
      expect(responder.receiveFirst(first, HOME, world.now).kind).toBe('silence');
      responder.receiveFirst(firstOf(), HOME, world.now); // which sweeps the cache
      world.us += 10 * SECOND;
    }
  });

  it('a copy of message 2 is ours and changes nothing', () => {
    const { second } = completed(world, initiator, responder);
    expect(initiator.receive(second, world.now)).toBe(true);
    expect(initiator.take()).toBeUndefined();
    initiator.confirm();
    expect(initiator.receive(second, world.now)).toBe(false);
  });

  it('message 3 from another address is not taken', () => {
    const first = must(initiator.take());
    initiator.receive(replyOf(responder.receiveFirst(first, HOME, world.now)), world.now);
    const third = must(initiator.take());
    expect(responder.receiveThird(third, ipv4(10), world.now).kind).toBe('other');
    expect(responder.receiveThird(third, HOME, world.now).kind).toBe('agreed');
    expect(responder.receiveThird(third, ipv4(10), world.now).kind).toBe('silence');
  });
});

describe('what is not genuine changes nothing', () => {
  it('any bit of message 1', () => {
    const first = must(initiator.take());
    for (let bit = 0; bit < 96 * 8; bit++) {
      expect(responder.receiveFirst(damagedAt(first, bit), HOME, world.now).kind).toBe('other');
    }
    expect(responder.receiveFirst(first.subarray(0, 95), HOME, world.now).kind).toBe('other');
    expect(responder.halfOpen).toBe(0);
    expect(responder.receiveFirst(joined(first, first), HOME, world.now).kind).toBe('reply');
  });

  it('any bit of messages 2 and 3, also with a MAC that fits', () => {
    const keys = peerKeys();
    const withMac = (bytes: Uint8Array, digit: '2' | '3') => {
      const text = bytes.subarray(0, bytes.length - 16);
      return joined(text, keys.mac(digit, text));
    };
    const second = replyOf(responder.receiveFirst(must(initiator.take()), HOME, world.now));
    for (let bit = 0; bit < 144 * 8; bit++) {
      const damaged = damagedAt(second, bit);
      initiator.receive(damaged, world.now);
      if (bit % 8 === 3 && bit < 128 * 8) initiator.receive(withMac(damaged, '2'), world.now);
      expect(initiator.state).toBe('calling');
    }
    expect(initiator.receive(second.subarray(0, 143), world.now)).toBe(false);
    expect(initiator.receive(joined(second, second), world.now)).toBe(true);
    const third = must(initiator.take());
    for (let bit = 0; bit < 96 * 8; bit++) {
      const damaged = damagedAt(third, bit);
      expect(responder.receiveThird(damaged, HOME, world.now).kind).toBe('other');
      if (bit % 8 !== 3 || bit < 64 || bit >= 640) continue;
      const heard = responder.receiveThird(withMac(damaged, '3'), HOME, world.now);
      expect(heard.kind).toBe('silence');
    }
    expect(responder.receiveThird(third.subarray(0, 95), HOME, world.now).kind).toBe('other');
    expect(responder.receiveThird(joined(third, third), HOME, world.now).kind).toBe('agreed');
  });

  it('a representative of small order', () => {
    const first = firstOf({ representative: new Uint8Array(32) });
    expect(responder.receiveFirst(first, HOME, world.now).kind).toBe('silence');
    expect(responder.halfOpen).toBe(0);
  });

  it('datagrams of any length', () => {
    for (let length = 0; length < 200; length++) {
      const noise = world.random(length);
      if (length > 8) noise.fill(0xff, 0, 7);
      for (const last of [0xff, 0xfe, 0xfd, 0xfc]) {
        const datagram = length > 8 ? noise.with(7, last) : noise;
        expect(initiator.receive(datagram, world.now)).toBe(false);
        expect(responder.receiveFirst(datagram, HOME, world.now).kind).toBe('other');
        expect(responder.receiveThird(datagram, HOME, world.now).kind).toBe('other');
      }
    }
    completed(world, initiator, responder);
  });
});
