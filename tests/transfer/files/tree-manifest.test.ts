// The list of what is in a folder, and where in the row of its bytes each file lies.

import { CHUNK_BYTES } from '@andvari/host-common/transfer/files/file-hash';
import {
  type ManifestEntry,
  TreeManifest,
} from '@andvari/host-common/transfer/files/tree-manifest';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../engine/vector-state.ts';

const facts = { mode: 0o644, modifiedUs: 1_700_000_000_123_456n };
const fileAt = (path: string, size = 5): ManifestEntry => ({
  ...{ path, size, ...facts },
  isFolder: false,
});
const folderAt = (path: string): ManifestEntry => ({ path, ...facts, isFolder: true });
const refused = expect.objectContaining({ code: 'ANDVARI_TREE_MANIFEST' });
const hexOf = (text: string) => toHex(new TextEncoder().encode(text));

/** Folders and files as they may lie in each other. */
const trees = fc
  .array(
    fc.record({
      names: fc.array(fc.constantFrom('a', 'b', '\u00fc', '\ud83d\ude00', 'a-b'), {
        minLength: 1,
        maxLength: 4,
      }),
      size: fc.integer({ min: -1, max: 700_000 }),
    }),
    { maxLength: 20 },
  )
  .map((made) => {
    const entries = new Map<string, ManifestEntry>();
    for (const { names, size } of made) {
      const path = names.join('/');
      const folders = names.slice(0, -1).map((_, i) => names.slice(0, i + 1).join('/'));
      if (folders.some((folder) => entries.get(folder)?.isFolder === false)) continue;
      for (const folder of folders) entries.set(folder, folderAt(folder));
      if (!entries.has(path)) entries.set(path, size < 0 ? folderAt(path) : fileAt(path, size));
    }
    return [...entries.values()];
  });

describe('a list of what is in a folder', () => {
  it('is what it is said to be, byte for byte', () => {
    const { bytes, size } = TreeManifest.of([fileAt('b/c', 258), folderAt('b')]);
    const tail = ['000001a4', '00060a2418202240'];
    expect(toHex(bytes)).toBe(
      [
        ...['01', '00000033', '00000002'],
        ...['01', '0001', hexOf('b'), ...tail],
        ...['00', '0003', hexOf('b/c'), ...tail, '0000000000000102'],
      ].join(''),
    );
    expect(size).toBe(0x33 + 258);
  });

  it('is the same in whatever order it was found, and comes back as it went', () => {
    fc.assert(
      fc.property(trees, fc.integer(), (entries, seed) => {
        const manifest = TreeManifest.of(entries);
        const turned = entries.toSorted((a, b) => ((a.path + seed < b.path ? 1 : -1) * seed) | 1);
        expect(TreeManifest.of(turned).bytes).toEqual(manifest.bytes);
        const read = TreeManifest.decode(manifest.bytes.slice());
        expect(read.entries).toEqual(manifest.entries);
        expect(new Set(read.entries)).toEqual(new Set(entries));
        expect(read.size).toBe(manifest.size);
        expect(TreeManifest.lengthOf(manifest.bytes)).toBe(manifest.bytes.length);
      }),
    );
  });

  it('says of each range of the row what it is made of, and of each file its chunks', () => {
    fc.assert(
      fc.property(trees, fc.nat(), fc.nat(600_000), (entries, place, span) => {
        const manifest = TreeManifest.of(entries);
        const from = place % manifest.size;
        const length = Math.min(span, manifest.size - from);
        let at = 0;
        for (const piece of manifest.pieces(from, length)) {
          expect(piece.at).toBe(at);
          expect(piece.length).toBeGreaterThan(0);
          at += piece.length;
          // Where the row has it, counted from the beginning.
          const before = manifest.entries
            .slice(0, piece.entry ?? 0)
            .reduce((sum, entry) => sum + (entry.isFolder ? 0 : entry.size), 0);
          const start = piece.entry === undefined ? 0 : manifest.bytes.length + before;
          expect(start + piece.offset).toBe(from + piece.at);
          const chunks = piece.entry === undefined ? undefined : manifest.chunksOf(piece.entry);
          const chunk = Math.floor((from + piece.at) / CHUNK_BYTES);
          if (chunks) expect(chunk >= chunks.first && chunk <= chunks.last).toBe(true);
        }
        expect(at).toBe(length);
      }),
    );
  });

  it.each<[string, ManifestEntry[]]>([
    ['one that leads out', [folderAt('..'), fileAt('../x')]],
    ['one from the root', [fileAt('/x')]],
    ['an empty one', [fileAt('')]],
    ['the name of a device', [fileAt('con')]],
    ['two names that are one without capital letters', [fileAt('A'), fileAt('a')]],
    ['one name twice', [fileAt('a'), fileAt('a')]],
    ['a file in a folder that is not named', [fileAt('a/b')]],
    ['a file in a file', [fileAt('a'), fileAt('a/b')]],
    ['a mode of more bits', [{ ...fileAt('a'), mode: 0o1777 }]],
    ['more bytes than a row may have', [fileAt('a', 2 ** 39), fileAt('b', 1)]],
  ])('is not made with %s', (_, entries) => {
    expect(() => TreeManifest.of(entries)).toThrow(refused);
  });

  const good = TreeManifest.of([folderAt('b'), fileAt('b/c', 258)]).bytes;
  const changed = (at: number, ...bytes: number[]) => {
    const copy = good.slice();
    copy.set(bytes, at);
    return copy;
  };
  it.each<[string, Uint8Array<ArrayBuffer>]>([
    ['nothing', new Uint8Array(0)],
    ['another format', changed(0, 2)],
    ['one byte too few', good.slice(0, -1)],
    ['one byte too many', Uint8Array.of(...good, 0)],
    ['a length of 4 GiB', changed(1, 255, 255, 255, 255)],
    ['fewer entries than it has', changed(8, 1)],
    ['more entries than it has', changed(8, 3)],
    ['more entries than anybody may send', changed(5, 255)],
    ['a kind that nobody knows', changed(9, 2)],
    ['a path that is not UTF-8', changed(12, 0xff)],
    ['a path out of its order', changed(12, 'z'.charCodeAt(0))],
    ['a path longer than all', changed(10, 255, 255)],
  ])('is not %s', (_, bytes) => {
    expect(() => TreeManifest.decode(bytes)).toThrow(refused);
  });

  it('of any bytes throws nothing else', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.uint8Array({ maxLength: 6 }), (at, bytes) => {
        try {
          TreeManifest.decode(changed(Math.min(at, good.length - bytes.length), ...bytes));
        } catch (error) {
          expect(error).toEqual(refused);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
