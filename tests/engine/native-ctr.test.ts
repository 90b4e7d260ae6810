/**
 * The engine with the AES of its host: which texts go there, and the same replies to the byte as
 * without. A function on node:crypto stands in for the processor where there is no addon; where
 * there is one, it is tried as well.
 */
import { createCipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { Region } from '@andvari/host-common/engine/generated/layout';
import {
  NATIVE_CTR_BYTES_MIN,
  SCRATCH_BYTES,
  WORKERS_MAX,
} from '@andvari/host-common/engine/generated/limits';
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import type { CtrText, NativeCtr } from '@andvari/host-common/engine/native-ctr';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { nativeCtrOf } from '@andvari/host-node/raida/native-ctr';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cryptAddon } from './crypt-addon.ts';
import { Primitives } from './primitives.ts';
import { anOf, BUILDS, coin, joined, newAn, Rig } from './rig.ts';
import { TwinRun } from './twin-run.ts';

const RUNS = process.env.ANDVARI_LONG ? 100 : 2;
const REQUESTS = 120;

/** As the addon does it, and notes each text; `refuses`: as if every range were wrong. */
function standIn(least: number, refuses = false): NativeCtr & { texts: CtrText[] } {
  const texts: CtrText[] = [];
  const over = (memory: WebAssembly.Memory) => {
    const u8 = new Uint8Array(memory.buffer);
    return (...text: CtrText) => {
      texts.push(text);
      if (refuses) return 1;
      const [key, keyLength, counterBlock, source, out, length] = text;
      const secret = createSecretKey(u8.slice(key, key + keyLength));
      const counter = u8.slice(counterBlock, counterBlock + 16);
      const cipher = createCipheriv(`aes-${keyLength * 8}-ctr`, secret, counter);
      u8.set(cipher.update(u8.slice(source, source + length)), out);
      return undefined;
    };
  };
  return { texts, over, least };
}

const addon = cryptAddon();
const hardware = addon && nativeCtrOf(addon);

/** The ways in which a host can have an AES of its own. */
const HOSTS: [string, NativeCtr][] = [
  ['every text by the host', standIn(0)],
  ['texts from 17 bytes on by the host', standIn(17)],
  ['a host that refuses', standIn(0, true)],
];
if (hardware) {
  HOSTS.push(['the addon, every text', { ...hardware, least: 0 }]);
  HOSTS.push(['the addon, as the server uses it', hardware]);
}

describe.each([16, 32])('cipherCtr with a key of %i bytes', (keyBytes) => {
  it.each([0, 1, 2, 64, 193])('from %i bytes on it is the work of the host', async (least) => {
    const host = standIn(least);
    const primitives = new Primitives(await plainEngine(), host);
    const alone = new Primitives(await plainEngine());
    const [key, counter] = [randomBytes(keyBytes), randomBytes(16)];
    for (const length of [0, 1, 2, 15, 16, 17, 63, 64, 65, 192, 193, 194, 600]) {
      host.texts.length = 0;
      const text = randomBytes(length);
      const got = primitives.ctr(key, counter, text, { inPlace: false });
      expect(got, `length ${length}`).toEqual(alone.ctr(key, counter, text, { inPlace: false }));
      expect(host.texts.length, `length ${length}`).toBe(length >= least ? 1 : 0);
      if (length >= least) expect(host.texts[0]).toMatchObject({ 1: keyBytes, 5: length });
    }
  });

  it('without one no text is', async () => {
    const host = standIn(0xffffffff);
    const primitives = new Primitives(await plainEngine(), host);
    primitives.ctr(randomBytes(keyBytes), randomBytes(16), randomBytes(600));
    expect(host.texts).toEqual([]);
  });

  it('a host that refuses: the engine does it', async () => {
    const host = standIn(0, true);
    const [key, counter, text] = [randomBytes(keyBytes), randomBytes(16), randomBytes(500)];
    const got = new Primitives(await plainEngine(), host).ctr(key, counter, text);
    expect(host.texts.length).toBe(1);
    expect(got).toEqual(new Primitives(await plainEngine()).ctr(key, counter, text));
  });
});

describe('nativeCtrOf', () => {
  it('gives nothing without an addon or without AES instructions', () => {
    const cryptCtr = () => () => 1;
    const none = { cryptImplementations: [], cryptCtr, cryptCtrBatch: cryptCtr };
    expect(nativeCtrOf({ missing: 'off' })).toBeUndefined();
    expect(nativeCtrOf(none)).toBeUndefined();
    expect(nativeCtrOf({ ...none, cryptImplementations: ['aesni'] })?.least).toBe(
      NATIVE_CTR_BYTES_MIN,
    );
  });
});

describe.each(HOSTS)('engine and twin, wire spec and legacy, %s', (_name, nativeCtr) => {
  it.each(['plain', 'shared'])(
    '%s build: equal replies',
    async (build) => {
      const shared = build === 'shared';
      const module = await (shared ? sharedEngine() : plainEngine());
      const wires = fc.constantFrom('spec' as const, 'legacy' as const);
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 - 1 }), wires, async (seed, wire) => {
          const options = { module, shared, wire, seed, requests: REQUESTS };
          const run = await TwinRun.make({ ...options, nativeCtr });
          for (let i = 0; i < REQUESTS; i++) {
            const pair = run.next(i);
            expect(pair.engine, `request ${i}: ${pair.request}`).toBe(pair.twin);
          }
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    },
    600_000,
  );
});

describe.each(BUILDS)('keys, $build build', ({ shared }) => {
  it.each(HOSTS)('%s: scratch tells nothing of a key', async (_name, nativeCtr) => {
    const rig = await Rig.make({ shared, nativeCtr });
    const { engine } = rig.server;
    rig.warm([0, 100]);
    const end = engine.region(Region.CONTROL);
    const scratch = () => Buffer.from(engine.u8.slice(end - WORKERS_MAX * SCRATCH_BYTES, end));
    const an = anOf(0, 100);
    const encryption = { type: 1 as const, denomination: 0, serialNumber: 100, key: an };
    // Long and short requests in turn, so that both ways are gone under one key.
    for (const coins of [1, 40, 1]) {
      const list = Array.from({ length: coins }, () => coin(1, 5, newAn(1)));
      const payload = joined(...list, coin(1, 5, anOf(1, 5)));
      expect(rig.ask('detect', payload, encryption).status).toBe(Status.MIXED);
      expect(scratch().indexOf(an.subarray(0, 8))).toBe(-1);
    }
  });
});
