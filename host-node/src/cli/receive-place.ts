/** Where `andvari receive` and `andvari get` put what comes, and who can be asked. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { dataFolder, makeDataFolder } from '../transfer/data-folder.ts';
import type { CommandContext } from './command-context.ts';

/** What a receiver was asked to do cannot be done. */
export class ReceiveError extends Error {
  override readonly name = 'ReceiveError';
  readonly code: 'ANDVARI_NOBODY_TO_ASK' | 'ANDVARI_NOT_A_FOLDER';

  constructor(code: ReceiveError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Where files go, and what the receiver keeps; somebody must be there to ask, or need not. */
export function readyPlace(
  { output, yes }: { output: string; yes?: boolean },
  context: CommandContext,
): { folder: string; data: string } {
  const folder = folderOf(output);
  const canAsk = context.interactive && process.stdin.isTTY === true;
  if (!yes && !canAsk) {
    const why = 'nobody can be asked here: --yes takes what trusted peers send';
    throw new ReceiveError('ANDVARI_NOBODY_TO_ASK', why);
  }
  const data = dataFolder(context.env);
  makeDataFolder(data);
  return { folder, data };
}

function folderOf(output: string): string {
  const folder = resolve(output);
  try {
    if (statSync(folder).isDirectory()) return folder;
  } catch {
    // It is not there, or cannot be looked at.
  }
  throw new ReceiveError('ANDVARI_NOT_A_FOLDER', `${folder} is no folder`);
}
