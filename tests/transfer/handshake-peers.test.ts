/** Whom a handshake does not take for its peer, versions, and what the wire tells. */
import { joined } from '@andvari/host-common/transfer/byte-strings';
import { decodeRepresentative, drawEphemeral } from '@andvari/host-common/transfer/elligator2';
import {
  emitFirst,
  emitParams,
  emitVersions,
  HandshakeKeys,
  Marker,
  markerCid,
  markerOf,
  parseFirst,
  parseSecond,
  uint32,
  uint64,
} from '@andvari/host-common/transfer/handshake-messages';
import { identityOf } from '@andvari/host-common/transfer/identity';
import type { Initiator } from '@andvari/host-common/transfer/initiator';
import { NoiseXX } from '@andvari/host-common/transfer/noise';
import type { Responder } from '@andvari/host-common/transfer/responder';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { blake2s } from '@noble/hashes/blake2.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { completed, HOME, must, replyOf, World } from './handshake-world.ts';

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

/** A message 2 or 3 by somebody who keeps to the protocol, but for one thing. */
describe('whom the other side is not', () => {
  const ephemeralOf = () => {
    const { secret, publicKey, representative } = drawEphemeral(world.random);
    return { key: { secret: nodeX25519.secret(secret), publicKey }, representative };
  };

  /** Answers the call as `name`, although it went to 2. */
  function answerAs(name: number, more: { suite?: number; echo?: number } = {}): Uint8Array {
    const first = parseFirst(peerKeys(), must(initiator.take()));
    const { key, representative } = ephemeralOf();
    const { identity } = world.options(name);
    const noise = new NoiseXX({
      prologue: first.prologue,
      identity: identity.noise,
      ephemeral: key,
    });
    noise.readFirst(decodeRepresentative(first.representative), first.random);
    const params = emitParams({ ...world.options(name).params, signBit: false });
    const payload = joined(
      uint64(more.echo ?? first.timestamp),
      uint32(more.suite ?? 1),
      params,
      new Uint8Array(4),
    );
    const cid = peerKeys().cid(first.representative, representative);
    const message = joined(cid, representative, must(noise.writeSecond(payload)));
    return joined(message, peerKeys().mac('2', message));
  }

  it('somebody else answers: message 3, which tells who we are, does not go out', () => {
    expect(initiator.receive(answerAs(3), world.now)).toBe(true);
    expect([initiator.state, initiator.take()]).toEqual(['calling', undefined]);
  });

  it('another suite, another echo: refused; without them: taken', () => {
    for (const more of [{ suite: 2 }, { echo: world.now.wallUs - 1 }]) {
      initiator = world.call();
      initiator.receive(answerAs(2, more), world.now);
      expect(initiator.state).toBe('calling');
    }
    initiator = world.call();
    initiator.receive(answerAs(2), world.now);
    expect(initiator.state).toBe('answered');
  });

  it('nobody calls itself, or nobody', () => {
    expect(() => world.call(2, 2)).toThrow(expect.objectContaining({ name: 'HandshakeError' }));
    const options = world.options(1);
    const InitiatorClass = initiator.constructor as new (...parts: unknown[]) => Initiator;
    expect(() => new InitiatorClass(options, new Uint8Array(32), world.now)).toThrow('peer ID');
  });

  it('a caller with our own key, or with a key that belongs to no peer ID', () => {
    const twist = new Uint8Array(32);
    twist[0] = 2;
    const own = world.options(2).identity.noise;
    const stranger = identityOf(new Uint8Array(32).fill(7), nodeX25519).noise;
    for (const [identity, kind] of [
      [own, 'silence'],
      [{ secret: stranger.secret, publicKey: twist }, 'silence'],
      [stranger, 'agreed'],
    ] as const) {
      const { key, representative } = ephemeralOf();
      const fill = new Uint8Array(28);
      const first = firstOf({ representative, random: fill });
      const prologue = first.subarray(0, 20);
      const noise = new NoiseXX({ prologue, identity, ephemeral: key });
      noise.writeFirst(fill);
      const second = parseSecond(replyOf(responder.receiveFirst(first, HOME, world.now)));
      must(noise.readSecond(decodeRepresentative(second.representative), second.body));
      const message = joined(second.cid, must(noise.writeThird(new Uint8Array(8))));
      const third = joined(message, peerKeys().mac('3', message));
      expect(responder.receiveThird(third, HOME, world.now).kind).toBe(kind);
    }
  });
});

describe('versions', () => {
  /** A genuine message 1 of version 2, plain or masked by its first byte, and its MAC. */
  function firstOfNext(cid = markerCid(Marker.FIRST)) {
    const bytes = firstOf({ cid }).subarray(0, 80);
    bytes[11] = (bytes[11] ?? 0) ^ 3; // 1 becomes 2, under the mask too
    const mac = peerKeys().mac('1', bytes);
    return { bytes, mac, first: joined(bytes, mac) };
  }

  it('a message 1 of another version draws ours, if its MAC is good', () => {
    const { bytes, mac, first } = firstOfNext();
    const reply = replyOf(responder.receiveFirst(first, HOME, world.now));
    expect(reply).toEqual(emitVersions(peerKeys(), mac));
    expect(reply.length).toBeLessThanOrEqual(96);
    const wrong = joined(bytes, mac.with(0, (mac[0] ?? 0) ^ 1));
    expect(responder.receiveFirst(wrong, HOME, world.now).kind).toBe('other');
  });

  it('one draws nothing from a node in the stealth form, nor if it is masked', () => {
    const stealth = world.responder(2, { stealth: true });
    const { first } = firstOfNext();
    const masked = firstOfNext(Uint8Array.of(0x5a, ...world.random(7))).first;
    expect(parseFirst(peerKeys(), masked)).toMatchObject({ masked: true, version: 2 });
    expect(stealth.receiveFirst(first, HOME, world.now).kind).toBe('silence');
    expect(stealth.receiveFirst(masked, HOME, world.now).kind).toBe('silence');
    expect(responder.receiveFirst(masked, HOME, world.now).kind).toBe('silence');
    expect(responder.receiveFirst(first, HOME, world.now).kind, 'plain to plain').toBe('reply');
    expect(stealth.receiveFirst(firstOf(), HOME, world.now).kind, 'of ours').toBe('reply');
  });

  it('a reply ends the call, unless it is forged or names what we offered', () => {
    const first = must(initiator.take());
    const mac = first.subarray(80);
    const forged = emitVersions(new HandshakeKeys(new Uint8Array(32)), mac, [2]);
    expect(initiator.receive(forged, world.now)).toBe(false);
    expect(initiator.receive(emitVersions(peerKeys(), mac.with(0, 1), [2]), world.now)).toBe(false);
    expect(initiator.receive(emitVersions(peerKeys(), mac, [2, 1]), world.now)).toBe(true);
    expect(initiator.state).toBe('calling');
    expect(initiator.receive(emitVersions(peerKeys(), mac, [2, 3]), world.now)).toBe(true);
    expect(initiator.error?.code).toBe('ANDVARI_HANDSHAKE_VERSION');
  });
});

describe('what the wire tells', () => {
  it('the handshake hash can be computed from it, the keys of the session cannot', () => {
    const { first, second, third, ours } = completed(world, initiator, responder);
    const hashOf = (...parts: Uint8Array[]) => blake2s(joined(...parts));
    let h = hashOf(new TextEncoder().encode('Noise_XX_25519_ChaChaPoly_BLAKE2s'));
    const seen = [
      first.subarray(0, 20),
      decodeRepresentative(first.subarray(20, 52)),
      first.subarray(52, 80),
      decodeRepresentative(second.subarray(8, 40)),
      second.subarray(40, 88),
      second.subarray(88, 128),
      third.subarray(8, 56),
      third.subarray(56, 80),
    ];
    for (const part of seen) h = hashOf(h, part);
    expect(h).toEqual(ours.keys.h);
    // The same bytes with other secrets give other keys: h is not where they come from.
    const again = completed(world, world.call(), world.responder());
    for (const key of [ours.keys.k1, ours.keys.k2]) {
      for (const other of [h, again.ours.keys.k1, again.ours.keys.k2])
        expect(key).not.toEqual(other);
    }
  });

  it('a plain message 1 begins with its marker; a masked one does not', () => {
    expect(markerOf(must(initiator.take()))).toBe(Marker.FIRST);
    expect(markerOf(must(world.call(1, 2, { stealth: true }).take()))).toBeUndefined();
  });
});

describe('secrets', () => {
  /** Every ephemeral secret that a side takes, and every X25519 key that it makes of one. */
  function watched() {
    const secrets: Uint8Array[] = [];
    let wiped = 0;
    const ephemerals = {
      take() {
        const key = drawEphemeral(world.random);
        secrets.push(key.secret);
        return key;
      },
    };
    const x25519 = {
      name: 'watched',
      secret(bytes: Uint8Array) {
        const key = nodeX25519.secret(bytes);
        return { shared: (peer: Uint8Array) => key.shared(peer), wipe: () => void wiped++ };
      },
    };
    return { options: { ephemerals, x25519 }, secrets, wiped: () => wiped };
  }

  it('of a handshake that is done are gone', () => {
    const [one, two] = [watched(), watched()];
    const called = world.responder(2, two.options);
    completed(world, world.call(1, 2, one.options), called);
    for (const secret of [...one.secrets, ...two.secrets]) {
      expect(secret.every((byte) => byte === 0)).toBe(true);
    }
    expect([one.secrets.length, two.secrets.length]).toEqual([1, 1]);
    expect([one.wiped(), two.wiped()]).toEqual([1, 1]);
  });

  it('of one that is given up, by time or by hand, are gone too', () => {
    const [one, two, three] = [watched(), watched(), watched()];
    const called = world.responder(2, two.options);
    const calling = world.call(1, 2, one.options);
    called.receiveFirst(must(calling.take()), HOME, world.now);
    const other = world.call(1, 2, three.options);
    other.cancel();
    expect(three.wiped()).toBe(1);
    while (calling.state === 'calling') {
      world.us = calling.wakeUs;
      calling.wake(world.now);
    }
    called.expire(world.now);
    expect([one.secrets.length, one.wiped(), two.wiped()]).toEqual([3, 3, 1]);
  });
});
