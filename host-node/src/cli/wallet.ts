import { type Command, InvalidArgumentError } from 'commander';
import type { CommandContext } from './command-context.ts';
import { DEFAULT_NETWORK } from './wallet-connection.ts';
import { detect } from './wallet-detect.ts';
import type { WalletCommandOptions } from './wallet-options.ts';
import { type PownOptions, pown, resolve } from './wallet-pown.ts';

/** `andvari wallet`. */
export function registerWalletCommands(program: Command, context: CommandContext): void {
  const wallet = program
    .command('wallet')
    .description('a client of 25 RAIDA servers for coin files');
  withNetwork(wallet.command('detect <files...>'))
    .summary('ask whether the coins in some files are authentic')
    .description(
      'Ask all servers whether the coins are authentic. One line for each coin: 25 lights in ' +
        'order of the servers (p pass, f fail, e error, r encryption refused, t no reply, ' +
        'u unreachable, - not asked), grade, value, serial number, file. Changes nothing.',
    )
    .action((files: string[], options: WalletCommandOptions) => detect(files, options, context));
  withNetwork(wallet.command('pown <files...>'))
    .summary('take ownership of the coins in some files')
    .description(
      'Give the coins new secrets that only you have, and write them to new coin files. The new ' +
        'secrets are in a pending file on the disk before they are sent; when the command is cut ' +
        'short, run it again. Your own files are never changed or removed.',
    )
    .option('--out <dir>', 'where new files go (default: the folder of the first file)')
    .action((files: string[], options: PownOptions) => pown(files, options, context));
  withNetwork(wallet.command('resolve <files...>'))
    .summary('finish changes of ownership from their pending files')
    .description('Finish what a pown that was cut short has left in pending-*.wallet files.')
    .option('--out <dir>', 'where new files go (default: the folder of the pending file)')
    .action((files: string[], options: PownOptions) => resolve(files, options, context));
}

function withNetwork(command: Command): Command {
  return command
    .option('--network <source>', 'description of the network: a URL or a file', DEFAULT_NETWORK)
    .option('--encrypt-with <file>', 'encrypt the requests with the coin in this file (type 1)')
    .option('--timeout <ms>', 'time for each request', parseTimeout, 5000)
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      '\nWithout --encrypt-with the secrets of the coins travel in clear: only to servers on ' +
        'this machine.\n' +
        'Exit codes: 0 all well, 2 no server answered, 3 counterfeit, limbo or pending coins.',
    );
}

function parseTimeout(text: string): number {
  const timeoutMs = Number(text);
  if (/^\d{1,6}$/.test(text) && timeoutMs >= 1) return timeoutMs;
  throw new InvalidArgumentError('wanted milliseconds from 1 to 999999.');
}
