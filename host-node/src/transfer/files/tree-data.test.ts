// A folder that comes in chunks: its files where they belong, whatever happens in between.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import {
  type ManifestEntry,
  TreeManifest,
} from '@andvari/host-common/transfer/files/tree-manifest';
import { describe, expect, it } from 'vitest';
import { folderForTests } from '../../testing/folder.ts';
import { PartFile } from './part-file.ts';
import { chunksOf, hash, namesIn, SECRET, type TestFile, testFile } from './testing/part-world.ts';

const folder = folderForTests('tree-data');
const facts = { mode: 0o640, modifiedUs: 1_600_000_000_000_000n };
const entries: ManifestEntry[] = [
  { path: 'a', ...facts, isFolder: false, size: 300_000 },
  { path: 'b', ...facts, mode: 0o750, isFolder: true },
  { path: 'b/c', ...facts, isFolder: false, size: 0 },
  { path: 'b/d', ...facts, mode: 0o440, isFolder: false, size: 500_000 },
  { path: 'e', ...facts, mode: 0o550, isFolder: true },
  ...Array.from({ length: 200 }, (_, i) => ({
    ...{ path: `f${i}`, ...facts, isFolder: false as const, size: 1000 + i },
  })),
];
const manifest = TreeManifest.of(entries);

/** The row as a sender has it; `seed`: what is in the files. */
function rowOf(seed: number, of = manifest): TestFile & { row: Uint8Array } {
  const more = { name: 'tree', mode: 0o750, isFolder: true };
  const row = testFile(of.size, seed).bytes;
  row.set(of.bytes);
  return { ...testFile(of.size, seed, more, row), row };
}

const open = (file: TestFile, secret = SECRET) =>
  PartFile.open({ folder: folder.path, offer: file.offer, secret, hash, manifest });

async function fill(part: PartFile, file: TestFile, indices: Iterable<number>): Promise<void> {
  if (!part.values) await part.keepValues(file.values);
  for (const index of indices) await part.write(index, file.chunks[index] as Uint8Array);
}

/** Whether everything is there as it was sent. */
function isWhole(at: string, row: Uint8Array): boolean {
  let start = manifest.bytes.length;
  return manifest.entries.every((entry) => {
    const stats = statSync(`${at}/${entry.path}`);
    if ((stats.mode & 0o777) !== (entry.mode & ~process.umask())) return false;
    if (stats.mtimeMs !== Number(entry.modifiedUs / 1000n)) return false;
    if (entry.isFolder) return stats.isDirectory();
    const bytes = row.subarray(start, start + entry.size);
    start += entry.size;
    return readFileSync(`${at}/${entry.path}`).equals(bytes);
  });
}

const all = (file: TestFile) => [...file.chunks.keys()];

describe('a folder that comes', () => {
  it('in any order, and goes on after an end in the middle', async () => {
    const file = rowOf(1);
    const one = await open(file);
    await fill(one, file, [3, 1]);
    await one.close();
    expect(namesIn(folder.path)).toEqual([
      'tree.andvari-part',
      'tree.andvari-part.state',
      'tree.andvari-part.values',
    ]);
    expect(statSync(folder.at('tree.andvari-part')).mode & 0o777).toBe(0o700);
    const two = await open(file);
    expect(chunksOf(two)).toEqual([1, 3]);
    await fill(two, file, [2, 0]);
    await expect(two.finish()).resolves.toBe(folder.at('tree'));
    expect(isWhole(folder.at('tree'), file.row)).toBe(true);
    expect(statSync(folder.at('tree')).mode & 0o777).toBe(0o750 & ~process.umask());
    expect(namesIn(folder.path)).toEqual(['tree']);
    chmodSync(folder.at('tree/e'), 0o700);
  });

  it('believes of what is there only what is right', async () => {
    const file = rowOf(2);
    const one = await open(file);
    await fill(one, file, all(file));
    await one.close();
    writeFileSync(folder.at('tree.andvari-part/a'), 'short');
    unlinkSync(folder.at('tree.andvari-part/f7'));
    const two = await open(file);
    expect(chunksOf(two).length).toBeLessThan(file.chunks.length);
    await expect(two.finish()).rejects.toMatchObject({ code: 'ANDVARI_FILE_INCOMPLETE' });
    await fill(two, file, all(file));
    await two.finish();
    expect(isWhole(folder.at('tree'), file.row)).toBe(true);
    chmodSync(folder.at('tree/e'), 0o700);
  });

  it('not into a part that somebody else keeps, or a folder that nobody has begun', async () => {
    const file = rowOf(3);
    const one = await open(file);
    await fill(one, file, all(file));
    await one.close();
    const before = namesIn(folder.at('tree.andvari-part'));
    const code = 'ANDVARI_PART_IN_THE_WAY';
    await expect(open(file, new Uint8Array(32).fill(9))).rejects.toMatchObject({ code });
    rmSync(folder.at('tree.andvari-part.state'));
    await expect(open(file)).rejects.toMatchObject({ code });
    expect(namesIn(folder.at('tree.andvari-part'))).toEqual(before);
  });

  it('anew where nothing had come, and what is given up leaves nothing', async () => {
    const file = rowOf(3);
    mkdirSync(folder.at('tree.andvari-part'), { mode: 0o700 });
    const one = await open(file);
    expect(namesIn(folder.path)).toContain('tree.andvari-part.state');
    await fill(one, file, [0]);
    await one.discard();
    expect(namesIn(folder.path)).toEqual([]);
  });

  it('beside what has its name, and not into a part of another one', async () => {
    mkdirSync(folder.at('tree'));
    writeFileSync(folder.at('tree (1)'), 'mine');
    const file = rowOf(4);
    const part = await open(file);
    await fill(part, file, all(file));
    await expect(part.finish()).resolves.toBe(folder.at('tree (2)'));
    expect([readdirSync(folder.at('tree')), readFileSync(folder.at('tree (1)'), 'utf8')]).toEqual([
      [],
      'mine',
    ]);
    chmodSync(folder.at('tree (2)/e'), 0o700);
    const begun = await open(file);
    await fill(begun, file, [0]);
    await begun.close();
    await expect(open(rowOf(5))).rejects.toMatchObject({ code: 'ANDVARI_PART_OF_ANOTHER_FILE' });
  });

  it.each<[string, () => void]>([
    ['a file', () => writeFileSync(folder.at('tree.andvari-part'), 'mine')],
    ['a link', () => symlinkSync('/tmp', folder.at('tree.andvari-part'))],
    [
      'a folder that all may write to',
      () => {
        mkdirSync(folder.at('tree.andvari-part'));
        chmodSync(folder.at('tree.andvari-part'), 0o777);
      },
    ],
  ])('does not go into %s', async (_, make) => {
    make();
    await expect(open(rowOf(6))).rejects.toMatchObject({ code: 'ANDVARI_PART_IN_THE_WAY' });
  });

  it('writes through no link that comes into it', async () => {
    const file = rowOf(7);
    const part = await open(file);
    writeFileSync(folder.at('precious'), 'mine');
    symlinkSync(folder.at('precious'), folder.at('tree.andvari-part/a'));
    await expect(fill(part, file, all(file))).rejects.toThrow();
    expect(readFileSync(folder.at('precious'), 'utf8')).toBe('mine');
    await part.close();
  });

  it('is not taken for what somebody has put into its place', async () => {
    const file = rowOf(8);
    const part = await open(file);
    await fill(part, file, all(file));
    renameSync(folder.at('tree.andvari-part'), folder.at('away'));
    mkdirSync(folder.at('tree.andvari-part'));
    await expect(part.finish()).rejects.toMatchObject({ code: 'ANDVARI_PART_IN_THE_WAY' });
    expect(existsSync(folder.at('tree'))).toBe(false);
    await part.close();
    chmodSync(folder.at('away/e'), 0o700);
    rmSync(folder.at('away'), { recursive: true });
  });

  it('is no file, and a file is no folder', async () => {
    const { offer } = rowOf(9);
    const common = { folder: folder.path, secret: SECRET, hash };
    await expect(PartFile.open({ ...common, offer })).rejects.toThrow(TypeError);
    const asFile = { ...offer, isFolder: false };
    await expect(PartFile.open({ ...common, offer: asFile, manifest })).rejects.toThrow(TypeError);
  });
});
