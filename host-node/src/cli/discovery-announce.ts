import { relayAddressText } from '@andvari/host-common/transfer/relay/relay-address';
import type { Command } from 'commander';
import { placesOf } from '../discovery/holders.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { resolvePlace } from '../transfer/call-peer.ts';
import { OutgoingFile } from '../transfer/files/outgoing-file.ts';
import { TransferNode } from '../transfer/node.ts';
import { everybody } from '../transfer/node-config.ts';
import { newIdentity } from '../transfer/node-identity.ts';
import { ownAddresses } from '../transfer/own-addresses.ts';
import type { CommandContext } from './command-context.ts';
import { type DiscoveryOptions, withDht, withDiscovery } from './discovery-options.ts';
import { listenOption, type WantedListen } from './transfer-address.ts';
import { serveFile } from './transfer-hand-out.ts';
import { type RelayOptions, relayOf, withRelay } from './transfer-relay-option.ts';

interface AnnounceOptions extends DiscoveryOptions, RelayOptions {
  listen: WantedListen;
  address?: string;
  compress: boolean;
}

/** No node of the DHT has taken an announcement. */
class NotAnnouncedError extends Error {
  override readonly name = 'NotAnnouncedError';
  readonly code = 'ANDVARI_NOT_ANNOUNCED';

  constructor() {
    super('no node of the DHT has taken the announcement');
  }
}

/** `andvari announce`. */
export function registerAnnounceCommand(program: Command, context: CommandContext): void {
  withRelay(withDiscovery(program.command('announce <path>')))
    .summary('let a group find a file or a folder, and send it to whoever comes')
    .description(
      'Tell a DHT that a file or a folder is here, so that those alone learn of it who have the ' +
        "group's secret, and send it to each that comes, until Ctrl-C. The node is a new one " +
        'each time: nobody else can so much as talk to it.',
    )
    .addOption(listenOption('where to wait', 0))
    .option('--address <host>', 'what is announced, if not the addresses of this machine')
    .option('--compress', 'compress what gains by it: texts, not archives or pictures', false)
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      '\nExit codes: 0 ended by Ctrl-C, 1 wrong use or input, 2 the DHT cannot be reached, 3 the ' +
        'file has changed, 4 the secret is open to others.',
    )
    .action((path: string, options: AnnounceOptions) => announce(path, options, context));
}

async function announce(path: string, options: AnnounceOptions, context: CommandContext) {
  const { signal } = context;
  const file = await OutgoingFile.open(path, signal);
  try {
    await file.hashed(signal);
    await withDht(options, context, async (discovery) => {
      const identity = newIdentity();
      const relay = relayOf(options);
      const node = await TransferNode.create({
        ...{ identity, ...options.listen, trust: everybody, relay },
        ...{ upgrade: options.upgrade, stun: options.stun },
      });
      try {
        const places = placesOf(await placesAt(node.bound, options, signal), relayTextOf(options));
        const who = { peerId: identity.peerId, signer: identity.signer, places: () => places };
        const { hash } = await file.hashed(signal);
        const { copies } = await discovery.announceFile(hash, who, signal);
        if (copies === 0) throw new NotAnnouncedError();
        tellAnnounced(file, { hash, copies, codes: node.codes(options.address) }, options, context);
        await serveFile(node, file, { ...options, keep: true }, context);
      } finally {
        await node.shutdown();
      }
    });
  } catch (error) {
    // That is how it ends.
    if (!signal.aborted) throw error;
  } finally {
    await file.close();
  }
}

function relayTextOf({ relay }: RelayOptions): string | undefined {
  return relay && relayAddressText(relay);
}

async function placesAt(
  bound: SocketAddress,
  { address: host }: AnnounceOptions,
  signal: AbortSignal,
): Promise<SocketAddress[]> {
  if (host === undefined) return ownAddresses(bound);
  return [await resolvePlace({ host, port: bound.port }, signal)];
}

function tellAnnounced(
  { name, size: bytes }: OutgoingFile,
  { hash, copies, codes }: { hash: Uint8Array; copies: number; codes: string[] },
  { json }: AnnounceOptions,
  context: CommandContext,
): void {
  const blake3 = Buffer.from(hash).toString('hex');
  if (json) {
    context.event({ event: 'announced', file: name, bytes, blake3, copies, codes });
    return;
  }
  context.result(blake3);
  context.note(`announced at ${copies} nodes of the DHT; a member of the group gets it with`);
  context.note(`  andvari get ${blake3} --group FILE --bootstrap ADDRESS`);
}
