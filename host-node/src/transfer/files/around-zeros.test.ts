// What is zeros in a file that comes takes no room on the disk, and is zeros whatever was there.
import { closeSync, constants, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { TreeManifest } from '@andvari/host-common/transfer/files/tree-manifest';
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../../tests/seeded-random.ts';
import { folderForTests } from '../../testing/folder.ts';
import { type Beneath, writeAroundZeros } from './around-zeros.ts';
import { PartFile } from './part-file.ts';
import {
  chunksOf,
  hash,
  isFile,
  openPart,
  SECRET,
  type TestFile,
  testFile,
  writeChunks,
} from './testing/part-world.ts';
import { rowOf } from './testing/tree-world.ts';

const { O_CREAT, O_WRONLY } = constants;
const CHUNK = 262_144;
const PIECE = 65_536;
const COUNT = 40;
const folder = folderForTests('zeros');
const part = () => folder.at('a.bin.andvari-part');
/** Bytes that a file takes on the disk. */
const roomOf = (path: string) => statSync(path).blocks * 512;
const all = (file: TestFile) => [...file.chunks.keys()];

/** 4 KiB of text in a chunk of zeros, a chunk of text, and zeros, at the end too. */
function sparseFile(): TestFile {
  const bytes = new Uint8Array(COUNT * CHUNK + 4095);
  bytes.fill(0x61, 3 * CHUNK + PIECE, 3 * CHUNK + PIECE + 4096);
  bytes.fill(0x62, 5 * CHUNK, 6 * CHUNK);
  return testFile(bytes.length, 0, {}, bytes);
}

const file = sparseFile();
/** A piece, a chunk, and what a file system keeps besides. */
const ROOM = CHUNK + PIECE + 16_384;

async function write(indices: Iterable<number>): Promise<void> {
  const one = await openPart(folder.path, file.offer);
  if (!one.values) await one.keepValues(file.values);
  await writeChunks(one, file, indices);
  await one.close();
}

async function finish(): Promise<string> {
  const one = await openPart(folder.path, file.offer);
  await writeChunks(one, file, all(file));
  return one.finish();
}

/** Something else where chunks belong that nothing is known of, as a killed process leaves it. */
function spoil(indices: number[]): void {
  const fd = openSync(part(), 'r+');
  for (const index of indices) writeSync(fd, Buffer.alloc(CHUNK, 0xa5), 0, CHUNK, index * CHUNK);
  closeSync(fd);
}

describe('a sparse file', () => {
  it('takes the room of its bytes, in any order', async () => {
    await write(all(file).toReversed());
    const path = await finish();
    expect(isFile(path, file.bytes)).toBe(true);
    expect(roomOf(path)).toBeLessThanOrEqual(ROOM);
  });

  it('also when it goes on after an end', async () => {
    await write(all(file).filter((index) => index % 3 === 0));
    const path = await finish();
    expect(isFile(path, file.bytes)).toBe(true);
    expect(roomOf(path)).toBeLessThanOrEqual(ROOM);
  });

  it('has zeros where an end has left other bytes, and there alone takes room', async () => {
    await write([0, 1]);
    spoil([2, 7, 30]);
    const path = await finish();
    expect(isFile(path, file.bytes)).toBe(true);
    expect(roomOf(path)).toBeGreaterThanOrEqual(4 * CHUNK);
    expect(roomOf(path)).toBeLessThanOrEqual(ROOM + 3 * CHUNK);
  });

  it('has zeros where a chunk that had come was changed', async () => {
    await write([0, 1, 2]);
    spoil([1]);
    expect(chunksOf(await closed())).toEqual([0, 2]);
    expect(isFile(await finish(), file.bytes)).toBe(true);
  });

  it('begins with holes over a part that nobody knows', async () => {
    await write([0, 1]);
    spoil(all(file).slice(0, COUNT));
    const other = await openPart(folder.path, file.offer, new Uint8Array(32).fill(8));
    await other.discard();
    const path = await finish();
    expect(isFile(path, file.bytes)).toBe(true);
    expect(roomOf(path)).toBeLessThanOrEqual(ROOM);
  });
});

async function closed(): Promise<PartFile> {
  const one = await openPart(folder.path, file.offer);
  await one.close();
  return one;
}

it('a file without zeros is written as it is, and takes all its room', async () => {
  const full = testFile(3 * CHUNK + 5, 1);
  const one = await openPart(folder.path, full.offer);
  await one.keepValues(full.values);
  await writeChunks(one, full, all(full));
  const path = await one.finish();
  expect(isFile(path, full.bytes)).toBe(true);
  expect(roomOf(path)).toBeGreaterThanOrEqual(full.bytes.length);
});

describe('sparse files of a folder', () => {
  const facts = { mode: 0o640, modifiedUs: 1_600_000_000_000_000n, isFolder: false as const };
  const manifest = TreeManifest.of([
    { path: 'large', ...facts, size: 10 * CHUNK + 7 },
    { path: 'small', ...facts, size: 2 * PIECE + 9 },
    { path: 'tiny', ...facts, size: 9 },
  ]);
  const row = rowOf(0, manifest).row.fill(0, manifest.bytes.length);
  row[manifest.bytes.length + 4 * CHUNK] = 1;
  const tree = testFile(row.length, 0, { name: 'tree', mode: 0o750, isFolder: true }, row);
  const openTree = () =>
    PartFile.open({ folder: folder.path, offer: tree.offer, secret: SECRET, hash, manifest });
  const isWhole = () => {
    let at = manifest.bytes.length;
    return ['large', 'small', 'tiny'].every((name) => {
      const bytes = readFileSync(folder.at(`tree/${name}`));
      const wanted = row.subarray(at, at + bytes.length);
      at += bytes.length;
      return bytes.equals(wanted);
    });
  };

  it('take the room of their bytes, over an end as well', async () => {
    const one = await openTree();
    await one.keepValues(tree.values);
    await writeChunks(one, tree, [10, 2, 4]);
    await one.close();
    const two = await openTree();
    expect(chunksOf(two)).toEqual([2, 4, 10]);
    await writeChunks(two, tree, all(tree));
    await two.finish();
    expect(isWhole()).toBe(true);
    expect(roomOf(folder.at('tree/large'))).toBeLessThanOrEqual(PIECE + 16_384);
    expect(roomOf(folder.at('tree/small'))).toBeLessThanOrEqual(4096);
  });

  it('have zeros where an end has left other bytes', async () => {
    const one = await openTree();
    await one.keepValues(tree.values);
    await writeChunks(one, tree, [2]);
    await one.close();
    for (const [name, bytes] of [
      ['large', 7 * CHUNK],
      ['small', 2 * PIECE],
      ['tiny', 9],
    ] as const) {
      const fd = openSync(folder.at(`tree.andvari-part/${name}`), O_CREAT | O_WRONLY);
      writeSync(fd, Buffer.alloc(bytes, 0xa5));
      closeSync(fd);
    }
    const two = await openTree();
    await writeChunks(two, tree, all(tree));
    await two.finish();
    expect(isWhole()).toBe(true);
  });
});

describe('what is written around zeros', () => {
  /** What has been written, as [at, length]. */
  function recorded(there: Uint8Array) {
    const writes: [number, number][] = [];
    const handle = {
      write: async (from: Uint8Array, start: number, length: number, at: number) => {
        writes.push([at, length]);
        there.set(from.subarray(start, start + length), at);
        return { bytesWritten: length };
      },
      read: async (into: Uint8Array, start: number, length: number, at: number) => {
        const got = there.subarray(at, at + length);
        into.set(got, start);
        return { bytesRead: got.length };
      },
    } as unknown as FileHandle;
    return { handle, writes };
  }

  it.each<[Beneath, number, [number, number][]]>([
    ['zeros', 0, [[PIECE, PIECE]]],
    ['unknown', 0, [[PIECE, PIECE]]],
    ['unknown', 1, [[0, 3 * PIECE]]],
    ['lost', 0, [[0, 3 * PIECE]]],
  ])('%s, over bytes %d', async (beneath, fill, wanted) => {
    const there = new Uint8Array(3 * PIECE).fill(fill);
    const bytes = new Uint8Array(3 * PIECE).fill(7, PIECE, 2 * PIECE);
    const { handle, writes } = recorded(there);
    await writeAroundZeros(handle, { at: 0, bytes, beneath });
    expect(writes.filter(([, length]) => length > 0)).toEqual(wanted);
    expect(there).toEqual(bytes);
  });

  it('is what was to be written, wherever it begins and ends', async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    const path = folder.at('any');
    const wanted = new Uint8Array(8 * PIECE);
    const handle = await open(path, 'w+');
    await handle.truncate(wanted.length);
    for (let round = 0; round < 40; round++) {
      const at = random(7 * PIECE);
      const bytes = new Uint8Array(1 + random(wanted.length - at));
      for (let from = 0; from < bytes.length; from += 1 + random(2 * PIECE)) {
        if (random(3) === 0) bytes[from] = 1 + random(255);
      }
      await writeAroundZeros(handle, { at, bytes, beneath: 'unknown' });
      wanted.set(bytes, at);
      expect(isFile(path, wanted), `seed ${seed}`).toBe(true);
    }
    await handle.close();
  });
});
