import { dirname, join } from 'node:path';
import type { Wallet } from '@andvari/host-common/raida/wallet';
import type { WalletCoin } from '@andvari/host-common/raida/wallet-entry';
import { makeDirectory } from '../files/directory.ts';
import { WalletFile } from '../raida/wallet-file.ts';
import type { CommandContext } from './command-context.ts';
import { fingerprintOf, readCoinFiles, refuseRepeatedCoins } from './wallet-input.ts';
import { openConnection } from './wallet-options.ts';
import { settleChange } from './wallet-pending.ts';
import { type PownOptions, refuseEncryptionCoin } from './wallet-pown.ts';
import { withStages } from './wallet-stages.ts';

/**
 * `andvari wallet heal`: makes fracked coins known to the servers that say counterfeit. All coins
 * of the files go to new files; a run that was cut goes on.
 */
export async function heal(
  paths: readonly string[],
  options: PownOptions,
  context: CommandContext,
): Promise<void> {
  const json = options.json ?? false;
  const connection = await openConnection(options, context);
  try {
    const files = readCoinFiles(paths, connection.network.coinId);
    refuseRepeatedCoins(files);
    refuseEncryptionCoin(files, connection.encryptionCoin);
    const directory = options.out ?? dirname(paths[0] as string);
    makeDirectory(directory, 0o700);
    const path = join(directory, `heal-${fingerprintOf(files)}.wallet`);
    const pending = WalletFile.open(path, { create: true });
    const stages = withStages(json, context);
    const work = {
      run: async (wallet: Wallet) => {
        await wallet.resolvePending(stages);
        await wallet.detect(undefined, stages);
        await wallet.heal(undefined, stages);
      },
      outcomeOf: healOutcome,
      good: ['healed'],
    };
    await settleChange({ pending, directory, connection, files }, work, { json, context });
  } finally {
    await connection.close();
  }
}

/** `healed`: authentic, and no server says counterfeit, whether it was ever fracked or not. */
function healOutcome({ grade, state }: WalletCoin): string {
  if (state === 'pending') return 'pending';
  if (grade.name !== 'authentic') return grade.name === 'counterfeit' ? 'counterfeit' : 'limbo';
  return grade.fracked ? 'fracked' : 'healed';
}
