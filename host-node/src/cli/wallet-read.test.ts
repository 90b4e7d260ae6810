import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCoinFiles } from './wallet-input.ts';
import { readRegularFile } from './wallet-read.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'andvari-read-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('readRegularFile', () => {
  it('reads a file of the maximum, not of one byte more, also behind a link', () => {
    const path = join(directory, 'file');
    const link = join(directory, 'link');
    writeFileSync(path, 'a'.repeat(70_000));
    symlinkSync(path, link);
    expect(readRegularFile(link, 70_000).toString()).toBe('a'.repeat(70_000));
    expect(() => readRegularFile(path, 69_999)).toThrow(`${path} is larger than 69999 bytes`);
  });

  it.runIf(process.platform !== 'win32')('refuses devices and pipes, and does not wait', () => {
    const zero = join(directory, 'zero.bin');
    symlinkSync('/dev/zero', zero);
    const pipe = join(directory, 'pipe.bin');
    execFileSync('mkfifo', [pipe]);
    for (const path of [zero, pipe]) {
      expect(() => readRegularFile(path, 10)).toThrow(`${path} is no regular file`);
      expect(() => readCoinFiles([path], 6)).toThrow(`${path} is no regular file`);
    }
  });
});
