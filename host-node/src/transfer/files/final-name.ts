/** The name that a file gets when it has come whole: never one that another file has. */
import { constants } from 'node:fs';
import type { HeldFolder } from '../../files/held-folder.ts';
import { codeOf } from './file-place-error.ts';
import { numberedName } from './part-names.ts';

const { O_CREAT, O_EXCL, O_WRONLY } = constants;

/** NAME (1) to NAME (1000). */
const NUMBER_MAX = 1000;
/** From systems of files without second names, such as those of cameras. */
const NO_LINKS: readonly (string | undefined)[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/** What a folder's name is taken by: something else, a file. */
const TAKEN: readonly (string | undefined)[] = ['EEXIST', 'ENOTEMPTY', 'ENOTDIR'];

export type NameFolder = Pick<HeldFolder, 'link' | 'openFile' | 'remove' | 'rename'>;

/**
 * Gives the file `data` the name, or the first with a number behind it that is free; where links
 * are possible `data` is a name of it as well afterwards, and elsewhere it is not.
 * @returns the name; undefined: all are taken
 * @throws what the system says
 */
export async function takeFreeName(
  folder: NameFolder,
  data: string,
  name: string,
): Promise<string | undefined> {
  for (let number = 0; number <= NUMBER_MAX; number++) {
    const candidate = numberedName(name, number);
    try {
      await takeName(folder, Buffer.from(data), Buffer.from(candidate));
      return candidate;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
  return undefined;
}

/**
 * The same for the folder `data`, which has the name alone afterwards.
 * @returns the name; undefined: all are taken
 * @throws what the system says
 */
export async function takeFreeFolderName(
  folder: Pick<HeldFolder, 'look' | 'rename'>,
  data: Uint8Array,
  name: string,
): Promise<string | undefined> {
  for (let number = 0; number <= NUMBER_MAX; number++) {
    const candidate = Buffer.from(numberedName(name, number));
    // Whatever comes there in between stays, unless it is an empty folder.
    if (await folder.look(candidate)) continue;
    try {
      await folder.rename(data, candidate);
      return candidate.toString();
    } catch (error) {
      if (!TAKEN.includes(codeOf(error))) throw error;
    }
  }
  return undefined;
}

async function takeName(folder: NameFolder, data: Buffer, name: Buffer): Promise<void> {
  try {
    // A link, unlike a rename, fails when its name is taken.
    await folder.link(data, name);
  } catch (error) {
    if (!NO_LINKS.includes(codeOf(error))) throw error;
    await takeByRename(folder, data, name);
  }
}

/** The name is taken by an empty file of our own, and only that one is replaced. */
async function takeByRename(folder: NameFolder, data: Buffer, name: Buffer): Promise<void> {
  await (await folder.openFile(name, O_CREAT | O_EXCL | O_WRONLY, 0o600)).close();
  try {
    await folder.rename(data, name);
  } catch (error) {
    await folder.remove(name);
    throw error;
  }
}
