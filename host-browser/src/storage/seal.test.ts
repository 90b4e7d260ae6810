import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createSeal,
  openSeal,
  passphraseFault,
  SEAL_ITERATIONS,
  type SealedRecord,
  seal,
  unseal,
} from './seal.ts';

const PASSPHRASE = 'copper kettle under the falls';
const { header, key } = await createSeal(PASSPHRASE);
const bytes = (...values: number[]) => new Uint8Array(values);
const withFlippedBit = (from: Uint8Array<ArrayBuffer>, bit: number) => {
  const copy = from.slice();
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
};

describe('the seal of a wallet', () => {
  it('derives with at least 600,000 rounds and a key nobody can export', async () => {
    expect(header.iterations).toBeGreaterThanOrEqual(600_000);
    expect(key.extractable).toBe(false);
    expect(key.algorithm).toMatchObject({ name: 'AES-GCM', length: 256 });
    await expect(crypto.subtle.exportKey('raw', key)).rejects.toThrow();
  });

  it('opens with the passphrase, in either Unicode form', async () => {
    const made = await createSeal('mörk källa vid ån');
    const again = await openSeal('mörk källa vid ån'.normalize('NFD'), made.header);
    const record = await seal(made.key, 'wallet', 1, bytes(1, 2, 3));
    expect(await unseal(again, 'wallet', record)).toEqual(bytes(1, 2, 3));
  });

  it('says so when the passphrase is wrong, without repeating it', async () => {
    const wrong = openSeal(`${PASSPHRASE}.`, header);
    await expect(wrong).rejects.toMatchObject({ code: 'ANDVARI_WRONG_PASSPHRASE' });
    await expect(wrong).rejects.not.toThrow(PASSPHRASE);
  });

  it('refuses a weak passphrase and takes the shortest good one', async () => {
    expect(passphraseFault('a234567890')).toBeUndefined();
    for (const weak of ['', 'a23456789', 'aaaaaaaaaaaaa', 'ababababababab', 'x'.repeat(1025)]) {
      expect(passphraseFault(weak)).toBeTypeOf('string');
      await expect(createSeal(weak)).rejects.toMatchObject({ code: 'ANDVARI_WEAK_PASSPHRASE' });
    }
  });

  it('refuses a header with fewer rounds, an endless count, or of another format', async () => {
    const iterations = [SEAL_ITERATIONS - 1, 1, 0, -1, 1e9, Number.NaN, 600_000.5];
    for (const faulty of [
      ...iterations.map((count) => ({ ...header, iterations: count })),
      { ...header, format: 2 },
      { ...header, salt: header.salt.slice(1) },
    ]) {
      const opened = openSeal(PASSPHRASE, faulty);
      await expect(opened).rejects.toMatchObject({ code: 'ANDVARI_SEAL_UNKNOWN' });
    }
  });
});

describe('a sealed record', () => {
  it('gives back what went in, at any length', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 700 }), fc.string(), async (plain, name) => {
        const data = new Uint8Array(plain);
        const record = await seal(key, name, 3, data);
        expect(record.bytes.length).toBe(data.length + 16);
        expect(await unseal(key, name, record)).toEqual(data);
      }),
      { numRuns: 50 },
    );
  });

  it('uses a fresh IV each time', async () => {
    const made = await Promise.all(
      Array.from({ length: 64 }, () => seal(key, 'wallet', 1, bytes(7))),
    );
    expect(new Set(made.map((record) => record.iv.join())).size).toBe(64);
    expect(made[0]?.iv.length).toBe(12);
  });

  it('opens nowhere but in its own place and version', async () => {
    const record = await seal(key, 'wallet', 1, bytes(1, 2, 3));
    const broken = { code: 'ANDVARI_SEAL_BROKEN' };
    await expect(unseal(key, 'wallet2', record)).rejects.toMatchObject(broken);
    await expect(unseal(key, 'wallet', { ...record, version: 2 })).rejects.toMatchObject(broken);
    const other = await createSeal(PASSPHRASE);
    await expect(unseal(other.key, 'wallet', record)).rejects.toMatchObject(broken);
  });

  it('does not open after any change of a bit, or when cut or lengthened', async () => {
    const record = await seal(key, 'wallet', 1, bytes(0xa5, 0x5a));
    const faulty: SealedRecord[] = [
      { ...record, bytes: record.bytes.slice(1) },
      { ...record, bytes: record.bytes.slice(0, -1) },
      { ...record, bytes: new Uint8Array([...record.bytes, 0]) },
      { ...record, bytes: new Uint8Array(0) },
    ];
    for (let bit = 0; bit < record.bytes.length * 8; bit++) {
      faulty.push({ ...record, bytes: withFlippedBit(record.bytes, bit) });
    }
    for (let bit = 0; bit < 96; bit++) {
      faulty.push({ ...record, iv: withFlippedBit(record.iv, bit) });
    }
    for (const one of faulty) {
      await expect(unseal(key, 'wallet', one)).rejects.toMatchObject({
        code: 'ANDVARI_SEAL_BROKEN',
      });
    }
  });
});
