import type { Command } from 'commander';
import { callerOf, type Holder } from '../discovery/holders.ts';
import { listenFor, listenForAll } from '../transfer/call-peer.ts';
import type { FetchOffer } from '../transfer/fetch-file.ts';
import { TransferNode } from '../transfer/node.ts';
import { nobody } from '../transfer/node-config.ts';
import { newIdentity } from '../transfer/node-identity.ts';
import type { CommandContext } from './command-context.ts';
import { parseHash } from './discovery-options.ts';
import { type FindOptions, holdersOf, tellHolder, withSearch } from './discovery-search.ts';
import { parseTimeout } from './options.ts';
import { readyPlace } from './receive-place.ts';
import { untilDone } from './transfer-progress.ts';
import { entryTeller, isWantedOfAll } from './transfer-receive.ts';
import { type RelayOptions, relayOf, withUpgrade } from './transfer-relay-option.ts';

/** Of whom it is fetched at once. */
const SOURCES = 8;

interface GetOptions extends FindOptions, Omit<RelayOptions, 'relay'> {
  output: string;
  timeout: number;
  yes?: boolean;
}

/** `andvari get`. */
export function registerGetCommand(program: Command, context: CommandContext): void {
  withUpgrade(withSearch(program.command('get')))
    .argument('<hash>', 'BLAKE3 of the file, as b3sum prints it', parseHash)
    .summary('fetch a file from all of a group who have it')
    .description(
      'Look for a file in a DHT, and fetch it from up to eight members of the group at once. ' +
        'What came in part is kept, and goes on with the next try. Whoever sends other bytes ' +
        'is dropped.',
    )
    .option('-o, --output <folder>', 'where it goes', '.')
    .option('--yes', 'do not ask')
    .option('--timeout <ms>', 'time for a session', parseTimeout, 10_000)
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      '\nExit codes: 0 the file is there, 1 wrong use or input, 2 nobody has it, nobody can be ' +
        'reached, or the DHT cannot,\n3 what came was not the file, 4 it is refused, there is no ' +
        'place for it, or the secret is open to others.',
    )
    .action((hash: Uint8Array, options: GetOptions) => get(hash, options, context));
}

async function get(hash: Uint8Array, options: GetOptions, context: CommandContext): Promise<void> {
  const { signal } = context;
  const { folder: into, data } = readyPlace(options, context);
  const holders = (await holdersOf(hash, options, context)).slice(0, SOURCES);
  for (const holder of holders) tellHolder(holder, options, context);
  if (!options.json) context.note(`${holders.length} of the group have announced it`);
  const relay = holders.find((holder) => holder.relay)?.relay;
  const node = await TransferNode.create({
    ...{ dataFolder: data, identity: newIdentity(), host: hostFor(holders) },
    ...{ trust: nobody, maxTransfers: holders.length },
    relay: relay && relayOf(options, relay),
    ...{ upgrade: options.upgrade, stun: options.stun },
  });
  const stop = () => void node.shutdown();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const { timeout: timeoutMs } = options;
    const accept = (offer: FetchOffer) => isWantedOfAll(offer, options, context);
    const onEntry = entryTeller(undefined, options, context);
    const callers = holders.map((holder) =>
      callerOf(
        holder.relay?.url === relay?.url ? holder : { ...holder, relay: undefined },
        timeoutMs,
        node,
      ),
    );
    const how = { into, timeoutMs: allOf(holders, timeoutMs), hash, accept, onEntry, signal };
    await untilDone('received', node.fetch(callers, how), options, context);
  } finally {
    signal.removeEventListener('abort', stop);
    await node.shutdown();
  }
}

/** Each place of a holder may take its time. */
function allOf(holders: readonly Holder[], timeoutMs: number): number {
  return Math.max(...holders.map(({ places }) => places.length + 1)) * timeoutMs;
}

/** From where all of them can be called. */
function hostFor(holders: readonly Holder[]): string {
  const places = holders.flatMap((holder) => holder.places);
  const hosts = new Set(places.map((place) => listenFor(place).host));
  const [first] = places;
  if (hosts.size === 1) return listenFor(first).host;
  return listenForAll(places.find(({ host }) => host.includes(':')) ?? first).host;
}
