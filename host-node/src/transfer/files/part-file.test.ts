import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../../tests/seeded-random.ts';
import { folderForTests } from '../../testing/folder.ts';
import type { PartFile } from './part-file.ts';
import { decodePartState, stateKey } from './part-state.ts';
import {
  chunksOf,
  isFile,
  namesIn,
  openPart,
  SECRET,
  type TestFile,
  testFile,
  writeChunks,
} from './testing/part-world.ts';

const CHUNK = 262_144;
const folder = folderForTests('part');
const open: PartFile[] = [];
afterEach(async () => {
  for (const part of open.splice(0)) await part.close();
});

async function partOf({ offer }: TestFile, secret = SECRET): Promise<PartFile> {
  const part = await openPart(folder.path, offer, secret);
  open.push(part);
  return part;
}

const all = (file: TestFile) => file.chunks.keys();
const statePath = () => folder.at('a.bin.andvari-part.state');

async function receive(file: TestFile): Promise<string> {
  const part = await partOf(file);
  await part.keepValues(file.values);
  await writeChunks(part, file, all(file));
  return part.finish();
}

describe('a file that comes whole', () => {
  it.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])('%d bytes', async (size) => {
    const file = testFile(size, 1);
    const path = await receive(file);
    expect(path).toBe(folder.at('a.bin'));
    expect(isFile(path, file.bytes)).toBe(true);
    expect(namesIn(folder.path)).toEqual(['a.bin']);
  });

  it('takes chunks in any order, and one twice', async () => {
    const file = testFile(2 * CHUNK + 1, 1);
    const part = await partOf(file);
    await writeChunks(part, file, [2, 0, 2]);
    expect(chunksOf(part)).toEqual([0, 2]);
    await writeChunks(part, file, [1]);
    expect(isFile(await part.finish(), file.bytes)).toBe(true);
  });

  it('is not finished before all is there, and can go on', async () => {
    const file = testFile(2 * CHUNK, 1);
    const part = await partOf(file);
    await writeChunks(part, file, [1]);
    await expect(part.finish()).rejects.toMatchObject({
      code: 'ANDVARI_FILE_INCOMPLETE',
      message: `${folder.at('a.bin')}: 1 chunks have not come yet`,
    });
    expect(existsSync(folder.at('a.bin'))).toBe(false);
    await writeChunks(part, file, [0]);
    expect(isFile(await part.finish(), file.bytes)).toBe(true);
  });

  it('takes no chunk of another length or number, and no values of another count', async () => {
    const part = await partOf(testFile(CHUNK + 5, 1));
    await expect(part.write(0, new Uint8Array(CHUNK - 1))).rejects.toThrow(RangeError);
    await expect(part.write(1, new Uint8Array(6))).rejects.toThrow(RangeError);
    await expect(part.write(2, new Uint8Array(5))).rejects.toThrow(RangeError);
    await expect(part.write(-1, new Uint8Array(5))).rejects.toThrow(RangeError);
    await expect(part.keepValues(new Uint8Array(32))).rejects.toThrow(RangeError);
    expect(part.have.size).toBe(0);
    const empty = await openPart(folder.path, testFile(0, 1, { name: 'empty' }).offer);
    await expect(empty.write(0, new Uint8Array(0))).rejects.toThrow(RangeError);
    await empty.discard();
  });

  it('is for its owner alone while it comes, with holes for what has not come', async () => {
    const file = testFile(40 * CHUNK, 1);
    const part = await partOf(file);
    await part.keepValues(file.values);
    await writeChunks(
      part,
      file,
      Array.from({ length: 16 }, (_, i) => 2 * i),
    );
    const names = namesIn(folder.path);
    const suffixes = ['', '.lock', '.state', '.values'];
    expect(names).toEqual(suffixes.map((suffix) => `a.bin.andvari-part${suffix}`));
    for (const name of names) expect(statSync(folder.at(name)).mode & 0o777).toBe(0o600);
    const { size, blocks } = statSync(folder.at('a.bin.andvari-part'));
    expect(size).toBe(file.bytes.length);
    expect(blocks * 512).toBeLessThan(20 * CHUNK);
  });
});

describe('what a finished file is', () => {
  it.each([
    ['644', '022', '644'],
    ['666', '027', '640'],
    ['777', '022', '755'],
    ['400', '022', '400'],
    ['0', '022', '0'],
    ['6755', '0', '755'],
  ])('mode %s under umask %s: %s', async (mode, umask, wanted) => {
    const before = process.umask(umask);
    try {
      const path = await receive(testFile(10, 1, { mode: Number.parseInt(mode, 8) }));
      expect((statSync(path).mode & 0o7777).toString(8)).toBe(wanted);
    } finally {
      process.umask(before);
    }
  });

  it('has the time of its sender, to the microsecond', async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    for (let round = 0; round < 30; round++) {
      const modifiedUs = BigInt(random(2 ** 31)) * 1_000_000n + BigInt(random(1_000_000));
      const path = await receive(testFile(1, 1, { modifiedUs }));
      const { mtimeNs } = statSync(path, { bigint: true });
      expect(mtimeNs / 1000n, `seed ${seed}`).toBe(modifiedUs);
    }
  });

  it('is there also when its time is none that the disk can keep', async () => {
    expect(await receive(testFile(1, 1, { modifiedUs: 2n ** 63n - 1n }))).toBe(folder.at('a.bin'));
  });

  it('takes no name of another file', async () => {
    writeFileSync(folder.at('a.bin'), 'mine');
    const file = testFile(10, 1);
    expect(await receive(file)).toBe(folder.at('a (1).bin'));
    expect(await receive(file)).toBe(folder.at('a (2).bin'));
    expect(readFileSync(folder.at('a.bin'), 'utf8')).toBe('mine');
    expect(isFile(folder.at('a (2).bin'), file.bytes)).toBe(true);
    expect(namesIn(folder.path)).toEqual(['a (1).bin', 'a (2).bin', 'a.bin']);
  });

  it('has no name when 1000 others have it', async () => {
    writeFileSync(folder.at('a.bin'), '');
    for (let i = 1; i <= 1000; i++) writeFileSync(folder.at(`a (${i}).bin`), '');
    const file = testFile(10, 1);
    const part = await partOf(file);
    await writeChunks(part, file, [0]);
    const message = `${folder.at('a.bin')} exists already, and so do those with a number behind it`;
    const noName = { code: 'ANDVARI_NO_NAME_LEFT', message };
    await expect(part.finish()).rejects.toMatchObject(noName);
    await part.close();
    const again = await partOf(file);
    expect(chunksOf(again)).toEqual([0]);
    await again.discard();
  });

  it.each([
    ['ASCII', 'n'.repeat(251)],
    ['two bytes a letter', `x${'\u00e9'.repeat(125)}`],
    ['four bytes a letter', `xyz${'\u{1f600}'.repeat(62)}`],
  ])('may have a name of 255 bytes: %s', async (_, stem) => {
    const name = `${stem}.bin`;
    expect(Buffer.byteLength(name)).toBe(255);
    const file = testFile(20 * CHUNK, 1, { name });
    const other = testFile(10, 2, { name: `${stem}.bim` });
    const neighbour = await partOf(other);
    const part = await partOf(file);
    await part.keepValues(file.values);
    await writeChunks(part, file, [...all(file)].slice(0, 17));
    await part.close();
    const again = await partOf(file);
    expect(again.have.size).toBe(17);
    await writeChunks(again, file, [17, 18, 19]);
    expect(await again.finish()).toBe(folder.at(name));
    const second = await receive(file);
    expect(second).toMatch(/ \(1\)\.bin$/);
    expect(isFile(second, file.bytes)).toBe(true);
    await neighbour.discard();
    expect(namesIn(folder.path)).toHaveLength(2);
  });
});

describe('a part', () => {
  it('goes on where it was closed', async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    const file = testFile(40 * CHUNK + 7, seed);
    const model = new Set<number>();
    for (let round = 0; model.size < 41; round++) {
      const part = await partOf(file);
      expect(new Set(chunksOf(part)), `seed ${seed}`).toEqual(model);
      if (round === 0) await part.keepValues(file.values);
      else expect(part.values).toEqual(file.values);
      const indices = Array.from({ length: random(20) }, () => random(41));
      await writeChunks(part, file, indices);
      for (const index of indices) model.add(index);
      await part.close();
      await part.close();
      const names = ['', '.state', '.values'].map((suffix) => `a.bin.andvari-part${suffix}`);
      if (model.size > 0) expect(namesIn(folder.path)).toEqual(names);
    }
    expect(isFile(await (await partOf(file)).finish(), file.bytes)).toBe(true);
  });

  it('has values by itself where there is one chunk, or none', async () => {
    const one = testFile(5, 1);
    expect((await partOf(one)).values).toEqual(one.offer.hash);
    expect((await partOf(testFile(0, 1, { name: 'empty' }))).values).toEqual(new Uint8Array(0));
    expect((await partOf(testFile(CHUNK + 1, 1, { name: 'two' }))).values).toBeUndefined();
  });

  it('is saved when 16 chunks have come, or a second has gone by', async () => {
    const file = testFile(20 * CHUNK, 1);
    const part = await partOf(file);
    const saved = () => decodePartState(readFileSync(statePath()), stateKey(SECRET))?.have.size;
    await writeChunks(part, file, [...all(file)].slice(0, 16));
    expect(saved()).toBe(16);
    await writeChunks(part, file, [16]);
    await sleep(1100);
    await writeChunks(part, file, [17]);
    expect(saved()).toBe(18);
  });

  it('is gone when it is discarded', async () => {
    const file = testFile(20 * CHUNK, 1);
    const part = await partOf(file);
    await part.keepValues(file.values);
    await writeChunks(part, file, [...all(file)].slice(0, 17));
    await part.discard();
    expect(namesIn(folder.path)).toEqual([]);
    expect((await partOf(file)).have.size).toBe(0);
  });

  it('does nothing more when it has ended', async () => {
    const file = testFile(5, 1);
    for (const end of ['close', 'discard', 'finish'] as const) {
      const part = await partOf(file);
      await writeChunks(part, file, [0]);
      await part[end]();
      for (const call of [
        () => part.write(0, file.bytes),
        () => part.finish(),
        () => part.discard(),
        () => part.keepValues(file.values),
      ]) {
        await expect(call()).rejects.toThrow('it has been closed');
      }
      await part.close();
    }
  });

  it('goes on although its file got other permissions', async () => {
    const file = testFile(2 * CHUNK, 1);
    const part = await partOf(file);
    await writeChunks(part, file, [0]);
    await part.close();
    chmodSync(folder.at('a.bin.andvari-part'), 0o644);
    expect(chunksOf(await partOf(file))).toEqual([0]);
  });
});

it('takes no secret of another length', async () => {
  await expect(openPart(folder.path, testFile(1, 1).offer, new Uint8Array(31))).rejects.toThrow(
    RangeError,
  );
});
