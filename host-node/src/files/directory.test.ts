import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DirectoryError, makeDirectory } from './directory.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-directory-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('makeDirectory', () => {
  test('makes what is missing, with its mode, and leaves what is there', () => {
    const path = join(folder, 'a/b/c');
    makeDirectory(path, 0o700);
    makeDirectory(path, 0o755);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700);
  });

  test('says what is in the way', () => {
    writeFileSync(join(folder, 'file'), '');
    for (const path of ['file', 'file/below', 'file/far/below']) {
      expect(() => makeDirectory(join(folder, path), 0o700)).toThrow(DirectoryError);
    }
    expect(() => makeDirectory(join(folder, 'file'), 0o700)).toThrow('in the way');
  });

  test('ends where nothing can be made', () => {
    expect(() => makeDirectory('/proc/andvari/below', 0o700)).toThrow(DirectoryError);
  });
});
