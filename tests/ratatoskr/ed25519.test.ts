/** What the engine refuses before a provider is asked, and why: providers disagree there. */
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { hostEd25519 } from '@andvari/host-common/ratatoskr/ed25519';
import { nobleEd25519 } from '@andvari/host-common/ratatoskr/noble-ed25519';
import { WebCryptoEd25519 } from '@andvari/host-common/ratatoskr/webcrypto-ed25519';
import { NodeEd25519Signer } from '@andvari/host-node/ratatoskr/node-ed25519';
import { ed25519 } from '@noble/curves/ed25519.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { webProviders } from './providers.ts';

const P = 2n ** 255n - 19n;
/** Reference, section 5. */
const ZERO_SEED_KEY = '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29';
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

/** The eight points of small order, as noble computes them. */
function smallOrderPoints(): Uint8Array[] {
  const order8 = 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a';
  const generator = ed25519.Point.fromHex(order8);
  const points = [ed25519.Point.ZERO];
  for (let i = 1; i < 8; i++) points.push((points.at(-1) ?? generator).add(generator));
  expect(new Set(points.map((point) => point.toHex())).size).toBe(8);
  return points.map((point) => point.toBytes());
}

describe('refused before any provider is asked', () => {
  let codec: RatatoskrCodec;
  const message = new Uint8Array(32).fill(5);
  const seed = new Uint8Array(32).fill(9);
  let key: Uint8Array;
  let signature: Uint8Array;
  beforeAll(async () => {
    codec = RatatoskrCodec.create({ module: await plainEngine() });
    const signer = await nobleEd25519.signer(seed);
    key = signer.publicKey;
    signature = await signer.sign(message);
  });

  const withR = (r: Uint8Array) => Uint8Array.of(...r, ...signature.subarray(32));
  const withS = (s: bigint) => Uint8Array.of(...signature.subarray(0, 32), ...littleEndian(s));

  it('a key or an R of small order', () => {
    for (const point of smallOrderPoints()) {
      expect(codec.refusedKey(point)).toBe('POINT_SMALL_ORDER');
      expect(codec.refusedSignature(point, signature)).toBe('POINT_SMALL_ORDER');
      expect(codec.refusedSignature(key, withR(point))).toBe('POINT_SMALL_ORDER');
    }
    expect(codec.refusedKey(key)).toBeUndefined();
    expect(codec.refusedSignature(key, signature)).toBeUndefined();
  });

  it('a y that is not below p, with either sign of x', () => {
    for (let y = P; y < 2n ** 255n; y++) {
      for (const sign of [0n, 2n ** 255n]) {
        const reason = codec.refusedKey(littleEndian(y + sign));
        expect(reason).toBe('POINT_ENCODING');
      }
    }
    for (const y of [2n, P - 2n, P / 2n]) {
      expect(codec.refusedKey(littleEndian(y))).toBeUndefined();
    }
  });

  it('an S that is not below L: the same signature again, changed by anybody', () => {
    const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`);
    for (const wrong of [L, L + 1n, s + L, 2n ** 253n, 2n ** 256n - 1n]) {
      expect(codec.refusedSignature(key, withS(wrong))).toBe('SIGNATURE_S');
    }
    expect(codec.refusedSignature(key, withS(L - 1n))).toBeUndefined();
    expect(codec.refusedSignature(key, withS(0n))).toBeUndefined();
  });

  it('lengths that no key and no signature has', () => {
    expect(codec.refusedKey(key.subarray(1))).toBe('POINT_ENCODING');
    expect(codec.refusedSignature(new Uint8Array(33), signature)).toBe('POINT_ENCODING');
    expect(codec.refusedSignature(key, signature.subarray(1))).toBe('SIGNATURE_LENGTH');
    expect(codec.refusedSignature(key, new Uint8Array(65))).toBe('SIGNATURE_LENGTH');
  });

  it('signatures by nobody, of which OpenSSL 3.0 takes 67 in 512 and 3.5 none', () => {
    for (const point of smallOrderPoints()) {
      for (const r of smallOrderPoints()) {
        const forged = Uint8Array.of(...r, ...littleEndian(0n));
        expect(codec.refusedSignature(point, forged)).toBe('POINT_SMALL_ORDER');
      }
    }
  });
});

describe('providers', () => {
  it('this host has one, and the key of the seed of zeros is the one that is known', async () => {
    const provider = await hostEd25519();
    expect(provider.name).toBe('webcrypto');
    for (const each of [provider, nobleEd25519]) {
      const signer = await each.signer(new Uint8Array(32));
      expect(Buffer.from(signer.publicKey).toString('hex')).toBe(ZERO_SEED_KEY);
    }
  });

  it('make keys that no script reads', async () => {
    const provider = await WebCryptoEd25519.create();
    const pair = await provider?.generate();
    if (!provider || !pair) throw new Error('no Ed25519 in WebCrypto');
    const signer = await provider.signerOfPair(pair);
    const message = new Uint8Array(32).fill(3);
    const signature = await signer.sign(message);
    for (const each of await webProviders()) {
      expect(await each.verify(signer.publicKey, message, signature)).toBe(true);
      message[0] = 4;
      expect(await each.verify(signer.publicKey, message, signature)).toBe(false);
      message[0] = 3;
    }
    await expect(crypto.subtle.exportKey('pkcs8', pair.privateKey)).rejects.toThrow();
  });

  it('say no, and do not throw, to what is no key', async () => {
    const zeros = new Uint8Array(64);
    for (const each of await webProviders()) {
      const notOnCurve = littleEndian(2n);
      expect(await each.verify(notOnCurve, zeros, zeros)).toBe(false);
      expect(await each.verify(new Uint8Array(3), zeros, zeros)).toBe(false);
      expect(await each.verify(littleEndian(3n), zeros, new Uint8Array(1))).toBe(false);
    }
  });

  it('keep as many imported keys as they may, and verify under others', async () => {
    const provider = await WebCryptoEd25519.create();
    if (!provider) throw new Error('no Ed25519 in WebCrypto');
    const message = new Uint8Array(32);
    for (let i = 0; i < 70; i++) {
      const signer = await nobleEd25519.signer(new Uint8Array(32).fill(i));
      const signature = await signer.sign(message);
      expect(await provider.verify(signer.publicKey, message, signature)).toBe(true);
    }
  });
});

describe('a signer', () => {
  const wrong: [string, unknown, typeof TypeError | typeof RangeError][] = [
    ['no bytes', new Uint8Array(0), RangeError],
    ['31 bytes', new Uint8Array(31), RangeError],
    ['33 bytes', new Uint8Array(33), RangeError],
    ['text', '7'.repeat(32), TypeError],
    ['numbers', new Array(32).fill(7), TypeError],
    ['other numbers', new Uint16Array(32), TypeError],
    ['nothing', undefined, TypeError],
  ];

  it.each(wrong)('is not made of %s', async (_, seed, kind) => {
    for (const provider of await webProviders()) {
      await expect(provider.signer(seed as Uint8Array)).rejects.toBeInstanceOf(kind);
    }
    expect(() => new NodeEd25519Signer(seed as Uint8Array)).toThrow(kind);
  });

  it('signs bytes alone, and no provider takes others for them', async () => {
    const seed = new Uint8Array(32).fill(7);
    const zeros = new Uint8Array(5);
    for (const provider of await webProviders()) {
      const { publicKey, sign } = await provider.signer(seed);
      const signature = await sign(zeros);
      expect(await provider.verify(publicKey, zeros, signature)).toBe(true);
      for (const message of ['hello', [0, 0, 0, 0, 0], new Uint16Array(5), new ArrayBuffer(5)]) {
        const bytes = message as unknown as Uint8Array;
        await expect(sign(bytes)).rejects.toThrow(TypeError);
        expect(await provider.verify(publicKey, bytes, signature)).toBe(false);
      }
    }
  });
});
