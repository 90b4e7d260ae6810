/** `andvari send PATH` without a peer: whoever has the code comes for it. */
import { offerFile } from '@andvari/host-common/transfer/files/file-exchange';
import type { SentFile } from '@andvari/host-common/transfer/files/file-sender';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { renderUnicodeCompact } from 'uqr';
import { formatAddress } from '../http/socket-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { oneLine } from '../transfer/call-peer.ts';
import { newIdentity } from '../transfer/node-identity.ts';
import { openNodeEndpoint } from '../transfer/open-endpoint.ts';
import { ownAddresses } from '../transfer/own-addresses.ts';
import type { CommandContext } from './command-context.ts';
import { untilSent } from './transfer-outgoing.ts';
import { WINDOW_KIB } from './transfer-progress.ts';

/** One comes for it; another may be on its way still, after a cut. */
const SIZES = { sessions: 4, blocks: 2048 };

const OF_OUR_FILE = new Set<string | undefined>([
  'ANDVARI_FILE_CHANGED',
  'ANDVARI_FILE_UNREADABLE',
]);

export interface HandOutOptions {
  listen: SocketAddress;
  /** What the code says instead of the addresses of this machine. */
  address?: string;
  json?: boolean;
}

/**
 * Resolves when somebody has it. The node is a new one each time, and nobody can call a node whose
 * peer ID he does not know (its key is in the first message's seal): so the code is the permission.
 */
export async function handOut(
  { file, path }: { file: SentFile; path: string },
  options: HandOutOptions,
  context: CommandContext,
): Promise<void> {
  const { endpoint, peerId, bound } = await openNodeEndpoint({
    identity: newIdentity(),
    trust: () => true,
    ...{ listen: options.listen, sizes: SIZES, windowKiB: WINDOW_KIB },
  });
  try {
    tellCodes(codesOf(peerId, bound, options), file, options, context);
    await untilTaken(endpoint.incoming, { file, path }, options, context);
  } finally {
    await endpoint.close();
  }
}

/** Those who come are served side by side; the first who has it ends it. */
async function untilTaken(
  incoming: ReadableStream<TransferSession>,
  { file, path }: { file: SentFile; path: string },
  options: HandOutOptions,
  context: CommandContext,
): Promise<void> {
  const { signal } = context;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const served = new Set<TransferSession>();
  let isTaken = false;
  const serve = async (session: TransferSession) => {
    served.add(session);
    try {
      await untilSent(await offerFile(session, file), { file, path }, options, context);
      isTaken = true;
    } catch (error) {
      // With our own file at fault nobody else can have it either.
      if (signal.aborted || OF_OUR_FILE.has((error as { code?: string }).code)) reject(error);
      else if (!isTaken) context.note(`andvari: ${messageOf(error)}: the code is still good`);
    } finally {
      served.delete(session);
      // Also of one who came to nothing: there are few places.
      await session.close();
      if (isTaken) resolve();
    }
  };
  const come = async () => {
    for await (const session of incoming) void serve(session);
  };
  come().catch(reject);
  // Those who are served are told first.
  const stop = () => served.size === 0 && reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  await promise.finally(() => signal.removeEventListener('abort', stop));
}

function messageOf(error: unknown): string {
  return oneLine((error as Error).message);
}

function codesOf(
  peerId: Uint8Array,
  bound: SocketAddress,
  { address }: HandOutOptions,
): [string, ...string[]] {
  const places = address ? [{ host: address, port: bound.port }] : ownAddresses(bound);
  const codes = places.map((place) => `${peerIdText(peerId)}@${formatAddress(place)}`);
  return codes as [string, ...string[]];
}

function tellCodes(
  codes: [string, ...string[]],
  { offer }: SentFile,
  { json }: HandOutOptions,
  context: CommandContext,
): void {
  if (json) {
    context.event({ event: 'ready', codes, file: offer.name, bytes: offer.size });
    return;
  }
  if (context.interactive) context.note(renderUnicodeCompact(codes[0]));
  context.note('on the other machine, whoever has this line has the file:');
  for (const code of codes) context.note(`  andvari receive ${code}`);
}
