import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { wipe } from '@andvari/host-common/transfer/byte-strings';
import type { Command } from 'commander';
import { openKadNode } from '../discovery/open-kad-node.ts';
import { dataFolder, makeDataFolder } from '../transfer/data-folder.ts';
import { createIdentity, loadIdentity } from '../transfer/identity-store.ts';
import type { CommandContext } from './command-context.ts';
import { parseNode } from './discovery-options.ts';

interface DhtOptions {
  listen: string[];
  bootstrap: string[];
  key?: string;
  private?: boolean;
  json?: boolean;
}

/** `andvari dht`. */
export function registerDhtCommand(program: Command, context: CommandContext): void {
  program
    .command('dht')
    .summary('be a node of a DHT in which groups find files')
    .description(
      'Keep announcements of others, until Ctrl-C. It cannot read them: they are sealed with the ' +
        'secret of a group, which it does not have. Without --bootstrap it is the first node.',
    )
    .requiredOption(
      '--listen <address>',
      'where others come in: /ip4/0.0.0.0/tcp/4003; repeatable',
      parseNode,
    )
    .option('--bootstrap <address>', 'a node of the DHT to begin with; repeatable', parseNode, [])
    .option('--key <file>', 'who it is in the DHT [dht.key in the data folder; made if missing]')
    .option('--private', 'also addresses of private networks are dialled and passed on')
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      '\nExit codes: 0 ended by Ctrl-C, 1 wrong use, 2 the port or the other nodes cannot be ' +
        'had, 4 the key is open to others.',
    )
    .action((options: DhtOptions) => dht(options, context));
}

async function dht(options: DhtOptions, context: CommandContext): Promise<void> {
  const { listen, bootstrap, private: isPrivate } = options;
  const seed = await seedOf(options, context);
  const node = await openKadNode({ seed, listen, bootstrap, isPrivate });
  wipe(seed);
  await node.start(context.signal);
  try {
    const addresses = node.addresses();
    if (options.json) context.event({ event: 'ready', addresses });
    else for (const address of addresses) context.result(address);
    await context.interrupted();
  } finally {
    await node.stop();
  }
  if (options.json) context.event({ event: 'stopped', values: node.valueCount });
}

async function seedOf({ key }: DhtOptions, context: CommandContext): Promise<Uint8Array> {
  const folder = dataFolder(context.env);
  if (key === undefined) makeDataFolder(folder);
  const path = key ?? join(folder, 'dht.key');
  return existsSync(path) ? await loadIdentity(path) : await createIdentity(path);
}
