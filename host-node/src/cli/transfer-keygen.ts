import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import type { Command } from 'commander';
import { createGroup } from '../discovery/group-file.ts';
import { dataFolder, identityPath, makeDataFolder } from '../transfer/data-folder.ts';
import { createIdentity } from '../transfer/identity-store.ts';
import { identityOfSeed, openIdentity } from '../transfer/node-identity.ts';
import type { CommandContext } from './command-context.ts';
import { type PassphraseOptions, passphraseOf, withPassphrase } from './transfer-identity.ts';
import { InputError } from './wallet-input.ts';

interface KeygenOptions extends PassphraseOptions {
  show?: boolean;
  group?: string;
  json?: boolean;
}

/** `andvari keygen`. */
export function registerKeygenCommand(program: Command, context: CommandContext): void {
  withPassphrase(program.command('keygen [file]'))
    .summary('make the identity of a node that sends and receives files')
    .description(
      'Make an identity, write it to a new file that its owner alone can read ' +
        '(identity.key in $XDG_DATA_HOME/andvari or ~/.local/share/andvari), sealed if there is ' +
        'a passphrase, and tell the peer ID by which others know this node. A file that is there ' +
        'is never replaced.',
    )
    .option('--show', 'tell the peer ID of an identity that is there')
    .option('--group <file>', "make a group's secret instead, for andvari announce and get")
    .option('--json', 'the result as a JSON object')
    .action((file: string | undefined, options: KeygenOptions) => keygen(file, options, context));
}

async function keygen(
  named: string | undefined,
  options: KeygenOptions,
  context: CommandContext,
): Promise<void> {
  if (options.group !== undefined) {
    keygenGroup(options.group, named, options, context);
    return;
  }
  const folder = dataFolder(context.env);
  const file = named ?? identityPath(folder);
  const passphrase = passphraseOf(options, context);
  if (options.show) {
    const { peerId } = await openIdentity(file, passphrase);
    tell(peerIdText(peerId), { event: 'identity', file }, options, context);
    return;
  }
  if (named === undefined) makeDataFolder(folder);
  else checkFolderOf(file);
  const { peerId } = identityOfSeed(await createIdentity(file, passphrase));
  const sealed = passphrase !== undefined;
  tell(peerIdText(peerId), { event: 'identity-made', file, sealed }, options, context);
  if (options.json) return;
  const how = sealed ? ', sealed by the passphrase' : '';
  context.note(`${file} has the secret half${how}: keep it to yourself; above is the peer ID`);
}

function keygenGroup(
  file: string,
  named: string | undefined,
  { show, json }: KeygenOptions,
  context: CommandContext,
): void {
  if (named !== undefined || show) throw new InputError('--group: wanted no other file, no --show');
  checkFolderOf(file);
  createGroup(file);
  if (json) context.event({ event: 'group-made', file });
  else context.note(`${file} has the secret of a new group: pass it on to its members alone`);
}

function checkFolderOf(file: string): void {
  if (existsSync(dirname(file))) return;
  throw new InputError(`${file}: there is no such folder to put it into`);
}

function tell(
  peer: string,
  event: { event: string; file: string; sealed?: boolean },
  { json }: KeygenOptions,
  context: CommandContext,
): void {
  if (json) context.event({ ...event, peer });
  else context.result(peer);
}
