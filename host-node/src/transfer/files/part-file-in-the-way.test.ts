/** What stands where a part should be, and what of a part can be believed. */
import { spawnSync } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderForTests } from '../../testing/folder.ts';
import type { PartFile } from './part-file.ts';
import {
  chunksOf,
  isFile,
  namesIn,
  openPart,
  SECRET,
  testFile,
  writeChunks,
} from './testing/part-world.ts';

const CHUNK = 262_144;
const OTHER_SECRET = new Uint8Array(32).fill(8);
const IN_USE = { code: 'ANDVARI_TRANSFER_IN_USE' };
const isRoot = process.getuid?.() === 0;
const folder = folderForTests('part-in-the-way');
/** Of four chunks. */
const file = testFile(3 * CHUNK + 10, 5);
let dataPath = '';
let statePath = '';
let valuesPath = '';
const open: PartFile[] = [];

beforeEach(() => {
  dataPath = folder.at('a.bin.andvari-part');
  statePath = `${dataPath}.state`;
  valuesPath = `${dataPath}.values`;
});
afterEach(async () => {
  for (const part of open.splice(0)) await part.close();
});

async function partOf(offer = file.offer, secret = SECRET): Promise<PartFile> {
  const part = await openPart(folder.path, offer, secret);
  open.push(part);
  return part;
}

/** Chunks 0, 1 and 3 are there, and closed. */
async function leavePart(withValues = true): Promise<void> {
  const part = await partOf();
  if (withValues) await part.keepValues(file.values);
  await writeChunks(part, file, [0, 1, 3]);
  await part.close();
}

function damage(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] as number) ^ 0x10;
  writeFileSync(path, bytes);
}

describe('what is no part', () => {
  it.each<[string, string, () => void]>([
    ['a symbolic link', 'is a symbolic link', () => symlinkSync('victim', dataPath)],
    ['a link to nothing', 'is a symbolic link', () => symlinkSync('nothing', dataPath)],
    ['a hard link', 'has another name as well', () => linkSync(folder.at('victim'), dataPath)],
    ['a pipe', 'is no regular file', () => spawnSync('mkfifo', [dataPath])],
    ['a folder', 'is no regular file', () => mkdirSync(dataPath)],
  ])('%s: is refused and left as it is', async (_, what, make) => {
    writeFileSync(folder.at('victim'), 'precious');
    make();
    const { ino } = lstatSync(dataPath);
    await expect(partOf()).rejects.toMatchObject({
      code: 'ANDVARI_PART_IN_THE_WAY',
      message: expect.stringContaining(`${dataPath} ${what}`),
    });
    expect(lstatSync(dataPath).ino).toBe(ino);
    expect(readFileSync(folder.at('victim'), 'utf8')).toBe('precious');
    expect(namesIn(folder.path)).toEqual(['a.bin.andvari-part', 'victim']);
  });

  it.skipIf(!isRoot)(
    `another user's file${isRoot ? '' : ' (DID NOT RUN: needs root)'}`,
    async () => {
      writeFileSync(dataPath, 'theirs');
      chownSync(dataPath, 12345, 12345);
      const message = `${dataPath} belongs to somebody else: nothing is written to it`;
      await expect(partOf()).rejects.toMatchObject({ code: 'ANDVARI_PART_IN_THE_WAY', message });
      expect(readFileSync(dataPath, 'utf8')).toBe('theirs');
    },
  );

  it.each(['state', 'values', 'state.tmp', 'lock'])('a folder at .%s is named', async (end) => {
    mkdirSync(`${dataPath}.${end}`);
    writeFileSync(folder.at(`a.bin.andvari-part.${end}/x`), '');
    const trial = async () => {
      const part = await openPart(folder.path, file.offer);
      try {
        await part.keepValues(file.values);
        await writeChunks(part, file, [0]);
      } finally {
        await part.close();
      }
    };
    const message = expect.stringContaining(`${dataPath}.${end.replace('.tmp', '')}`);
    await expect(trial()).rejects.toMatchObject({ code: 'ANDVARI_FILE_PLACE', message });
    expect(existsSync(`${dataPath}.${end}/x`)).toBe(true);
    rmSync(`${dataPath}.${end}`, { recursive: true });
    await trial();
  });

  it.each(['state', 'values', 'state.tmp'])('a link at .%s leads nowhere', async (end) => {
    writeFileSync(folder.at('victim'), 'precious');
    symlinkSync('victim', `${dataPath}.${end}`);
    await leavePart();
    expect(chunksOf(await partOf())).toEqual([0, 1, 3]);
    expect(readFileSync(folder.at('victim'), 'utf8')).toBe('precious');
  });

  it.each(['x/a', '../a', '.', 'a.andvari-part', 'a.andvari-part.state', 'A.ANDVARI-PART.lock'])(
    'has no name like %s',
    async (name) => {
      await expect(partOf({ ...file.offer, name })).rejects.toMatchObject({
        code: 'ANDVARI_FILE_OFFER',
      });
      expect(namesIn(folder.path)).toEqual([]);
    },
  );
});

describe('a part of another file of that name', () => {
  it.each([
    ['hash', { ...file.offer, hash: new Uint8Array(32) }],
    ['size', { ...file.offer, size: file.offer.size - 1 }],
  ])('by its %s: is refused, left as it is, and can be removed', async (_, offer) => {
    await leavePart();
    const before = readFileSync(dataPath);
    await expect(partOf(offer)).rejects.toMatchObject({
      code: 'ANDVARI_PART_OF_ANOTHER_FILE',
      path: dataPath,
      message: expect.stringContaining(`${dataPath} is a part of another file`),
    });
    expect(isFile(dataPath, before)).toBe(true);
    expect(chunksOf(await partOf())).toEqual([0, 1, 3]);
    await open.pop()?.close();
    rmSync(dataPath);
    expect((await partOf(offer)).have.size).toBe(0);
  });

  it('is the same one with another time and other permissions', async () => {
    await leavePart();
    const part = await partOf({ ...file.offer, mode: 0o600, modifiedUs: 5_000_000n });
    expect(chunksOf(part)).toEqual([0, 1, 3]);
    await writeChunks(part, file, [2]);
    const { mode, mtimeMs } = statSync(await part.finish());
    expect([mode & 0o777, mtimeMs]).toEqual([0o600, 5000]);
  });
});

describe('one at a time', () => {
  it('in this process, and the next when it has ended', async () => {
    const part = await partOf();
    await expect(partOf()).rejects.toMatchObject(IN_USE);
    await expect(partOf()).rejects.toThrow(`${dataPath} is being received already`);
    await partOf({ ...file.offer, name: 'b.bin' });
    await part.close();
    await (await partOf()).discard();
    await partOf();
  });

  it('is refused before anything is changed', async () => {
    const part = await partOf();
    await writeChunks(part, file, [0, 1, 3]);
    await expect(partOf({ ...file.offer, hash: new Uint8Array(32) })).rejects.toMatchObject(IN_USE);
    await writeChunks(part, file, [2]);
    expect(isFile(await part.finish(), file.bytes)).toBe(true);
  });
});

describe('a state that is not believed', () => {
  it.each<[string, () => void]>([
    ['is missing', () => rmSync(statePath)],
    ['is empty', () => truncateSync(statePath, 0)],
    ['is cut', () => truncateSync(statePath, statSync(statePath).size - 1)],
    ['is longer', () => writeFileSync(statePath, 'x', { flag: 'a' })],
    ['is huge', () => truncateSync(statePath, 2 ** 40)],
    ['speaks of data that are gone', () => rmSync(dataPath)],
    ['speaks of data that were cut', () => truncateSync(dataPath, CHUNK)],
  ])('%s: the file comes anew', async (_, change) => {
    await leavePart();
    change();
    const part = await partOf();
    expect(part.have.size).toBe(0);
    expect(part.values).toEqual(file.values);
    expect(isFile(dataPath, new Uint8Array(file.bytes.length))).toBe(true);
    await writeChunks(part, file, file.chunks.keys());
    expect(isFile(await part.finish(), file.bytes)).toBe(true);
  });

  it('has any byte flipped', async () => {
    await leavePart();
    const [state, data] = [readFileSync(statePath), readFileSync(dataPath)];
    for (let at = 0; at < state.length; at++) {
      damage(statePath, at);
      const part = await partOf();
      expect(part.have.size, `byte ${at}`).toBe(0);
      await part.close();
      writeFileSync(statePath, state);
      writeFileSync(dataPath, data);
    }
    expect(chunksOf(await partOf())).toEqual([0, 1, 3]);
  });

  it("is another receiver's, and is not believed later of the data that came since", async () => {
    await leavePart(false);
    const other = await partOf(file.offer, OTHER_SECRET);
    expect(other.have.size).toBe(0);
    await other.close();
    expect(existsSync(statePath)).toBe(false);
    expect((await partOf()).have.size).toBe(0);
  });
});

describe('data that are not what the state claims', () => {
  it('are found by their values, chunk by chunk', async () => {
    await leavePart();
    damage(dataPath, CHUNK + 77);
    const part = await partOf();
    expect(chunksOf(part)).toEqual([0, 3]);
    await writeChunks(part, file, [1, 2]);
    expect(isFile(await part.finish(), file.bytes)).toBe(true);
  });

  it.each<[string, () => void]>([
    ['have never come', () => undefined],
    ['are damaged', () => damage(valuesPath, 40)],
    ['are cut', () => truncateSync(valuesPath, 32)],
  ])('are found when the values come that %s', async (name, change) => {
    await leavePart(name !== 'have never come');
    change();
    damage(dataPath, file.bytes.length - 1);
    const part = await partOf();
    expect([part.values, chunksOf(part)]).toEqual([undefined, [0, 1, 3]]);
    await part.keepValues(file.values);
    expect([part.values, chunksOf(part)]).toEqual([file.values, [0, 1]]);
    await part.close();
    expect((await partOf()).values).toEqual(file.values);
  });
});

describe('the end', () => {
  it('that was cut off behind the new name is told from a link that somebody made', async () => {
    writeFileSync(folder.at('a.bin'), 'mine');
    const before = await partOf();
    await writeChunks(before, file, file.chunks.keys());
    await before.close();
    linkSync(dataPath, folder.at('a (1).bin'));
    const part = await partOf();
    expect(part.have.size).toBe(0);
    expect(isFile(folder.at('a (1).bin'), file.bytes)).toBe(true);
    await writeChunks(part, file, file.chunks.keys());
    expect(await part.finish()).toBe(folder.at('a (2).bin'));
    expect(statSync(folder.at('a (1).bin')).nlink).toBe(1);
  });

  it('gives its name to no file that has taken the place of the part', async () => {
    const part = await partOf();
    await writeChunks(part, file, file.chunks.keys());
    writeFileSync(folder.at('other'), 'not what came');
    renameSync(folder.at('other'), dataPath);
    const inTheWay = { code: 'ANDVARI_PART_IN_THE_WAY' };
    await expect(part.finish()).rejects.toMatchObject(inTheWay);
    rmSync(dataPath);
    await expect(part.finish()).rejects.toMatchObject(inTheWay);
    expect(existsSync(folder.at('a.bin'))).toBe(false);
  });

  it('comes also where a part cannot be removed, which is named', async () => {
    const part = await partOf();
    mkdirSync(statePath);
    const message = `cannot write ${statePath}: it is a folder`;
    await expect(part.discard()).rejects.toMatchObject({ code: 'ANDVARI_FILE_PLACE', message });
    rmSync(statePath, { recursive: true });
    await (await partOf()).discard();
    expect(namesIn(folder.path)).toEqual([]);
  });

  it('takes away what a killed process was writing', async () => {
    await leavePart();
    const left = openSync(`${statePath}.tmp`, 'w');
    writeSync(left, 'half');
    closeSync(left);
    writeFileSync(`${dataPath}.lock`, '');
    const part = await partOf();
    await writeChunks(part, file, [2]);
    await part.close();
    expect(namesIn(folder.path)).toEqual(
      ['', '.state', '.values'].map((suffix) => `a.bin.andvari-part${suffix}`),
    );
  });
});
