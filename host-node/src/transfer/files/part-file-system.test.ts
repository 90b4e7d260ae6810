/** What the system refuses: a full disk, a disk that is only read, a name too long. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SmallDisk } from '../../store/testing/small-disk.ts';
import { folderForTests } from '../../testing/folder.ts';
import {
  chunksOf,
  isFile,
  namesIn,
  openPart,
  testFile,
  writeChunks,
} from './testing/part-world.ts';

const CHUNK = 262_144;
const folder = folderForTests('part-system');
const file = testFile(5 * CHUNK, 3);
const mount = (...words: string[]) => spawnSync('mount', words).status === 0;
let disk = '';
let dataPath = '';

const canMount = process.getuid?.() === 0;
const needs = canMount ? '' : ' (DID NOT RUN: needs root)';
beforeEach(() => {
  disk = folder.at('disk');
  dataPath = join(disk, 'a.bin.andvari-part');
  mkdirSync(disk);
  if (canMount) expect(mount('-t', 'tmpfs', '-o', 'size=1m', 'none', disk)).toBe(true);
});
afterEach(() => {
  if (canMount) expect(spawnSync('umount', ['--lazy', disk]).status).toBe(0);
});

function smallDiskIn(path: string, bytes: number): SmallDisk {
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = path;
  try {
    const made = SmallDisk.make(bytes);
    if (!made) throw new Error('no small disk');
    return made;
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
}

it.skipIf(!canMount)(`a full disk: what is there stays, and it goes on${needs}`, async () => {
  const part = await openPart(disk, file.offer);
  await part.keepValues(file.values);
  await writeChunks(part, file, [4, 0, 2]);
  const full = {
    code: 'ANDVARI_FILE_PLACE',
    message: `cannot write ${dataPath}: the disk is full`,
    cause: { code: 'ENOSPC' },
  };
  for (const index of [1, 3, 1]) {
    await expect(writeChunks(part, file, [index])).rejects.toMatchObject(full);
    expect(chunksOf(part)).toEqual([0, 2, 4]);
  }
  expect(mount('-o', 'remount,size=4m', disk)).toBe(true);
  await writeChunks(part, file, [1, 3]);
  expect(isFile(await part.finish(), file.bytes)).toBe(true);
});

it.skipIf(!canMount)(
  `a disk that is full at the end: the part can be had again${needs}`,
  async () => {
    const first = await openPart(disk, file.offer);
    await first.keepValues(file.values);
    await writeChunks(first, file, [0]);
    await first.close();
    const part = await openPart(disk, file.offer);
    await writeChunks(part, file, [1]);
    expect(() => writeFileSync(join(disk, 'filler'), new Uint8Array(2 << 20))).toThrow('ENOSPC');
    await expect(part.close()).rejects.toMatchObject({
      code: 'ANDVARI_FILE_PLACE',
      message: `cannot write ${dataPath}.state: the disk is full`,
    });
    await part.close();
    rmSync(join(disk, 'filler'));
    const names = ['', '.state', '.values'].map((suffix) => `a.bin.andvari-part${suffix}`);
    expect(namesIn(disk)).toEqual(names);
    const again = await openPart(disk, file.offer);
    // Chunk 1 is there, but nothing says so.
    expect(chunksOf(again)).toEqual([0]);
    await again.close();
  },
);

it.skipIf(!canMount)(`values that find no room can be kept later${needs}`, async () => {
  const part = await openPart(disk, file.offer);
  expect(() => writeFileSync(join(disk, 'filler'), new Uint8Array(2 << 20))).toThrow('ENOSPC');
  await expect(part.keepValues(file.values)).rejects.toMatchObject({
    message: `cannot write ${dataPath}.values: the disk is full`,
  });
  expect(part.values).toBeUndefined();
  rmSync(join(disk, 'filler'));
  await part.keepValues(file.values);
  expect(part.values).toEqual(file.values);
  await part.close();
});

it.skipIf(!canMount)(`a disk that can only be read: it says so${needs}`, async () => {
  const readOnly = `cannot write ${dataPath}.lock: the file system can only be read`;
  expect(mount('-o', 'remount,ro', disk)).toBe(true);
  await expect(openPart(disk, file.offer)).rejects.toMatchObject({ message: readOnly });
  expect(mount('-o', 'remount,rw', disk)).toBe(true);
  await (await openPart(disk, file.offer)).discard();
});

const canMake = canMount && SmallDisk.possible();
const needsMore = canMake ? '' : ' (DID NOT RUN: needs root, mkfs.ext4 and a loop device)';
it.skipIf(!canMake)(
  `a disk that loses what it took: have does not say it${needsMore}`,
  async () => {
    // An image with more room than the disk that it lies on: that is noticed when data are flushed.
    expect(mount('-o', 'remount,size=2m', disk)).toBe(true);
    const failing = smallDiskIn(disk, 16 << 20);
    try {
      const large = testFile(16 * CHUNK, 3);
      const part = await openPart(failing.folder, large.offer);
      await part.keepValues(large.values);
      await writeChunks(part, large, [...large.chunks.keys()].slice(0, 15));
      await expect(writeChunks(part, large, [15])).rejects.toMatchObject({
        code: 'ANDVARI_FILE_PLACE',
        path: join(failing.folder, 'a.bin.andvari-part'),
      });
      expect(chunksOf(part)).toEqual([]);
      await part.close().catch(() => undefined);
      await expect(part.finish()).rejects.toThrow('it has been closed');
    } finally {
      failing.remove();
    }
  },
);

it('a folder that is none, or is not there', async () => {
  writeFileSync(folder.at('file'), 'x');
  const long = folder.at('n'.repeat(256));
  for (const [path, why] of [
    [folder.at('none'), 'there is no such file or folder'],
    [folder.at('file'), 'a file stands where a folder should be'],
    [long, 'the name is too long'],
  ] as const) {
    const message = `cannot write ${path}: ${why}`;
    await expect(openPart(path, file.offer)).rejects.toMatchObject({ message });
  }
  expect(readFileSync(folder.at('file'), 'utf8')).toBe('x');
});

it('a file larger than its disk, as long as most of it is holes', async () => {
  const size = 2 ** 39;
  const offer = { ...file.offer, size };
  const part = await openPart(folder.path, offer);
  expect(part.have.count).toBe(2 ** 21);
  await part.write(2 ** 21 - 1, new Uint8Array(CHUNK));
  await part.close();
  const again = await openPart(folder.path, offer);
  expect(again.have.has(2 ** 21 - 1)).toBe(true);
  await again.discard();
});
