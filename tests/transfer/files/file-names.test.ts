import {
  collision,
  NAME_BYTES_MAX,
  nameProblem,
  PART_SUFFIX,
  PATH_DEPTH_MAX,
  pathProblem,
} from '@andvari/host-common/transfer/files/file-names';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('the name of a file', () => {
  it.each([
    'notes.txt',
    'a',
    '.profile',
    '...x',
    'an umlaut \u00fc, a family \u{1f468}\u200d\u{1f469}',
    'con-fig',
    'console',
    'lpt10.txt',
    'x'.repeat(NAME_BYTES_MAX),
    '\u20ac'.repeat(85),
  ])('may be %j', (name) => {
    expect(nameProblem(name)).toBeUndefined();
  });

  it.each([
    ['', 'empty'],
    ['.', 'elsewhere'],
    ['..', 'elsewhere'],
    ['a/b', 'slash'],
    ['/etc/passwd', 'slash'],
    ['..\\x', 'slash'],
    ['a\u0000b', 'control'],
    ['a\nb', 'control'],
    ['a\u009b31m', 'control'],
    ['a\u007f', 'control'],
    ['photo\u202egpj.exe', 'direction'],
    ['a\u2066b', 'direction'],
    ['C:evil.exe', 'do not take'],
    ['a.txt:stream', 'do not take'],
    ['nul:', 'do not take'],
    ['what?', 'do not take'],
    ['a|b', 'do not take'],
    ['"quoted"', 'do not take'],
    ['name.', 'leave out'],
    ['name ', 'leave out'],
    ['CON', 'device'],
    ['aux.tar.gz', 'device'],
    ['Com1', 'device'],
    ['lpt\u00b9.txt', 'device'],
    ['nul .txt', 'device'],
    [`film${PART_SUFFIX}`, PART_SUFFIX],
    [`film${PART_SUFFIX.toUpperCase()}`, PART_SUFFIX],
    [`film${PART_SUFFIX}.state`, PART_SUFFIX],
    ['x'.repeat(NAME_BYTES_MAX + 1), '256 bytes'],
    ['\u20ac'.repeat(86), '258 bytes'],
    ['\ud83d', 'Unicode'],
  ])('is not %j', (name, problem) => {
    expect(nameProblem(name)).toContain(problem);
  });

  it('that is good is one step down, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }), (name) => {
        if (nameProblem(name) !== undefined) return;
        const { pathname } = new URL(encodeURIComponent(name), 'file:///folder/');
        expect(decodeURIComponent(pathname)).toBe(`/folder/${name}`);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a path in a tree', () => {
  it('is names with slashes between them', () => {
    expect(pathProblem('a/b.txt')).toBeUndefined();
    expect(pathProblem(new Array(PATH_DEPTH_MAX).fill('d').join('/'))).toBeUndefined();
  });

  it.each([
    ['/a', 'empty'],
    ['a//b', 'empty'],
    ['a/', 'empty'],
    ['a/../b', 'elsewhere'],
    ['a/./b', 'elsewhere'],
    ['a/nul', 'device'],
    ['a\\..\\b', 'slash'],
    [new Array(PATH_DEPTH_MAX + 1).fill('d').join('/'), '65 parts'],
    [new Array(20).fill('x'.repeat(250)).join('/'), '5019 bytes'],
  ])('is not %j', (path, problem) => {
    expect(pathProblem(path)).toContain(problem);
  });
});

describe('the entries of a tree', () => {
  const file = (path: string) => ({ path, isFolder: false });
  const folder = (path: string) => ({ path, isFolder: true });

  it('have each a place of their own', () => {
    const entries = [folder('a'), file('a/x'), file('a/y'), folder('b'), file('b/x'), file('c')];
    expect(collision(entries)).toBeUndefined();
    expect(collision([...entries].reverse())).toBeUndefined();
    expect(collision([])).toBeUndefined();
  });

  it('are looked at once, however many and deep they are', () => {
    const deep = new Array(PATH_DEPTH_MAX - 1).fill('folder').join('/');
    const entries = Array.from({ length: 5000 }, (_, i) => file(`${deep}/${i}`));
    expect(collision(entries)).toBeUndefined();
    expect(collision([...entries, file(`${deep}/77`)])).toEqual([`${deep}/77`, `${deep}/77`]);
  });

  it.each([
    ['\u039f\u0394\u039f\u03a3', '\u03bf\u03b4\u03bf\u03c2'],
    ['stra\u00dfe', 'STRASSE'],
    ['\u00b5m', '\u03bcm'],
  ])('are not %j and %j, which some systems take for one', (one, other) => {
    expect(collision([file(one), file(other)])).toEqual([one, other]);
    expect(collision([file(`${one}/x`), file(`${other}/y`)])).toEqual([one, other]);
  });

  it.each([
    [
      [file('a'), file('a')],
      ['a', 'a'],
    ],
    [
      [file('a'), file('A')],
      ['a', 'A'],
    ],
    [
      [file('caf\u00e9'), file('cafe\u0301')],
      ['caf\u00e9', 'cafe\u0301'],
    ],
    [
      [file('a'), file('a/b')],
      ['a', 'a'],
    ],
    [
      [file('a/b'), file('a')],
      ['a', 'a'],
    ],
    [
      [folder('A'), file('a/b')],
      ['A', 'a'],
    ],
    [
      [folder('a'), file('a')],
      ['a', 'a'],
    ],
  ])('are not %j', (entries, both) => {
    expect(collision(entries)).toEqual(both);
  });
});
