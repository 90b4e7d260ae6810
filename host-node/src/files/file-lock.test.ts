import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FileLock, FileLockedError, LockFileError, withFileLock } from './file-lock.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('lets one in at a time, and the next when it has ended, also by an error', () => {
  const path = join(folder, 'file');
  const inner = () => withFileLock(path, () => 'never', 10);
  expect(() => withFileLock(path, inner)).toThrow(FileLockedError);
  expect(() => withFileLock(path, inner)).toThrow(`another program is changing ${path}`);
  expect(withFileLock(path, () => 'mine', 10)).toBe('mine');
  expect(statSync(`${path}.lock`).mode & 0o777).toBe(0o600);
});

it('is of one path alone', () => {
  const other = () => withFileLock(join(folder, 'b'), () => 'both', 10);
  expect(withFileLock(join(folder, 'a'), other)).toBe('both');
});

it('is held until it is released', () => {
  const path = join(folder, 'file');
  const take = () => FileLock.take(path, 'mine');
  const lock = take();
  expect(take).toThrow(new FileLockedError('mine'));
  expect(() => withFileLock(path, () => 'never', 10)).toThrow(FileLockedError);
  expect(readdirSync(folder)).toEqual(['file.lock']);
  lock.release();
  lock.release();
  take().release();
  expect(statSync(`${path}.lock`).size).toBe(0);
});

it.each([
  ['a folder', 'it is a folder', (path: string) => mkdirSync(path)],
  ['another file', '', (path: string) => writeFileSync(path, 'x'.repeat(1000))],
])('names a lock file that is %s', (_, why, make) => {
  const path = join(folder, 'file');
  make(`${path}.lock`);
  const take = () => FileLock.take(path, 'mine');
  expect(take).toThrow(LockFileError);
  expect(take).toThrow(`cannot lock ${path}.lock: ${why}`);
});
