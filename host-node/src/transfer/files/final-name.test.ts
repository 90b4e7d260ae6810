/**
 * On a disk without links, which no machine of ours has: its folder refuses them as it would. With
 * links: part-file.test.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { HeldFolder } from '../../files/held-folder.ts';
import { folderForTests } from '../../testing/folder.ts';
import { type NameFolder, takeFreeName } from './final-name.ts';
import { namesIn } from './testing/part-world.ts';

const folder = folderForTests('final-name');

async function take(code: string, more: Partial<NameFolder> = {}): Promise<string | undefined> {
  const held = await HeldFolder.open(folder.path);
  const refused = Object.assign(new Error(code), { code, syscall: 'link' });
  const without: NameFolder = {
    link: () => Promise.reject(refused),
    openFile: (part, flags, mode) => held.openFile(part, flags, mode),
    remove: (part) => held.remove(part),
    rename: (part, other) => held.rename(part, other),
    ...more,
  };
  try {
    return await takeFreeName(without, 'part', 'a.txt');
  } finally {
    await held.close();
  }
}

it.each(['EPERM', 'ENOTSUP', 'ENOSYS'])('takes a free name by renaming after %s', async (code) => {
  writeFileSync(folder.at('part'), 'whole');
  writeFileSync(folder.at('a.txt'), 'mine');
  expect(await take(code)).toBe('a (1).txt');
  expect(namesIn(folder.path)).toEqual(['a (1).txt', 'a.txt']);
  expect(readFileSync(folder.at('a (1).txt'), 'utf8')).toBe('whole');
  expect(readFileSync(folder.at('a.txt'), 'utf8')).toBe('mine');
});

it('takes none after another error', async () => {
  writeFileSync(folder.at('part'), 'whole');
  await expect(take('EIO')).rejects.toMatchObject({ code: 'EIO' });
  expect(namesIn(folder.path)).toEqual(['part']);
});

it('leaves no empty file where the name cannot be had in the end', async () => {
  writeFileSync(folder.at('part'), 'whole');
  const rename = () => Promise.reject(new Error('not now'));
  await expect(take('EPERM', { rename })).rejects.toThrow('not now');
  expect(namesIn(folder.path)).toEqual(['part']);
});
