import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Digests, openDigests } from './digests.ts';
import { isLockerCode, lockerKeys, newLockerCode, parseLockerCode } from './locker-code.ts';
import { isLockerKey, systemRandom } from './new-numbers.ts';

let digests: Digests;
beforeAll(async () => {
  digests = await openDigests();
});

describe('digests', () => {
  test('are those of everybody', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (text) => {
        expect(Buffer.from(digests.md5(text))).toEqual(createHash('md5').update(text).digest());
        expect(Buffer.from(digests.sha256(text))).toEqual(
          createHash('sha256').update(text).digest(),
        );
      }),
      { numRuns: 50 },
    );
    expect(() => digests.md5(new Uint8Array(4097))).toThrow(RangeError);
  });
});

describe('locker codes', () => {
  test('are read as people write them', () => {
    const code = newLockerCode((into) => into.fill(1), digests);
    expect(code).toMatch(/^1111-1111-1111-1111-111.$/);
    for (const typed of [code, code.toLowerCase(), code.replaceAll('-', ' '), ` ${code}\n`]) {
      expect(parseLockerCode(typed, digests)).toBe(code);
    }
    expect(parseLockerCode(code.replaceAll('1', 'l'), digests)).toBe(code);
    expect(isLockerCode(code)).toBe(true);
    expect(isLockerCode(code.toLowerCase())).toBe(false);
  });

  test.each([
    '',
    'K7QM',
    '1111-1111-1111-1111-1111-1111',
    '1111-1111-1111-1111-111!',
    'UUUU-UUUU-UUUU-UUUU-UUUU',
  ])('%j is none', (text) => {
    expect(() => parseLockerCode(text, digests)).toThrow(
      expect.objectContaining({ code: 'ANDVARI_WALLET_CODE' }),
    );
  });

  test('a wrong symbol is noticed, all but one time in 32', () => {
    let missed = 0;
    for (let run = 0; run < 640; run++) {
      const code = newLockerCode(systemRandom, digests);
      const wrong = (code[0] === '7' ? '8' : '7') + code.slice(1);
      try {
        parseLockerCode(wrong, digests);
        missed++;
      } catch {}
    }
    // 20 are to be expected; 60 come by chance once in 10^13 runs.
    expect(missed).toBeLessThan(60);
  });

  test('give each server a key of its own, as documented', () => {
    const code = newLockerCode(systemRandom, digests);
    const keys = lockerKeys(code, digests);
    const seen = new Set<string>();
    for (let raidaId = 0; raidaId < 25; raidaId++) {
      const key = keys.subarray(raidaId * 16, raidaId * 16 + 16);
      const hash = createHash('sha256')
        .update(`${raidaId}${code.replaceAll('-', '')}`)
        .digest();
      expect(Buffer.from(key.subarray(0, 12))).toEqual(hash.subarray(0, 12));
      expect(isLockerKey(key)).toBe(true);
      seen.add(Buffer.from(key).toString('hex'));
    }
    expect(seen.size).toBe(25);
  });
});
