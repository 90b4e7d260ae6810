/** `andvari send PATH` without a peer: whoever has the code comes for it. */
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { renderUnicodeCompact } from 'uqr';
import type { SocketAddress } from '../io/packet-io.ts';
import { oneLine } from '../transfer/call-peer.ts';
import type { OutgoingFile } from '../transfer/files/outgoing-file.ts';
import { TransferNode } from '../transfer/node.ts';
import { everybody } from '../transfer/node-config.ts';
import { newIdentity } from '../transfer/node-identity.ts';
import type { WsRelayOptions } from '../transfer/relay/ws-relay.ts';
import type { CommandContext } from './command-context.ts';
import type { WantedListen } from './transfer-address.ts';
import { untilDone } from './transfer-progress.ts';

/** One comes for it; another may be on its way still, after a cut. */
const TRANSFERS = 4;

const OF_OUR_FILE = new Set<string | undefined>([
  'ANDVARI_FILE_CHANGED',
  'ANDVARI_FILE_UNREADABLE',
]);

export interface HandOutOptions {
  listen: WantedListen;
  /** What the code says instead of the addresses of this machine. */
  address?: string;
  compress: boolean;
  json?: boolean;
  upgrade: boolean;
  stun?: SocketAddress[];
}

/**
 * Resolves when somebody has it. The node is a new one each time, and nobody can call a node whose
 * peer ID he does not know (its key is in the first message's seal): so the code is the permission.
 */
export async function handOut(
  file: OutgoingFile,
  { relay, ...options }: HandOutOptions & { relay?: WsRelayOptions | undefined },
  context: CommandContext,
): Promise<void> {
  const node = await TransferNode.create({
    ...{ identity: newIdentity(), ...options.listen },
    ...{ trust: everybody, maxTransfers: TRANSFERS, relay },
    ...{ upgrade: options.upgrade, stun: options.stun },
  });
  try {
    tellCodes(node.codes(options.address), file, options, context);
    await serveFile(node, file, options, context);
  } finally {
    await node.shutdown();
  }
}

export interface ServeOptions {
  compress: boolean;
  json?: boolean;
  /** Until the user wants no more of it; else the first who has it ends it. */
  keep?: boolean;
}

/** Those who come are served side by side. Rejects with the reason of the signal. */
export async function serveFile(
  node: TransferNode,
  file: OutgoingFile,
  options: ServeOptions,
  context: CommandContext,
): Promise<void> {
  const { signal } = context;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const served = new Set<TransferSession>();
  let isTaken = false;
  const serve = async (session: TransferSession) => {
    served.add(session);
    try {
      const { compress, keep = false, json } = options;
      const transfer = await node.sendFile(file, session, { signal, compress });
      await untilDone('sent', transfer, { bar: !keep, ...(json && { json }) }, context);
      isTaken = !keep;
    } catch (error) {
      // With our own file at fault nobody else can have it either.
      if (signal.aborted || OF_OUR_FILE.has((error as { code?: string }).code)) reject(error);
      else if (options.keep) context.note(`andvari: ${messageOf(error)}`);
      else if (!isTaken) context.note(`andvari: ${messageOf(error)}: the code is still good`);
    } finally {
      served.delete(session);
      // Also of one who came to nothing: there are few places.
      await session.close();
      if (isTaken) resolve();
    }
  };
  const come = async () => {
    for await (const session of node.incoming) void serve(session);
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

function tellCodes(
  codes: [string, ...string[]],
  { name, size }: OutgoingFile,
  { json }: HandOutOptions,
  context: CommandContext,
): void {
  if (json) {
    context.event({ event: 'ready', codes, file: name, bytes: size });
    return;
  }
  if (context.interactive) context.note(renderUnicodeCompact(codes[0]));
  context.note('on the other machine, whoever has this line has the file:');
  for (const code of codes) context.note(`  andvari receive ${code}`);
}
