import { offerFile } from '@andvari/host-common/transfer/files/file-exchange';
import type { FileSender, SentFile } from '@andvari/host-common/transfer/files/file-sender';
import { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import type { Command } from 'commander';
import { callPeer, listenFor, resolvePlace } from '../transfer/call-peer.ts';
import type { LeftOut } from '../transfer/files/tree-source.ts';
import { openNodeEndpoint } from '../transfer/open-endpoint.ts';
import type { CommandContext } from './command-context.ts';
import {
  type IdentityOptions,
  identityFileOf,
  passphraseOf,
  withIdentity,
} from './transfer-identity.ts';
import { type CalledPeer, calledPeer } from './transfer-peer.ts';
import { ONE_SESSION, showTransfer, tellResult, WINDOW_KIB } from './transfer-progress.ts';
import { leftOutOf, openSource, prepareSource } from './transfer-source.ts';
import { parseTimeout } from './wallet.ts';

interface SendOptions extends IdentityOptions {
  timeout: number;
  json?: boolean;
}

/** `andvari send`. */
export function registerSendCommand(program: Command, context: CommandContext): void {
  withIdentity(program.command('send <path> <peer>'))
    .summary('send a file or a folder to a peer that runs andvari receive')
    .description(
      'Offer a file or a folder to PEER@HOST:PORT (the peer ID, or the name that andvari trust ' +
        'gave it; [HOST] for IPv6) and send what the peer does not have yet. After a cut the ' +
        'same command goes on where it was. Links in a folder are not sent.',
    )
    .option('--timeout <ms>', 'time for the session', parseTimeout, 10_000)
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      '\nExit codes: 0 the peer has it, 1 wrong use or input, 2 the peer cannot be ' +
        'reached or was lost,\n3 it has changed meanwhile, 4 the peer does not want it, ' +
        'or has no place.',
    )
    .action((file: string, peer: string, options: SendOptions) =>
      send(file, peer, options, context),
    );
}

async function send(
  path: string,
  peer: string,
  options: SendOptions,
  context: CommandContext,
): Promise<void> {
  const called = calledPeer(peer, context);
  const passphrase = passphraseOf(options, context);
  const source = await openSource(path, context.signal);
  try {
    tellLeftOut(leftOutOf(source), options, context);
    const file = await prepareSource(source, called.peerId, context.signal);
    await sendTo(called, { file, path, passphrase }, options, context);
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

async function untilSent(
  sender: FileSender,
  { file, path }: { file: SentFile; path: string },
  options: SendOptions,
  context: CommandContext,
): Promise<void> {
  const stop = () => void sender.cancel();
  context.signal.addEventListener('abort', stop, { once: true });
  try {
    const transfer = new FileTransfer(sender, { offer: file.offer, path, direction: 'send' });
    await showTransfer(transfer, options, context);
    tellResult('sent', await transfer.completion, options, context);
  } catch (error) {
    context.signal.throwIfAborted();
    throw error;
  } finally {
    context.signal.removeEventListener('abort', stop);
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
    else context.note(`not sent: ${path} is ${what}`);
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
