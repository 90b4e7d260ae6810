/** What the commands of discovery have in common: the group, and the way into the DHT. */
import { isIP } from 'node:net';
import { Discovery } from '@andvari/host-common/discovery/discovery';
import { hostRandom, wipe } from '@andvari/host-common/transfer/byte-strings';
import { type Command, InvalidArgumentError } from 'commander';
import { loadGroup } from '../discovery/group-file.ts';
import { openKadNode } from '../discovery/open-kad-node.ts';
import { NodeEd25519Verifier } from '../ratatoskr/node-ed25519.ts';
import type { CommandContext } from './command-context.ts';

const NODES_MAX = 32;
const HASH_DIGITS = /^[0-9a-f]{64}$/i;
/** Of this machine alone. */
const LOOPBACK = /^\/(?:ip4\/127\.|ip6\/::1\/)/;

export interface DiscoveryOptions {
  group: string;
  bootstrap: string[];
  json?: boolean;
}

export function withDiscovery(command: Command): Command {
  return command
    .requiredOption('--group <file>', "the group's secret, as andvari keygen --group makes it")
    .requiredOption(
      '--bootstrap <address>',
      'a node of the DHT, as andvari dht prints it; repeatable',
      parseNode,
    );
}

/** `/ip4/HOST/tcp/PORT`, `/p2p/ID` behind it; each adds to those before. */
export function parseNode(text: string, before: string[] = []): string[] {
  const parts = /^\/(ip4|ip6|dns4|dns6|dns)\/([^/\s]+)\/tcp\/(\d{1,5})(?:\/p2p\/\w+)?$/;
  const [, kind, host = '', digits] = parts.exec(text) ?? [];
  const version = isIP(host);
  const isHost = kind?.startsWith('dns') ? version === 0 : version === Number(kind?.at(-1));
  if (!kind || !isHost || Number(digits) > 0xffff) {
    throw new InvalidArgumentError('wanted /ip4/HOST/tcp/PORT, and /p2p/ID behind it if known.');
  }
  if (before.length < NODES_MAX) return [...before, text];
  throw new InvalidArgumentError(`${NODES_MAX} at most.`);
}

/** BLAKE3 of a file, as b3sum prints it: 32 bytes. */
export function parseHash(text: string): Uint8Array {
  if (HASH_DIGITS.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'));
  throw new InvalidArgumentError('wanted the BLAKE3 of a file, 64 hexadecimal digits.');
}

export function isDhtHere({ bootstrap }: DiscoveryOptions): boolean {
  return bootstrap.every((address) => LOOPBACK.test(address));
}

/** In the DHT, with a key of its own each time, while `work` runs. */
export async function withDht<Result>(
  { group: file, bootstrap }: DiscoveryOptions,
  { signal }: CommandContext,
  work: (discovery: Discovery) => Promise<Result>,
): Promise<Result> {
  const group = loadGroup(file);
  const seed = hostRandom(32);
  const network = await openKadNode({ seed, bootstrap });
  wipe(seed);
  await network.start(signal);
  const discovery = new Discovery({ network, group, verifier: new NodeEd25519Verifier() });
  try {
    return await work(discovery);
  } finally {
    await discovery.close();
    await network.stop();
  }
}
