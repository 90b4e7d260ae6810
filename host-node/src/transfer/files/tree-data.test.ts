// A folder that comes in chunks: its files where they belong, whatever happens in between.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
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
import { fileURLToPath } from 'node:url';
import { CHUNK_BYTES } from '@andvari/host-common/transfer/files/file-hash';
import { describe, expect, it } from 'vitest';
import { folderForTests } from '../../testing/folder.ts';
import { permissionsOf } from './file-metadata.ts';
import { PartFile } from './part-file.ts';
import { PartPlace } from './part-place.ts';
import { chunksOf, hash, namesIn, SECRET, type TestFile } from './testing/part-world.ts';
import { all, fill, isWhole, manifest, openTree, rowOf } from './testing/tree-world.ts';
import { TreeData } from './tree-data.ts';

const folder = folderForTests('tree-data');
/** A user to whom permissions are something. */
const NOBODY = 65534;

const open = (file: TestFile, secret?: Uint8Array) => openTree(folder.path, file, secret);

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
    await fill(two, file, [4, 2, 0]);
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

  it('has its permissions, but for those of the top, when it takes its name', async () => {
    const file = rowOf(10);
    const place = await PartPlace.open(folder.path, 'tree');
    const data = await TreeData.open(place, file.offer, manifest);
    for (const index of all(file)) {
      await data.write(index * CHUNK_BYTES, file.chunks[index] as Uint8Array);
    }
    await data.flush();
    await data.finish();
    // As a kill leaves it here.
    expect(isWhole(folder.at('tree'), file.row)).toBe(true);
    expect(statSync(folder.at('tree')).mode & 0o777).toBe(0o700);
    await data.settle();
    expect(statSync(folder.at('tree')).mode & 0o777).toBe(permissionsOf(0o750));
    await data.close();
    await place.close();
    chmodSync(folder.at('tree/e'), 0o700);
  });

  it('that its owner may not write to goes on when its end was cut short', () => {
    mkdirSync(folder.at('own'));
    const owner = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    if (owner.uid)
      for (const path of [folder.path, folder.at('own')]) chownSync(path, NOBODY, NOBODY);
    const script = fileURLToPath(new URL('./testing/shut-tree.ts', import.meta.url));
    const out = execFileSync(process.execPath, [script, folder.at('own')], owner);
    expect(JSON.parse(out.toString())).toEqual({ first: 'ANDVARI_NO_NAME_LEFT', isWhole: true });
  });

  it('is no file, and a file is no folder', async () => {
    const { offer } = rowOf(9);
    const common = { folder: folder.path, secret: SECRET, hash };
    await expect(PartFile.open({ ...common, offer })).rejects.toThrow(TypeError);
    const asFile = { ...offer, isFolder: false };
    await expect(PartFile.open({ ...common, offer: asFile, manifest })).rejects.toThrow(TypeError);
  });
});
