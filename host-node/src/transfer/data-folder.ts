/** Where the files of a user's own node are: its identity, and the peers that it knows. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { makeDirectory } from '../files/directory.ts';

/** For the owner alone: the identity is in there. */
const FOLDER_MODE = 0o700;

/** What XDG_DATA_HOME and HOME say; a relative XDG_DATA_HOME does not hold (its specification). */
export function dataFolder(env: Readonly<Record<string, string | undefined>>): string {
  const { XDG_DATA_HOME: data = '', HOME: home } = env;
  const above = isAbsolute(data) ? data : join(home || homedir(), '.local', 'share');
  return join(above, 'andvari');
}

export function identityPath(folder: string): string {
  return join(folder, 'identity.key');
}

export function knownPeersPath(folder: string): string {
  return join(folder, 'known_peers');
}

/** Makes the folder, mode 0700, unless it is there. Throws DirectoryError. */
export function makeDataFolder(folder: string): void {
  makeDirectory(folder, FOLDER_MODE);
}

/** By which `andvari status` reaches a node that runs. */
export function controlSocketPath(folder: string): string {
  return join(folder, 'control.sock');
}

/** By which `andvari peers` does. */
export function peerSocketPath(folder: string): string {
  return join(folder, 'peer.sock');
}
