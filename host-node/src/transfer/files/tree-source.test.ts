// A folder on disk as its sender reads it.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { folderForTests } from '../../testing/folder.ts';
import { TreeSource } from './tree-source.ts';

const folder = folderForTests('tree-source');

/** More files than are open at once. */
function many(): Buffer {
  mkdirSync(folder.at('t/sub'), { recursive: true });
  const all: Buffer[] = [];
  for (let i = 0; i < 40; i++) {
    const bytes = randomBytes(i * 37);
    writeFileSync(folder.at(`t/${String(i).padStart(2, '0')}`), bytes);
    all.push(bytes);
  }
  writeFileSync(folder.at('t/sub/last'), 'last');
  return Buffer.concat([...all, Buffer.from('last')]);
}

describe('a folder', () => {
  it('is its list and its files, in whatever pieces it is read', async () => {
    const contents = many();
    const source = await TreeSource.open(folder.at('t'));
    const wanted = Buffer.concat([source.manifest.bytes, contents]);
    expect(source.size).toBe(wanted.length);
    for (const step of [1000, 77_777]) {
      const read = Buffer.alloc(wanted.length);
      for (let at = 0; at < read.length; at += step) {
        await source.read(at, read.subarray(at, at + step));
      }
      expect(read.equals(wanted)).toBe(true);
    }
    await source.close();
    await source.close();
  });

  it('has no links and pipes, and says which it leaves out', async () => {
    mkdirSync(folder.at('t'));
    symlinkSync('/etc', folder.at('t/away'));
    execFileSync('mkfifo', [folder.at('t/pipe')]);
    writeFileSync(folder.at('t/file'), 'x');
    const source = await TreeSource.open(folder.at('t'));
    expect(source.manifest.entries.map(({ path }) => path)).toEqual(['file']);
    expect(new Set(source.leftOut)).toEqual(
      new Set([
        { path: 'away', what: 'a symbolic link' },
        { path: 'pipe', what: 'a pipe' },
      ]),
    );
    await source.close();
  });

  it('may be reached by a link', async () => {
    many();
    symlinkSync(folder.at('t'), folder.at('link'));
    const source = await TreeSource.open(folder.at('link'));
    expect(source.manifest.fileCount).toBe(41);
    await source.close();
  });

  it.each<[string, (path: string) => void]>([
    ['written to', (path) => writeFileSync(path, 'other')],
    ['gone', (path) => rmSync(path)],
    [
      'another file of the same length',
      (path) => {
        const bytes = readFileSync(path);
        rmSync(path);
        writeFileSync(path, bytes);
        utimesSync(path, 1, 1);
      },
    ],
    [
      'a folder',
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
    ],
    [
      'a link to the same bytes',
      (path) => {
        renameSync(path, `${path}-too`);
        symlinkSync(`${path}-too`, path);
      },
    ],
    [
      'a pipe',
      (path) => {
        rmSync(path);
        execFileSync('mkfifo', [path]);
      },
    ],
  ])('of which a file is %s meanwhile has changed', async (_, change) => {
    many();
    const source = await TreeSource.open(folder.at('t'));
    change(folder.at('t/39'));
    const all = new Uint8Array(source.size);
    await expect(source.read(0, all)).rejects.toMatchObject({
      code: 'ANDVARI_FILE_CHANGED',
      message: expect.stringContaining('t/39'),
    });
    await source.close();
  });

  it.each<[string, string | Buffer, string]>([
    ['a colon', 'a:b', 'ANDVARI_TREE_MANIFEST'],
    ['bytes that are no UTF-8', Buffer.from([0x61, 0xff]), 'ANDVARI_TREE_MANIFEST'],
    ['the name of a part', 'x.andvari-part', 'ANDVARI_TREE_MANIFEST'],
  ])('with %s in a name does not go', async (_, name, code) => {
    mkdirSync(folder.at('t'));
    writeFileSync(Buffer.concat([Buffer.from(folder.at('t/')), Buffer.from(name)]), 'x');
    await expect(TreeSource.open(folder.at('t'))).rejects.toMatchObject({ code });
  });

  it('that is not there, or is not looked through to the end', async () => {
    const code = 'ANDVARI_FILE_UNREADABLE';
    await expect(TreeSource.open(folder.at('no'))).rejects.toMatchObject({ code });
    many();
    const stopped = AbortSignal.abort(new Error('stop'));
    await expect(TreeSource.open(folder.at('t'), stopped)).rejects.toThrow('stop');
  });
});
