import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FileLockedError, withFileLock } from './file-lock.ts';

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
