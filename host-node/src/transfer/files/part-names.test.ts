import { NAME_BYTES_MAX, nameProblem } from '@andvari/host-common/transfer/files/file-names';
import { describe, expect, it } from 'vitest';
import { numberedName, partNames, TEMPORARY_SUFFIX } from './part-names.ts';

const bytes = (name: string) => Buffer.byteLength(name);

describe('names of a part', () => {
  it('are the name of the file and what they are', () => {
    expect(partNames('a.txt')).toEqual({
      data: 'a.txt.andvari-part',
      state: 'a.txt.andvari-part.state',
      values: 'a.txt.andvari-part.values',
      lock: 'a.txt.andvari-part.lock',
    });
  });

  it.each([
    ['a', 1],
    ['\u00e9', 2],
    ['\u20ac', 3],
    ['\u{1f600}', 4],
  ])('of every length of %s fit, and are those of one file alone', (letter, width) => {
    const seen = new Set<string>();
    for (let length = 1; length * width <= NAME_BYTES_MAX; length++) {
      const name = letter.repeat(length);
      const names = Object.values(partNames(name));
      for (const part of names) {
        expect(bytes(part + TEMPORARY_SUFFIX)).toBeLessThanOrEqual(NAME_BYTES_MAX);
        expect(part.isWellFormed()).toBe(true);
        seen.add(part);
      }
      expect(Object.values(partNames(name))).toEqual(names);
      expect(seen.size).toBe(4 * length);
    }
  });

  it.each(['', '..', 'a/b', 'a.andvari-part', 'a.Andvari-Part.state', 'a.andvari-part.x.txt'])(
    'are not those of %j',
    (name) => {
      expect(() => partNames(name)).toThrow(
        expect.objectContaining({ code: 'ANDVARI_FILE_OFFER' }),
      );
    },
  );

  it('are those of a name that only looks alike', () => {
    expect(partNames('a.andvari-parts').data).toBe('a.andvari-parts.andvari-part');
  });
});

describe('a name with a number', () => {
  it.each([
    ['a.txt', 0, 'a.txt'],
    ['a.txt', 1, 'a (1).txt'],
    ['a.tar.gz', 12, 'a.tar (12).gz'],
    ['a', 3, 'a (3)'],
    ['.profile', 1, '.profile (1)'],
    [`a.${'b'.repeat(32)}`, 1, `a.${'b'.repeat(32)} (1)`],
    [`a.${'b'.repeat(31)}`, 1, `a (1).${'b'.repeat(31)}`],
    ['x'.repeat(255), 1000, `${'x'.repeat(248)} (1000)`],
    [`${'\u00e9'.repeat(125)}.jpeg`, 1, `${'\u00e9'.repeat(123)} (1).jpeg`],
  ])('%s, %d', (name, number, wanted) => {
    const found = numberedName(name, number);
    expect(found).toBe(wanted);
    expect(nameProblem(found)).toBeUndefined();
  });
});
