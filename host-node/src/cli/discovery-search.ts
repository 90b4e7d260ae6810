import type { Command } from 'commander';
import { codesOf, type Holder, holderOf } from '../discovery/holders.ts';
import type { CommandContext } from './command-context.ts';
import {
  type DiscoveryOptions,
  isDhtHere,
  parseHash,
  withDht,
  withDiscovery,
} from './discovery-options.ts';
import { parseTimeout } from './options.ts';

/** Nobody of the group has announced it. */
class NobodyHasItError extends Error {
  override readonly name = 'NobodyHasItError';
  readonly code = 'ANDVARI_NOBODY_HAS_IT';

  constructor() {
    super('nobody of the group has announced it in the last hour');
  }
}

export interface FindOptions extends DiscoveryOptions {
  /** For the search. */
  searchTime: number;
}

export function withSearch(command: Command): Command {
  return withDiscovery(command).option(
    '--search-time <ms>',
    'how long to look, at the most',
    parseTimeout,
    15_000,
  );
}

/** `andvari search`. */
export function registerSearchCommand(program: Command, context: CommandContext): void {
  withSearch(program.command('search'))
    .argument('<hash>', 'BLAKE3 of the file, as b3sum prints it', parseHash)
    .summary('who of a group has a file')
    .description(
      'Look for a file in a DHT, and print a code for each place of each member of the group who ' +
        'has announced it; andvari receive takes it, andvari get does both.',
    )
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      '\nExit codes: 0 somebody has it, 1 wrong use or input, 2 nobody has it, or the DHT cannot ' +
        'be reached,\n4 the secret is open to others.',
    )
    .action((hash: Uint8Array, options: FindOptions) => searchFor(hash, options, context));
}

async function searchFor(hash: Uint8Array, options: FindOptions, context: CommandContext) {
  for (const holder of await holdersOf(hash, options, context)) {
    tellHolder(holder, options, context);
    if (!options.json) for (const code of codesOf(holder)) context.result(code);
  }
}

/** At least one. @throws NobodyHasItError; what withDht() does */
export async function holdersOf(
  hash: Uint8Array,
  options: FindOptions,
  context: CommandContext,
): Promise<Holder[]> {
  const { searchTime: timeoutMs } = options;
  const found = await withDht(options, context, async (discovery) =>
    discovery.searchFile(hash, { signal: context.signal, timeoutMs }),
  );
  const holders = found.map((one) => holderOf(one, isDhtHere(options)));
  const reachable = holders.filter(({ places, relay }) => places.length > 0 || relay);
  if (reachable.length === 0) throw new NobodyHasItError();
  return reachable;
}

export function tellHolder(holder: Holder, { json }: FindOptions, context: CommandContext): void {
  if (!json) return;
  const announced = new Date(holder.announcedMs).toISOString();
  context.event({ event: 'holder', codes: codesOf(holder), announced });
}
