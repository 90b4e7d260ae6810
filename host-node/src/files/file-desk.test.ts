import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { EffectStatus, Folder, WriteMode } from '@andvari/host-common/engine/generated/layout';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileDesk } from './file-desk.ts';

const LEFTOVER = '.andvari-0123456789abcdef.tmp';
/** Puts a link in the place of a folder and takes it away again, until it is told to stop. */
const SWAPPER = `
  const { renameSync, symlinkSync, unlinkSync } = require('node:fs');
  const { sub, aside, outside, flags } = require('node:worker_threads').workerData;
  while (Atomics.load(flags, 0) === 0) {
    renameSync(sub, aside);
    symlinkSync(outside, sub);
    unlinkSync(sub);
    renameSync(aside, sub);
  }`;
let place: string;
let dataDir: string;
let desk: FileDesk;
beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'andvari-desk-'));
  dataDir = join(place, 'data');
  mkdirSync(dataDir);
  desk = await FileDesk.open(dataDir);
});
afterEach(() => rmSync(place, { recursive: true }));

const at = (path: string) => join(dataDir, path);
const bytes = (text: string) => Buffer.from(text, 'latin1');
const nameOf = (status: number) =>
  Object.entries(EffectStatus).find(([, value]) => value === status)?.[0];

/** The content, or the name of the status. */
async function read(name: string, folder: number = Folder.FOLDERS, bytesMax = 100) {
  const result = await desk.read(folder, bytes(name), { bytesMax });
  if (result.status === EffectStatus.OK) return Buffer.from(result.bytes ?? []).toString('latin1');
  expect(result.bytes).toBeUndefined();
  return nameOf(result.status);
}

async function write(name: string, content: string, more: Partial<Written> = {}) {
  const { folder = Folder.FOLDERS, mode = WriteMode.REPLACE, permissions = 0o644 } = more;
  const result = await desk.write(folder, bytes(name), bytes(content), { mode, permissions });
  return nameOf(result.status);
}
interface Written {
  folder: number;
  mode: number;
  permissions: number;
}

async function remove(name: string, folder: number = Folder.FOLDERS) {
  return nameOf((await desk.remove(folder, bytes(name))).status);
}

/** What every verb says of one name. */
async function verdicts(name: string) {
  const create = { mode: WriteMode.CREATE };
  return [
    await read(name),
    await write(name, 'x'),
    await write(name, 'x', create),
    await remove(name),
  ];
}

describe('a file', () => {
  test('is written, read, replaced and removed; nothing stays beside it', async () => {
    expect(await read('a')).toBe('MISSING');
    expect(await write('a', 'one')).toBe('OK');
    expect(await read('a')).toBe('one');
    expect(await write('a', '2')).toBe('OK');
    expect(await read('a')).toBe('2');
    expect(readdirSync(at('Folders'))).toEqual(['a']);
    expect(await remove('a')).toBe('OK');
    expect(await remove('a')).toBe('MISSING');
    expect(readdirSync(at('Folders'))).toEqual([]);
  });

  test('is created once', async () => {
    expect(await write('a', 'one', { mode: WriteMode.CREATE })).toBe('OK');
    expect(await write('a', 'two', { mode: WriteMode.CREATE })).toBe('EXISTS');
    expect(await read('a')).toBe('one');
    expect(readdirSync(at('Folders'))).toEqual(['a']);
    const many = Array.from({ length: 20 }, (_, i) =>
      write('b', `${i}`, { mode: WriteMode.CREATE }),
    );
    const ends = await Promise.all(many);
    expect(ends.filter((end) => end === 'OK')).toHaveLength(1);
    expect(ends.filter((end) => end === 'EXISTS')).toHaveLength(19);
    expect(await read('b')).toBe(`${ends.indexOf('OK')}`);
    expect(readdirSync(at('Folders')).sort()).toEqual(['a', 'b']);
  });

  test('lies in the folder of its kind', async () => {
    const folders = [Folder.COINS, Folder.KEYS, Folder.TRADES, Folder.ZONES, Folder.FOLDERS];
    for (const folder of folders) expect(await write('f', `${folder}`, { folder })).toBe('OK');
    const names = ['coins', 'Keys', 'Trades', 'Zones', 'Folders'];
    expect(names.map((name) => readFileSync(at(`${name}/f`), 'latin1'))).toEqual([...'01234']);
    expect(readdirSync(dataDir).sort()).toEqual(names.sort());
    expect(names.map((name) => statSync(at(name)).mode & 0o27)).toEqual(Array(5).fill(0));
    expect(await read('f', 5)).toBe('OUTSIDE');
  });

  test('has exactly the permissions that were asked for', async () => {
    const before = process.umask(0o077);
    try {
      for (const permissions of [0o640, 0o644, 0o600]) {
        await write('a', 'x', { permissions });
        expect(statSync(at('Folders/a')).mode & 0o7777).toBe(permissions);
      }
      await write('a', 'x', { permissions: 0o104755 });
      expect(statSync(at('Folders/a')).mode & 0o7777).toBe(0o755);
    } finally {
      process.umask(before);
    }
  });

  test('may be as long as the reader takes, and no longer', async () => {
    await write('a', 'x'.repeat(100));
    expect(await read('a')).toBe('x'.repeat(100));
    expect(await read('a', Folder.FOLDERS, 99)).toBe('TOO_LARGE');
    await write('a', '');
    expect(await read('a', Folder.FOLDERS, 0)).toBe('');
  });

  test('may have any bytes in its name', async () => {
    for (const name of ['\xff\xfe', 'a b', '\\..\\x', '-rf', '\n', '...']) {
      expect(await write(name, name)).toBe('OK');
      expect(await read(name)).toBe(name);
      expect(await remove(name)).toBe('OK');
    }
  });

  test('many at once', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `f${i}`);
    expect(new Set(await Promise.all(names.map((name) => write(name, name))))).toEqual(
      new Set(['OK']),
    );
    expect(await Promise.all(names.map((name) => read(name)))).toEqual(names);
  });

  test('given up before its turn, is not touched', async () => {
    const signal = AbortSignal.abort();
    const options = { mode: WriteMode.REPLACE, permissions: 0o600, signal };
    const result = await desk.write(Folder.KEYS, bytes('a'), bytes('x'), options);
    expect(result.status).toBe(EffectStatus.FAILED);
    expect(existsSync(at('Keys'))).toBe(false);
  });
});

describe('posted keys', () => {
  const create = { folder: Folder.KEYS, mode: WriteMode.CREATE };
  const post = (name: string) =>
    desk.write(Folder.KEYS, bytes(name), bytes('x'), { ...create, permissions: 0o640 });
  const failed = { status: EffectStatus.FAILED };
  const full = { ...failed, problem: 'the folder of posted keys is full' };
  beforeEach(async () => {
    desk = await FileDesk.open(dataDir, { keyFilesMax: 3 });
  });

  test('are so many, and it is told once that there is no room', async () => {
    for (const name of ['a', 'b', 'c']) expect(await write(name, 'x', create)).toBe('OK');
    expect([await post('d'), await post('e')]).toEqual([full, failed]);
    expect(readdirSync(at('Keys')).sort()).toEqual(['a', 'b', 'c']);
    expect(await write('a', 'y', create)).toBe('EXISTS');
    expect(await write('a', 'y', { folder: Folder.KEYS })).toBe('OK');
    expect(await read('a', Folder.KEYS)).toBe('y');
    for (const name of ['d', 'e']) {
      expect(await write(name, 'x', { mode: WriteMode.CREATE })).toBe('OK');
      expect(await write(name, 'x', { folder: Folder.TRADES })).toBe('OK');
    }
  });

  test('at once are no more, and one that is not written takes no room', async () => {
    for (let i = 0; i < 5; i++) {
      const ends = await Promise.all(Array.from({ length: 9 }, () => write('a', 'x', create)));
      expect(ends.filter((end) => end === 'OK')).toHaveLength(i === 0 ? 1 : 0);
    }
    const ends = await Promise.all([...'bcdefghi'].map((name) => write(name, 'x', create)));
    expect(ends.filter((end) => end === 'OK')).toHaveLength(2);
    expect(readdirSync(at('Keys'))).toHaveLength(3);
  });

  test('that are removed leave room, those of the operator from the next start on', async () => {
    for (const name of ['a', 'b', 'c']) await post(name);
    expect(await post('d')).toEqual(full);
    expect(await remove('a', Folder.KEYS)).toBe('OK');
    expect(await remove('a', Folder.KEYS)).toBe('MISSING');
    expect(await write('d', 'x', create)).toBe('OK');
    expect(await post('e')).toEqual(full);
    rmSync(at('Keys/b'));
    expect(await write('e', 'x', create)).toBe('FAILED');
    mkdirSync(at('Keys/folder'));
    writeFileSync(at(`Keys/${LEFTOVER}`), '');
    desk = await FileDesk.open(dataDir, { keyFilesMax: 3 });
    expect(await write('e', 'x', create)).toBe('OK');
    expect(await post('f')).toEqual(full);
  });
});

describe('sub-folders', () => {
  test('hold files, and must be there', async () => {
    expect(await write('a/b/c', 'x')).toBe('MISSING');
    mkdirSync(at('Folders/a/b'), { recursive: true });
    expect(await write('a/b/c', 'x')).toBe('OK');
    expect(await read('a/b/c')).toBe('x');
    expect(readdirSync(at('Folders/a/b'))).toEqual(['c']);
    expect(await read('a/c/c')).toBe('MISSING');
    expect(await remove('a/b/c')).toBe('OK');
  });

  test('are no part of the other folders', async () => {
    mkdirSync(at('Keys/a'), { recursive: true });
    expect(await write('a/b', 'x', { folder: Folder.KEYS })).toBe('OUTSIDE');
    expect(await read('a/b', Folder.KEYS)).toBe('OUTSIDE');
    expect(readdirSync(at('Keys/a'))).toEqual([]);
  });

  test('a file is none', async () => {
    await write('a', 'x');
    expect(await verdicts('a/b')).toEqual(Array(4).fill('MISSING'));
  });
});

describe('outside', () => {
  beforeEach(() => {
    mkdirSync(at('Folders'));
    mkdirSync(at('Folders2'));
    mkdirSync(join(place, 'outside'));
    writeFileSync(at('Folders2/secret'), 'secret');
    writeFileSync(at('secret'), 'secret');
    writeFileSync(join(place, 'outside/secret'), 'secret');
  });

  test.each([
    '../secret',
    '../Folders2/secret',
    'a/../../secret',
    '/etc/passwd',
    'Folders2/../../secret',
    '..',
    '.',
    '',
    'a/',
    'a//b',
    '../secret\0',
  ])('%j cannot be reached', async (name) => {
    mkdirSync(at('Folders/a'));
    expect(await verdicts(name)).toEqual(Array(4).fill('OUTSIDE'));
  });

  test('nor through links, the last one or one on the way', async () => {
    const outside = join(place, 'outside');
    symlinkSync(join(outside, 'secret'), at('Folders/file'));
    symlinkSync(outside, at('Folders/folder'));
    symlinkSync('/nowhere', at('Folders/dangling'));
    symlinkSync('here', at('Folders/here'));
    mkdirSync(at('Folders/deep'));
    symlinkSync('..', at('Folders/deep/up'));
    for (const name of ['file', 'folder/secret', 'folder', 'dangling', 'here', 'deep/up/x']) {
      expect(await verdicts(name), name).toEqual(Array(4).fill('OUTSIDE'));
    }
    expect(readFileSync(join(outside, 'secret'), 'latin1')).toBe('secret');
    expect(readdirSync(outside)).toEqual(['secret']);
    expect(readdirSync(at('Folders')).sort()).toEqual([
      'dangling',
      'deep',
      'file',
      'folder',
      'here',
    ]);
  });

  test('nor when one of the five folders is a link', async () => {
    symlinkSync(join(place, 'outside'), at('Keys'));
    expect(await read('secret', Folder.KEYS)).toBe('OUTSIDE');
    expect(await write('new', 'x', { folder: Folder.KEYS })).toBe('OUTSIDE');
    symlinkSync('/nowhere', at('Zones'));
    expect(await write('new', 'x', { folder: Folder.ZONES })).toBe('OUTSIDE');
    expect(readdirSync(join(place, 'outside'))).toEqual(['secret']);
  });

  test('the data folder itself may be reached by one', async () => {
    symlinkSync(dataDir, join(place, 'link'));
    desk = await FileDesk.open(join(place, 'link'));
    expect(await write('a', 'x')).toBe('OK');
    expect(readFileSync(at('Folders/a'), 'latin1')).toBe('x');
  });

  test('nor while somebody swaps a folder for a link, again and again', async () => {
    mkdirSync(at('Folders/sub'));
    writeFileSync(at('Folders/sub/secret'), 'public');
    const flags = new Int32Array(new SharedArrayBuffer(4));
    const outside = join(place, 'outside');
    const paths = { sub: at('Folders/sub'), aside: at('aside'), outside };
    const swapper = new Worker(SWAPPER, { eval: true, workerData: { ...paths, flags } });
    const ended = new Promise((resolve, reject) => swapper.on('exit', resolve).on('error', reject));
    const seen = new Set<string | undefined>();
    for (let round = 0; round < 60 || !(seen.has('public') && seen.has('OUTSIDE')); round++) {
      expect(round, [...seen].join()).toBeLessThan(2000);
      const reads = [1, 2, 3, 4].map(() => read('sub/secret'));
      const changes = [write('sub/new', 'x'), remove('sub/new')];
      for (const end of await Promise.all([...reads, ...changes])) seen.add(end);
    }
    Atomics.store(flags, 0, 1);
    await ended;
    expect(seen).not.toContain('secret');
    expect(readdirSync(outside)).toEqual(['secret']);
    expect(readFileSync(join(outside, 'secret'), 'latin1')).toBe('secret');
  });
});

describe('what is no file', () => {
  test('a folder, a FIFO, a socket, a device', async () => {
    mkdirSync(at('Folders/folder'), { recursive: true });
    const names = ['folder', 'socket'];
    const server = createServer().listen(at('Folders/socket'));
    if (spawnSync('mkfifo', [at('Folders/fifo')]).status === 0) names.push('fifo');
    if (spawnSync('mknod', [at('Folders/zero'), 'c', '1', '5']).status === 0) names.push('zero');
    for (const name of names) {
      expect(await verdicts(name), name).toEqual(Array(4).fill('NOT_A_FILE'));
    }
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('what cannot be', () => {
  test('names that no file can have', async () => {
    for (const name of ['x'.repeat(256), 'x/'.repeat(600), LEFTOVER]) {
      expect(await verdicts(name)).toEqual(['MISSING', 'FAILED', 'FAILED', 'MISSING']);
    }
  });

  test('a data folder that cannot be made fails, and says no name', async () => {
    desk = await FileDesk.open('/proc/nothing');
    const options = { mode: WriteMode.REPLACE, permissions: 0o600 };
    const result = await desk.write(Folder.TRADES, bytes('secret'), bytes('x'), options);
    expect(result).toEqual({
      status: EffectStatus.FAILED,
      problem: 'write in Trades: ANDVARI_DIRECTORY',
    });
    expect(await read('a')).toBe('MISSING');
  });

  test('a folder that goes away under a write', async () => {
    mkdirSync(at('Folders/sub'), { recursive: true });
    const writes = Array.from({ length: 40 }, (_, i) => write(`sub/${i}`, 'x'));
    await new Promise((resolve) => setTimeout(resolve, 2));
    rmSync(at('Folders/sub'), { recursive: true, force: true, maxRetries: 20 });
    const ends = new Set(await Promise.all(writes));
    for (const end of ends) expect(['OK', 'MISSING']).toContain(end);
  });
});

describe('at start', () => {
  test('half-written files go, in sub-folders too; all others stay', async () => {
    mkdirSync(at('Folders/a/b'), { recursive: true });
    mkdirSync(at('Keys'));
    mkdirSync(join(place, 'outside'));
    symlinkSync(join(place, 'outside'), at('Folders/link'));
    const kept = ['Folders/a/file', 'Folders/a/.andvari-0123.tmp', 'Keys/k'].map(at);
    const gone = [`Folders/${LEFTOVER}`, `Folders/a/b/${LEFTOVER}`, `Keys/${LEFTOVER}`].map(at);
    const elsewhere = join(place, 'outside', LEFTOVER);
    for (const path of [...kept, ...gone, elsewhere]) writeFileSync(path, 'x');
    await FileDesk.open(dataDir);
    expect([...kept, elsewhere].map((path) => existsSync(path))).toEqual(Array(4).fill(true));
    expect(gone.map((path) => existsSync(path))).toEqual(Array(3).fill(false));
  });

  test('nothing is made', async () => {
    await FileDesk.open(join(place, 'none'));
    expect(readdirSync(dataDir)).toEqual([]);
    expect(existsSync(join(place, 'none'))).toBe(false);
  });
});
