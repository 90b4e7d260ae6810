import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createFileDurably,
  removeFileDurably,
  removeLeftovers,
  replaceFileDurably,
} from './durable-file.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'andvari-durable-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('durable files', () => {
  it('are written whole, for the owner alone, and leave nothing beside them', () => {
    const path = join(directory, 'coins.bin');
    const bytes = new Uint8Array(100_000).fill(0xa5);
    createFileDurably(path, bytes);
    expect(new Uint8Array(readFileSync(path))).toEqual(bytes);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    replaceFileDurably(path, 'new');
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(readdirSync(directory)).toEqual(['coins.bin']);
  });

  it('are not created over what exists', () => {
    const path = join(directory, 'coins.bin');
    writeFileSync(path, 'mine');
    expect(() => createFileDurably(path, 'other')).toThrow(
      expect.objectContaining({ code: 'ANDVARI_FILE_EXISTS', path }),
    );
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect(readdirSync(directory)).toEqual(['coins.bin']);
  });

  it('leave nothing behind when the folder is not there', () => {
    const path = join(directory, 'no/coins.bin');
    for (const write of [createFileDurably, replaceFileDurably]) {
      expect(() => write(path, 'x')).toThrow(
        expect.objectContaining({
          ...{ code: 'ENOENT', path },
          message: `ENOENT: no such file or directory, open '${path}'`,
        }),
      );
    }
    expect(readdirSync(directory)).toEqual([]);
  });

  it('name what was to be replaced when that cannot be', () => {
    expect(() => replaceFileDurably(directory, 'x')).toThrow(
      expect.objectContaining({ path: directory, message: expect.not.stringContaining('.tmp') }),
    );
  });

  it('lose what a killed process has left beside them, and nothing else', () => {
    const path = join(directory, 'coins.bin');
    for (const end of ['', '.0123456789ab.tmp', '.ba9876543210.tmp', '.tmp', '.0123.tmp', '2']) {
      writeFileSync(path + end, 'x');
    }
    removeLeftovers(path);
    expect(readdirSync(directory).sort()).toEqual([
      'coins.bin',
      'coins.bin.0123.tmp',
      'coins.bin.tmp',
      'coins.bin2',
    ]);
  });

  it('are removed, twice if need be', () => {
    const path = join(directory, 'pending');
    replaceFileDurably(path, 'x');
    removeFileDurably(path);
    removeFileDurably(path);
    expect(readdirSync(directory)).toEqual([]);
  });
});
