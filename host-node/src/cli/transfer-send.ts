import type { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import type { Command } from 'commander';
import { listenFor, oneLine, resolvePlace } from '../transfer/call-peer.ts';
import { type CalledPeer, calledPeer } from '../transfer/called-peer.ts';
import { OutgoingFile } from '../transfer/files/outgoing-file.ts';
import type { LeftOut } from '../transfer/files/tree-source.ts';
import { TransferNode } from '../transfer/node.ts';
import { nobody } from '../transfer/node-config.ts';
import type { CommandContext } from './command-context.ts';
import { parseTimeout } from './options.ts';
import { listenOption } from './transfer-address.ts';
import { type HandOutOptions, handOut } from './transfer-hand-out.ts';
import {
  type IdentityOptions,
  identityFileOf,
  passphraseOf,
  withIdentity,
} from './transfer-identity.ts';
import { untilDone } from './transfer-progress.ts';
import { type RelayOptions, relayOf, withRelay } from './transfer-relay-option.ts';
import { knownPeersFile } from './transfer-trust.ts';

interface SendOptions extends IdentityOptions, RelayOptions, HandOutOptions {
  timeout: number;
}

/** `andvari send`. */
export function registerSendCommand(program: Command, context: CommandContext): void {
  withRelay(withIdentity(program.command('send <path> [peer]')))
    .summary('send a file or a folder, to a peer or to whoever has the code')
    .description(
      'Offer a file or a folder to PEER@HOST:PORT (the peer ID, or the name that andvari trust ' +
        'gave it; [HOST] for IPv6) and send what the peer does not have yet. After a cut the ' +
        'same command goes on where it was. With --relay the peer ID or the name is enough: the ' +
        'peer waits at that relay. Without a peer: print a code, and wait for whoever comes ' +
        'with it. Links in a folder are not sent.',
    )
    .option('--timeout <ms>', 'time for the session', parseTimeout, 10_000)
    .addOption(listenOption('without a peer: where to wait', 0))
    .option('--address <host>', 'without a peer: what the code says, if not an address of ours')
    .option('--compress', 'compress what gains by it: texts, not archives or pictures', false)
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      '\nExit codes: 0 the peer has it, 1 wrong use or input, 2 the peer cannot be ' +
        'reached or was lost,\n3 it has changed meanwhile, 4 the peer does not want it, ' +
        'or has no place.',
    )
    .action((path: string, peer: string | undefined, options: SendOptions) =>
      send(path, peer, options, context),
    );
}

async function send(
  path: string,
  peer: string | undefined,
  options: SendOptions,
  context: CommandContext,
): Promise<void> {
  const relay = relayOf(options);
  const peers = knownPeersFile(context);
  const called = peer === undefined ? undefined : calledPeer(peer, peers, relay !== undefined);
  const passphrase = called && passphraseOf(options, context);
  const file = await OutgoingFile.open(path, context.signal);
  try {
    tellLeftOut(file.leftOut, options, context);
    await file.hashed(context.signal);
    if (called) await sendTo(called, { file, passphrase }, options, context);
    else await handOut(file, { ...options, relay }, context);
  } finally {
    await file.close();
  }
}

async function sendTo(
  called: CalledPeer,
  { file, passphrase }: { file: OutgoingFile; passphrase: string | undefined },
  options: SendOptions,
  context: CommandContext,
): Promise<void> {
  const { signal } = context;
  const place = called.address && (await resolvePlace(called.address, signal));
  const node = await TransferNode.create({
    ...{ identityPath: identityFileOf(options, context), passphrase },
    ...{ host: listenFor(place).host, trust: nobody, maxTransfers: 1 },
    // Who has an address is called there.
    relay: place ? undefined : relayOf(options, called.relay),
    ...{ upgrade: options.upgrade, stun: options.stun },
  });
  try {
    const peer = { ...called, relay: undefined, address: place };
    const call = { signal, timeoutMs: options.timeout, compress: options.compress };
    const transfer = await node.sendFile(file, peer, call);
    tellOffered(transfer, called.name, options, context);
    await untilDone('sent', transfer, options, context);
  } finally {
    await node.shutdown();
  }
}

/** Nobody is to think that a link has arrived. */
function tellLeftOut(
  leftOut: readonly LeftOut[],
  { json }: SendOptions,
  context: CommandContext,
): void {
  for (const { path, what } of leftOut) {
    if (json) context.event({ event: 'left-out', path, what });
    else context.note(`not sent: ${oneLine(path)} is ${what}`);
  }
}

function tellOffered(
  { peerId, name: file, totalSize: bytes, authenticationString, way }: FileTransfer,
  name: string | undefined,
  { json }: SendOptions,
  context: CommandContext,
): void {
  const peer = peerIdText(peerId);
  if (json) {
    context.event({ event: 'offered', peer, name, file, bytes, authenticationString, way });
  } else {
    context.note(`offered to ${name ?? peer} (${way}), who is asked now (${authenticationString})`);
  }
}
