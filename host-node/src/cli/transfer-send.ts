import { offerFile } from '@andvari/host-common/transfer/files/file-exchange';
import type { SentFile } from '@andvari/host-common/transfer/files/file-sender';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import type { Command } from 'commander';
import { callPeer, listenFor, oneLine, resolvePlace } from '../transfer/call-peer.ts';
import type { LeftOut } from '../transfer/files/tree-source.ts';
import { openNodeEndpoint } from '../transfer/open-endpoint.ts';
import type { CommandContext } from './command-context.ts';
import { parseListen } from './transfer-address.ts';
import { type HandOutOptions, handOut } from './transfer-hand-out.ts';
import {
  type IdentityOptions,
  identityFileOf,
  passphraseOf,
  withIdentity,
} from './transfer-identity.ts';
import { untilSent } from './transfer-outgoing.ts';
import { type CalledPeer, calledPeer } from './transfer-peer.ts';
import { ONE_SESSION, WINDOW_KIB } from './transfer-progress.ts';
import { leftOutOf, openSource, prepareSource } from './transfer-source.ts';
import { parseTimeout } from './wallet.ts';

interface SendOptions extends IdentityOptions, HandOutOptions {
  timeout: number;
}

/** `andvari send`. */
export function registerSendCommand(program: Command, context: CommandContext): void {
  withIdentity(program.command('send <path> [peer]'))
    .summary('send a file or a folder, to a peer or to whoever has the code')
    .description(
      'Offer a file or a folder to PEER@HOST:PORT (the peer ID, or the name that andvari trust ' +
        'gave it; [HOST] for IPv6) and send what the peer does not have yet. After a cut the ' +
        'same command goes on where it was. Without a peer: print a code, and wait for whoever ' +
        'comes with it. Links in a folder are not sent.',
    )
    .option('--timeout <ms>', 'time for the session', parseTimeout, 10_000)
    .option('--listen <host:port>', 'without a peer: where to wait', parseListen, {
      host: '0.0.0.0',
      port: 0,
    })
    .option('--address <host>', 'without a peer: what the code says, if not an address of ours')
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
  const called = peer === undefined ? undefined : calledPeer(peer, context);
  const passphrase = called && passphraseOf(options, context);
  const source = await openSource(path, context.signal);
  try {
    tellLeftOut(leftOutOf(source), options, context);
    const file = await prepareSource(source, called?.peerId, context.signal);
    if (called) await sendTo(called, { file, path, passphrase }, options, context);
    else await handOut({ file, path }, options, context);
  } finally {
    await source.close();
  }
}

async function sendTo(
  called: CalledPeer,
  { file, path, passphrase }: { file: SentFile; path: string; passphrase: string | undefined },
  options: SendOptions,
  context: CommandContext,
): Promise<void> {
  const { signal } = context;
  const { peerId } = called;
  const place = await resolvePlace(called.address, signal);
  const { endpoint } = await openNodeEndpoint({
    ...{ identityFile: identityFileOf(options, context), passphrase, listen: listenFor(place) },
    ...{ sizes: ONE_SESSION, windowKiB: WINDOW_KIB },
  });
  try {
    const session = await callPeer(endpoint, { peerId, place, timeoutMs: options.timeout, signal });
    const sender = await offerFile(session, file);
    const { authenticationString } = session;
    tellOffered(called, { file, authenticationString }, options, context);
    await untilSent(sender, { file, path }, options, context);
    await session.close();
  } finally {
    await endpoint.close();
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
  { peerId, name }: CalledPeer,
  { file, authenticationString }: { file: SentFile; authenticationString: string },
  { json }: SendOptions,
  context: CommandContext,
): void {
  const peer = peerIdText(peerId);
  if (json) {
    const { name: fileName, size: bytes } = file.offer;
    const event = { event: 'offered', peer, name, file: fileName, bytes };
    context.event({ ...event, authenticationString });
  } else {
    context.note(`offered to ${name ?? peer}, who is asked now (${authenticationString})`);
  }
}
