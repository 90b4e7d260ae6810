/**
 * The addon's AES-CTR, each implementation that this processor has: published vectors, node:crypto
 * and the engine's own AES, counters that carry, ranges that lie outside the memory.
 */
import { createCipheriv, createHash, createSecretKey, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { plainEngine } from '@andvari/host-common/engine/module';
import type { CryptCtr } from '@andvari/host-common/engine/native-ctr';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cryptAddon } from './crypt-addon.ts';
import { Primitives } from './primitives.ts';

const RUNS = process.env.ANDVARI_LONG ? 5000 : 150;
const LENGTH_MAX = 70000;
const PAGES = 4;
/** Where texts lie in the memory: key and counter block first, then the source, then the result. */
const KEY = 64;
const COUNTER = 128;
const SOURCE = 1024;
const RESULT = 128 * 1024;

const addon = cryptAddon();
const implementations = addon?.cryptImplementations ?? [];

/** One memory and the function over it. */
class Place {
  readonly memory: WebAssembly.Memory;
  readonly u8: Buffer<ArrayBuffer>;
  readonly ctr: CryptCtr;

  constructor(name: string, shared = false) {
    this.memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared });
    this.u8 = Buffer.from(this.memory.buffer as ArrayBuffer);
    if (!addon) throw new Error('no addon');
    this.ctr = addon.cryptCtr(this.memory, name);
  }

  /** `skew`: how far source and result stand off alignment. */
  run(text: Text, skew: [number, number] = [0, 0]): Buffer {
    const { u8 } = this;
    const source = SOURCE + skew[0];
    const out = text.inPlace ? source : RESULT + skew[1];
    u8.fill(0xa5, SOURCE - 64);
    u8.set(text.key, KEY);
    u8.set(text.counter, COUNTER);
    u8.set(text.bytes, source);
    const { length } = text.bytes;
    expect(this.ctr(KEY, text.key.length, COUNTER, source, out, length)).toBeUndefined();
    const around = [u8.subarray(out - 64, out), u8.subarray(out + length, out + length + 128)];
    expect(around.every((guard) => guard.every((byte) => byte === 0xa5))).toBe(true);
    return Buffer.from(u8.subarray(out, out + length));
  }

  digest(): string {
    return createHash('sha256').update(this.u8).digest('hex');
  }
}

interface Text {
  key: Uint8Array;
  counter: Uint8Array;
  bytes: Uint8Array;
  inPlace?: boolean;
}

function wanted({ key, counter, bytes }: Text): Buffer {
  return createCipheriv(`aes-${key.length * 8}-ctr`, createSecretKey(key), counter).update(bytes);
}

const hex = (text: string) => Buffer.from(text, 'hex');

// NIST SP 800-38A, appendix F.5: the same counter and plain text under both keys.
const NIST_COUNTER = hex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');
const NIST_TEXT = hex(
  '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51' +
    '30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710',
);
const NIST: [string, Buffer, Buffer][] = [
  [
    'F.5.1 (AES-128)',
    hex('2b7e151628aed2a6abf7158809cf4f3c'),
    hex(
      '874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff' +
        '5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee',
    ),
  ],
  [
    'F.5.5 (AES-256)',
    hex('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4'),
    hex(
      '601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5' +
        '2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6',
    ),
  ],
];

interface Vector {
  id: string;
  key: string;
  counter_block: string;
  plaintext: string;
  ciphertext: string;
}
const vectors: Vector[] = JSON.parse(
  readFileSync(new URL('../vectors/aes128_ctr.json', import.meta.url), 'utf8'),
).cases;

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const keys = fc.constantFrom(16, 32).chain(bytesOf);
/** Half of them near the end of their low 64 or of all 128 bits. */
const counters = fc
  .tuple(bytesOf(16), fc.constantFrom(0, 0, 8, 16), fc.nat(4400))
  .map(([counter, ones, before]) => {
    counter.fill(0xff, 16 - ones);
    if (ones) new DataView(counter.buffer).setUint16(14, 0xffff - before);
    return counter;
  });
const texts = fc.record({
  key: keys,
  counter: counters,
  length: fc.oneof(fc.nat(600), fc.nat(LENGTH_MAX)),
  skew: fc.tuple(fc.nat(63), fc.nat(63)),
  inPlace: fc.boolean(),
});

describe.skipIf(implementations.length === 0).each(implementations)('AES-CTR, %s', (name) => {
  it.each(NIST)('SP 800-38A %s', (_name, key, ciphertext) => {
    const place = new Place(name);
    const text = { key, counter: NIST_COUNTER, bytes: NIST_TEXT };
    expect(place.run(text)).toEqual(ciphertext);
    expect(place.run({ ...text, bytes: ciphertext, inPlace: true })).toEqual(NIST_TEXT);
  });

  it('tests/vectors/aes128_ctr.json', () => {
    const place = new Place(name);
    expect(vectors.length).toBeGreaterThan(10);
    for (const { id, key, counter_block, plaintext, ciphertext } of vectors) {
      const text = { key: hex(key), counter: hex(counter_block), bytes: hex(plaintext) };
      expect(place.run(text).toString('hex'), id).toBe(ciphertext);
    }
  });

  it.each([false, true])('random texts as node:crypto, shared memory: %s', (shared) => {
    const place = new Place(name, shared);
    fc.assert(
      fc.property(texts, ({ length, skew, ...text }) => {
        const full = { ...text, bytes: randomBytes(length) };
        expect(Buffer.compare(place.run(full, skew), wanted(full))).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  it('every length to 600 as the engine', async () => {
    const place = new Place(name);
    const engine = new Primitives(await plainEngine());
    for (let length = 0; length <= 600; length++) {
      const key = randomBytes(length & 1 ? 32 : 16);
      const text = { key, counter: randomBytes(16), bytes: randomBytes(length) };
      const got = place.run(text, [length % 16, length % 13]);
      expect(
        Buffer.compare(got, engine.ctr(key, text.counter, text.bytes).bytes),
        `${length}`,
      ).toBe(0);
    }
  });

  it.each([8, 16])('a counter whose low %i bytes wrap at any block', (ones) => {
    const place = new Place(name);
    for (const keyBytes of [16, 32]) {
      const key = randomBytes(keyBytes);
      for (let before = 0; before < 70; before++) {
        const counter = randomBytes(16);
        counter.fill(0xff, 16 - ones);
        counter[15] = 0xff - before;
        const text = { key, counter, bytes: randomBytes(70 * 16 + 5) };
        expect(Buffer.compare(place.run(text), wanted(text)), `block ${before}`).toBe(0);
      }
    }
  });
});

describe.skipIf(implementations.length === 0).each(implementations)('ranges, %s', (name) => {
  const END = PAGES * 65536;
  const good = { key: KEY, keyLength: 16, counterBlock: COUNTER, source: SOURCE, out: SOURCE };
  const call = (place: Place, lie: Partial<typeof good & { length: number }>) => {
    const { key, keyLength, counterBlock, source, out, length } = { ...good, length: 100, ...lie };
    return place.ctr(key, keyLength, counterBlock, source, out, length);
  };

  it.each([
    { key: END - 16 },
    { key: END - 32, keyLength: 32 },
    { counterBlock: END - 16 },
    { source: END - 100 },
    { out: END - 100 },
    { source: END, out: END, length: 0 },
    { source: 0, out: 0, length: END },
  ])('%o is inside', (text) => {
    expect(call(new Place(name), text)).toBeUndefined();
  });

  it.each([
    { key: END - 15 },
    { key: END - 31, keyLength: 32 },
    { key: 0xffffffff },
    { key: 0xfffffff0 },
    { key: -1 },
    { keyLength: 0 },
    { keyLength: 15 },
    { keyLength: 17 },
    { keyLength: 24 },
    { keyLength: 33 },
    { keyLength: 64 },
    { keyLength: -16 },
    { keyLength: 0xffffffff },
    { counterBlock: END - 15 },
    { counterBlock: 0xfffffff0 },
    { counterBlock: 0xffffffff },
    { source: END - 99 },
    { source: END + 1, length: 0 },
    { source: 0xffffffff, length: 1 },
    { source: 0xffffff9c },
    { source: 0x80000000 },
    { out: END - 99 },
    { out: END + 1, length: 0 },
    { out: 0xffffff9c },
    { out: -100 },
    { length: END },
    { length: 0xffffffff },
    { source: 16, out: 16, length: 0xfffffff0 },
    { length: -SOURCE },
    { length: Number.NaN, source: END + 1 },
  ])('%o is refused, and nothing is written', (lie) => {
    const place = new Place(name);
    randomBytes(END).copy(place.u8);
    const before = place.digest();
    expect(call(place, lie)).toBe(1);
    expect(place.digest()).toBe(before);
  });

  it('arguments that are missing or no numbers are refused', () => {
    const place = new Place(name);
    const before = place.digest();
    const ctr = place.ctr as (...values: unknown[]) => unknown;
    expect(ctr()).toBe(1);
    expect(ctr(KEY, 16, COUNTER, SOURCE, SOURCE)).toBe(1);
    expect(ctr(KEY, 16, COUNTER, SOURCE, SOURCE, '100')).toBe(1);
    expect(ctr(KEY, 16, COUNTER, SOURCE, {}, 100)).toBe(1);
    expect(ctr(KEY, 16n, COUNTER, SOURCE, SOURCE, 100)).toBe(1);
    expect(place.digest()).toBe(before);
  });
});

describe.skipIf(implementations.length === 0).each(implementations)('batches, %s', (name) => {
  const DESCRIPTORS = 32768;
  const TEXT_BYTES = 500;
  const END = PAGES * 65536;

  /** Places `count` texts, some under the key of the one before; gives what comes out of each. */
  function prepared(count: number) {
    const place = new Place(name);
    if (!addon) throw new Error('no addon');
    const batch = addon.cryptCtrBatch(place.memory, name);
    randomBytes(DESCRIPTORS).copy(place.u8);
    const words = new Uint32Array(place.memory.buffer);
    const results: [at: number, bytes: Buffer][] = [];
    for (let i = 0; i < count; i++) {
      // Three texts in a row under one key, then a key of the other length that begins alike.
      const keyBytes = i % 6 < 3 ? 16 : 32;
      const key = KEY + 64 * Math.floor(i / 6);
      const counter = 8192 + 16 * i;
      const source = RESULT + TEXT_BYTES * i;
      const length = (i * 37) % TEXT_BYTES;
      words.set([key, keyBytes, counter, source, source, length], (DESCRIPTORS + 32 * i) / 4);
      const take = (at: number, bytes: number) => place.u8.subarray(at, at + bytes);
      randomBytes(length).copy(place.u8, source);
      const text = { key: take(key, keyBytes), counter: take(counter, 16) };
      results.push([source, wanted({ ...text, bytes: take(source, length) })]);
    }
    return { place, batch, words, results };
  }

  it('64 texts give what 64 calls give', () => {
    const { place, batch, results } = prepared(64);
    expect(batch(DESCRIPTORS, 64)).toBeUndefined();
    for (const [at, bytes] of results) {
      expect(Buffer.compare(place.u8.subarray(at, at + bytes.length), bytes)).toBe(0);
    }
  });

  it('none is done when one is refused, and its number is told', () => {
    for (const [word, lie] of [
      [0, END - 15],
      [1, 24],
      [2, 0xfffffff8],
      [3, END],
      [4, 0xffffffff],
      [5, 0xffffffff],
    ] as const) {
      for (const bad of [0, 7, 63]) {
        const { place, batch, words } = prepared(64);
        words[(DESCRIPTORS + 32 * bad) / 4 + word] = lie;
        if (word >= 3) words[(DESCRIPTORS + 32 * bad) / 4 + 5] ||= 1;
        const before = place.digest();
        expect(batch(DESCRIPTORS, 64), `word ${word}`).toBe(bad + 1);
        expect(place.digest()).toBe(before);
      }
    }
  });

  it.each([
    ['behind the end', END, 1],
    ['over the end', END - 31, 1],
    ['one too many', END - 64, 3],
    ['a count whose bytes wrap', DESCRIPTORS, 0x08000000],
    ['a count below zero', DESCRIPTORS, -1],
    ['off alignment', DESCRIPTORS + 2, 1],
    ['far away', 0xffffffe0, 1],
  ])('descriptors %s are refused', (_what, at, count) => {
    const { place, batch } = prepared(64);
    const before = place.digest();
    expect(batch(at, count)).toBe(1);
    expect(place.digest()).toBe(before);
  });

  it('an empty batch is done', () => {
    expect(prepared(1).batch(DESCRIPTORS, 0)).toBeUndefined();
  });
});

describe.skipIf(implementations.length === 0)('set-up', () => {
  it('wants a WebAssembly.Memory and an implementation of this processor', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    for (const make of [addon?.cryptCtr, addon?.cryptCtrBatch] as ((
      ...a: unknown[]
    ) => unknown)[]) {
      expect(() => make(new ArrayBuffer(65536))).toThrow(/WebAssembly\.Memory/);
      expect(() => make(undefined)).toThrow(/WebAssembly\.Memory/);
      expect(() => make(memory, 'rot13')).toThrow(/implementation: .*rot13/);
      expect(make(memory)).toBeTypeOf('function');
    }
  });

  it('threads may be ended wherever they are', async () => {
    for (let i = 0; i < 15; i++) {
      const worker = new Worker(new URL('./crypt-worker.ts', import.meta.url));
      await once(worker, 'message');
      await new Promise((resolve) => setTimeout(resolve, i));
      await worker.terminate();
    }
  });

  it('a function keeps its memory, and both can be collected', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const make = () => addon?.cryptCtr(new WebAssembly.Memory({ initial: 1, maximum: 1 }));
    const kept = make();
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 200; i++) make();
      collect();
      // What was collected is freed between two turns of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(kept?.(0, 16, 16, 64, 64, 65000)).toBeUndefined();
    expect(kept?.(0, 16, 16, 64, 64, 65536)).toBe(1);
  });
});
