/**
 * The cases that every host runs alike: recorded RAIDA cases, spec-derived ones, primitives. A test
 * file in Node and one in Chromium call this; what it returns, a digest of every byte that came
 * out, is then the same on both.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { describe, expect, it } from 'vitest';
import aes128 from '../vectors/aes128_ctr.json' with { type: 'json' };
import crc32 from '../vectors/crc32.json' with { type: 'json' };
import md5 from '../vectors/md5.json' with { type: 'json' };
import { Primitives } from './primitives.ts';
import { AES_256_CTR, HMAC_CASES, SHA256_TEXTS } from './published.ts';
import { runBlake3Cases, runSealingCases } from './sealing-cases.ts';
import {
  casesHere,
  expectedReply,
  fixCases,
  masked,
  maskedFor,
  specCases,
} from './vector-cases.ts';
import { fromHex, toHex } from './vector-state.ts';
import { replay, replayFix, replaySpec } from './vectors.ts';

export function runHostCases(): void {
  describe('recorded cases, straight through the engine', () => {
    for (const item of casesHere()) {
      it(item.name, async () => {
        const reply = await replay(item);
        const wanted = expectedReply(item);
        expect(reply && toHex(maskedFor(item, reply))).toBe(
          wanted && toHex(maskedFor(item, wanted)),
        );
      });
    }
    for (const item of fixCases()) {
      it(item.name, async () => {
        const { reply, anAfter } = await replayFix(item);
        const wanted = expectedReply(item) ?? new Uint8Array(0);
        expect(toHex(maskedFor(item, reply))).toBe(toHex(maskedFor(item, wanted)));
        const fixed = item.server_state.after?.detect_with_new_an_status === Status.ALL_PASS;
        const ans = item.server_state.after?.new_an_on_node_14_if_fixed ?? {};
        for (const [coin, an] of Object.entries(ans)) {
          if (fixed) expect(anAfter(coin)).toBe(an);
          else expect(anAfter(coin)).not.toBe(an);
        }
      });
    }
  });

  describe('spec-derived cases, to the last byte (the random pool is theirs)', () => {
    for (const item of specCases()) {
      it(item.name, async () => {
        const reply = await replaySpec(item);
        const time: number[][] = [[12, 15]];
        expect(toHex(masked(reply, time))).toBe(toHex(masked(fromHex(item.response_hex), time)));
      });
    }
  });

  describe('primitives', () => {
    const primitives = plainEngine().then((module) => new Primitives(module));
    runDigests(primitives);
    runCiphers(primitives);
    runBlake3Cases(primitives);
    runSealingCases(primitives);
  });
}

function runDigests(primitives: Promise<Primitives>): void {
  it('CRC-32', async () => {
    const { crc32: of } = await primitives.then((p) => ({ crc32: p.crc32.bind(p) }));
    for (const item of crc32.cases) {
      expect(of(fromHex(item.input)).toString(16).padStart(8, '0')).toBe(item.crc32);
    }
  });
  it('MD5, RFC 1321 A.5', async () => {
    const p = await primitives;
    for (const item of md5.cases) expect(toHex(p.md5(fromHex(item.input)))).toBe(item.md5);
  });
  it('SHA-256, FIPS 180-4', async () => {
    const p = await primitives;
    for (const [text, digest] of SHA256_TEXTS) {
      expect(toHex(p.sha256(new TextEncoder().encode(text)))).toBe(digest);
    }
  });
  it('HMAC-SHA-256, RFC 4231', async () => {
    const p = await primitives;
    for (const [key, data, mac] of HMAC_CASES) {
      expect(toHex(p.hmacSha256(fromHex(key), fromHex(data))).slice(0, mac.length)).toBe(mac);
    }
  });
  it('a changed bit changes each of them', async () => {
    const p = await primitives;
    const [one, other] = [fromHex('00ff'), fromHex('01ff')];
    expect(p.crc32(one)).not.toBe(p.crc32(other));
    expect(toHex(p.md5(one))).not.toBe(toHex(p.md5(other)));
    expect(toHex(p.sha256(one))).not.toBe(toHex(p.sha256(other)));
    expect(toHex(p.hmacSha256(one, one))).not.toBe(toHex(p.hmacSha256(other, one)));
  });
}

function runCiphers(primitives: Promise<Primitives>): void {
  it('AES-128-CTR', async () => {
    const p = await primitives;
    for (const item of aes128.cases) {
      const block = fromHex(item.counter_block);
      const sealed = p.ctr(fromHex(item.key), block, fromHex(item.plaintext)).bytes;
      expect(toHex(sealed), item.id).toBe(item.ciphertext);
    }
  });
  it('AES-256-CTR, SP 800-38A F.5.5', async () => {
    const { key, counterBlock, plaintext, ciphertext } = AES_256_CTR;
    const p = await primitives;
    const sealed = p.ctr(fromHex(key), fromHex(counterBlock), fromHex(plaintext));
    expect(toHex(sealed.bytes)).toBe(ciphertext);
  });
}
