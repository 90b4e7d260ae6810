/** What a program would meet that makes a folder, or writes in it; looked at without doing it. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { whyNot } from './why-not.ts';

export interface FolderTrouble {
  /** missing: makeDirectory() would fail; closed: it is there, and nothing can be written in it. */
  kind: 'missing' | 'closed';
  reason: string;
}

/** Undefined: it is there and can be written, or can be made. */
export function folderTrouble(path: string): FolderTrouble | undefined {
  const whole = resolve(path);
  let there = whole;
  for (;;) {
    try {
      if (statSync(there).isDirectory()) break;
      return { kind: 'missing', reason: `${whole} is no folder: a file is at ${there}` };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Below a file nothing can be; that file is found at the next step up.
      if (code !== 'ENOENT' && code !== 'ENOTDIR') {
        return { kind: 'missing', reason: `${whole}: ${whyNot(error)}` };
      }
    }
    there = dirname(there);
  }
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    if (there === whole) return { kind: 'closed', reason: `${whole}: ${whyNot(error)}` };
    return { kind: 'missing', reason: `${whole} cannot be made: ${whyNot(error)}` };
  }
}
