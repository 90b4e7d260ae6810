/** How a command that changes the coins of some files begins, and the wallet file that it fills. */
import { dirname, join } from 'node:path';
import { type CoinKeys, coinNumber } from '@andvari/host-common/raida/coin';
import { makeDirectory } from '../files/directory.ts';
import { WalletFile } from '../raida/wallet-file.ts';
import type { CommandContext } from './command-context.ts';
import {
  coinName,
  fingerprintOf,
  InputError,
  type InputFile,
  readCoinFiles,
  refuseRepeatedCoins,
} from './wallet-input.ts';
import { type WalletCommandOptions, withConnection } from './wallet-options.ts';
import type { PendingChange } from './wallet-pending.ts';

export interface PendingOptions extends WalletCommandOptions {
  /** Folder of the files that are written [that of the first file, or of the wallet file]. */
  out?: string;
}

/**
 * The coins of these files, and a wallet file `NAME-FINGERPRINT.wallet` for them: the same command
 * with the same coins finds it again.
 * @throws InputError, WalletFile's errors, Node's errors
 */
export async function withPending(
  name: string,
  paths: readonly string[],
  { options, context }: { options: PendingOptions; context: CommandContext },
  work: (change: PendingChange) => Promise<void>,
): Promise<void> {
  await withConnection(options, context, async (connection) => {
    const files = readCoinFiles(paths, connection.network.coinId);
    refuseRepeatedCoins(files);
    refuseEncryptionCoin(files, connection.encryptionCoin);
    const directory = options.out ?? dirname(paths[0] as string);
    makeDirectory(directory, 0o700);
    const path = join(directory, `${name}-${fingerprintOf(files)}.wallet`);
    const pending = WalletFile.open(path, { create: true });
    await work({ pending, directory, connection, files });
  });
}

/** Its keys would change under the requests that it encrypts. */
function refuseEncryptionCoin(files: readonly InputFile[], coin: CoinKeys | undefined): void {
  if (!coin) return;
  const file = files.find(({ coins }) => coins.some((one) => coinNumber(one) === coinNumber(coin)));
  if (!file) return;
  throw new InputError(
    `${file.path}: ${coinName(coin)} encrypts the requests and cannot be among them`,
  );
}
