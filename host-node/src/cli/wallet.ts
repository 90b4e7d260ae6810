import {
  denominations,
  isDenomination,
  isSerialNumber,
  UNITS_PER_COIN,
} from '@andvari/host-common/raida/coin';
import { type Command, InvalidArgumentError } from 'commander';
import type { CommandContext } from './command-context.ts';
import { parseTimeout } from './options.ts';
import { type ChangeOptions, type CoinToBreak, change } from './wallet-change.ts';
import { DEFAULT_NETWORK } from './wallet-connection.ts';
import { detect } from './wallet-detect.ts';
import { heal } from './wallet-heal.ts';
import {
  type LockOptions,
  lock,
  type PeekOptions,
  peek,
  type UnlockOptions,
  unlock,
} from './wallet-locker.ts';
import type { WalletCommandOptions } from './wallet-options.ts';
import type { PendingOptions } from './wallet-pending-open.ts';
import { pown, resolve } from './wallet-pown.ts';

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
    .action((files: string[], options: PendingOptions) => pown(files, options, context));
  withNetwork(wallet.command('resolve <files...>'))
    .summary('finish changes of ownership from their pending files')
    .description('Finish what a pown that was cut short has left in pending-*.wallet files.')
    .option('--out <dir>', 'where new files go (default: the folder of the pending file)')
    .action((files: string[], options: PendingOptions) => resolve(files, options, context));
  registerHeal(wallet, context);
  registerLockers(wallet, context);
  registerChange(wallet, context);
}

function registerHeal(wallet: Command, context: CommandContext): void {
  withNetwork(wallet.command('heal <files...>'))
    .summary('make fracked coins known to all servers')
    .description(
      'Make coins that some servers say are counterfeit, and at least 13 know, known to all. ' +
        'All coins of the files go to new files. Your own files stay, for the same command to go ' +
        'on with them: remove them when no coin is pending.',
    )
    .option('--out <dir>', 'where new files go (default: the folder of the first file)')
    .action((files: string[], options: PendingOptions) => heal(files, options, context));
}

function registerLockers(wallet: Command, context: CommandContext): void {
  withNetwork(wallet.command('lock <files...>'))
    .summary('put coins in a locker, for whoever has its code')
    .description(
      'Put all coins of the files, or an amount, in a locker and print its code. What is not ' +
        'locked goes to new files. The file locker-*.wallet keeps the code; the same command ' +
        'again prints it again. Your own files stay for that: remove them and the ' +
        'locker-*.wallet when the coins have been taken.',
    )
    .option('--amount <value>', 'lock coins with exactly this value', parseAmount)
    .option('--out <dir>', 'where new files go (default: the folder of the first file)')
    .action((files: string[], options: LockOptions) => lock(files, options, context));
  withNetwork(wallet.command('peek [code]'))
    .summary('show what is in a locker')
    .description('Show the coins in a locker and how many servers have them there.')
    .option('--code-file <file>', 'read the code from a file, or from stdin with -')
    .action((code: string | undefined, options: PeekOptions) => peek(code, options, context));
  withNetwork(wallet.command('unlock [code]'))
    .summary('take the coins of a locker')
    .description(
      'Give the coins in a locker new secrets that only you have, and write them to a new coin ' +
        'file. Also takes back what you have locked yourself.',
    )
    .option('--code-file <file>', 'read the code from a file, or from stdin with -')
    .option('--out <dir>', 'where new files go (default: this folder)')
    .action((code: string | undefined, options: UnlockOptions) => unlock(code, options, context));
}

function registerChange(wallet: Command, context: CommandContext): void {
  withNetwork(wallet.command('change <files...>'))
    .summary('break a coin into ten, or join ten to one')
    .description(
      'Break one coin into ten of the next smaller denomination, or join ten to one of the next ' +
        'larger. All coins of the files go to new files. Your own files stay, for the same ' +
        'command to go on with them: remove them when no coin is pending.',
    )
    .option(
      '--break [coin]',
      'break the coin with this serial number, or 100:1029 (value, serial number), or the only one',
      parseCoinToBreak,
    )
    .option(
      '--join [denomination]',
      'join ten coins of this denomination (-8 to 5), or all ten',
      parseDenomination,
    )
    .option('--out <dir>', 'where new files go (default: the folder of the first file)')
    .action((files: string[], options: ChangeOptions) => change(files, options, context));
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
        'Exit codes: 0 all well, 1 wrong use or input, 2 no server answered, 3 counterfeit, ' +
        'limbo, pending,\nreturned or unchanged coins, after heal also fracked ones, 4 refused: ' +
        'an empty locker,\nno free serial numbers, a wallet file in use.',
    );
}

function parseAmount(text: string): bigint {
  const [, whole = '', fraction = ''] = /^(\d{1,12})(?:\.(\d{1,8}))?$/.exec(text) ?? [];
  if (whole) return BigInt(whole) * UNITS_PER_COIN + BigInt(fraction.padEnd(8, '0'));
  throw new InvalidArgumentError('wanted a value such as 25 or 0.5.');
}

/** `1029`, or `100:1029` when coins of several values have that serial number. */
function parseCoinToBreak(text: string): CoinToBreak {
  const [, value, serial = ''] = /^(?:([\d.]+):)?(\d{1,10})$/.exec(text) ?? [];
  const units = value === undefined ? undefined : parseAmount(value);
  const denomination = denominations.find((one) => one.units === units)?.denomination;
  const serialNumber = Number(serial);
  const known = units === undefined || denomination !== undefined;
  if (serial && known && isSerialNumber(serialNumber)) {
    return { serialNumber, ...(denomination === undefined ? {} : { denomination }) };
  }
  throw new InvalidArgumentError(
    'wanted a serial number such as 1029, or 100:1029; files come first: FILE --break.',
  );
}

function parseDenomination(text: string): number {
  const denomination = Number(text);
  if (/^-?\d$/.test(text) && isDenomination(denomination)) return denomination;
  throw new InvalidArgumentError(
    'wanted a denomination from -8 to 5; files come first: FILE --join.',
  );
}
