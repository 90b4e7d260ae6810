import { Wallet } from '@andvari/host-common/raida/wallet';
import type { WalletCoin } from '@andvari/host-common/raida/wallet-entry';
import { MemoryWalletStore } from '@andvari/host-common/raida/wallet-store';
import type { CommandContext } from './command-context.ts';
import { readCoinFiles } from './wallet-input.ts';
import { type WalletCommandOptions, withConnection } from './wallet-options.ts';
import {
  AnswerProgress,
  type CoinOutcome,
  exitCodeOfCoins,
  reportCoins,
  reportTotals,
} from './wallet-report.ts';

/** `andvari wallet detect`: asks all servers about the coins of some files; changes nothing. */
export async function detect(
  paths: readonly string[],
  options: WalletCommandOptions,
  context: CommandContext,
): Promise<void> {
  await withConnection(options, context, async (connection) => {
    const files = readCoinFiles(paths, connection.network.coinId);
    const wallet = await Wallet.open({ store: new MemoryWalletStore(), client: connection.client });
    const fileOf = new Map<number, string>();
    for (const file of files) {
      for (const id of (await wallet.importCoins(file)).added) fileOf.set(id, file.path);
    }
    const json = options.json ?? false;
    const progress = new AnswerProgress(
      fileOf.size * connection.network.servers.length,
      json,
      context,
    );
    try {
      // Candidates for the same coin are asked about one after another.
      await wallet.detect(undefined, { signal: context.signal, onLights: progress.onLights });
    } finally {
      progress.stop();
    }
    const outcomes = wallet.coins().map((coin): CoinOutcome => outcomeOf(coin, fileOf));
    reportCoins(outcomes, { json }, context);
    if (!json) reportTotals(outcomes, context);
    context.exitCode = exitCodeOfCoins(outcomes, 'authentic');
  });
}

function outcomeOf(coin: WalletCoin, fileOf: ReadonlyMap<number, string>): CoinOutcome {
  const outcome = coin.grade.name === 'untested' ? 'limbo' : coin.grade.name;
  return { coin, outcome, file: fileOf.get(coin.id) ?? '' };
}
