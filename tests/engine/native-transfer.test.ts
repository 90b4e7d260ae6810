/**
 * ChaCha20-Poly1305 and BLAKE3 of the addon: published vectors through the engine, node:crypto, and
 * ranges that lie outside the memory; and which texts the engine hands to a host that has them.
 */
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { NATIVE_CHACHA_BYTES_MIN } from '@andvari/host-common/engine/generated/limits';
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import {
  type Blake3Chunks,
  type ChachaText,
  type NativeTransfer,
  NO_NATIVE_TRANSFER,
} from '@andvari/host-common/engine/native-transfer';
import { nativeTransferOf } from '@andvari/host-node/transfer/native-transfer';
import { loadNative } from '@andvari/native-io';
import { describe, expect, it } from 'vitest';
import { runFileHashCases } from '../transfer/files/file-hash-cases.ts';
import { Primitives } from './primitives.ts';
import { runBlake3Cases, runSealingCases } from './sealing-cases.ts';

const native = loadNative();
const addon = 'missing' in native ? undefined : native;
const found = nativeTransferOf(native);
const [KEY, NONCE, AAD, TAG, TEXT] = [0, 32, 64, 128, 1000];
const AAD_BYTES = 8;
const PAGES = 2;

/** A host that notes what it is asked, and refuses or says that no tag fits. */
function noting(gives: number): NativeTransfer & { texts: ChachaText[]; chunks: Blake3Chunks[] } {
  const texts: ChachaText[] = [];
  const chunks: Blake3Chunks[] = [];
  const text = (...one: ChachaText) => {
    texts.push(one);
    return gives;
  };
  const blake3Chunks = (...some: Blake3Chunks) => {
    chunks.push(some);
    return gives;
  };
  const over = () => ({ chachaSeal: text, chachaOpen: text, blake3Chunks });
  return { texts, chunks, over, chachaLeast: NATIVE_CHACHA_BYTES_MIN, hasBlake3: true };
}

describe('an engine that is given them', () => {
  const [key, nonce, aad] = [randomBytes(32), randomBytes(12), randomBytes(AAD_BYTES)];
  const withHost = async (host: NativeTransfer) =>
    new Primitives(await plainEngine(), undefined, false, host);

  it('hands over texts that are long enough, and does what is refused', async () => {
    const host = noting(1);
    const [primitives, alone] = [await withHost(host), await withHost(NO_NATIVE_TRANSFER)];
    for (const length of [0, NATIVE_CHACHA_BYTES_MIN - 1, NATIVE_CHACHA_BYTES_MIN, 5000]) {
      host.texts.length = 0;
      const text = randomBytes(length);
      const sealed = primitives.seal(key, nonce, aad, text);
      expect(sealed).toEqual(alone.seal(key, nonce, aad, text));
      const opened = primitives.open(key, nonce, aad, sealed);
      expect(Buffer.compare(opened.text, text)).toBe(0);
      expect(host.texts.length).toBe(length < NATIVE_CHACHA_BYTES_MIN ? 0 : 2);
    }
  });

  it('hands over sixteen chunks at a time, and does what is refused', async () => {
    const host = noting(1);
    const [primitives, alone] = [await withHost(host), await withHost(NO_NATIVE_TRANSFER)];
    const text = randomBytes(3 * 16384 + 1);
    expect(primitives.blake3(text, 32)).toEqual(alone.blake3(text, 32));
    expect(host.chunks.map(([, flags, , first, high]) => [flags, first, high])).toEqual([
      [0, 0, 0],
      [0, 16, 0],
      [0, 32, 0],
    ]);
  });

  it('believes a host that says that the tag does not fit', async () => {
    const primitives = await withHost(noting(2));
    const text = randomBytes(NATIVE_CHACHA_BYTES_MIN);
    const opened = primitives.open(key, nonce, aad, { text, tag: randomBytes(16) });
    expect(opened.status).not.toBe(Status.OK);
    expect(Buffer.compare(opened.text, text)).toBe(0);
  });
});

describe('nativeTransferOf', () => {
  it('gives what there is, and nothing without an addon or with neither', () => {
    const some = () => () => undefined;
    const both = { chachaSeal: some, chachaOpen: some, blake3Chunks: some };
    expect(nativeTransferOf({ missing: 'off' })).toBeUndefined();
    const none = { ...both, hasChacha: false, blake3Implementations: [] };
    expect(nativeTransferOf(none)).toBeUndefined();
    expect(nativeTransferOf({ ...none, blake3Implementations: ['avx2'] })).toMatchObject({
      ...{ chachaLeast: NO_NATIVE_TRANSFER.chachaLeast, hasBlake3: true },
    });
    const chacha = nativeTransferOf({ ...none, hasChacha: true });
    expect(chacha).toMatchObject({ chachaLeast: NATIVE_CHACHA_BYTES_MIN, hasBlake3: false });
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    expect(chacha?.over(memory).blake3Chunks(0, 0, 0, 0, 0, 0)).toBe(1);
  });
});

const hashes = addon?.blake3Implementations ?? [];
describe.skipIf(hashes.length === 0).each(hashes)('BLAKE3 of the addon, %s', (name) => {
  const host = noting(1);
  const over = (memory: WebAssembly.Memory) => ({
    ...host.over(memory),
    blake3Chunks: addon?.blake3Chunks(memory, name) ?? (() => 1),
  });
  runBlake3Cases(
    plainEngine().then((module) => new Primitives(module, undefined, false, { ...host, over })),
  );
  runFileHashCases(plainEngine(), { ...host, over });

  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
  const u8 = Buffer.from(memory.buffer);
  u8.set(randomBytes(u8.length));
  const chunks = (...some: Blake3Chunks) => addon?.blake3Chunks(memory, name)(...some);

  it('numbers chunks across 2^32, each as if it were the first', () => {
    const [source, ninth] = [1024, 1024 + 8 * 1024];
    const [out, other] = [100_000, 110_000];
    expect(chunks(KEY, 0, source, -8, 0, out)).toBeUndefined();
    expect(chunks(KEY, 0, ninth, 0, 1, other)).toBeUndefined();
    const [value, same] = [out + 8 * 32, other].map((at) => u8.toString('hex', at, at + 32));
    expect(value).toBe(same);
    expect(chunks(KEY, 0, ninth, 0, 0, other)).toBeUndefined();
    expect(u8.toString('hex', other, other + 32)).not.toBe(same);
  });

  it('refuses what lies outside the memory, and other implementations', () => {
    const before = digest(u8);
    const end = u8.length;
    for (const wrong of [
      [end - 31, 0, 1024, 0, 0, 100_000],
      [KEY, 0, end - 16_383, 0, 0, 0],
      [KEY, 0, 1024, 0, 0, end - 511],
      [KEY, 0, -1, 0, 0, 0],
    ] as Blake3Chunks[]) {
      expect(chunks(...wrong)).toBe(1);
    }
    const loose = chunks as (...none: unknown[]) => unknown;
    expect(loose(KEY, 0, 'x', 0, 0, 0)).toBe(1);
    expect(digest(u8)).toBe(before);
    expect(() => addon?.blake3Chunks(memory, 'sse1')).toThrow(RangeError);
  });
});

describe.skipIf(!addon?.hasChacha)('the engine with the ChaCha20-Poly1305 of the addon', () => {
  const all = found && { ...found, chachaLeast: 0 };
  runSealingCases(plainEngine().then((module) => new Primitives(module, undefined, false, all)));

  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
  const u8 = Buffer.from(memory.buffer);
  const seal = (...text: ChachaText) => addon?.chachaSeal(memory)(...text);
  const open = (...text: ChachaText) => addon?.chachaOpen(memory)(...text);
  const textOf = (length: number): ChachaText => [KEY, NONCE, AAD, AAD_BYTES, TEXT, length, TAG];

  it('is that of node:crypto, in place, and nothing around it is touched', () => {
    for (const length of [0, 1, 63, 64, 65, 1420, 8948, 65_536]) {
      u8.set(randomBytes(u8.length));
      const cipher = createCipheriv(
        'chacha20-poly1305',
        u8.subarray(KEY, 32),
        u8.subarray(32, 44),
        {
          authTagLength: 16,
        },
      );
      cipher.setAAD(u8.subarray(AAD, AAD + AAD_BYTES), { plaintextLength: length });
      const wanted = Buffer.from(u8);
      cipher.update(u8.subarray(TEXT, TEXT + length)).copy(wanted, TEXT);
      cipher.final();
      cipher.getAuthTag().copy(wanted, TAG);
      const clear = Buffer.from(u8);
      expect(seal(...textOf(length)), `${length}`).toBeUndefined();
      expect(u8.equals(wanted), `${length}`).toBe(true);
      wanted.copy(clear, TAG, TAG, TAG + 16);
      expect(open(...textOf(length))).toBeUndefined();
      expect(u8.equals(clear), `${length}`).toBe(true);
    }
  });

  it('leaves all as it was where a bit is wrong, of whatever', () => {
    u8.set(randomBytes(u8.length));
    expect(seal(...textOf(3000))).toBeUndefined();
    for (const at of [KEY, NONCE + 11, AAD, TEXT, TEXT + 2999, TAG, TAG + 15]) {
      u8[at] = (u8[at] ?? 0) ^ 0x80;
      const before = digest(u8);
      expect(open(...textOf(3000))).toBe(2);
      expect(digest(u8)).toBe(before);
      u8[at] = (u8[at] ?? 0) ^ 0x80;
    }
    expect(open(...textOf(3000))).toBeUndefined();
  });

  it('refuses what lies outside the memory, and what is no memory', () => {
    const before = digest(u8);
    const end = u8.length;
    for (const [place, wrong] of [
      [0, end - 31],
      [1, end - 11],
      [2, end - 7],
      [3, end],
      [4, end - 99],
      [5, -1],
      [6, end - 15],
      [6, -1],
    ] as const) {
      const text = textOf(100);
      text[place] = wrong;
      expect([seal(...text), open(...text)], `${place}`).toEqual([1, 1]);
    }
    expect(digest(u8)).toBe(before);
    const none = {} as WebAssembly.Memory;
    expect(() => addon?.chachaSeal(none)).toThrow('memory: wanted a WebAssembly.Memory');
    expect(() => addon?.blake3Chunks(none)).toThrow('memory: wanted a WebAssembly.Memory');
  });
});

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
