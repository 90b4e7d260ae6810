import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../../tests/seeded-random.ts';
import { folderForTests } from '../../testing/folder.ts';
import { NodeFileSource } from './node-file-source.ts';

const folder = folderForTests('file-source');
const open: NodeFileSource[] = [];
afterEach(async () => {
  for (const source of open.splice(0)) await source.close();
});

async function sourceOf(name: string): Promise<NodeFileSource> {
  const source = await NodeFileSource.open(folder.at(name));
  open.push(source);
  return source;
}

const changed = expect.objectContaining({ code: 'ANDVARI_FILE_CHANGED' });
const noFile = expect.objectContaining({ code: 'ANDVARI_NOT_A_FILE' });

describe('what there is to know', () => {
  it('is what stat() says, of the file that a link leads to', async () => {
    writeFileSync(folder.at('a'), 'hello', { mode: 0o640 });
    utimesSync(folder.at('a'), 5, 1234567890.25);
    symlinkSync('a', folder.at('link'));
    for (const name of ['a', 'link']) {
      const { size, mode, modifiedUs, path } = await sourceOf(name);
      expect({ size, mode, modifiedUs }).toEqual({
        size: 5,
        mode: 0o640,
        modifiedUs: 1234567890250000n,
      });
      expect(path).toBe(folder.at(name));
    }
  });

  it('has no times before 1970, which an offer cannot tell', async () => {
    writeFileSync(folder.at('old'), '');
    const time = new Date('1960-01-01');
    utimesSync(folder.at('old'), time, time);
    expect(statSync(folder.at('old')).mtimeMs).toBe(time.getTime());
    expect((await sourceOf('old')).modifiedUs).toBe(0n);
  });
});

describe('what is no regular file', () => {
  it('is refused, and a pipe without another end does not hang', async () => {
    mkdirSync(folder.at('folder'));
    expect(spawnSync('mkfifo', [folder.at('pipe')]).status).toBe(0);
    const server = createServer().listen(folder.at('socket'));
    for (const path of ['folder', 'pipe', 'socket'].map((name) => folder.at(name))) {
      await expect(NodeFileSource.open(path)).rejects.toThrow(noFile);
      await expect(NodeFileSource.open(path)).rejects.toThrow(`${path} is no regular file`);
    }
    await expect(NodeFileSource.open('/dev/null')).rejects.toThrow(noFile);
    server.close();
  });

  it('is named when it is not there', async () => {
    const path = folder.at('none');
    await expect(NodeFileSource.open(path)).rejects.toMatchObject({
      code: 'ANDVARI_FILE_UNREADABLE',
      message: `cannot read ${path}: there is no such file or folder`,
      cause: { code: 'ENOENT' },
    });
  });
});

describe('reading', () => {
  it('fills any range with the bytes of the file', async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    const bytes = Uint8Array.from({ length: 600_001 }, () => random(256));
    writeFileSync(folder.at('a'), bytes);
    const source = await sourceOf('a');
    for (let round = 0; round < 50; round++) {
      const offset = random(bytes.length + 1);
      const into = new Uint8Array(random(bytes.length - offset + 1));
      await source.read(offset, into);
      const isSame = Buffer.compare(into, bytes.subarray(offset, offset + into.length)) === 0;
      expect(isSame, `seed ${seed}`).toBe(true);
    }
  });

  it('is of ranges of the file alone', async () => {
    writeFileSync(folder.at('a'), 'hello');
    const source = await sourceOf('a');
    await source.read(5, new Uint8Array(0));
    await expect(source.read(3, new Uint8Array(3))).rejects.toThrow(RangeError);
    await expect(source.read(6, new Uint8Array(0))).rejects.toThrow(RangeError);
    await expect(source.read(-1, new Uint8Array(1))).rejects.toThrow(RangeError);
    await expect(source.read(0, 'hello' as unknown as Uint8Array)).rejects.toThrow(TypeError);
  });

  it('ends with close(), which may come twice', async () => {
    writeFileSync(folder.at('a'), 'hello');
    const source = await sourceOf('a');
    await source.close();
    await source.close();
    await expect(source.read(0, new Uint8Array(1))).rejects.toMatchObject({
      message: `cannot read ${folder.at('a')}: it has been closed`,
    });
  });
});

describe('a file that changes while it is sent', () => {
  const SIZE = 300_000;

  it.each<[string, (path: string) => void]>([
    ['grows', (path) => appendFileSync(path, 'x')],
    ['shrinks', (path) => truncateSync(path, SIZE - 1)],
    ['is emptied', (path) => truncateSync(path, 0)],
    ['is written to in place', (path) => writeInPlace(path)],
    [
      'is written to in place, and its time put back',
      (path) => {
        const { atimeMs, mtimeMs } = statSync(path);
        writeInPlace(path);
        utimesSync(path, atimeMs / 1000, mtimeMs / 1000);
      },
    ],
    [
      'is replaced by another of the same size',
      (path) => {
        writeFileSync(`${path}.new`, Buffer.alloc(SIZE, 1));
        renameSync(`${path}.new`, path);
      },
    ],
    ['is removed', (path) => rmSync(path)],
    ['gets a second name', (path) => linkSync(path, `${path}.link`)],
  ])('%s: what is read then is not sent', async (_, change) => {
    writeFileSync(folder.at('a'), Buffer.alloc(SIZE));
    const source = await sourceOf('a');
    const into = new Uint8Array(1000);
    await source.read(0, into);
    change(folder.at('a'));
    await expect(source.read(SIZE - 1000, into)).rejects.toThrow(changed);
    // For good: the part that was sent before may be of the old one.
    await expect(source.read(0, into)).rejects.toThrow(`${folder.at('a')} has changed`);
  });

  it('is not one whose neighbours change, or that others read', async () => {
    writeFileSync(folder.at('a'), Buffer.alloc(SIZE));
    const source = await sourceOf('a');
    writeFileSync(folder.at('b'), 'new');
    await (await sourceOf('a')).read(0, new Uint8Array(SIZE));
    await source.read(0, new Uint8Array(SIZE));
  });
});

function writeInPlace(path: string): void {
  const file = openSync(path, 'r+');
  writeSync(file, 'x', 100);
  closeSync(file);
}
