/**
 * Published vectors of what a handshake is made of: X25519, BLAKE2s, ChaCha20-Poly1305, Elligator 2
 * and Noise XX; every host runs them, with each provider it has.
 */
import {
  decodeRepresentative,
  drawEphemeral,
  encodePoint,
  ephemeralOf,
} from '@andvari/host-common/transfer/elligator2';
import { NoiseXX, openWith, sealWith } from '@andvari/host-common/transfer/noise';
import { nobleX25519, type X25519Provider } from '@andvari/host-common/transfer/x25519';
import { chacha20poly1305, xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { blake2s } from '@noble/hashes/blake2.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { hmac } from '@noble/hashes/hmac.js';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../engine/vector-state.ts';
import blake2sVectors from '../vectors/blake2s.json' with { type: 'json' };
import blake3Vectors from '../vectors/blake3.json' with { type: 'json' };
import chachaVectors from '../vectors/chacha20_poly1305.json' with { type: 'json' };
import elligatorVectors from '../vectors/elligator2_curve25519.json' with { type: 'json' };
import noiseVectors from '../vectors/noise_xx_25519_chachapoly_blake2s.json' with { type: 'json' };
import x25519Vectors from '../vectors/x25519.json' with { type: 'json' };
import xchachaVectors from '../vectors/xchacha20_poly1305.json' with { type: 'json' };

export function runX25519Cases(provider: X25519Provider): void {
  describe(`X25519 by ${provider.name}`, () => {
    it('agrees with RFC 7748 and Wycheproof; an all-zero secret is none', () => {
      for (const item of x25519Vectors.cases) {
        const shared = provider.secret(fromHex(item.private)).shared(fromHex(item.public));
        const zero = /^0*$/.test(item.shared);
        expect(shared && toHex(shared), `tcId ${item.tcId}`).toBe(zero ? undefined : item.shared);
      }
    });

    it('a thousand times over (RFC 7748 section 5.2)', () => {
      let k: Uint8Array = Uint8Array.of(9, ...new Uint8Array(31));
      let u = k;
      for (let i = 1; i <= 1000; i++) {
        [k, u] = [provider.secret(k).shared(u) ?? new Uint8Array(0), k];
        if (i === 1) expect(toHex(k)).toBe(x25519Vectors.iterated['1']);
      }
      expect(toHex(k)).toBe(x25519Vectors.iterated['1000']);
    });

    it('a key of another length is none', () => {
      const secret = provider.secret(new Uint8Array(32).fill(7));
      expect(secret.shared(new Uint8Array(31).fill(9))).toBeUndefined();
      expect(secret.shared(new Uint8Array(33).fill(9))).toBeUndefined();
    });
  });
}

function runPrimitiveCases(): void {
  it('BLAKE2s: hash, keyed, HMAC', () => {
    for (const { kind, key, in: text, out } of blake2sVectors.cases) {
      const [k, input] = [fromHex(key ?? ''), fromHex(text)];
      const digest =
        kind === 'hmac' ? hmac(blake2s, k, input) : blake2s(input, k.length ? { key: k } : {});
      expect(toHex(digest)).toBe(out);
    }
  });

  it('BLAKE3: hash and keyed hash', () => {
    const { key, cases } = blake3Vectors as unknown as {
      key: string;
      cases: { input_len: number; hash: string; keyed_hash: string }[];
    };
    for (const item of cases) {
      const input = Uint8Array.from({ length: item.input_len }, (_, i) => i % 251);
      const dkLen = item.hash.length / 2;
      expect(toHex(blake3(input, { dkLen }))).toBe(item.hash);
      expect(toHex(blake3(input, { dkLen, key: new TextEncoder().encode(key) }))).toBe(
        item.keyed_hash,
      );
    }
  });

  it.each([
    ['ChaCha20-Poly1305', chacha20poly1305, chachaVectors.cases],
    ['XChaCha20-Poly1305', xchacha20poly1305, xchachaVectors.cases],
  ] as const)('%s: seals, and opens nothing that is invalid', (_, cipher, cases) => {
    for (const item of cases) {
      const [key, iv, aad] = [fromHex(item.key), fromHex(item.iv), fromHex(item.aad)];
      const sealed = fromHex(item.ct + item.tag);
      const open = () => cipher(key, iv, aad).decrypt(sealed);
      if (item.result === 'invalid') {
        expect(open, `tcId ${item.tcId}`).toThrow();
        continue;
      }
      expect(toHex(open())).toBe(item.msg);
      expect(toHex(cipher(key, iv, aad).encrypt(fromHex(item.msg)))).toBe(item.ct + item.tag);
    }
  });
}

function runElligatorCases(): void {
  type Case = (typeof elligatorVectors.cases)[number];
  const named = (kind: string) => elligatorVectors.cases.filter((item: Case) => item.kind === kind);

  it('points to representatives, or none', () => {
    for (const item of named('inverse')) {
      const found = encodePoint(fromHex(item.point_u ?? ''), item.tweak ?? 0);
      expect(found && toHex(found), item.point_u).toBe(item.representative ?? undefined);
    }
  });

  it('representatives to points', () => {
    for (const item of named('direct')) {
      const representative = fromHex(item.representative ?? '');
      expect(toHex(decodeRepresentative(representative))).toBe(item.point_u);
      representative[31] = (representative[31] ?? 0) ^ 0xc0;
      expect(toHex(decodeRepresentative(representative))).toBe(item.point_u);
    }
  });

  it('key pairs with a low-order part, which agree on a secret', () => {
    for (const item of named('keypair')) {
      const key = ephemeralOf(
        fromHex(item.secret ?? ''),
        item.low_order_index ?? 0,
        item.tweak ?? 0,
      );
      if (!key) throw new Error('no representative');
      expect(toHex(key.publicKey)).toBe(item.dirty_public_u);
      expect(toHex(key.representative)).toBe(item.representative);
      const peer = fromHex(item.peer_public ?? '');
      expect(toHex(nobleX25519.secret(key.secret).shared(peer) ?? peer)).toBe(item.shared);
      const shared = nobleX25519.secret(fromHex(item.peer_secret ?? '')).shared(key.publicKey);
      expect(toHex(shared ?? peer)).toBe(item.shared);
    }
  });

  it('drawn keys: all bits move, the low-order part does not reach the secret', () => {
    const ones = new Uint32Array(256);
    const peer = nobleX25519.secret(new Uint8Array(32).fill(3));
    const peerPublic = x25519.getPublicKey(new Uint8Array(32).fill(3));
    const count = 64;
    for (let i = 0; i < count; i++) {
      const key = drawEphemeral((bytes) => crypto.getRandomValues(new Uint8Array(bytes)));
      expect(toHex(decodeRepresentative(key.representative))).toBe(toHex(key.publicKey));
      const shared = nobleX25519.secret(key.secret).shared(peerPublic);
      expect(shared).toEqual(peer.shared(key.publicKey));
      for (let bit = 0; bit < 256; bit++) {
        ones[bit] = (ones[bit] ?? 0) + (((key.representative[bit >> 3] ?? 0) >> (bit & 7)) & 1);
      }
    }
    // One bit alike in all 64: once in 10^16 runs.
    for (const sum of ones) expect(sum > 0 && sum < count).toBe(true);
  });
}

function runNoiseCases(provider: X25519Provider): void {
  it.each(noiseVectors.cases.map((item, index) => ({ ...item, index })))(
    `Noise XX $index by ${provider.name}`,
    (item) => {
      const keyOf = (hex: string) => ({
        secret: provider.secret(fromHex(hex)),
        publicKey: x25519.getPublicKey(fromHex(hex)),
      });
      const prologue = fromHex(item.prologue);
      const [ourE, theirE] = [keyOf(item.init_ephemeral), keyOf(item.resp_ephemeral)];
      const caller = new NoiseXX({
        prologue,
        identity: keyOf(item.init_static),
        ephemeral: ourE,
      });
      const called = new NoiseXX({
        prologue,
        identity: keyOf(item.resp_static),
        ephemeral: theirE,
      });
      const [first, second, third, ...transport] = item.messages.map((message) => ({
        payload: fromHex(message.payload),
        ciphertext: message.ciphertext,
      }));
      if (!(first && second && third)) throw new Error('three messages wanted');
      const traced = () => {
        const { hash, chainingKey, key } = caller.trace;
        return { h: toHex(hash), ck: toHex(chainingKey), k: key ? toHex(key) : null };
      };
      const wanted = item.trace.map(({ h, ck, k }) => ({ h, ck, k }));
      expect(traced()).toEqual(wanted[0]);

      const one = caller.writeFirst(first.payload);
      expect(toHex(ourE.publicKey) + toHex(one)).toBe(first.ciphertext);
      expect(traced()).toEqual(wanted[1]);
      called.readFirst(ourE.publicKey, one);
      const two = called.writeSecond(second.payload);
      if (!two) throw new Error('no second message');
      expect(toHex(theirE.publicKey) + toHex(two)).toBe(second.ciphertext);
      // A damaged copy of it ends nothing.
      for (const at of [0, 47, 48, two.length - 1]) {
        const damaged = two.map((byte, i) => (i === at ? byte ^ 1 : byte));
        expect(caller.copy().readSecond(theirE.publicKey, damaged)).toBeUndefined();
      }
      expect(caller.readSecond(theirE.publicKey, two)).toEqual(second.payload);
      expect(traced()).toEqual(wanted[2]);
      const three = caller.writeThird(third.payload);
      expect(three && toHex(three)).toBe(third.ciphertext);
      expect(traced()).toEqual(wanted[3]);
      expect(called.copy().readThird(fromHex(third.ciphertext).subarray(1))).toBeUndefined();
      expect(called.readThird(fromHex(third.ciphertext))).toEqual(third.payload);

      const keys = caller.split();
      expect(called.split()).toEqual(keys);
      expect(toHex(keys.k1)).toBe(item.split_k1_initiator_to_responder);
      expect(toHex(keys.k2)).toBe(item.split_k2_responder_to_initiator);
      expect(toHex(keys.h)).toBe(item.handshake_hash);
      for (const [index, { payload, ciphertext }] of transport.entries()) {
        const key = index % 2 ? keys.k1 : keys.k2;
        const none = new Uint8Array(0);
        expect(toHex(sealWith(key, index >> 1, none, payload))).toBe(ciphertext);
        expect(openWith(key, index >> 1, none, fromHex(ciphertext))).toEqual(payload);
      }
    },
  );
}

/** `providers`: those of X25519 that this host has. */
export function runHandshakeVectors(providers: X25519Provider[]): void {
  describe('what a handshake is made of', runPrimitiveCases);
  describe('Elligator 2', runElligatorCases);
  describe('Noise XX', () => {
    for (const provider of providers) runNoiseCases(provider);
  });
  for (const provider of providers) runX25519Cases(provider);
}
