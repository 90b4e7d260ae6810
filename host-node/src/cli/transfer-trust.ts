import { parsePeerId, peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import type { Command } from 'commander';
import { dataFolder, knownPeersPath, makeDataFolder } from '../transfer/data-folder.ts';
import { KnownPeers } from '../transfer/known-peers.ts';
import type { CommandContext } from './command-context.ts';

interface TrustOptions {
  json?: boolean;
}

interface AddOptions extends TrustOptions {
  name?: string;
}

/** The list has no such peer. */
export class PeerUnknownError extends Error {
  override readonly name = 'PeerUnknownError';
  readonly code = 'ANDVARI_REFUSED';
}

/** `andvari trust`. */
export function registerTrustCommands(program: Command, context: CommandContext): void {
  const trust = program
    .command('trust')
    .description('peers that this node knows, and whose files it accepts');
  trust
    .command('add <peer-id>')
    .summary('trust a peer, by its peer ID')
    .description(
      'Add a peer to known_peers in the data folder, or give one that is there another name. Get ' +
        'the peer ID from its owner in a way that nobody can change on its way.',
    )
    .option('--name <name>', 'what you call it: 1 to 64 characters, of one peer alone')
    .option('--json', 'the result as a JSON object')
    .action((peer: string, options: AddOptions) => add(peer, options, context));
  trust
    .command('remove <peer>')
    .summary('trust a peer no more, by its peer ID or its name')
    .option('--json', 'the result as a JSON object')
    .action((peer: string, options: TrustOptions) => remove(peer, options, context));
  trust
    .command('list')
    .summary('list the peers')
    .description('The peers that are trusted, one per line: peer ID, name.')
    .option('--json', 'one JSON object per line')
    .action((options: TrustOptions) => list(options, context));
}

/** Of the user's data folder; neither need be there. */
export function knownPeersFile(context: CommandContext): string {
  return knownPeersPath(dataFolder(context.env));
}

/** The peers in it. */
export function loadKnownPeers(context: CommandContext): KnownPeers {
  return KnownPeers.load(knownPeersFile(context));
}

/** Adds a peer, without a name, and says so. */
export function trustPeer(peerId: Uint8Array, context: CommandContext): void {
  makeDataFolder(dataFolder(context.env));
  loadKnownPeers(context).add(peerId);
  context.note(`${peerIdText(peerId)}: trusted from now on`);
}

function add(text: string, { name, json }: AddOptions, context: CommandContext): void {
  const peerId = parsePeerId(text);
  makeDataFolder(dataFolder(context.env));
  const peers = loadKnownPeers(context);
  const event = peers.add(peerId, name);
  const called = peers.nameOf(peerId);
  if (json) {
    context.event({ event, peer: peerIdText(peerId), name: called });
    return;
  }
  const words = {
    added: 'trusted from now on',
    named: 'has this name now',
    known: 'trusted already',
  };
  context.note(`${called ?? peerIdText(peerId)}: ${words[event]}`);
}

function remove(text: string, { json }: TrustOptions, context: CommandContext): void {
  const peers = loadKnownPeers(context);
  const peerId = peers.find(text);
  const name = peerId && peers.nameOf(peerId);
  if (!peerId || !peers.has(peerId) || !peers.remove(peerId)) {
    throw new PeerUnknownError(`no peer that is trusted has this peer ID or name: ${text}`);
  }
  if (json) context.event({ event: 'removed', peer: peerIdText(peerId), name });
  else context.note(`${name ?? peerIdText(peerId)}: trusted no more`);
}

function list({ json }: TrustOptions, context: CommandContext): void {
  const peers = loadKnownPeers(context).list();
  for (const { peerId, name } of peers) {
    const peer = peerIdText(peerId);
    if (json) context.event({ peer, name });
    else context.result(name === undefined ? peer : `${peer}  ${name}`);
  }
  if (peers.length === 0 && !json) context.note('no peer is trusted: andvari trust add PEER');
}
