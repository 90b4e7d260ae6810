/**
 * AES-CTR of the engine against node:crypto at every length to 600, every alignment, in place and
 * apart.
 */
import { createCipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { plainEngine } from '@andvari/host-common/engine/module';
import { beforeAll, describe, expect, it } from 'vitest';
import { Primitives } from './primitives.ts';

const LENGTH_MAX = 600;

describe.each([16, 32])('AES-CTR with a key of %i bytes', (keyBytes) => {
  let primitives: Primitives;
  beforeAll(async () => {
    primitives = new Primitives(await plainEngine());
  });

  it.each([true, false])('every length 0-600, odd alignments, in place: %s', (inPlace) => {
    const key = randomBytes(keyBytes);
    const name = `aes-${keyBytes * 8}-ctr`;
    for (let length = 0; length <= LENGTH_MAX; length++) {
      const counter = randomBytes(16);
      // Half of the counters carry within the text: low bytes near the top.
      if (length & 1) counter.fill(0xff, 8 - (length % 7));
      const text = randomBytes(length);
      const wanted = createCipheriv(name, createSecretKey(key), counter).update(text);
      const got = primitives.ctr(key, counter, text, { skew: length % 16, inPlace });
      expect(Buffer.compare(got.bytes, wanted), `length ${length}`).toBe(0);
      expect(
        got.guards.every((byte) => byte === 0xa5),
        `guards at ${length}`,
      ).toBe(true);
    }
  });

  it('refuses a key of another length', () => {
    const text = new Uint8Array(8);
    expect(() => primitives.ctr(new Uint8Array(24), new Uint8Array(16), text)).toThrow(/ctr/);
  });
});
