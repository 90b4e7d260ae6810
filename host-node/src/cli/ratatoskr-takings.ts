import { existsSync, statSync } from 'node:fs';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RaidaClient } from '@andvari/host-common/raida/client';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { CLOUD_COIN_ID } from '@andvari/host-common/raida/coin-file';
import { Wallet } from '@andvari/host-common/raida/wallet';
import type { Command } from 'commander';
import { makeDirectory } from '../files/directory.ts';
import { SocketTransport } from '../raida/socket-transport.ts';
import { WalletFile, WalletFileError } from '../raida/wallet-file.ts';
import { heidrunFiles } from '../ratatoskr/services/demo-services.ts';
import { Payments, PaymentsError } from '../ratatoskr/services/heidrun-payments.ts';
import type { CommandContext } from './command-context.ts';
import { InputError } from './wallet-input.ts';
import { writeCoinFile } from './wallet-pending.ts';
import { nounOf, reportCoins, reportTotals } from './wallet-report.ts';

/** Where `andvari network up` keeps what its demo services have. */
const NETWORK_FOLDER = 'data/network/ratatoskr';

interface TakingsOptions {
  folder: string;
  out: string;
  json?: boolean;
}

/** `andvari ratatoskr takings`. */
export function registerTakingsCommand(group: Command, context: CommandContext): void {
  group
    .command('takings')
    .summary('take out the coins that were paid to Heidrun')
    .description(
      'Move the coins of payments that have ended from heidrun.wallet to a new coin file, for ' +
        "the wallet commands and the wallet page. No server is asked: the coins are Heidrun's " +
        'alone. Stop the server first: while it runs it keeps the wallet to itself.',
    )
    .option('--folder <dir>', 'data_dir/ratatoskr of the server', NETWORK_FOLDER)
    .option('--out <dir>', 'where the new file goes', '.')
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      '\nExit codes: 0 all well, also with nothing to take, 1 wrong use, 4 the server runs.',
    )
    .action((options: TakingsOptions) => takings(options, context));
}

async function takings(options: TakingsOptions, context: CommandContext): Promise<void> {
  const { folder, out, json = false } = options;
  const files = heidrunFiles(folder);
  for (const path of [files.wallet, files.payments]) {
    if (!existsSync(path)) throw new InputError(`${path}: there is no such file`);
  }
  // Without its payments nobody knows which of the coins are of one that goes on.
  if (statSync(files.payments).size === 0) {
    throw new PaymentsError(`${files.payments} is damaged: it is empty`);
  }
  const store = openStopped(files.wallet);
  try {
    const payments = new Payments(files.payments);
    try {
      const wallet = await Wallet.open({ store, client: await clientOfNobody() });
      // Of a payment that goes on, coins may have to go back.
      const undecided = payments.undecidedCoins();
      const own = wallet.coins().filter(({ owned, place }) => owned && place === 'wallet');
      const coins = own.filter(({ id }) => !undecided.has(id));
      if (coins.length === 0) context.note(`${files.wallet}: nothing to take`);
      else {
        makeDirectory(out, 0o700);
        const ids = coins.map(({ id }) => id);
        const place = { directory: out, tag: 'takings', kept: files.wallet };
        const file = writeCoinFile(wallet, ids, place);
        await wallet.remove(ids);
        const outcomes = coins.map((coin) => ({ coin, outcome: 'owned', file }));
        reportCoins(outcomes, { json }, context);
        if (!json) reportTotals(outcomes, context);
      }
      const stay = own.length - coins.length;
      if (stay > 0 && !json) {
        const why = 'they are of payments that have not ended, and go on when they are asked again';
        context.note(`${nounOf(stay)} stay: ${why}`);
      }
    } finally {
      payments.close();
    }
  } finally {
    store.close();
  }
}

/** Throws WalletFileError, which says what to do about a server that runs. */
function openStopped(path: string): WalletFile {
  try {
    return WalletFile.open(path, { create: false });
  } catch (error) {
    if (!(error instanceof WalletFileError) || error.code !== 'ANDVARI_WALLET_IN_USE') throw error;
    const { code, message, cause } = error;
    throw new WalletFileError(code, `${message}: stop the server first`, { cause });
  }
}

/** Nothing is asked of it. */
async function clientOfNobody(): Promise<RaidaClient> {
  const codec = new EngineCodec(await plainEngine(), { wire: 'spec', coinId: CLOUD_COIN_ID });
  return new RaidaClient({ codec, transport: new SocketTransport([]), raidaIds: [] });
}
