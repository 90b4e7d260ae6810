import { isDenomination } from '@andvari/host-common/raida/coin';
import { type Command, InvalidArgumentError } from 'commander';
import {
  CREATE_COINS_MAX,
  type CreateOptions,
  create,
  deleteCoins,
  type FreeOptions,
  free,
} from './admin-coins.ts';
import { type AdminOptions, parseServers } from './admin-connection.ts';
import { stats } from './admin-stats.ts';
import type { CommandContext } from './command-context.ts';
import { parseTimeout } from './options.ts';
import { DEFAULT_NETWORK } from './wallet-connection.ts';

/** `andvari admin`. */
export function registerAdminCommands(program: Command, context: CommandContext): void {
  const admin = program
    .command('admin')
    .description('what the operator of RAIDA servers can do from outside');
  withKey(admin.command('create'))
    .summary('make new coins')
    .description('Make new coins on serial numbers that are free on all servers that are asked.')
    .requiredOption('--denomination <den>', 'from -8 to 6; the value is 10^den', parseDenomination)
    .option('--count <coins>', `from 1 to ${CREATE_COINS_MAX}`, parseCount, 1)
    .option('--out <dir>', 'where the coin file goes (default: this folder)')
    .action((options: CreateOptions) => create(options, context));
  withKey(admin.command('delete <files...>'))
    .summary('delete the coins in some files')
    .description('Take coins out of circulation on every server where their secrets are right.')
    .action((files: string[], options: AdminOptions) => deleteCoins(files, options, context));
  withKey(admin.command('free [files...]'))
    .summary('delete coins whatever their secrets')
    .description('Take coins out of circulation, named by files or by their serial numbers.')
    .option('--denomination <den>', 'of the serial numbers', parseDenomination)
    .option('--serials <list>', 'such as 5,100-120')
    .action((files: string[], options: FreeOptions) => free(files, options, context));
  withKey(admin.command('stats'))
    .summary('what each server has counted, and the coins that it holds')
    .description('A table: requests counted since the start, coins in circulation, their value.')
    .action((options: AdminOptions) => stats(options, context));
}

function withKey(command: Command): Command {
  return command
    .option('--network <source>', 'description of the network: a URL or a file', DEFAULT_NETWORK)
    .option('--servers <ids>', 'ask these alone, such as 0,3,5-9', parseServers)
    .option('--admin-key-file <file>', 'file with the admin key, 32 hex digits')
    .option('--coin <file>', 'encrypt the requests with the coin in this file (type 1)')
    .option('--timeout <ms>', 'time for each request', parseTimeout, 5000)
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      '\nWithout --admin-key-file the key comes from ANDVARI_ADMIN_KEY. Without --coin it ' +
        'travels in clear,\nwhich servers take from their own machine only.\n' +
        'Exit codes: 0 all well, 2 servers that did not answer, 3 coins on too few servers, ' +
        '4 refused.',
    );
}

function parseDenomination(text: string): number {
  const denomination = Number(text);
  if (/^-?\d$/.test(text) && isDenomination(denomination)) return denomination;
  throw new InvalidArgumentError('wanted a denomination from -8 to 6.');
}

function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d{1,4}$/.test(text) && count >= 1 && count <= CREATE_COINS_MAX) return count;
  throw new InvalidArgumentError(`wanted a number from 1 to ${CREATE_COINS_MAX}.`);
}
