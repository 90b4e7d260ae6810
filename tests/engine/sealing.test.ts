/**
 * The engine's BLAKE3 and ChaCha20-Poly1305 beside other people's, at any length; and what is left
 * of a session's secrets in memory.
 */
import { createCipheriv, randomBytes } from 'node:crypto';
import { plainEngine } from '@andvari/host-common/engine/module';
import { blake3 } from '@noble/hashes/blake3.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { directionKeys, expand, extract, joinBytes } from '../r1-keys.ts';
import { Primitives } from './primitives.ts';
import { toHex } from './vector-state.ts';

const primitives = new Primitives(await plainEngine());
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe('beside others', () => {
  it('BLAKE3 is that of @noble', () => {
    const lengths = fc.oneof(fc.nat(200), fc.nat(5000), fc.nat(70000));
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 300 }), bytes(32), (length, out, key) => {
        const text = randomBytes(length);
        expect(toHex(primitives.blake3(text, out))).toBe(toHex(blake3(text, { dkLen: out })));
        const keyed = primitives.blake3(text, out, { key });
        expect(toHex(keyed)).toBe(toHex(blake3(text, { dkLen: out, key })));
        const context = key.subarray(0, length % 33);
        const derived = primitives.blake3(text, out, { context });
        expect(toHex(derived)).toBe(toHex(blake3(text, { dkLen: out, context })));
      }),
      { numRuns: 60 },
    );
  });

  it('ChaCha20-Poly1305 is that of node:crypto', () => {
    const aads = fc.uint8Array({ maxLength: 50 });
    fc.assert(
      fc.property(fc.nat(3000), bytes(32), bytes(12), aads, (length, key, nonce, aad) => {
        const text = randomBytes(length);
        const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
        cipher.setAAD(aad, { plaintextLength: length });
        const sealed = joinBytes(cipher.update(text), cipher.final());
        const made = primitives.seal(key, nonce, aad, text);
        expect(toHex(made.text)).toBe(toHex(sealed));
        expect(toHex(made.tag)).toBe(toHex(cipher.getAuthTag()));
        expect(toHex(made.guard)).toBe('a5'.repeat(16));
      }),
      { numRuns: 200 },
    );
  });
});

function frame(): Uint8Array {
  const head = new Uint8Array(28 + 40);
  head[8] = 1;
  head[25] = 40;
  return head;
}

describe('secrets of a session', () => {
  const material = randomBytes(96);
  const prk = extract('protocol-v1', material);
  const i2r = directionKeys(expand(prk, 'i2r-data', 32), 40);
  const root = expand(prk, 'ratchet-root', 32);
  const dh = randomBytes(32);
  const next = extract('ratchet', joinBytes(root, dh, Uint8Array.of(0, 0, 0, 1)));

  it('are gone as soon as they have done their work, and all of them at the end', () => {
    const memory = Buffer.from(primitives.memory().buffer);
    const found = (secret: Uint8Array | undefined) => {
      if (secret === undefined || secret.length < 32) throw new Error('no secret');
      return memory.includes(Buffer.from(secret));
    };
    const sender = primitives.packets(material.slice(), true, true);
    const receiver = primitives.packets(material.slice(), false, true);
    for (const part of [0, 32, 64]) expect(found(material.subarray(part, part + 32))).toBe(false);
    expect(found(prk), 'PRK').toBe(false);
    expect(found(i2r.chains[0]), 'a chain key that is needed').toBe(true);

    const packets = Array.from({ length: 12 }, () => sender.seal(frame()));
    for (const n of [0, 1, 5]) expect(receiver.open(packets[n] ?? frame())).toBeDefined();
    const held = i2r.keys.map((key, n) => (found(key) ? n : -1)).filter((n) => n >= 0);
    expect(held, 'only the keys of what was overtaken').toEqual([2, 3, 4]);
    const chains = i2r.chains.map((key, n) => (found(key) ? n : -1)).filter((n) => n >= 0);
    expect(chains, 'one chain key of each end').toEqual([6, 12]);
    receiver.open(packets[3] ?? frame());
    expect(found(i2r.keys[3]), 'used').toBe(false);

    expect(found(root), 'root').toBe(true);
    for (const end of [sender, receiver]) expect(end.rekey(dh.slice(), 1)).toBe(true);
    expect(found(root), 'root after a rekey').toBe(false);
    expect(found(next), 'PRK of the rekey').toBe(false);
    expect(found(i2r.chains[12]), 'the chain that is sent with no more').toBe(false);
    const nextRoot = expand(next, 'ratchet-root', 32);
    const nextChain = expand(next, 'i2r-data', 32);
    expect(found(nextRoot) && found(nextChain)).toBe(true);

    for (const end of [sender, receiver]) expect(end.end()).toBe(true);
    const all = [...i2r.chains, ...i2r.keys, nextRoot, nextChain, expand(prk, 'hp', 32)];
    all.push(expand(prk, 'path-cid', 32), expand(next, 'hp', 32), expand(next, 'path-cid', 32));
    for (const secret of all) expect(found(secret)).toBe(false);
  });

  it('show in packets by nothing but the first four bytes, under header protection', () => {
    const sender = primitives.packets(material.slice(), true, true);
    const count = 2000;
    const packets = Array.from({ length: count }, () => sender.seal(frame()));
    sender.end();
    const length = packets[0]?.length ?? 0;
    for (let at = 0; at < length; at++) {
      const counts = new Array<number>(256).fill(0);
      for (const packet of packets) counts[packet[at] ?? 0] = (counts[packet[at] ?? 0] ?? 0) + 1;
      const mean = count / 256;
      const chiSquare = counts.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0);
      // 255 degrees of freedom: 400 is passed by one place in 10^7.
      if (at < 4) expect(Math.max(...counts)).toBe(count);
      else expect(chiSquare, `byte ${at}`).toBeLessThan(400);
    }
    const steps = packets.slice(1).filter((packet, i) => {
      const [one, other] = [packet, packets[i] ?? packet].map((bytes) =>
        new DataView(bytes.buffer).getUint32(4),
      );
      return one === undefined || other === undefined || one - other === 1;
    });
    expect(steps.length, 'numbers that count up').toBeLessThan(3);
  });
});
