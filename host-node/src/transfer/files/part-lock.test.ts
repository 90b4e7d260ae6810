import { fork } from 'node:child_process';
import { once } from 'node:events';
import { symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { folderForTests } from '../../testing/folder.ts';
import { PartLock } from './part-lock.ts';
import { namesIn } from './testing/part-world.ts';

const PROGRAM = fileURLToPath(new URL('./testing/lock-holder.ts', import.meta.url));
const TIMES = process.env['ANDVARI_LONG'] === '1' ? 20_000 : 500;
const folder = folderForTests('part-lock');

it('is held by one at a time, and its file is gone when nobody holds it', () => {
  const lock = PartLock.take(folder.at('a'));
  const inUse = expect.objectContaining({ code: 'ANDVARI_TRANSFER_IN_USE', path: folder.at('a') });
  expect(() => PartLock.take(folder.at('a'))).toThrow(inUse);
  // To be refused must not have dropped the other one's lock.
  expect(() => PartLock.take(folder.at('a'))).toThrow(inUse);
  PartLock.take(folder.at('b')).release();
  expect(namesIn(folder.path)).toEqual(['a.lock']);
  lock.release();
  PartLock.take(folder.at('a')).release();
  expect(namesIn(folder.path)).toEqual([]);
});

it('takes over the file that a killed process has left', () => {
  writeFileSync(folder.at('a.lock'), '');
  PartLock.take(folder.at('a')).release();
  expect(namesIn(folder.path)).toEqual([]);
});

it.each<[string, string, (path: string) => void]>([
  ['a link to nothing', 'there is no such file', (path) => symlinkSync('nothing', path)],
  ['another file', 'not a database', (path) => writeFileSync(path, 'x'.repeat(1000))],
])('names %s in its place, and leaves it', (_, why, make) => {
  make(folder.at('a.lock'));
  const named = { code: 'ANDVARI_FILE_PLACE', message: expect.stringContaining(why) };
  expect(() => PartLock.take(folder.at('a'))).toThrow(expect.objectContaining(named));
  expect(namesIn(folder.path)).toEqual(['a.lock']);
});

it('is held by one process at a time, also while others remove its file', async () => {
  const ends = [1, 2, 3].map(async () => {
    const child = fork(PROGRAM, [folder.at('a'), String(TIMES)], { execArgv: [] });
    return (await once(child, 'exit'))[0];
  });
  expect(await Promise.all(ends)).toEqual([0, 0, 0]);
  expect(namesIn(folder.path)).toEqual([]);
});
