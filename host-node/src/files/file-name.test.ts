import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTemporary, partsOf, temporaryName } from './file-name.ts';

const parts = (text: string, folders = true) => {
  const found = partsOf(Buffer.from(text, 'latin1'), folders);
  return typeof found === 'string' ? found : found.map((part) => part.toString('latin1'));
};

describe('partsOf', () => {
  test.each([
    ['a', ['a']],
    ['a/b/c', ['a', 'b', 'c']],
    ['...', ['...']],
    ['..a/.b', ['..a', '.b']],
    ['a\\..\\b', ['a\\..\\b']],
    ['\xff\xfe \n', ['\xff\xfe \n']],
    ['x'.repeat(255), ['x'.repeat(255)]],
    [`${'x/'.repeat(511)}xx`, [...Array<string>(511).fill('x'), 'xx']],
  ])('%j is a name', (text, wanted) => {
    expect(parts(text)).toEqual(wanted);
  });

  test.each(['', '/', '/a', 'a/', 'a//b', '.', '..', 'a/..', '../a', 'a/./b', 'a\0', '\0'])(
    '%j leads elsewhere',
    (text) => {
      expect(parts(text)).toBe('outside');
    },
  );

  test.each([
    'x'.repeat(256),
    `a/${'x'.repeat(256)}`,
    `${'x/'.repeat(511)}xxx`,
    '.andvari-0123456789abcdef.tmp',
    'a/.andvari-0123456789abcdef.tmp/b',
  ])('there can be no file %j', (text) => {
    expect(parts(text)).toBe('impossible');
  });

  test('one part where there are no sub-folders', () => {
    expect(parts('a', false)).toEqual(['a']);
    expect(parts('a/b', false)).toBe('outside');
  });

  test('whatever passes is made of single names', () => {
    const byte = fc.constantFrom(0, 0x2e, 0x2f, 0x41, 0x5c, 0xff);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), fc.array(byte), (any, likely) => {
        for (const name of [any, Uint8Array.from(likely)]) {
          const found = partsOf(name, true);
          if (typeof found === 'string') continue;
          expect(Buffer.from(found.map((part) => part.toString('latin1')).join('/'), 'latin1')) //
            .toEqual(Buffer.from(name));
          for (const part of found) {
            expect(['', '.', '..']).not.toContain(part.toString('latin1'));
            expect(part.includes(0) || part.includes(0x2f)).toBe(false);
          }
        }
      }),
    );
  });
});

test('a temporary name is one, and no two are equal', () => {
  const names = Array.from({ length: 20 }, temporaryName);
  expect(names.every(isTemporary)).toBe(true);
  expect(new Set(names.map(String)).size).toBe(20);
  expect(isTemporary(Buffer.from('.andvari-0123456789abcdeg.tmp'))).toBe(false);
  expect(isTemporary(Buffer.from('x.andvari-0123456789abcdef.tmp'))).toBe(false);
});
